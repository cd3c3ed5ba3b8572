import { readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { controlScripts, installRelease, provisionRelease, type Release } from "../../src/release/index.js";
import { logConfigFor } from "../../src/release/log-config.js";
import {
  copyTree,
  fakeMaven,
  labErrorOf,
  libraryJar,
  makeTarball,
  mavenJars,
  releaseFiles,
  serverJar,
  temporaryDirectory,
  writeTree,
} from "./support.js";

const version = "3.4.99";

async function assembled(wanted = version): Promise<{ dir: string; target: string; release: Release }> {
  const dir = await temporaryDirectory();
  const maven = await fakeMaven(dir, mavenJars(wanted));
  const release = await provisionRelease({ version: wanted, env: maven.env });
  return { dir, release, target: join(dir, "zookeeper1", `zookeeper-${wanted}`) };
}

const inodes = async (root: string): Promise<string[]> =>
  Promise.all(
    (await listFilesBelow(root)).map(async (path) => {
      const { ino, mtimeMs, mode } = await stat(join(root, path));
      return `${path} ${ino} ${mtimeMs} ${mode}`;
    }),
  );

describe("installing a release that carries no scripts", () => {
  it("gives bin/ the lab's scripts, conf/ a log configuration, and links the jars", async () => {
    const { release, target } = await assembled();
    await installRelease(release, target);
    expect(await listFilesBelow(target)).toEqual([
      ".zk-lab-install.json",
      ...[...controlScripts].sort().map((name) => `bin/${name}`),
      "conf/log4j.properties",
      "lib/log4j-1.2.16.jar",
      "lib/slf4j-api-1.6.1.jar",
      `zookeeper-${version}.jar`,
    ]);
    for (const name of controlScripts) {
      const installed = join(target, "bin", name);
      expect((await stat(installed)).mode & 0o777).toBe(0o755);
      expect(await readFile(installed)).toEqual(
        await readFile(new URL(`../../scripts/${name}`, import.meta.url)),
      );
    }
    const jar = `zookeeper-${version}.jar`;
    expect((await stat(join(target, jar))).ino).toBe((await stat(join(release.dir, jar))).ino);
  });

  it("changes nothing when it is done again", async () => {
    const { release, target } = await assembled();
    await installRelease(release, target);
    const before = await inodes(target);
    await installRelease(release, target);
    expect(await inodes(target)).toEqual(before);
  });

  it("repairs what was damaged, and leaves the server's own files and changed configuration alone", async () => {
    const { release, target } = await assembled();
    await installRelease(release, target);
    await rm(join(target, "lib/log4j-1.2.16.jar"));
    await rm(join(target, `zookeeper-${version}.jar`));
    const own = {
      [`zookeeper-${version}.jar`]: "damaged",
      "bin/zkServer.sh": "# damaged",
      "conf/log4j.properties": "# mine",
      "conf/zoo.cfg": "clientPort=1",
      "conf/java.env": "export JVMFLAGS=",
      "data/myid": "1",
      "lib/of-the-user.jar": libraryJar("user"),
      "zookeeper.out": "log",
    };
    await writeTree(target, own);
    await installRelease(release, target);
    const { [`zookeeper-${version}.jar`]: _jar, "bin/zkServer.sh": _script, ...kept } = own;
    for (const [path, content] of Object.entries(kept)) {
      expect(await readFile(join(target, path))).toEqual(Buffer.from(content));
    }
    expect(await readFile(join(target, `zookeeper-${version}.jar`))).toEqual(serverJar(version));
    expect(await readFile(join(target, "lib/log4j-1.2.16.jar"))).toEqual(libraryJar("log4j"));
    expect(await readFile(join(target, "bin/zkServer.sh"), "utf8")).not.toContain("damaged");
  });

  it("never writes into the cache", async () => {
    const { release, target } = await assembled();
    await installRelease(release, target);
    // A linked jar that is replaced must not change the one it was linked to.
    await rm(join(target, `zookeeper-${version}.jar`));
    await writeFile(join(target, `zookeeper-${version}.jar`), "x");
    const before = await inodes(release.dir);
    await installRelease(release, target);
    expect(await inodes(release.dir)).toEqual(before);
  });

  it("leaves no second server jar when the version changes, even after half an installation", async () => {
    const { dir, release, target } = await assembled();
    const maven = await fakeMaven(join(dir, "other"), {
      ...mavenJars("3.4.98"),
      "netty-3.7.0.jar": libraryJar("netty"),
    });
    const other = await provisionRelease({ version: "3.4.98", env: maven.env });
    await installRelease(other, target);
    // Installing the newer one stops half way, at a folder that is in the way of a file.
    await writeTree(target, { [`zookeeper-${version}.jar/in-the-way`]: "x" });
    await expect(installRelease(release, target)).rejects.toThrow();
    await rm(join(target, `zookeeper-${version}.jar`), { recursive: true });
    await installRelease(release, target);
    const jars = (await listFilesBelow(target)).filter((path) => path.endsWith(".jar"));
    expect(jars).toEqual(["lib/log4j-1.2.16.jar", "lib/slf4j-api-1.6.1.jar", `zookeeper-${version}.jar`]);
    await installRelease(other, target);
    expect(await listFilesBelow(target)).toContain("lib/netty-3.7.0.jar");
    expect(await listFilesBelow(target)).not.toContain(`zookeeper-${version}.jar`);
  });

  it("updates its own configuration, but not one that was changed", async () => {
    const { release, target } = await assembled();
    await installRelease(release, target);
    const config = join(target, "conf/log4j.properties");
    const record = join(target, ".zk-lab-install.json");
    const current = await readFile(config, "utf8");
    // As if an older lab had installed another text: the record has that text's digest.
    await writeFile(config, "older");
    const old = "50f5c46b2bfc7e3f5bf4e1d2d2fb3d0a1a3f8d3b1b4f9a4e3a7a4d1f2e6c7b8a";
    const files = JSON.parse(await readFile(record, "utf8")) as { files: Record<string, string> };
    files.files["conf/log4j.properties"] = old;
    await writeFile(record, JSON.stringify(files));
    await installRelease(release, target);
    expect(await readFile(config, "utf8")).toBe("older");
    const { createHash } = await import("node:crypto");
    files.files["conf/log4j.properties"] = createHash("sha256").update("older").digest("hex");
    await writeFile(record, JSON.stringify(files));
    await installRelease(release, target);
    expect(await readFile(config, "utf8")).toBe(current);
  });

  it("removes nothing outside its folder, whatever the record says", async () => {
    const { dir, release, target } = await assembled();
    await installRelease(release, target);
    await writeTree(dir, { "zookeeper1/keep.txt": "keep", "keep.txt": "keep" });
    const record = {
      files: { "../keep.txt": "x", [join(dir, "keep.txt")]: "x", "a/../../../keep.txt": "x" },
    };
    await writeFile(join(target, ".zk-lab-install.json"), JSON.stringify(record));
    await installRelease(release, target);
    expect(await readFile(join(dir, "zookeeper1/keep.txt"), "utf8")).toBe("keep");
    expect(await readFile(join(dir, "keep.txt"), "utf8")).toBe("keep");
  });

  it("says which release cannot be installed", async () => {
    const { release, target } = await assembled();
    await rm(release.dir, { recursive: true });
    await symlink("/nowhere", release.dir);
    const error = await labErrorOf(installRelease(release, target));
    expect(error.code).toBe("BAD_RELEASE");
    expect(error.message).toContain(release.dir);
  });
});

describe("installing a release with its own scripts", () => {
  it("runs through those, unmodified, and with its own log configuration", async () => {
    const { dir, target } = await assembled();
    const archive = join(dir, "a.tar.gz");
    await writeFile(archive, makeTarball("r", releaseFiles(version)));
    const release = await provisionRelease({
      version,
      env: { ZK_LAB_ARCHIVE: archive, ZK_LAB_CACHE: join(dir, "c2") },
    });
    await installRelease(release, target);
    expect((await listFilesBelow(join(target, "bin"))).sort()).toEqual([
      "zkCli.sh",
      "zkEnv.sh",
      "zkServer.sh",
    ]);
    for (const path of ["bin/zkServer.sh", "conf/log4j.properties", "conf/zoo_sample.cfg"]) {
      expect(await readFile(join(target, path))).toEqual(Buffer.from(releaseFiles(version)[path]!));
    }
    expect((await stat(join(target, "bin/zkServer.sh"))).mode & 0o777).toBe(0o755);
  });

  it("copies what belongs to the user, without its zoo.cfg, and changes nothing of it", async () => {
    const { dir, target } = await assembled();
    const home = await writeTree(join(dir, "home"), {
      ...releaseFiles(version, "new"),
      "conf/zoo.cfg": "the user's own",
      "logs/zookeeper.out": "x",
    });
    await copyTree(home, join(dir, "before"));
    const release = await provisionRelease({
      version,
      env: { ZK_LAB_HOME: home, ZK_LAB_CACHE: join(dir, "c2") },
    });
    await installRelease(release, target);
    const installed = await listFilesBelow(target);
    expect(installed).toContain(`lib/zookeeper-${version}.jar`);
    expect(installed.filter((path) => /zoo\.cfg|^logs/.test(path))).toEqual([]);
    const jar = `lib/zookeeper-${version}.jar`;
    expect((await stat(join(target, jar))).ino).not.toBe((await stat(join(home, jar))).ino);
    expect(await listFilesBelow(home)).toEqual(await listFilesBelow(join(dir, "before")));
  });
});

describe("the log configuration", () => {
  it("is the one for the library that is there", () => {
    expect(logConfigFor(["log4j-1.2.16.jar"])?.name).toBe("log4j.properties");
    expect(logConfigFor(["reload4j-1.2.19.jar"])?.name).toBe("log4j.properties");
    expect(logConfigFor(["logback-classic-1.2.13.jar", "slf4j-api-1.7.36.jar"])?.name).toBe("logback.xml");
    expect(logConfigFor(["slf4j-api-1.7.36.jar", "log4j-core-2.17.jar"])).toBeNull();
  });
});
