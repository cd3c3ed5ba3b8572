/**
 * A znode that outlives its session, and goes some time after nobody keeps it any more: what a process says of itself through
 * restarts and lost sessions, and what disappears when the process does not come back.
 *
 * On servers that have znodes with a time to live (3.5.3, and `extendedTypesEnabled=true` in their `zoo.cfg`) they remove it. On
 * others it is emulated, and says so: a persistent znode that is written to again and again. There a `Reaper` has to remove it,
 * with `withData: true` and `untouchedFor: { forMs: ttlMs, … }`; without one it stays for ever.
 *
 * What it does not promise: an end at the very moment. Servers look once a minute by default, a reaper at its intervals. Nor that it
 * stays while its keeper cannot reach the servers for longer than the time to live; it is made again then.
 *
 * Rules:
 * - It is touched every half of its time to live, so one touch may fail.
 * - What lies at the path already is taken over, as of an earlier life of this process, and gets our data if we have any. An
 *   ephemeral znode is somebody else's, and waited for. No server tells a znode with a time to live from a persistent one, so one
 *   that lay there and has none will not go by itself.
 * - A lost connection or session changes nothing. It is told to be gone when it is.
 * - Emulated, each touch is an event for those who watch its data, though that stays the same.
 * - Closing removes it, and nothing that took its place. With `onClose: "leave"` it is left to its end.
 *
 * Layout: the path, and in it the child `touch`, as Apache Curator's PersistentTtlNode has it; emulated, the path alone.
 */
import type { Acl, Client, Data } from "@zk/client";
import { isZkError } from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { checkInteger, checkRecipePath } from "../core/checks.js";
import { goOn } from "../core/going-on.js";
import { type Removal, whileConnected } from "../core/janitor.js";
import { Listeners } from "../core/listeners.js";
import { nextEvent } from "../core/next-event.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { isSame, KeptData } from "./kept-data.js";
import type { PersistentNodeEvent, PersistentNodeState } from "./persistent-node.js";
import { hasNoTtl, type TtlKept, type TtlTaken, TtlZnode } from "./ttl-znode.js";

/** Options of {@link PersistentTtlNode}. */
export interface PersistentTtlNodeOptions {
  /** Milliseconds without a touch after which it may go. From 2 to 1 099 511 627 775. */
  readonly ttlMs: number;
  /** What the znode says. Default: nothing (null) if it is made, and what it says if it lies there. */
  readonly data?: Data;
  /** Milliseconds between touches, less than `ttlMs`. Default: half of it. */
  readonly touchEveryMs?: number;
  /** Name of the child that is touched. Default `touch`. */
  readonly childName?: string;
  /** Whether a persistent znode will do where the servers have no others; if not, it ends with UNAVAILABLE. Default true. */
  readonly emulate?: boolean;
  /** What to do when an ephemeral znode lies at the path: wait until it is gone, or end with CONFLICT. Default `wait`. */
  readonly onTaken?: "wait" | "fail";
  /** Whether closing removes it, or leaves it to its end or to others who keep it. Default `remove`. */
  readonly onClose?: "remove" | "leave";
  /** Of the znode, of its child, and of the parents if they are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** What {@link PersistentTtlNode.onEvent} tells. */
export type PersistentTtlNodeEvent =
  /** It is there. `emulated`: a persistent znode, that somebody else has to remove. `adopted`: it lay there already. */
  | {
      readonly type: "established";
      readonly path: string;
      readonly token: bigint;
      readonly emulated: boolean;
      readonly adopted: boolean;
    }
  /** It is not there any more: removed, or its time was over. It will be made again. */
  | { readonly type: "gone"; readonly path: string; readonly token: bigint }
  | Extract<PersistentNodeEvent, { readonly type: "taken" | "changed" | "refused" | "failed" }>;

/** The longest time to live that servers take. Source: ZooKeeper 3.5.4, EphemeralType.java */
const TTL_MS_MAX = 0xff_ffff_ffff;
/** The longest that a timer can be set to. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** A znode that lived so long was not lost for a reason that comes back at once. */
const CALM_MS = 10_000;
const RECIPE = "PersistentTtlNode";

/** See the head of this file. */
export class PersistentTtlNode implements AsyncDisposable {
  readonly path: string;
  readonly #client: Client;
  readonly #options: PersistentTtlNodeOptions;
  readonly #touchEveryMs: number;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #events = new Listeners<PersistentTtlNodeEvent>();
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  readonly #data: KeptData;
  readonly #znode: TtlZnode;
  readonly #backoff: Backoff;
  #running: Promise<Removal | undefined> | undefined;
  #kept: TtlKept | undefined;
  /** Monotonic; when the next touch is due. */
  #touchAtMs = 0;
  /** The czxid of the one that was kept last. */
  #lastToken: bigint | undefined;
  /** Nobody has said what it is to say, and it lay there. */
  #adoptsData = false;
  /** What it said when it was looked at last. */
  #seen: Uint8Array | null | undefined;
  #sinceMs = 0;
  #removals = 0;
  #toldTaken: bigint | undefined;
  #isTaken = false;
  /** Those who wait until it is established for the first time. */
  #first: { resolve(): void; reject(error: unknown): void } | undefined;

  /**
   * @param path of the znode; its parents are made when they are needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using node = await new PersistentTtlNode(client, "/jobs/7/owner", { ttlMs: 600_000, data: "worker-3" }).start();
   * console.log(node.emulated);
   * ```
   */
  constructor(client: Client, path: string, options: PersistentTtlNodeOptions) {
    checkRecipePath(RECIPE, path);
    this.#about = { recipe: RECIPE, path };
    const { ttlMs, childName = "touch" } = options;
    checkInteger(this.#about, "ttlMs", ttlMs, { min: 2, max: TTL_MS_MAX });
    this.#touchEveryMs = options.touchEveryMs ?? Math.floor(ttlMs / 2);
    checkInteger(this.#about, "touchEveryMs", this.#touchEveryMs, { min: 1, max: ttlMs - 1 });
    if (typeof childName !== "string" || childName === "" || childName.includes("/"))
      throw this.#error("INVALID_ARGUMENT", "childName must be a name without /");
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#data = new KeptData(client, options.data ?? null, (data) => {
      this.#events.tell({ type: "changed", path, data });
    });
    const data = (): Data => this.#data.take();
    this.#znode = new TtlZnode(client, { path, childName, ttlMs, acl: options.acl, data });
    this.#backoff = new Backoff(client);
  }

  /** Where it stands now. `suspect`: it was there, and the connection is lost or in doubt. */
  get state(): PersistentNodeState {
    if (this.#ended.signal.aborted) return "failed";
    if (this.#stop.signal.aborted) return "closed";
    if (this.#running === undefined) return "idle";
    if (this.#kept !== undefined) return this.#client.state === "connected" ? "established" : "suspect";
    return this.#isTaken ? "taken" : "establishing";
  }

  /** Whether it is a persistent znode that a reaper has to remove, because the servers have no others; undefined while there is none. */
  get emulated(): boolean | undefined {
    return this.#kept?.emulated;
  }

  /** The znode's czxid; undefined while there is none. */
  get token(): bigint | undefined {
    return this.#kept?.czxid;
  }

  /** Aborts when the znode is kept no longer although nobody closed it; the reason is the error. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Hears of what happens to the znode. @returns what ends it */
  onEvent(listener: (event: PersistentTtlNodeEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Begins, and resolves when the znode is there. If that fails it is closed again.
   *
   * @returns itself
   * @throws RecipeError CONFLICT (an ephemeral znode has its place, with `onTaken: "fail"`), UNAVAILABLE (the servers have no times
   *   to live, with `emulate: false`), ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED (it was closed meanwhile, or has been started
   *   before); ZkError NO_AUTH and the like
   */
  async start(options: WaitOptions = {}): Promise<this> {
    if (this.#running !== undefined || this.#stop.signal.aborted)
      throw this.#error("RELEASED", "it can be started once; make another one");
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    const established = new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
    });
    this.#running = this.#run();
    try {
      await patience.race(established);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#first = undefined;
    }
    return this;
  }

  /**
   * Changes the data, now if the znode is there, otherwise when it is. Resolves when the server has it. A wait that ends before
   * takes nothing back.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, RELEASED; ZkError for what a server refuses
   */
  async setData(data: Data, options: WaitOptions = {}): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw this.#error("RELEASED", "it was closed");
    using patience = new Patience(this.#client, this.#about, options);
    await patience.race(this.#data.set(data));
  }

  /**
   * Ends it. Resolves when the server has removed the znode, or when that cannot be had now: it goes on until the znode is gone or
   * the session is over, and its time to live does the rest. May be called again.
   *
   * @param options `timeoutMs`: how long to wait for the server while it is connected; default a third of the session timeout
   * @returns whether the znode is known to be gone; false with `onClose: "leave"`, and while it has children of others
   * @throws RecipeError REFUSED when the server does not let us remove the znode
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<{ readonly confirmed: boolean }> {
    this.#stop.abort();
    const closed = this.#error("RELEASED", "it was closed");
    this.#data.end(closed);
    this.#first?.reject(closed);
    if (this.#running === undefined) return { confirmed: true };
    const limitMs = options.timeoutMs ?? this.#client.sessionTimeoutMs / 3;
    const left = { outcome: "sessionOver" } as const;
    const running = this.#running.then((removal) => removal ?? left);
    const ended = await whileConnected(this.#client, running, limitMs);
    if (ended?.outcome === "failed")
      throw this.#error("REFUSED", "its znode could not be removed", ended.error);
    return { confirmed: ended?.outcome === "removed" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Keeps it again and again. Never rejects. @returns what became of it in the end */
  async #run(): Promise<Removal | undefined> {
    await goOn<never>({
      client: this.#client,
      about: this.#about,
      stop: this.#stop.signal,
      round: async (patience, calm) => {
        if (this.#kept === undefined && !(await this.#establish(patience))) return undefined;
        await this.#keep(patience, calm);
        return undefined;
      },
      troubled: (error, retryMs) => {
        this.#first?.reject(error);
        if (retryMs !== undefined) this.#events.tell({ type: "refused", error, retryMs });
      },
      failed: (error) => {
        this.#ended.abort(error);
        this.#data.end(error);
        this.#first?.reject(error);
        this.#events.tell({ type: "failed", error });
      },
    });
    if (this.#options.onClose === "leave") return undefined;
    const kept = this.#kept;
    this.#kept = undefined;
    return await this.#znode.remove(kept);
  }

  /** @returns false when it has to be tried again */
  async #establish(patience: Patience): Promise<boolean> {
    const client = this.#client;
    let made: TtlKept | TtlTaken;
    try {
      made = await this.#znode.make(patience, this.#options.emulate ?? true);
    } catch (error) {
      if (!hasNoTtl(error)) throw error;
      throw this.#error("UNAVAILABLE", "the servers have no znodes with a time to live", error);
    }
    if ("taken" in made) return await this.#waitForEnd(made, patience);
    this.#kept = made;
    this.#isTaken = false;
    this.#toldTaken = undefined;
    const { czxid, emulated, found } = made;
    this.#sinceMs = client.clock.nowMs();
    this.#seen = undefined;
    const adopted = found !== undefined && czxid !== this.#lastToken;
    this.#lastToken = czxid;
    // One that lay there may be near its end.
    this.#touchAtMs = found === undefined ? this.#sinceMs + this.#touchEveryMs : this.#sinceMs;
    this.#adoptsData = adopted && this.#options.data === undefined && !this.#data.wasSet;
    const isForeign = adopted && !this.#adoptsData;
    const claimed = { path: this.path, czxid, sessionId: client.sessionId, adopted: isForeign };
    // The very one that was kept before was not made with what was to be said by now.
    if (found !== undefined && !adopted) this.#data.attachAgain(claimed);
    else this.#data.attach(claimed);
    this.#first?.resolve();
    this.#events.tell({ type: "established", path: this.path, token: czxid, emulated, adopted });
    return true;
  }

  /** @throws RecipeError CONFLICT */
  async #waitForEnd({ taken }: TtlTaken, patience: Patience): Promise<false> {
    const { ephemeralOwner: owner, czxid } = taken;
    this.#isTaken = true;
    if (this.#toldTaken !== czxid) {
      this.#toldTaken = czxid;
      this.#events.tell({ type: "taken", path: this.path, owner, czxid });
    }
    if (this.#options.onTaken === "fail")
      throw this.#error("CONFLICT", `there is an ephemeral znode of the session 0x${owner.toString(16)}`);
    const changed = nextEvent();
    try {
      const exists = this.#client.exists.bind(this.#client);
      const stat = await patience.read((call) => exists(this.path, { ...call, watch: changed.listener }));
      if (stat?.czxid === czxid) await patience.race(changed.promise);
    } finally {
      this.#client.unwatch(this.path, changed.listener);
    }
    return false;
  }

  /** Resolves when it is gone, or has to be made in another way. What it throws ends neither the znode nor our keeping it. */
  async #keep(patience: Patience, calm: () => void): Promise<void> {
    const kept = this.#kept as TtlKept;
    const client = this.#client;
    this.#data.attachAgain({
      path: this.path,
      czxid: kept.czxid,
      sessionId: client.sessionId,
      adopted: false,
    });
    for (;;) {
      const changed = nextEvent();
      try {
        const isThere = await this.#look(kept, changed.listener, patience);
        if (!isThere) return await this.#gone(kept, patience);
        const isDue = await this.#untilDue(changed.promise, patience);
        if (!isDue) continue;
      } finally {
        client.unwatch(this.path, changed.listener);
      }
      const touched = await this.#znode.touch(kept, patience);
      if (touched === "gone") return await this.#gone(kept, patience);
      if (touched === "changed") {
        this.#kept = undefined;
        return;
      }
      this.#touchAtMs = client.clock.nowMs() + this.#touchEveryMs;
      calm();
    }
  }

  /** Whether the very znode is there; what it says is looked at as well. */
  async #look(kept: TtlKept, watch: () => void, patience: Patience): Promise<boolean> {
    try {
      const { data, stat } = await patience.read((call) =>
        this.#client.getData(this.path, { ...call, watch }),
      );
      if (stat.czxid !== kept.czxid) return false;
      if (this.#adoptsData) this.#data.adopt(data);
      this.#adoptsData = false;
      // Most of what happens to it is that it is touched.
      if (this.#seen === undefined || !isSame(data, this.#seen)) this.#data.seen(data);
      this.#seen = data;
      return true;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return false;
      throw error;
    }
  }

  /** @returns whether a touch is due; false when something happened to the znode before */
  async #untilDue(changed: Promise<void>, patience: Patience): Promise<boolean> {
    const { clock } = this.#client;
    const delayMs = Math.min(this.#touchAtMs - clock.nowMs(), TIMER_MS_MAX);
    if (delayMs <= 0) return true;
    let cancelTimer = (): void => {};
    const due = new Promise<void>((resolve) => {
      cancelTimer = clock.setTimer(delayMs, resolve);
    });
    try {
      await patience.race(Promise.race([changed, due]));
    } finally {
      cancelTimer();
    }
    return clock.nowMs() >= this.#touchAtMs;
  }

  async #gone(kept: TtlKept, patience: Patience): Promise<void> {
    this.#kept = undefined;
    this.#data.detach();
    this.#events.tell({ type: "gone", path: this.path, token: kept.czxid });
    // Somebody removes it: the first time it is made again at once, later with pauses that grow.
    this.#removals = this.#client.clock.nowMs() - this.#sinceMs >= CALM_MS ? 1 : this.#removals + 1;
    if (this.#removals === 1) this.#backoff.calm();
    else await this.#backoff.pause(patience);
  }

  #error(
    code: "RELEASED" | "CONFLICT" | "REFUSED" | "UNAVAILABLE" | "INVALID_ARGUMENT",
    message: string,
    cause?: unknown,
  ): RecipeError {
    return new RecipeError({ code, message, ...this.#about, cause });
  }
}
