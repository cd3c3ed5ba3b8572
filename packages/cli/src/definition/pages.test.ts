// The pages are made from the definitions; these tests say when they are out of date. `pnpm test:unit packages/cli -u`
// writes them anew.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../commands/catalogue.js";
import { commandHelp } from "./help.js";
import { documentPages } from "./pages.js";

const folder = fileURLToPath(new URL("../../../../docs/cli/", import.meta.url));
const pages = documentPages(COMMANDS);

describe("docs/cli", () => {
  it.each([...pages])("%s says what the definitions say", async (name, text) => {
    expect(existsSync(join(folder, name)) || process.env["CI"] === undefined).toBe(true);
    await expect(text).toMatchFileSnapshot(join(folder, name));
  });

  it("has no page of a command that is gone", () => {
    const written = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "walk-through.md");
    expect(written.filter((name) => !pages.has(name))).toEqual([]);
  });
});

describe("every command", () => {
  const listed = COMMANDS.filter(({ isHidden }) => isHidden !== true);

  it.each(listed.map((command) => [command.name, command] as const))(
    "%s can be understood from its help",
    (name, command) => {
      expect(command.summary.length).toBeLessThanOrEqual(100);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) expect(example.command).toContain("zk");
      if (command.output.form !== "none") expect(command.output.fields.length).toBeGreaterThan(0);
      const help = commandHelp(command, (_colour, text) => text);
      // Examples come before everything else.
      expect(help.indexOf("Examples")).toBeLessThan(help.indexOf("Usage"));
      expect(help).toContain(`zk ${name}`);
    },
  );

  it("has a name, old words and letters of its own", () => {
    const words = listed.flatMap(({ name, oldSpellings }) => [
      name,
      ...(oldSpellings ?? []).map(({ word }) => word),
    ]);
    expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
    for (const { name, options } of listed) {
      const letters = Object.values(options).flatMap(({ short }) => short ?? []);
      expect({ name, letters: [...new Set(letters)] }).toEqual({ name, letters });
    }
  });
});
