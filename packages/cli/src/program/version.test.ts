import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { VERSION, versionText } from "./version.js";

it("is the version of the package", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(VERSION).toBe(manifest.version);
  expect(versionText(false)).toBe(`zk ${manifest.version}\n`);
  expect(JSON.parse(versionText(true))).toMatchObject({ schema: "zk.version/1", version: manifest.version });
});
