import { randomBytes } from "node:crypto";
import { type Dirent, constants as fsConstants } from "node:fs";
import { access, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The `code` of a system error, such as `ENOENT`, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === "string" ? code : undefined;
}

/** One line about an error, for a message or a reason. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What lies at `path`, links followed; a path that cannot be looked at counts as absent. */
export async function kindOf(path: string): Promise<"file" | "directory" | "other" | "absent"> {
  try {
    const found = await stat(path);
    return found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
  } catch {
    return "absent";
  }
}

/** True when `path` is a file that this process may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  if ((await kindOf(path)) !== "file") return false;
  return access(path, fsConstants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Names in a directory in a stable order; an absent directory is empty. */
export async function listDirectory(path: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw error;
  }
}

/** Paths of all files below `root`, relative to it, with `/` between names, sorted. Links count as what they point to. */
export async function listFilesBelow(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (relative: string): Promise<void> => {
    for (const entry of await listDirectory(join(root, relative))) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await kindOf(join(root, path))) === "file"))
        found.push(path);
    }
  };
  await walk("");
  return found;
}

/** A name beside `path` that no other process will choose. */
export function temporaryBeside(path: string): string {
  return `${path}.${process.pid}-${randomBytes(6).toString("hex")}.tmp`;
}

/** Writes a file so that readers see the old bytes or the new ones, never a part. */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o644,
): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, bytes, { mode, flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
