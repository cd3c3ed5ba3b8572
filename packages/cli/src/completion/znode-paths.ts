/** Paths of znodes that begin like a word, from servers or, where those are slow, from what was seen a moment ago. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { byBytes } from "../session/walk.js";
import { cacheFolder } from "../settings/config-files.js";
import type { Settings } from "../settings/settings.js";

/** Age in milliseconds up to which what was seen is taken without asking again. */
const FRESH_MS = 3_000;
/** Age up to which it is better than nothing. */
const STALE_MS = 86_400_000;
/** Names that are kept and offered; more is no help to anybody. */
const NAMES_MAX = 2_000;

interface Seen {
  readonly atMs: number;
  readonly names: readonly string[];
}

/** Never rejects: a completion that fails is no completion. */
export async function completePath(
  word: string,
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
  connect: () => Promise<Client>,
): Promise<string[]> {
  const slash = word.lastIndexOf("/");
  if (slash < 0) return [];
  const parent = slash === 0 ? "/" : word.slice(0, slash);
  const start = word.slice(slash + 1);
  const file = cacheFile(settings, parent, env);
  const seen = readSeen(file);
  const nowMs = Date.now();
  let names = seen?.names ?? [];
  if (seen === undefined || nowMs - seen.atMs > FRESH_MS) {
    try {
      const client = await connect();
      names = [...(await client.getChildren(parent))].sort(byBytes).slice(0, NAMES_MAX);
      writeSeen(file, { atMs: nowMs, names });
    } catch {
      // Too slow, not there, not permitted: what was seen has to do.
      names = seen !== undefined && nowMs - seen.atMs < STALE_MS ? seen.names : [];
    }
  }
  return names.filter((name) => name.startsWith(start)).map((name) => joinPath(parent, name));
}

function cacheFile(
  settings: Settings,
  parent: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const name = createHash("sha256")
    .update(JSON.stringify([settings.servers, settings.chroot, settings.auth, parent]))
    .digest("hex")
    .slice(0, 32);
  return join(cacheFolder(env), "completion", `${name}.json`);
}

function readSeen(file: string): Seen | undefined {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Seen;
    return typeof value.atMs === "number" && Array.isArray(value.names) ? value : undefined;
  } catch {
    return undefined;
  }
}

function writeSeen(file: string, seen: Seen): void {
  try {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
    const beside = `${file}.${process.pid}`;
    writeFileSync(beside, JSON.stringify(seen), { mode: 0o600 });
    renameSync(beside, file);
  } catch {
    // A folder that cannot be written makes completion slower, no more.
  }
}
