/**
 * Looks through trees pass by pass, and removes what has been empty from one look to another that is late enough.
 *
 * Rules:
 * - A directory is empty for a while when two looks find it without children, and with the same czxid, mzxid and pzxid: nothing
 *   was created or deleted below it, and nothing written to it, in between. One that was busy meanwhile has another pzxid, however
 *   empty it is when we look.
 * - The time is ours, between the answer to the first look and a `sync` before the last one. A server that is behind makes it
 *   longer, never shorter.
 * - It is removed with the version that was seen, at once and once: a delete that would have to wait for a connection is not sent,
 *   and one whose answer is lost is not sent again.
 * - What a new session finds is looked at anew. It may be one with servers that were put back to an earlier state.
 *
 * What a server cannot be asked: to remove a directory only if nothing came *and went* since the last look. That takes a round
 * trip, and what was there is gone; all that is lost is where its numbers were. A transaction that creates a child and demands its
 * number could say it, and must not be used: when it is refused a leader of 3.4.6 forgets of other children on their way.
 */
import { type Client, isZkError, type Stat, type Transaction } from "@zk/client";
import type { Hold } from "../core/hold.js";
import { WRAP_NEAR } from "../core/line.js";
import { isLost } from "../core/lost.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { ServerClock } from "../core/server-clock.js";
import { onState } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { onAbort } from "../io/on-abort.js";
import { isReserved, RECIPE, type Reaped, type ReapSettings } from "./options.js";
import { walk } from "./walk.js";

/** What one pass came to. */
export interface ReaperPass {
  /** Znodes that were looked at. */
  readonly looked: number;
  /** Those of them that may go when they have been empty for long enough. */
  readonly waiting: number;
  readonly reaped: number;
}

/** Hears of what a {@link Sweeper} does. */
export interface SweepListener {
  /** It is gone; with `dryRun`, it would be. */
  reaped(reaped: Reaped): void;
  /** A server does not let us look at it, or remove it. */
  refused(path: string, error: unknown): void;
  /** The answer to its removal was lost: it may be gone. */
  uncertain(path: string, error: unknown): void;
}

interface Place {
  readonly path: string;
  readonly relative: string;
}

interface Seen {
  readonly stat: Stat;
  readonly sinceMs: number;
  /** The pass in which it was seen last. */
  pass: number;
  /** It was called not empty when it was to be removed. */
  isRefusedAsFull: boolean;
  /** With `dryRun`: it was told of. */
  isTold: boolean;
}

/** Znodes remembered at most; those beyond wait until some of them have gone. */
const SEEN_MAX = 100_000;

/** See the head of this file. */
export class Sweeper {
  readonly #client: Client;
  readonly #settings: ReapSettings;
  readonly #listener: SweepListener;
  readonly #spared: ReadonlySet<string>;
  readonly #clock: ServerClock | undefined;
  readonly #seen = new Map<string, Seen>();
  /** What may not be looked at, and has been told of. */
  readonly #unreadable = new Set<string>();
  #sessionId: bigint | undefined;
  #pass = 0;

  /** @param spared paths that never go */
  constructor(
    client: Client,
    settings: ReapSettings,
    listener: SweepListener,
    spared: readonly string[] = [],
  ) {
    this.#client = client;
    this.#settings = settings;
    this.#listener = listener;
    const { untouchedFor } = settings;
    this.#spared = new Set(untouchedFor === undefined ? spared : [...spared, untouchedFor.clock]);
    this.#clock = untouchedFor === undefined ? undefined : new ServerClock(client, untouchedFor.clock);
  }

  /**
   * Looks at everything once, and removes what has been empty for long enough.
   *
   * @param hold everything is removed only while it stands
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, HOLD_LOST, RELEASED; ZkError for what a server refuses, other than a look at a
   *   znode or its removal, and when the session is over
   */
  async pass(patience: Patience, hold?: Hold): Promise<ReaperPass> {
    const client = this.#client;
    if (this.#isOtherSession) this.#seen.clear();
    this.#sessionId = client.sessionId;
    this.#pass += 1;
    const asOfMs = client.clock.nowMs();
    await patience.read((call) => client.sync("/", call));
    let looked = 0;
    let reaped = 0;
    const roots = [...this.#settings.roots].map((path) => ({ path, relative: "" }));
    await walk(roots, this.#settings.concurrency, async (place) => {
      patience.check();
      const found = await this.#look(place, patience);
      if (found === undefined) return [];
      looked += 1;
      if (found.children.length > 0) return this.#below(place, found.children);
      const ripe = await this.#judge(place.path, found.stat, asOfMs, patience);
      if (ripe !== undefined && (await this.#reap(ripe, patience, hold))) reaped += 1;
      return [];
    });
    for (const [path, { pass }] of this.#seen) if (pass !== this.#pass) this.#seen.delete(path);
    return { looked, waiting: this.#seen.size, reaped };
  }

  /** Undefined for what is not there, may not be looked at, or may not go whatever it is. */
  async #look(
    { path, relative }: Place,
    patience: Patience,
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat } | undefined> {
    const { shape } = this.#settings;
    try {
      const found = await patience.read((call) => this.#client.getChildrenWithStat(path, call));
      this.#unreadable.delete(path);
      if (found.children.length > 0 || (this.#mayGo(path, found.stat) && shape.roleOf(relative).keep)) {
        return found;
      }
    } catch (error) {
      if (isZkError(error, "NO_AUTH")) this.#mayNotLook(path, error);
      else if (!isZkError(error, "NO_NODE")) throw error;
    }
    return undefined;
  }

  #below({ path, relative }: Place, names: readonly string[]): readonly Place[] {
    const { shape } = this.#settings;
    if (!shape.roleOf(relative).descend) return [];
    return names
      .map((name) => ({
        path: childPath(path, name),
        relative: relative === "" ? name : `${relative}/${name}`,
      }))
      .filter((place) => {
        const { keep, descend } = shape.roleOf(place.relative);
        return (keep || descend) && !isReserved(place.path);
      });
  }

  #mayGo(path: string, { ephemeralOwner, dataLength }: Stat): boolean {
    const { roots, reapRoots, withData } = this.#settings;
    if (ephemeralOwner !== 0n || (dataLength > 0 && !withData)) return false;
    return path !== "/" && !this.#spared.has(path) && (reapRoots || !roots.has(path));
  }

  /** What is known of a znode that may go and has no children; undefined while it is to stay. */
  async #judge(path: string, stat: Stat, asOfMs: number, patience: Patience): Promise<Reaped | undefined> {
    if (this.#isOtherSession) return undefined;
    const { emptyForMs, untouchedFor, restartNearWrap } = this.#settings;
    let seen = this.#seen.get(path);
    if (seen === undefined || !isUnchanged(seen.stat, stat)) {
      seen = {
        stat,
        sinceMs: this.#client.clock.nowMs(),
        pass: this.#pass,
        isRefusedAsFull: false,
        isTold: false,
      };
      if (this.#seen.size < SEEN_MAX || this.#seen.has(path)) this.#seen.set(path, seen);
    }
    seen.pass = this.#pass;
    const emptyMs = Math.max(0, asOfMs - seen.sinceMs);
    if (restartNearWrap && isNearWrap(stat)) return { path, stat, emptyMs, why: "wrap" };
    if (emptyMs < emptyForMs) return undefined;
    if (this.#clock !== undefined && untouchedFor !== undefined) {
      const serverMs = await this.#clock.nowMs(patience);
      if (serverMs - Number(stat.mtime) < untouchedFor.forMs) return undefined;
    }
    return { path, stat, emptyMs, why: "empty" };
  }

  /** @returns whether it is gone, by us */
  async #reap(reaped: Reaped, patience: Patience, hold: Hold | undefined): Promise<boolean> {
    const { path, stat } = reaped;
    if (this.#settings.dryRun) return this.#wouldReap(reaped);
    try {
      await this.#remove(path, stat.version, patience, hold);
    } catch (error) {
      await this.#notRemoved(reaped, error, patience);
      return false;
    }
    this.#seen.delete(path);
    const telemetry = telemetryOf(this.#client);
    telemetry.metrics.reaped += 1;
    if (reaped.why === "wrap") {
      telemetry.tell({ type: "wrapNear", recipe: RECIPE, path, serial: countOf(stat) });
    }
    telemetry.tell({ type: "reaped", recipe: RECIPE, path });
    this.#listener.reaped(reaped);
    return true;
  }

  #wouldReap(reaped: Reaped): boolean {
    const seen = this.#seen.get(reaped.path);
    if (seen?.isTold === true) return false;
    if (seen !== undefined) seen.isTold = true;
    this.#listener.reaped(reaped);
    return true;
  }

  /** Now or not at all: what has to wait for a connection would go by what was seen before that. */
  async #remove(path: string, version: number, patience: Patience, hold: Hold | undefined): Promise<void> {
    const client = this.#client;
    const late = new AbortController();
    const forgetState = onState(client, () => late.abort());
    const forgetPatience = onAbort(patience.signal, () => late.abort());
    const options = { ...patience.call, signal: late.signal, retry: "none" } as const;
    if (patience.signal.aborted || client.state !== "connected" || this.#isOtherSession) late.abort();
    try {
      if (hold === undefined) return await client.remove(path, { ...options, version });
      await hold.guard((tx) => tx.remove(path, { version }) as unknown as Transaction, options);
    } finally {
      forgetState();
      forgetPatience();
    }
  }

  /** The pass began in a session that is over. */
  get #isOtherSession(): boolean {
    return this.#client.sessionId !== this.#sessionId;
  }

  /** @throws what ends the pass */
  async #notRemoved({ path }: Reaped, error: unknown, patience: Patience): Promise<void> {
    const seen = this.#seen.get(path);
    if (isZkError(error, "NOT_EMPTY")) {
      // The next look says whether there is a child.
      if (seen?.isRefusedAsFull === true) await this.#remind(path, seen.stat, patience);
      else if (seen !== undefined) seen.isRefusedAsFull = true;
      return;
    }
    const isUncertain = isZkError(error) && error.applied === "maybe";
    if (isUncertain) {
      this.#seen.delete(path);
      telemetryOf(this.#client).metrics.ambiguous += 1;
      this.#listener.uncertain(path, error);
    }
    patience.check();
    if (isZkError(error, "QUEUE_FULL")) return await patience.race(this.#client.drained());
    // Somebody was quicker, or nobody can say: the next look tells how things are.
    if (isPassing(error)) return;
    if (!isZkError(error, "NO_AUTH")) throw error;
    this.#seen.delete(path);
    this.#refused(path, error);
  }

  /**
   * A leader of 3.4.6 may believe in children that went with their session, for as long as nothing else changes the directory:
   * behind any transaction that was refused, it remembers how many there were. Written anew, with what it has, the directory is
   * looked at anew.
   * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, rollbackPendingChanges
   */
  async #remind(path: string, { mzxid }: Stat, patience: Patience): Promise<void> {
    this.#seen.delete(path);
    try {
      const { data, stat } = await patience.read((call) => this.#client.getData(path, call));
      if (stat.mzxid !== mzxid) return;
      await this.#client.setData(path, data, { ...patience.call, retry: "none", version: stat.version });
    } catch (error) {
      if (isZkError(error, "NO_AUTH")) this.#refused(path, error);
      else if (!isPassing(error)) throw error;
    }
  }

  /** Told once for as long as it lasts. */
  #mayNotLook(path: string, error: unknown): void {
    if (this.#unreadable.has(path) || this.#unreadable.size >= SEEN_MAX) return;
    this.#unreadable.add(path);
    this.#refused(path, error);
  }

  #refused(path: string, error: unknown): void {
    telemetryOf(this.#client).tell({ type: "notReaped", recipe: RECIPE, path, error });
    this.#listener.refused(path, error);
  }
}

/** Whether the next look tells how things are. */
function isPassing(error: unknown): boolean {
  return (
    isLost(error) ||
    ["NO_NODE", "BAD_VERSION", "ABORTED"].some((code) => isZkError(error) && error.code === code)
  );
}

/** Nothing was written to it, and no child came or went. */
function isUnchanged(before: Stat, now: Stat): boolean {
  const isSame = (name: "czxid" | "mzxid" | "pzxid" | "cversion"): boolean => before[name] === now[name];
  // The count beside the zxid: a server that was restored behind a crash may have lost the one or the other.
  return isSame("czxid") && isSame("mzxid") && isSame("pzxid") && isSame("cversion");
}

/**
 * How many children an empty znode has had, as a number of 32 bits that goes round as theirs do. A Stat counts creations and
 * deletions together, so half of it is known only up to 2^31.
 * Source: ZooKeeper 3.4.6, DataNode.java, copyStat
 */
function countOf({ cversion }: Stat): number {
  return cversion < 0 ? 2 ** 31 + cversion / 2 : cversion / 2;
}

function isNearWrap(stat: Stat): boolean {
  return countOf(stat) >= WRAP_NEAR;
}
