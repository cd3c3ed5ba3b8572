/** What is to be reaped, as callers say it. */
import type { Client, Stat } from "@zk/client";
import { type CacheFilter, Shape } from "../caches/shape.js";
import { checkInteger, checkZnodePath } from "../core/checks.js";
import { RecipeError } from "../errors.js";

/** The name by which errors and telemetry call all that reaps. */
export const RECIPE = "Reaper";

/** Milliseconds that a directory has to have been empty, unless it is told. Source: Curator 2.x, Reaper.java: three looks in five minutes */
const EMPTY_FOR_MS = 300_000;
const CONCURRENCY = 8;
/** A month: nobody watches for longer. */
const MS_MAX = 2 ** 31 - 1;

/** Whose data has not been written for a while, by the servers' clock. */
export interface UntouchedFor {
  /** Milliseconds since the last write of the znode's data. From 1. */
  readonly forMs: number;
  /** A znode that is written to, so that its stamp tells what time the servers have. Made when it is needed, never reaped. */
  readonly clock: string;
}

/** What may go, and when; shared by {@link Reaper} and {@link reap}. */
export interface ReapOptions {
  /** Directories below which empty znodes are looked for. `/` needs a filter; nothing in `/zookeeper` is ever looked at. */
  readonly roots: readonly string[];
  /** Which znodes may go, by their path relative to the root, as caches say it: `*` are the children. Default: all of them. */
  readonly filter?: CacheFilter;
  /** Whether a root may go as well. Default false. */
  readonly reapRoots?: boolean;
  /** Whether znodes that have data may go: they may mean something although nothing is below them. Default false. */
  readonly withData?: boolean;
  /** Milliseconds in which nothing may have happened to a znode: no child, no write. From 1; default 300 000. */
  readonly emptyForMs?: number;
  /**
   * Besides, a znode's data must not have been written for a while, by the servers' clock: whoever wants to keep it writes it now
   * and then. This and `withData` make persistent znodes with a time to live of them. Default: no matter.
   */
  readonly untouchedFor?: UntouchedFor;
  /**
   * Whether a directory that has made nearly 2^31 children goes as soon as it is found empty, so that their numbers begin again
   * before they wrap: other libraries sort them as text. Default true.
   */
  readonly restartNearWrap?: boolean;
  /** Requests that are under way at once. 1 to 100, default 8. */
  readonly concurrency?: number;
  /** Tells what would go, and removes nothing. Default false. */
  readonly dryRun?: boolean;
}

/** A znode that was reaped, or would be. */
export interface Reaped {
  readonly path: string;
  /** As it was looked at last. */
  readonly stat: Stat;
  /** Milliseconds for which it was seen unchanged and empty. */
  readonly emptyMs: number;
  /** `wrap`: its children's numbers were about to wrap. */
  readonly why: "empty" | "wrap";
}

/** Options with nothing left open. */
export interface ReapSettings {
  readonly roots: ReadonlySet<string>;
  readonly shape: Shape;
  readonly reapRoots: boolean;
  readonly withData: boolean;
  readonly emptyForMs: number;
  readonly untouchedFor: UntouchedFor | undefined;
  readonly restartNearWrap: boolean;
  readonly concurrency: number;
  readonly dryRun: boolean;
}

/** @throws RecipeError INVALID_ARGUMENT */
export function reapSettings(client: Client, options: ReapOptions): ReapSettings {
  const { roots, untouchedFor, emptyForMs = EMPTY_FOR_MS, concurrency = CONCURRENCY } = options;
  if (!Array.isArray(roots) || roots.length === 0) throw invalid("roots must name a directory at least");
  for (const root of roots) checkRoot(client, root, options);
  const about = { recipe: RECIPE, path: String(roots[0]) };
  checkInteger(about, "emptyForMs", emptyForMs, { min: 1, max: MS_MAX });
  checkInteger(about, "concurrency", concurrency, { min: 1, max: 100 });
  if (untouchedFor !== undefined) {
    checkInteger(about, "untouchedFor.forMs", untouchedFor.forMs, { min: 1, max: MS_MAX });
    checkZnodePath(client, RECIPE, untouchedFor.clock);
  }
  return {
    roots: new Set(roots),
    shape: new Shape({ filter: options.filter }),
    reapRoots: options.reapRoots ?? false,
    withData: options.withData ?? false,
    emptyForMs,
    untouchedFor,
    restartNearWrap: options.restartNearWrap ?? true,
    concurrency,
    dryRun: options.dryRun ?? false,
  };
}

/** Whether a path is ZooKeeper's own. */
export function isReserved(path: string): boolean {
  return path === "/zookeeper" || path.startsWith("/zookeeper/");
}

function checkRoot(client: Client, root: string, { filter }: ReapOptions): void {
  checkZnodePath(client, RECIPE, root);
  if (isReserved(root)) throw invalid("what is in /zookeeper is ZooKeeper's own", root);
  if (root === "/" && filter === undefined) {
    throw invalid("everything that is empty would go; say by a filter what may", root);
  }
}

function invalid(message: string, path?: string): RecipeError {
  return new RecipeError({ code: "INVALID_ARGUMENT", message, recipe: RECIPE, path });
}
