import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseDigestSidecar } from "../../src/release/digest.js";
import { listFilesBelow } from "../../src/release/files.js";
import { provisionRelease } from "../../src/release/index.js";
import {
  digestOf,
  fakeMaven,
  labErrorOf,
  makeTar,
  makeTarball,
  mavenJars,
  releaseFiles,
  serverJar,
  temporaryDirectory,
} from "./support.js";

const version = "3.4.99";

async function setUp() {
  const dir = await temporaryDirectory();
  const maven = await fakeMaven(dir, mavenJars(version));
  const archive = join(dir, `zookeeper-${version}.tar.gz`);
  const lines: string[] = [];
  const provision = (env: Record<string, string> = {}, wanted = version) =>
    provisionRelease({
      version: wanted,
      env: { ...maven.env, ZK_LAB_ARCHIVE: archive, ...env },
      onProgress: (line) => lines.push(line),
    });
  return { dir, archive, maven, lines, provision, cache: join(dir, "cache") };
}

describe("an archive that the user gives", () => {
  it.each([
    ["old", `zookeeper-${version}`, `zookeeper-${version}.jar`],
    ["new", `apache-zookeeper-${version}-bin`, `lib/zookeeper-${version}.jar`],
  ] as const)("is unpacked in the %s layout, without what no server needs", async (layout, folder, jar) => {
    const { archive, provision, maven } = await setUp();
    await writeFile(archive, makeTarball(folder, releaseFiles(version, layout)));
    const release = await provision();
    expect(release).toMatchObject({ version, source: "archive", origin: "archive", ownScripts: true });
    const files = await listFilesBelow(release.dir);
    expect(files).toContain(jar);
    expect(files).toContain("bin/zkServer.sh");
    expect(files.filter((path) => /^(?:docs|src)\//.test(path))).toEqual([]);
    expect((await stat(join(release.dir, "bin/zkServer.sh"))).mode & 0o111).toBe(0o111);
    expect(await readFile(join(release.dir, "bin/zkServer.sh"), "utf8")).toContain(
      `the script of ${version}`,
    );
    expect(await maven.calls()).toEqual([]);
  });

  it("is known again by its content, wherever it lies and whatever it is called", async () => {
    const { dir, archive, provision } = await setUp();
    await writeFile(archive, makeTarball("r", releaseFiles(version)));
    const first = await provision();
    await rename(archive, join(dir, "moved.tgz"));
    const again = await provision({ ZK_LAB_ARCHIVE: join(dir, "moved.tgz") });
    expect(again).toEqual({ ...first, source: "cache" });
  });

  it("goes before what else the cache holds, and another file makes another release", async () => {
    const { archive, provision } = await setUp();
    const assembled = await provision({ ZK_LAB_ARCHIVE: "" });
    expect(assembled.origin).toBe("maven");
    await writeFile(archive, makeTarball("r", releaseFiles(version)));
    const first = await provision();
    expect(first.origin).toBe("archive");
    await writeFile(archive, makeTarball("r", { ...releaseFiles(version), "bin/zkCli.sh": "# changed" }));
    const second = await provision();
    expect(second).toMatchObject({ source: "archive" });
    expect(second.dir).not.toBe(first.dir);
    expect((await provision({ ZK_LAB_ARCHIVE: "" })).dir).toBe(assembled.dir);
  });

  it("serves from the cache later on, when there is nothing else", async () => {
    const { archive, provision } = await setUp();
    await writeFile(archive, makeTarball("r", releaseFiles(version)));
    const { dir } = await provision();
    await rm(archive);
    expect(await provision({ ZK_LAB_ARCHIVE: "", ZK_LAB_OFFLINE: "1" })).toMatchObject({
      source: "cache",
      dir,
    });
  });

  it("is passed over, aloud, when it cannot be used; then the rest of the chain counts, the cache included", async () => {
    const whole = makeTarball("r", releaseFiles(version));
    const cases: [string, Buffer | null, RegExp][] = [
      ["absent", null, /is not there/],
      ["cut short", whole.subarray(0, whole.length - 40), /is damaged or no \.tar\.gz/],
      ["a web page", Buffer.from("<html>404</html>"), /is damaged or no \.tar\.gz/],
      ["sources", gzipSync(makeTar([{ name: "zk/src/A.java", content: "x" }])), /holds no usable release/],
      ["of another version", makeTarball("r", releaseFiles("3.4.5")), /is ZooKeeper 3\.4\.5 by its manifest/],
    ];
    const { archive, provision, lines, maven } = await setUp();
    for (const [index, [, bytes, reason]] of cases.entries()) {
      if (bytes) await writeFile(archive, bytes);
      lines.length = 0;
      expect(await provision()).toMatchObject({ source: index === 0 ? "maven" : "cache", origin: "maven" });
      expect(lines.join("\n")).toMatch(/not used: /);
      expect(lines.join("\n")).toMatch(reason);
    }
    expect(await maven.calls()).toHaveLength(1);
  });

  it("is not even opened when its name says another version, unless any version will do", async () => {
    const { dir, provision, lines } = await setUp();
    const other = join(dir, "apache-zookeeper-3.8.4-bin.tar.gz");
    await writeFile(other, makeTarball("r", releaseFiles("3.8.4", "new")));
    expect(await provision({ ZK_LAB_ARCHIVE: other })).toMatchObject({ source: "maven" });
    expect(lines.join("\n")).toMatch(/is 3\.8\.4 by its name, not 3\.4\.99/);
    const any = await provision({ ZK_LAB_ARCHIVE: other, ZK_LAB_ANY_VERSION: "1" });
    expect(any).toMatchObject({ source: "archive", version: "3.8.4" });
    const again = await provision({ ZK_LAB_ARCHIVE: other, ZK_LAB_ANY_VERSION: "1" });
    expect(again).toEqual({ ...any, source: "cache" });
  });

  it("that attacks ends the search, and nothing is left of it", async () => {
    const { dir, archive, provision, cache, maven } = await setUp();
    const parts = [
      { name: "r/zookeeper-3.4.99.jar", content: serverJar(version) },
      { name: "r/../../../escaped", content: "x" },
    ];
    await writeFile(archive, gzipSync(makeTar(parts)));
    expect(await labErrorOf(provision())).toMatchObject({
      code: "BAD_ARCHIVE",
      details: { kind: "hostile" },
    });
    expect(await listFilesBelow(cache)).toEqual([]);
    expect((await listFilesBelow(dir)).filter((path) => path.includes("escaped"))).toEqual([]);
    expect(await maven.calls()).toEqual([]);
  });

  it("must have the digest of ZK_LAB_SHA512 and of files beside it", async () => {
    const { archive, provision, cache } = await setUp();
    const bytes = makeTarball("r", releaseFiles(version));
    await writeFile(archive, bytes);
    const wrong = await labErrorOf(provision({ ZK_LAB_SHA512: "0".repeat(128) }));
    expect(wrong.code).toBe("DIGEST_MISMATCH");
    expect(wrong.message).toContain(digestOf(bytes));
    expect((await labErrorOf(provision({ ZK_LAB_SHA512: "beef" }))).message).toMatch(
      /128 hexadecimal digits/,
    );
    for (const algorithm of ["sha512", "sha256", "sha1", "md5"]) {
      await writeFile(
        `${archive}.${algorithm}`,
        `${digestOf(Buffer.from("other"), algorithm)}  zookeeper.tar.gz\n`,
      );
      const error = await labErrorOf(provision());
      expect(error.code).toBe("DIGEST_MISMATCH");
      expect(error.message).toContain(`in ${archive}.${algorithm}`);
      await writeFile(`${archive}.${algorithm}`, `${digestOf(bytes, algorithm)}  zookeeper.tar.gz\n`);
    }
    expect(await listFilesBelow(join(cache, "releases"))).toEqual([]);
    expect(await provision({ ZK_LAB_SHA512: digestOf(bytes).toUpperCase() })).toMatchObject({
      source: "archive",
    });
  });

  it("is said not to be the published one when it is not, and used as asked", async () => {
    const { dir, provision, lines } = await setUp();
    const own = join(dir, "zookeeper-3.4.6.tar.gz");
    await writeFile(own, makeTarball("zookeeper-3.4.6", releaseFiles("3.4.6")));
    expect(await provision({ ZK_LAB_ARCHIVE: own }, "3.4.6")).toMatchObject({
      source: "archive",
      version: "3.4.6",
    });
    expect(lines.join("\n")).toMatch(
      /is not the tarball published as 3\.4\.6 .*; used because ZK_LAB_ARCHIVE names it/,
    );
  });
});

describe("a digest beside an archive", () => {
  const hex = digestOf(Buffer.from("x"));
  const grouped = hex.toUpperCase().replace(/(.{8})(?=.)/g, "$1 ");
  it.each([
    ["digits alone", `${hex}\n`],
    ["digits and name", `${hex.toUpperCase()} *zookeeper.tar.gz\n`],
    [
      "as gpg prints it",
      `zookeeper.tar.gz: ${grouped.slice(0, 80)}\n                  ${grouped.slice(80)}\n`,
    ],
  ])("is read as %s", (_title, text) => {
    expect(parseDigestSidecar(text, "sha512")).toBe(hex);
  });

  it.each(["", "<html>", hex.slice(1), `${hex}0`, `name: ${hex.slice(2)}`])("is not in %j", (text) => {
    expect(parseDigestSidecar(text, "sha512")).toBeNull();
  });
});
