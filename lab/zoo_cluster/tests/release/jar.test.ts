import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifest, readJarManifest, verifyJar } from "../../src/release/jar.js";
import { isServerJarName, readServerVersion } from "../../src/release/layout.js";
import { labErrorOf, makeJar, serverJar, temporaryDirectory } from "./support.js";

describe("jars", () => {
  it("gives the manifest's main attributes, continued lines joined", () => {
    const manifest = parseManifest(
      "A: one\r\nLong: ab\r\n cd\r\n ef\r\nB: x: y\r\n\r\nName: other\r\nC: no\r\n",
    );
    expect([...manifest]).toEqual([
      ["A", "one"],
      ["Long", "abcdef"],
      ["B", "x: y"],
    ]);
  });

  it("reads stored and deflated entries and the version of a server", async () => {
    const path = join(await temporaryDirectory(), "a.jar");
    await writeFile(path, serverJar("3.4.6"));
    await verifyJar(path);
    expect((await readJarManifest(path)).get("Implementation-Version")).toBe("3.4.6-1569965");
    expect(await readServerVersion(path)).toBe("3.4.6");
  });

  it.each([
    ["Implementation-Version: 3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf", "3.4.14"],
    ["Implementation-Version: 3.9.3", "3.9.3"],
    ["Implementation-Version: 3.5.4-beta-7f51e5b68cf2f80176ff944a9ebd2abbc65e7327", "3.5.4-beta"],
    ["Specification-Version: 3.5\r\nBundle-Version: 3.4.6", "3.4.6"],
  ])("reads %j as %s", async (lines, version) => {
    const path = join(await temporaryDirectory(), "a.jar");
    await writeFile(path, makeJar({ "META-INF/MANIFEST.MF": `${lines}\r\n` }));
    expect(await readServerVersion(path)).toBe(version);
  });

  it("finds a jar cut short anywhere", async () => {
    const path = join(await temporaryDirectory(), "a.jar");
    const whole = serverJar("3.4.6");
    for (let bytes = 0; bytes < whole.length; bytes += 1) {
      await writeFile(path, whole.subarray(0, bytes));
      expect((await labErrorOf(verifyJar(path))).code).toBe("BAD_RELEASE");
    }
  });

  it("finds a changed byte in the content of an entry", async () => {
    const path = join(await temporaryDirectory(), "a.jar");
    const changed = makeJar({ deflated: "some text, some text, some text", stored: "text that is stored" });
    changed[changed.indexOf("that is stored")] = 0x54;
    await writeFile(path, changed);
    expect((await labErrorOf(verifyJar(path))).message).toMatch(/entry stored does not have its checksum/);
  });

  it("never throws anything untyped, whatever byte is changed", async () => {
    const path = join(await temporaryDirectory(), "a.jar");
    const whole = serverJar("3.4.6");
    for (let index = 0; index < whole.length; index += 1) {
      const changed = Buffer.from(whole);
      changed[index] = changed[index]! ^ 0xff;
      await writeFile(path, changed);
      const outcome = await verifyJar(path).catch((error: unknown) => error);
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: "BAD_RELEASE" });
    }
  });

  it("says when a jar is none, or names no version", async () => {
    const dir = await temporaryDirectory();
    await writeFile(join(dir, "text.jar"), "this is a text, and a long enough one to hold an end record");
    await writeFile(join(dir, "bare.jar"), makeJar({ "a.txt": "a" }));
    await writeFile(
      join(dir, "other.jar"),
      makeJar({ "META-INF/MANIFEST.MF": "Implementation-Version: none\n" }),
    );
    expect((await labErrorOf(verifyJar(join(dir, "text.jar")))).message).toMatch(
      /text\.jar is not a readable jar/,
    );
    expect((await labErrorOf(verifyJar(join(dir, "absent.jar")))).code).toBe("BAD_RELEASE");
    expect((await labErrorOf(readServerVersion(join(dir, "bare.jar")))).message).toMatch(/no META-INF/);
    expect((await labErrorOf(readServerVersion(join(dir, "other.jar")))).message).toMatch(/names no version/);
  });

  it("knows a server jar by its name", () => {
    for (const name of ["zookeeper-3.4.6.jar", "zookeeper-3.5.4-beta.jar"])
      expect(isServerJarName(name)).toBe(true);
    for (const name of [
      "zookeeper-jute-3.9.3.jar",
      "zookeeper-3.4.6-tests.jar",
      "zookeeper-3.4.6-sources.jar",
      "zookeeper.jar",
    ]) {
      expect(isServerJarName(name)).toBe(false);
    }
  });
});
