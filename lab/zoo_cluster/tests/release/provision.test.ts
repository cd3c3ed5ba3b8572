import { chmod, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { provisionRelease, type ReleaseAttempt } from "../../src/release/index.js";
import {
  type FakeMaven,
  fakeMaven,
  labErrorOf,
  libraryJar,
  makeJar,
  mavenJars,
  releaseFiles,
  serverJar,
  temporaryDirectory,
  writeScript,
  writeTree,
} from "./support.js";

/** A version that exists nowhere, so no digest of it is known. */
const version = "3.4.99";

async function setUp(body = "", jars: Record<string, Uint8Array> = mavenJars(version)) {
  const dir = await temporaryDirectory();
  const maven = await fakeMaven(dir, jars, body);
  const lines: string[] = [];
  const provision = (
    env: Record<string, string> = {},
    more: { version?: string; signal?: AbortSignal } = {},
  ) =>
    provisionRelease({
      version,
      env: { ...maven.env, ...env },
      onProgress: (line) => lines.push(line),
      ...more,
    });
  return { dir, maven, lines, provision, cache: join(dir, "cache") };
}

const making = async (cache: string): Promise<string[]> => listFilesBelow(join(cache, "making"));
const calls = async (maven: FakeMaven): Promise<number> => (await maven.calls()).length;

describe("through Maven", () => {
  it("makes a release once, and takes it from the cache from then on", async () => {
    const { provision, maven, cache, dir } = await setUp();
    const made = await provision();
    expect(made).toEqual({
      version,
      source: "maven",
      origin: "maven",
      dir: join(cache, "releases", `${version}-maven`),
      ownScripts: false,
    });
    expect(await listFilesBelow(made.dir)).toEqual([
      ".zk-lab-release.json",
      "lib/log4j-1.2.16.jar",
      "lib/slf4j-api-1.6.1.jar",
      `zookeeper-${version}.jar`,
    ]);
    expect(await provision()).toEqual({ ...made, source: "cache" });
    // Without Maven, without network: the cache is enough.
    expect(await provision({ PATH: join(dir, "nothing"), ZK_LAB_OFFLINE: "1" })).toEqual({
      ...made,
      source: "cache",
    });
    expect(await calls(maven)).toBe(1);
    expect(await making(cache)).toEqual([]);
  });

  it("names coordinates alone: no repository, and from 3.6 on the libraries that the server's pom leaves out", async () => {
    const pomOf = async (wanted: string): Promise<string> => {
      const { provision, dir } = await setUp('cp pom.xml "$(dirname $0)/../pom.xml"', mavenJars(wanted));
      await provision({}, { version: wanted });
      return readFile(join(dir, "pom.xml"), "utf8");
    };
    const old = await pomOf(version);
    expect(old).toContain(
      "<groupId>org.apache.zookeeper</groupId><artifactId>zookeeper</artifactId><version>3.4.99<",
    );
    expect(old.match(/<dependency>/g)).toHaveLength(1);
    const modern = await pomOf("3.9.99");
    for (const coordinates of [
      "<artifactId>metrics-core</artifactId><version>4.1.12.1<",
      "<artifactId>snappy-java</artifactId><version>1.1.10.5<",
      "<artifactId>logback-classic</artifactId>",
    ]) {
      expect(modern).toContain(coordinates);
    }
    for (const pom of [old, modern]) expect(pom.replace(/xmlns="[^"]*"/, "")).not.toMatch(/http|<repositor/);
  });

  it("says what Maven said last when it fails, without colour codes", async () => {
    const failing = [
      "printf '\\033[1mBUILD FAILURE\\033[m\\n'",
      "echo '[ERROR] Failed to execute goal: Could not resolve org.apache.zookeeper:zookeeper:jar:3.4.99'",
      "echo '[ERROR] '",
      "echo '[ERROR] Re-run Maven using the -X switch to enable full debug logging.' >&2",
      "exit 7",
    ];
    const { provision } = await setUp(failing.join("\n"));
    const error = await labErrorOf(provision());
    expect(error.code).toBe("NO_RELEASE");
    expect(error.message).toMatch(/maven: \S+\/mvn ended with status 7/);
    expect(error.message).toContain("[ERROR] Failed to execute goal: Could not resolve");
    expect(error.message).not.toContain("Re-run Maven");
    expect(error.message).not.toContain("\u001b");
  });

  it("says so when Maven cannot be run, takes too long, delivers nothing, or delivers damage", async () => {
    const reasonOf = async (body: string, jars?: Record<string, Uint8Array>, env = {}): Promise<string> => {
      const { provision, cache } = await setUp(body, jars);
      const error = await labErrorOf(provision(env));
      expect(error.code).toBe("NO_RELEASE");
      expect(await making(cache)).toEqual([]);
      return (error.details["chain"] as ReleaseAttempt[]).find(({ step }) => step === "maven")!.reason;
    };
    const slow = await reasonOf("exec sleep 60", mavenJars(version), { ZK_LAB_MAVEN_TIMEOUT: "0.3" });
    expect(slow).toMatch(/did not finish within 0\.3 s \(ZK_LAB_MAVEN_TIMEOUT/);
    expect(await reasonOf("", {})).toMatch(/delivered no server jar/);
    const cut = { ...mavenJars(version), "log4j-1.2.16.jar": libraryJar("log4j").subarray(0, 90) };
    expect(await reasonOf("", cut)).toMatch(/damaged log4j-1\.2\.16\.jar .*local repository/);
    const other = { ...mavenJars(version), [`zookeeper-${version}.jar`]: serverJar("3.4.5") };
    expect(await reasonOf("", other)).toMatch(/manifest says 3\.4\.5, not 3\.4\.99/);
    expect(await reasonOf("", undefined, { PATH: "/nowhere" })).toMatch(
      /no mvn on PATH .*apt-get install maven/,
    );
    expect(await reasonOf("", undefined, { ZK_LAB_MVN: "/nowhere/mvn" })).toMatch(
      /ZK_LAB_MVN=\S+ is not an executable/,
    );
  });

  it("goes no further when the server jar is not the published one", async () => {
    const { provision, cache } = await setUp("", mavenJars("3.4.6"));
    const error = await labErrorOf(provision({}, { version: "3.4.6" }));
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(error.message).toContain("de4ba62ca0c88976f172f850b1d07426fe31714d94ecdc7eb9699ecf180576e7");
    expect(await listFilesBelow(join(cache, "releases"))).toEqual([]);
  });

  it("ends Maven at the signal, and leaves nothing half made", async () => {
    const { provision, cache, maven, dir } = await setUp('echo $$ > "$(dirname $0)/../pid"\nexec sleep 60');
    const controller = new AbortController();
    const reason = new Error("enough");
    const outcome = provision({}, { signal: controller.signal }).catch((error: unknown) => error);
    await expect
      .poll(async () => readFile(join(dir, "pid"), "utf8").catch(() => ""), { timeout: 10_000 })
      .not.toBe("");
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    expect(await calls(maven)).toBe(1);
    expect(await listFilesBelow(cache)).toEqual([]);
    const pid = Number(await readFile(join(dir, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it("does not start for a signal that is aborted already", async () => {
    const { provision, maven } = await setUp();
    const reason = new Error("before");
    await expect(provision({}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await calls(maven)).toBe(0);
  });

  it("gives Maven a Java when JAVA_HOME is wrong", async () => {
    const { provision, dir } = await setUp('echo "home=$JAVA_HOME" > "$(dirname $0)/../home"');
    await provision({ JAVA_HOME: join(dir, "gone") });
    expect(await readFile(join(dir, "home"), "utf8")).not.toContain("gone");
  });
});

describe("the cache", () => {
  const damages: Record<string, (dir: string) => Promise<unknown>> = {
    "has a jar cut short": (dir) => truncate(join(dir, "lib/log4j-1.2.16.jar"), 10),
    "has a jar with another content": (dir) =>
      writeFile(join(dir, "lib/log4j-1.2.16.jar"), libraryJar("log4j").fill(1, 40, 41)),
    "lacks a jar": (dir) => rm(join(dir, `zookeeper-${version}.jar`)),
    "has a jar too many": (dir) => writeFile(join(dir, "lib/slf4j-evil.jar"), libraryJar("evil")),
    "has no record": (dir) => rm(join(dir, ".zk-lab-release.json")),
    "has a damaged record": (dir) => writeFile(join(dir, ".zk-lab-release.json"), '{"schema":1,"files":{}}'),
    "has the record of a newer lab": (dir) => writeFile(join(dir, ".zk-lab-release.json"), '{"schema":99}'),
    "is a file": async (dir) => {
      await rm(dir, { recursive: true });
      await writeFile(dir, "x");
    },
  };

  it.each(Object.entries(damages))("that %s is made again, and it is said aloud", async (_title, damage) => {
    const { provision, lines, maven, cache } = await setUp();
    const made = await provision();
    const whole = await listFilesBelow(made.dir);
    await damage(made.dir);
    lines.length = 0;
    expect(await provision()).toEqual(made);
    expect(lines.join("\n")).toMatch(/cached release .* is damaged: .*; it will not be used/);
    expect(await listFilesBelow(made.dir)).toEqual(whole);
    expect(await provision()).toMatchObject({ source: "cache" });
    expect(await calls(maven)).toBe(2);
    expect(await making(cache)).toEqual([]);
  });

  it("that is damaged is no release when it cannot be made again", async () => {
    const { provision } = await setUp();
    const made = await provision();
    await rm(join(made.dir, "lib/log4j-1.2.16.jar"));
    const error = await labErrorOf(provision({ ZK_LAB_OFFLINE: "1" }));
    expect(error.code).toBe("NO_RELEASE");
    expect(error.message).toContain("lib/log4j-1.2.16.jar is missing");
  });

  it("is swept of what dead processes left, and of nothing else", async () => {
    const { provision, cache } = await setUp();
    await writeTree(join(cache, "making"), {
      "999999999-12-1700000000000-0/half.jar": "x",
      [`${process.pid}-1-1700000000000-0/half.jar`]: "of a process that had our number",
      "notes/keep.txt": "x",
    });
    await provision();
    expect(await making(cache)).toEqual(["notes/keep.txt"]);
  });

  it("that cannot be written is named, with the way out", async () => {
    const { provision, dir } = await setUp();
    await writeFile(join(dir, "file"), "x");
    const error = await labErrorOf(provision({ ZK_LAB_CACHE: join(dir, "file") }));
    expect(error.code).toBe("NO_RELEASE");
    expect(error.message).toMatch(/cache: .*file cannot be used: .*ZK_LAB_CACHE names another place/);
  });
});

describe("what the user gives", () => {
  it("is used in place when it is an unpacked release, with its own scripts or without", async () => {
    const { provision, dir, maven } = await setUp();
    for (const [name, layout, scripts] of [
      ["old", "old", true],
      ["new", "new", true],
      ["bare", "old", false],
    ] as const) {
      const home = await writeTree(join(dir, name), releaseFiles(version, layout, scripts));
      const expected = { version, source: "home", origin: "home", dir: home, ownScripts: scripts };
      expect(await provision({ ZK_LAB_HOME: home })).toEqual(expected);
    }
    expect(await calls(maven)).toBe(0);
  });

  it("is passed over, aloud, when it is of another version, unless any will do", async () => {
    const { provision, dir, lines } = await setUp();
    const home = await writeTree(join(dir, "home"), releaseFiles("3.4.5"));
    expect(await provision({ ZK_LAB_HOME: home })).toMatchObject({ source: "maven", version });
    expect(lines.join("\n")).toMatch(
      /not used: ZK_LAB_HOME .* is ZooKeeper 3\.4\.5 by its manifest, not 3\.4\.99/,
    );
    const any = await provision({ ZK_LAB_HOME: home, ZK_LAB_ANY_VERSION: "1" });
    expect(any).toMatchObject({ source: "home", version: "3.4.5" });
  });

  it("is passed over, with the reason, when it is no release", async () => {
    const { provision, dir } = await setUp("exit 1");
    const files = releaseFiles(version);
    const { [`zookeeper-${version}.jar`]: _jar, ...sources } = files;
    const { "lib/slf4j-api-1.6.1.jar": _slf4j, ...incomplete } = files;
    const cases: [Record<string, string | Uint8Array> | null, RegExp][] = [
      [null, /is not a directory/],
      [sources, /holds no server jar .*not sources/],
      [incomplete, /not complete: lib\/ holds no slf4j-api/],
      [{ ...files, [`lib/zookeeper-${version}.jar`]: serverJar(version) }, /more than one server jar/],
      [{ ...files, [`zookeeper-${version}.jar`]: "text" }, /is not a readable jar/],
    ];
    for (const [index, [tree, reason]] of cases.entries()) {
      const home = join(dir, `home${index}`);
      if (tree) await writeTree(home, tree);
      const error = await labErrorOf(provision({ ZK_LAB_HOME: home }));
      expect(error.message).toMatch(reason);
    }
  });

  it("may be a class path of jars, which become a release of their own in the cache", async () => {
    const { provision, dir } = await setUp();
    await writeTree(dir, {
      [`one/zookeeper-${version}.jar`]: serverJar(version),
      "two/slf4j-api-1.6.1.jar": libraryJar("slf4j"),
      "two/log4j-1.2.16.jar": libraryJar("log4j"),
    });
    const classpath = `${join(dir, "one", `zookeeper-${version}.jar`)}:${join(dir, "two")}/*`;
    const release = await provision({ ZK_LAB_CLASSPATH: classpath });
    expect(release).toMatchObject({ source: "home", version, ownScripts: false });
    expect(await listFilesBelow(release.dir)).toContain("lib/log4j-1.2.16.jar");
    expect(await provision({ ZK_LAB_CLASSPATH: classpath })).toEqual(release);
    await writeFile(join(dir, "two", "log4j-1.2.16.jar"), makeJar({ changed: "x" }));
    expect((await provision({ ZK_LAB_CLASSPATH: classpath })).dir).not.toBe(release.dir);
  });

  it("is not taken as a class path when it cannot be one", async () => {
    const { provision, dir } = await setUp("exit 1");
    const [server, library] = [join(dir, `zookeeper-${version}.jar`), join(dir, "slf4j-api-1.6.1.jar")];
    await writeTree(dir, {
      [`zookeeper-${version}.jar`]: serverJar(version),
      "slf4j-api-1.6.1.jar": libraryJar("a"),
    });
    for (const [classpath, reason] of [
      [library, /holds no zookeeper-VERSION\.jar/],
      [server, /holds no slf4j-api/],
      [`${server}:${library}:${library}`, /names slf4j-api-1\.6\.1\.jar twice/],
      [`${server}:${dir}`, /is not a jar \(write folder\/\*/],
    ] as const) {
      expect((await labErrorOf(provision({ ZK_LAB_CLASSPATH: classpath }))).message).toMatch(reason);
    }
  });
});

describe("when nothing is complete", () => {
  it("lists every step with its reason, and three ways out", async () => {
    const { provision } = await setUp();
    const error = await labErrorOf(provision({ PATH: "/nowhere" }));
    expect(error.code).toBe("NO_RELEASE");
    const chain = error.details["chain"] as ReleaseAttempt[];
    expect(chain.map(({ step }) => step)).toEqual(["home", "cache", "archive", "maven", "asf-archive"]);
    for (const { step, outcome, reason } of chain) {
      expect(outcome).toBe("miss");
      expect(error.message).toContain(`  ${step}: ${reason}`);
    }
    expect(error.message).toMatch(/asf-archive: no digest of the 3\.4\.99 tarball is known .*ZK_LAB_SHA512/);
    expect(error.message).toMatch(
      /ways out:\n {2}1\. install Maven .*\n {2}2\. .*ZK_LAB_ARCHIVE=.*\n {2}3\. .*ZK_LAB_HOME=/,
    );
  });

  it("says of network steps that they were skipped when offline", async () => {
    const { provision, maven } = await setUp();
    const error = await labErrorOf(provision({ ZK_LAB_OFFLINE: "1" }));
    expect(error.message.match(/skipped: ZK_LAB_OFFLINE is set/g)).toHaveLength(2);
    expect(error.message).toContain("1. unset ZK_LAB_OFFLINE");
    expect(await calls(maven)).toBe(0);
  });

  it("refuses a version that is none before anything else", async () => {
    const { provision, maven } = await setUp();
    expect((await labErrorOf(provision({}, { version: "../../etc" }))).code).toBe("BAD_OPTION");
    expect(await calls(maven)).toBe(0);
  });
});

describe("a Maven that is a directory or not executable", () => {
  it("is not taken for one", async () => {
    const { provision, dir } = await setUp();
    await mkdir(join(dir, "p1", "mvn"), { recursive: true });
    await writeScript(join(dir, "p2", "mvn"), "exit 0");
    await chmod(join(dir, "p2", "mvn"), 0o644);
    const error = await labErrorOf(provision({ PATH: `${join(dir, "p1")}:${join(dir, "p2")}` }));
    expect(error.message).toContain("no mvn on PATH");
  });
});
