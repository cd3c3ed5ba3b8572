import { constants as fsConstants } from "node:fs";
import { chmod, copyFile, link, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../errors.js";
import { hashBytes, hashFile } from "./digest.js";
import {
  describeError,
  kindOf,
  listDirectory,
  listFilesBelow,
  systemCode,
  temporaryBeside,
  writeFileAtomically,
} from "./files.js";
import { isServerJarName } from "./layout.js";
import { logConfigFor } from "./log-config.js";
import type { Release } from "./types.js";

/**
 * Installs a release for one server: the folder `zookeeperN/zookeeper-VERSION/` with `bin/`, `conf/`, `lib/` and the
 * server jar. What belongs to the server itself (`conf/zoo.cfg`, `data/`, logs) is never touched.
 */

/** Record of what was installed, kept in the installed folder. */
export const installRecordName = ".zk-lab-install.json";

/** The lab's own control scripts, for releases that bring none. */
export const controlScripts = ["zkServer.sh", "zkEnv.sh", "zkCli.sh", "zkCleanup.sh"] as const;

const ownScriptsDir = fileURLToPath(new URL("../../scripts/", import.meta.url));

/** Folders of a release that a server needs, besides the jars and notices at its top. */
const neededFolders = new Set(["bin", "conf", "lib", "libexec", "share"]);

interface PlannedFile {
  /** Absolute path of the file to install, or its text. */
  readonly from: { readonly path: string } | { readonly text: string };
  readonly sha256: string;
  readonly mode: number;
  readonly mayLink: boolean;
  /** Configuration that a person has changed since is left as it is. */
  readonly keepChanges: boolean;
}

type InstalledFiles = Readonly<Record<string, string>>;

/**
 * Puts `release` into `targetDir`; repeated, it repairs what differs and does nothing else.
 *
 * Jars are hard-linked from the cache where the file system allows it, and copied otherwise; files that belong to the
 * user are always copied. A release without control scripts gets the lab's. What an earlier installation put there
 * and this one does not know is removed, so a change of version leaves no second server jar on the class path.
 *
 * @throws LabError `BAD_RELEASE` when the release or the lab's scripts cannot be read
 */
export async function installRelease(release: Release, targetDir: string): Promise<void> {
  const plan = await planInstallation(release, ownScriptsDir);
  const before = await readInstalled(targetDir);
  const after: InstalledFiles = Object.fromEntries([...plan].map(([path, file]) => [path, file.sha256]));
  await mkdir(targetDir, { recursive: true });
  const changed = !sameFiles(before, after);
  // Written first with both sets of files: if we die half way, the next run still knows what is ours to remove.
  if (changed) await writeInstalled(targetDir, release, { ...after, ...before });
  for (const [path, file] of plan) await installFile(join(targetDir, path), file, before[path]);
  for (const path of Object.keys(before))
    if (!plan.has(path)) await rm(join(targetDir, path), { force: true });
  if (changed) await writeInstalled(targetDir, release, after);
}

async function planInstallation(release: Release, scriptsDir: string): Promise<Map<string, PlannedFile>> {
  const plan = new Map<string, PlannedFile>();
  const add = async (path: string, from: PlannedFile["from"]): Promise<void> => {
    const runs = /^(?:bin|libexec)\//.test(path);
    plan.set(path, {
      from,
      sha256: "path" in from ? await hashFile(from.path) : hashBytes(from.text),
      mode: runs && !path.endsWith(".txt") ? 0o755 : 0o644,
      // Only what nobody edits is shared with the cache, and only the cache's files are shared at all.
      mayLink: path.endsWith(".jar") && release.source !== "home",
      keepChanges: path.startsWith("conf/"),
    });
  };
  try {
    for (const path of await neededFiles(release.dir)) await add(path, { path: join(release.dir, path) });
    if (!release.ownScripts) {
      for (const name of controlScripts) await add(`bin/${name}`, { path: join(scriptsDir, name) });
    }
  } catch (error) {
    throw new LabError(
      "BAD_RELEASE",
      `ZooKeeper ${release.version} cannot be installed from ${release.dir}: ${describeError(error)}`,
      {
        cause: error,
      },
    );
  }
  if (![...plan.keys()].some((path) => isServerJarName(basename(path)))) {
    throw new LabError(
      "BAD_RELEASE",
      `${release.dir} holds no server jar any more: provision ZooKeeper ${release.version} again`,
    );
  }
  if (![...plan.keys()].some((path) => path === "conf/log4j.properties" || path === "conf/logback.xml")) {
    const config = logConfigFor([...plan.keys()].map((path) => basename(path)));
    if (config) await add(`conf/${config.name}`, { text: config.text });
  }
  return plan;
}

/** Only the folders that count are walked: an unpacked release may hold data and logs of years beside them. */
async function neededFiles(dir: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name } of await listDirectory(dir)) {
    const path = join(dir, name);
    if (neededFolders.has(name)) {
      files.push(...(await listFilesBelow(path)).map((inner) => `${name}/${inner}`));
    } else if (/\.jar$|^(?:LICENSE|NOTICE|README)/.test(name) && (await kindOf(path)) === "file") {
      files.push(name);
    }
  }
  // The zoo.cfg of an unpacked release is not the configuration of this server.
  return files.filter((path) => path !== "conf/zoo.cfg");
}

async function installFile(
  target: string,
  file: PlannedFile,
  installedBefore: string | undefined,
): Promise<void> {
  const existing = await stat(target).catch(() => null);
  if (existing?.isFile()) {
    if ("path" in file.from && file.mayLink) {
      const source = await stat(file.from.path);
      if (source.ino === existing.ino && source.dev === existing.dev) return;
    }
    const actual = await hashFile(target);
    if (actual === file.sha256) {
      if ((existing.mode & 0o777) !== file.mode && !file.mayLink) await chmod(target, file.mode);
      return;
    }
    if (file.keepChanges && actual !== installedBefore) return;
  }
  await mkdir(dirname(target), { recursive: true });
  if ("text" in file.from) await writeFileAtomically(target, file.from.text, file.mode);
  else await placeFile(file.from.path, target, file);
}

async function placeFile(source: string, target: string, file: PlannedFile): Promise<void> {
  const temporary = temporaryBeside(target);
  try {
    if (!(file.mayLink && (await tryLink(source, temporary)))) {
      await copyFile(source, temporary, fsConstants.COPYFILE_EXCL | fsConstants.COPYFILE_FICLONE);
      await chmod(temporary, file.mode);
    }
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function tryLink(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    // Another file system, none with links, too many links, or links to others' files forbidden: a copy will do.
    if (
      ["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "EACCES", "ENOSYS"].includes(
        systemCode(error) ?? "",
      )
    )
      return false;
    throw error;
  }
}

async function readInstalled(targetDir: string): Promise<InstalledFiles> {
  try {
    const value = JSON.parse(await readFile(join(targetDir, installRecordName), "utf8")) as {
      files?: unknown;
    } | null;
    if (typeof value?.files !== "object" || value.files === null) return {};
    const files: Record<string, string> = {};
    for (const [path, sha256] of Object.entries(value.files)) {
      // The record says what may be removed, so nothing outside the folder is believed.
      if (typeof sha256 === "string" && !path.split("/").includes("..") && !path.startsWith("/"))
        files[path] = sha256;
    }
    return files;
  } catch {
    // None yet, or damaged: every file is then compared and nothing is removed.
    return {};
  }
}

async function writeInstalled(targetDir: string, release: Release, files: InstalledFiles): Promise<void> {
  const { version, origin, ownScripts } = release;
  const record = { schema: 1, version, origin, ownScripts, files };
  await writeFileAtomically(join(targetDir, installRecordName), `${JSON.stringify(record, null, 2)}\n`);
}

function sameFiles(one: InstalledFiles, other: InstalledFiles): boolean {
  const paths = Object.keys(one);
  return paths.length === Object.keys(other).length && paths.every((path) => one[path] === other[path]);
}
