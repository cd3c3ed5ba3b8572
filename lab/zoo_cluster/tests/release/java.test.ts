import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findJava, parseJavaVersion } from "../../src/release/index.js";
import { labErrorOf, temporaryDirectory, writeScript, writeTree } from "./support.js";

const says = (version: string): string =>
  `echo 'openjdk version "${version}" 2025-04-15' >&2\necho 'OpenJDK Runtime' >&2`;

describe("the version that java prints", () => {
  it.each([
    ['java version "1.6.0_45"\nJava(TM) SE Runtime Environment', "1.6.0_45", 6],
    ['openjdk version "1.8.0_402"', "1.8.0_402", 8],
    ['Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version "17.0.15" 2025-04-15', "17.0.15", 17],
    ['openjdk version "21" 2023-09-19', "21", 21],
    ['openjdk version "25-ea" 2025-09-16', "25-ea", 25],
    ['java version "9.0.4"', "9.0.4", 9],
  ])("%j", (output, version, major) => {
    expect(parseJavaVersion(output)).toEqual({ version, major });
  });

  it.each(["", "command not found", 'java version ""', 'The version "17" of this', 'java version "x.y"'])(
    "is not in %j",
    (output) => {
      expect(parseJavaVersion(output)).toBeNull();
    },
  );
});

describe("findJava", () => {
  it("finds the Java of this machine", async () => {
    const java = await findJava();
    expect(java.major).toBeGreaterThanOrEqual(8);
    expect(java.path).toMatch(/java$/);
  });

  it("goes by ZK_LAB_JAVA, JAVA_HOME, JAVA8_HOME and its like, PATH, then the usual folders", async () => {
    const dir = await temporaryDirectory();
    const home = async (name: string, version: string): Promise<string> => {
      await writeScript(join(dir, name, "bin", "java"), says(version));
      return join(dir, name);
    };
    const env = {
      ZK_LAB_JAVA: join(await home("a", "11.0.1"), "bin", "java"),
      JAVA_HOME: await home("b", "11.0.2"),
      JAVA11_HOME: await home("c", "11.0.4"),
      JAVA8_HOME: await home("d", "1.8.0_3"),
      PATH: `${join(await home("e", "11.0.5"), "bin")}:/bin`,
    };
    await home("usual/f", "11.0.6");
    const usualFolders = [join(dir, "usual")];
    const versions: string[] = [];
    const left: Record<string, string> = { ...env };
    for (const name of ["ZK_LAB_JAVA", "JAVA_HOME", "JAVA8_HOME", "JAVA11_HOME", "PATH", "none"]) {
      versions.push((await findJava({ env: left, usualFolders })).version);
      delete left[name];
    }
    expect(versions).toEqual(["11.0.1", "11.0.2", "1.8.0_3", "11.0.4", "11.0.5", "11.0.6"]);
  });

  it("tells the home from the true place of the launcher, not from a link", async () => {
    const dir = await temporaryDirectory();
    await writeScript(join(dir, "jdk", "bin", "java"), says("17.0.1"));
    await writeTree(join(dir, "jdk"), { release: "JAVA_VERSION=17" });
    await writeScript(join(dir, "wrapped", "bin", "java"), says("17.0.2"));
    expect((await findJava({ env: { ZK_LAB_JAVA: join(dir, "jdk") } })).home).toBe(join(dir, "jdk"));
    expect((await findJava({ env: { ZK_LAB_JAVA: join(dir, "wrapped", "bin", "java") } })).home).toBeNull();
  });

  it("passes over what does not work, and holds to ZK_LAB_JAVA", async () => {
    const dir = await temporaryDirectory();
    await writeScript(join(dir, "good", "bin", "java"), says("17.0.9"));
    await writeScript(join(dir, "bad", "bin", "java"), "echo 'No Java runtime present' >&2; exit 1");
    const env = { JAVA_HOME: join(dir, "bad"), PATH: join(dir, "good", "bin") };
    expect((await findJava({ env })).version).toBe("17.0.9");
    const error = await labErrorOf(findJava({ env: { ...env, ZK_LAB_JAVA: join(dir, "bad") } }));
    expect(error.code).toBe("NO_JAVA");
    expect(error.message).toMatch(/ended with 1, saying: No Java runtime present/);
    expect(error.message).toMatch(/ZK_LAB_JAVA is binding/);
  });

  it("gives a launcher that hangs only so long", async () => {
    const dir = await temporaryDirectory();
    await writeScript(join(dir, "bin", "java"), "exec sleep 60");
    const started = performance.now();
    const error = await labErrorOf(
      findJava({ env: { ZK_LAB_JAVA: dir, PATH: "/usr/bin:/bin" }, timeoutMs: 200 }),
    );
    expect(error.message).toMatch(/no answer to -version within 200 ms/);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("is not taken in by other programs and old Javas", async () => {
    const dir = await temporaryDirectory();
    await writeScript(join(dir, "talks"), "echo hello");
    await writeScript(join(dir, "old"), "echo 'java version \"1.5.0_22\"'");
    await writeTree(dir, { plain: "not executable" });
    const reason = async (path: string): Promise<string> =>
      (await labErrorOf(findJava({ env: { ZK_LAB_JAVA: path } }))).message;
    expect(await reason(join(dir, "talks"))).toMatch(/printed no version, but: hello/);
    expect(await reason(join(dir, "old"))).toMatch(/is Java 1\.5\.0_22; 6 or later is needed/);
    expect(await reason(join(dir, "plain"))).toMatch(/not an executable file/);
    expect(await reason(join(dir, "nowhere"))).toMatch(/not there/);
  });

  it("names the ways out when there is none", async () => {
    const error = await labErrorOf(findJava({ env: { PATH: "/nowhere" }, usualFolders: [] }));
    expect(error.code).toBe("NO_JAVA");
    for (const words of ["apt-get install", "brew install", "sdk install java", "ZK_LAB_JAVA"]) {
      expect(error.message).toContain(words);
    }
  });

  it("ends with the signal's reason", async () => {
    const dir = await temporaryDirectory();
    await writeScript(join(dir, "bin", "java"), "exec sleep 60");
    const reason = new Error("enough");
    await expect(findJava({ env: { ZK_LAB_JAVA: dir }, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });
});
