import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { LabError } from "../../src/errors.js";
import type { Environment } from "../../src/release/index.js";

/** A directory of its own for one test, removed at its end. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), "zk-lab-release-")));
  onTestFinished(async () => {
    await rm(dir, { recursive: true, force: true });
  });
  return dir;
}

/** The rejection of a promise, which must be a LabError. */
export async function labErrorOf(promise: Promise<unknown>): Promise<LabError> {
  const outcome = await promise.then(
    (value) => new Error(`it resolved to ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof LabError) return outcome;
  throw outcome;
}

/** Writes files given by their path below `root`; text may be bytes. */
export async function writeTree(
  root: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** An executable shell script. */
export async function writeScript(path: string, body: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

/** A jar (ZIP) with these entries, every second one stored, the others deflated. */
export function makeJar(entries: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  Object.entries(entries).forEach(([name, text], index) => {
    const bytes = Buffer.from(text, "utf8");
    const method = index % 2 === 0 ? 8 : 0;
    const packed = method === 8 ? deflateRawSync(bytes) : bytes;
    const fields = Buffer.alloc(22);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    fields.copy(local, 4, 0);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    fields.copy(central, 6, 0);
    central.writeUInt16LE(Buffer.byteLength(name), 28);
    central.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), packed);
    centrals.push(central, Buffer.from(name));
    offset += local.length + Buffer.byteLength(name) + packed.length;
  });
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(entries).length, 8);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** A server jar whose manifest names `version`. */
export function serverJar(version: string): Buffer {
  return makeJar({
    "META-INF/MANIFEST.MF": `Manifest-Version: 1.0\r\nImplementation-Version: ${version}-1569965\r\n\r\n`,
    "org/apache/zookeeper/Marker.class": `stand-in for ${version}`,
  });
}

/** Any other jar. */
export function libraryJar(name: string): Buffer {
  return makeJar({ "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n\r\n", [`${name}.txt`]: name });
}

/** Files of a release as its tarball has them: the server jar at the top up to 3.5.4, in `lib/` from 3.5.5 on. */
export function releaseFiles(
  version: string,
  layout: "old" | "new" = "old",
  scripts = true,
): Record<string, string | Uint8Array> {
  const jar = layout === "old" ? `zookeeper-${version}.jar` : `lib/zookeeper-${version}.jar`;
  return {
    [jar]: serverJar(version),
    "lib/slf4j-api-1.6.1.jar": libraryJar("slf4j-api"),
    "lib/log4j-1.2.16.jar": libraryJar("log4j"),
    "conf/log4j.properties": `# the log settings of ${version}\n`,
    "conf/zoo_sample.cfg": "tickTime=2000\n",
    "LICENSE.txt": "licence\n",
    "docs/index.html": "<p>not needed to run</p>",
    "src/java/main/A.java": "class A {}",
    ...(scripts
      ? {
          "bin/zkServer.sh": `#!/usr/bin/env bash\n# the script of ${version}\n`,
          "bin/zkEnv.sh": "#!/usr/bin/env bash\n",
          "bin/zkCli.sh": "#!/usr/bin/env bash\n",
        }
      : {}),
  };
}

/** One entry for {@link makeTar}. */
export interface TarPart {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly type?: string;
  readonly target?: string;
  readonly mode?: number;
  /** What the header claims instead of the true size. */
  readonly claimedBytes?: number;
}

/** A tar archive of these entries, byte by byte as told, so that hostile ones can be made. */
export function makeTar(parts: readonly TarPart[], end = true): Buffer {
  const blocks: Buffer[] = [];
  for (const part of parts) {
    const content = Buffer.from(part.content ?? "");
    const header = Buffer.alloc(512);
    header.write(part.name, 0, 100, "utf8");
    header.write(`${(part.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${(part.claimedBytes ?? content.length).toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(part.type ?? "0", 156);
    header.write(part.target ?? "", 157, 100, "utf8");
    header.write("ustar\0", 257, "latin1");
    header.write("00", 263);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  if (end) blocks.push(Buffer.alloc(1024));
  return Buffer.concat(blocks);
}

/** A `.tar.gz` of files below one folder. */
export function makeTarball(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts = Object.entries(files).map(([path, content]) => ({
    name: `${folder}/${path}`,
    content,
    mode: path.endsWith(".sh") ? 0o755 : 0o644,
  }));
  return gzipSync(makeTar([{ name: `${folder}/`, type: "5", mode: 0o755 }, ...parts]));
}

/** Hexadecimal digest of bytes. */
export function digestOf(bytes: Uint8Array, algorithm = "sha512"): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** A stand-in for the Maven client, and where it writes what it was called with. */
export interface FakeMaven {
  readonly env: Environment;
  /** The command lines so far. */
  calls(): Promise<string[]>;
}

/**
 * Puts a `mvn` on a PATH of its own. It notes its arguments, runs `body`, and then copies jars to the output directory.
 *
 * @param jars file name to content; none for a client that delivers nothing
 */
export async function fakeMaven(
  dir: string,
  jars: Readonly<Record<string, Uint8Array>>,
  body = "",
): Promise<FakeMaven> {
  await writeTree(join(dir, "mvn-jars"), jars);
  await mkdir(join(dir, "mvn-jars"), { recursive: true });
  const log = join(dir, "mvn-calls");
  await writeScript(
    join(dir, "mvn-bin", "mvn"),
    [
      `echo "$*" >> "${log}"`,
      "for word; do case $word in -DoutputDirectory=*) out=$(echo $word | cut -d= -f2);; esac; done",
      body,
      `cp "${join(dir, "mvn-jars")}"/* "$out"/ 2>/dev/null`,
      "exit 0",
    ].join("\n"),
  );
  return {
    env: { PATH: `${join(dir, "mvn-bin")}:/usr/bin:/bin`, HOME: dir, ZK_LAB_CACHE: join(dir, "cache") },
    calls: async () => {
      const text = await readFile(log, "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
  };
}

/** The jars that Maven delivers for a version without a pinned digest. */
export function mavenJars(version: string): Record<string, Buffer> {
  return {
    [`zookeeper-${version}.jar`]: serverJar(version),
    "slf4j-api-1.6.1.jar": libraryJar("slf4j-api"),
    "log4j-1.2.16.jar": libraryJar("log4j"),
  };
}

/** Copies a tree. */
export async function copyTree(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
}
