/** What other people's clients need is kept in the user's cache folder, each part made once. */
import { access, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";

/** The folder of a part in the cache. */
export function cachePlace(name: string): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "zk-interop", name);
}

/**
 * Makes a part unless it is there. It is made in a folder beside its place and put there whole, so that two processes that want
 * it at once do not disturb each other, and one that dies leaves nothing that looks like a part.
 * @returns its folder
 */
export async function makeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const place = cachePlace(name);
  if (await exists(join(place, "ready"))) return place;
  await mkdir(dirname(place), { recursive: true });
  const folder = await mkdtemp(join(dirname(place), `.making-${basename(place)}-`));
  try {
    await make(folder);
    await writeFile(join(folder, "ready"), "");
    // What is there and not ready was left by an earlier way of making it.
    if (!(await exists(join(place, "ready")))) await rm(place, { recursive: true, force: true });
    await rename(folder, place).catch(async (error: unknown) => {
      if (!(await exists(join(place, "ready")))) throw error;
    });
    return place;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
