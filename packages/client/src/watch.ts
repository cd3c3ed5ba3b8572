/**
 * Watching a znode, or a whole subtree, for as long as one likes.
 *
 * A 3.4.6 server has one-shot watches only, so the stream sets a new watch with every read and compares what it reads
 * with what it knew. What it promises:
 * - No change that lasts is missed, over reconnects and server changes too: after any change the stream comes to the
 *   state that the server has.
 * - Several changes of one znode in quick succession may be told as one. Created and removed again in between may not be
 *   told at all. (Persistent watches of newer servers would tell each; `emulated` says that these do not.)
 * - At one znode, changes are told in their order.
 * - A slow consumer holds the reading back; nothing piles up without bound.
 */
import { baseName, type GetChildren2Response, joinPath, parentPath, type Stat } from "@zk/protocol";
import { Fifo } from "./core/fifo.js";
import { isZkError, type WatchNotice, ZkError } from "./core/index.js";
import { onAbort } from "./io/on-abort.js";
import type { Notified } from "./watch-listener.js";

/** Options of {@link Client.watch}. */
export interface WatchOptions {
  /** Watch everything below as well. Default false. */
  readonly recursive?: boolean;
  /** Ends the stream: iterating rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Znodes that a recursive watch keeps in sight at most; past that it fails with WATCHES_FULL. Default 100 000. */
  readonly nodesMax?: number;
}

/** One change. */
export interface WatchChange {
  /** `NodeChildrenChanged` only without `recursive`, where created and removed znodes are told by themselves. */
  readonly type: "NodeCreated" | "NodeDeleted" | "NodeDataChanged" | "NodeChildrenChanged";
  readonly path: string;
  /** The znode's stat after the change; null when it is gone. */
  readonly stat: Stat | null;
}

/** A stream of changes. Leaving the loop, `return()` and `close()` end it and take its watches back. */
export interface WatchStream extends AsyncIterableIterator<WatchChange, undefined>, AsyncDisposable {
  /** True when one-shot watches are set again and again, so that quick changes may be told as one. */
  readonly emulated: boolean;
  /** Resolves when all watches stand: every change after it is told. Rejects when the stream ended before. */
  readonly ready: Promise<void>;
  /** Ends the stream; who waits for a change is told that there are no more. */
  close(): void;
  return(): Promise<IteratorResult<WatchChange, undefined>>;
}

/** What the stream needs of its client. Paths are the user's. */
export interface WatchHost {
  /** Resolves when there is room for more reads. */
  drained(): Promise<void>;
  toUser(serverPath: string): string;
  readStat(path: string, watcher: object): Promise<Stat | null>;
  readChildren(path: string, watcher: object): Promise<GetChildren2Response>;
  unwatch(path: string, watcher: object): void;
}

/** Reads that one stream keeps under way. */
const CONCURRENCY = 64;
/** Changes that may wait for the consumer before reading stops. */
const BACKLOG_MAX = 1024;

/** Starts a stream; its first reads are under way when this returns. */
export function startWatch(host: WatchHost, path: string, options: WatchOptions): WatchStream {
  const nodesMax = options.nodesMax ?? 100_000;
  if (!(nodesMax >= 1)) {
    throw new ZkError({
      code: "INVALID_ARGUMENT",
      message: `nodesMax must be at least 1, not ${nodesMax}`,
      operation: "watch",
      path,
    });
  }
  return new Watch(host, path, options.recursive === true, nodesMax, options.signal);
}

interface Known {
  stat: Stat;
  /** As of the last read of the children; the stat's own may be newer. */
  pzxid: bigint;
  children: Set<string>;
}

/** What has to be read again at a path. */
interface Stale {
  stat: boolean;
  children: boolean;
}

type Ending = { readonly error: unknown } | { readonly error?: undefined };

class Watch implements WatchStream, Notified {
  readonly emulated = true;
  readonly ready: Promise<void>;

  readonly #host: WatchHost;
  readonly #root: string;
  readonly #recursive: boolean;
  readonly #nodesMax: number;
  readonly #known = new Map<string, Known>();
  readonly #stale = new Map<string, Stale>();
  readonly #busy = new Set<string>();
  readonly #changes = new Fifo<WatchChange>();
  readonly #waiting = new Fifo<{
    resolve(result: IteratorResult<WatchChange, undefined>): void;
    reject(error: unknown): void;
  }>();
  #isReady = false;
  #becomeReady: () => void = () => {};
  #failReady: (error: unknown) => void = () => {};
  #ending: Ending | undefined;
  #release: () => void = () => {};

  constructor(
    host: WatchHost,
    root: string,
    recursive: boolean,
    nodesMax: number,
    signal: AbortSignal | undefined,
  ) {
    this.#host = host;
    this.#root = root;
    this.#recursive = recursive;
    this.#nodesMax = nodesMax;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    // Who does not ask for it is told by the iteration.
    this.ready.catch(() => {});
    if (signal !== undefined) this.#obey(signal);
    if (this.#ending === undefined) this.#mark(root, { stat: true, children: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<WatchChange, undefined>> {
    const change = this.#changes.shift();
    if (change !== undefined) {
      this.#work();
      return Promise.resolve({ done: false, value: change });
    }
    if (this.#ending !== undefined) {
      const { error } = this.#ending;
      // An error is told once; after it the stream is simply over.
      this.#ending = {};
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<WatchChange, undefined>> {
    this.close();
    return Promise.resolve(DONE);
  }

  close(): void {
    this.#changes.drain();
    this.#end({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  notify(notice: WatchNotice): void {
    if (this.#ending !== undefined) return;
    if (notice.type === "None") return this.#sessionOver(notice.state);
    const path = this.#host.toUser(notice.serverPath);
    // A late event of a znode that is forgotten already.
    if (path !== this.#root && !this.#known.has(path)) return;
    if (notice.type === "NodeChildrenChanged") return this.#mark(path, { stat: false, children: true });
    // A removed znode below the root is not read again: that would leave a watch on nothing. If it comes back, its
    // parent's children tell.
    if (notice.type === "NodeDeleted" && path !== this.#root) return this.#forget(path);
    this.#mark(path, { stat: true, children: notice.type !== "NodeDataChanged" });
  }

  #obey(signal: AbortSignal): void {
    const abort = (): void => {
      this.#changes.drain();
      this.#end({
        error: new ZkError({
          code: "ABORTED",
          message: "the watch was given up",
          operation: "watch",
          path: this.#root,
          cause: signal.reason,
        }),
      });
    };
    if (signal.aborted) return abort();
    this.#release = onAbort(signal, abort);
  }

  #sessionOver(state: "expired" | "authFailed" | "closed"): void {
    if (state === "closed") return this.#end({});
    this.#end({
      error: new ZkError({
        code: state === "expired" ? "SESSION_EXPIRED" : "AUTH_FAILED",
        message: "the session ended, and its watches with it",
        operation: "watch",
        path: this.#root,
      }),
    });
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#release();
    this.#stale.clear();
    for (const path of new Set([this.#root, ...this.#known.keys(), ...this.#busy]))
      this.#host.unwatch(path, this);
    this.#known.clear();
    this.#failReady(
      ending.error ??
        new ZkError({
          code: "CLOSED",
          message: "the watch was closed",
          operation: "watch",
          path: this.#root,
        }),
    );
    const first = this.#waiting.shift();
    if (first !== undefined) {
      this.#ending = {};
      if (ending.error === undefined) first.resolve(DONE);
      else first.reject(ending.error);
    }
    for (const waiting of this.#waiting.drain()) waiting.resolve(DONE);
  }

  #emit(type: WatchChange["type"], path: string, stat: Stat | null): void {
    // What is there at the start is the state to compare with, not a change.
    if (!this.#isReady || this.#ending !== undefined) return;
    const change = { type, path, stat };
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#changes.push(change);
    else waiting.resolve({ done: false, value: change });
  }

  #mark(path: string, what: Stale): void {
    const stale = this.#stale.get(path);
    if (stale === undefined) {
      this.#stale.set(path, what);
    } else {
      stale.stat ||= what.stat;
      stale.children ||= what.children;
    }
    this.#work();
  }

  /** Reads again what is stale, as far as the limits allow; one read of a path at a time keeps its changes in order. */
  #work(): void {
    if (this.#ending !== undefined) return;
    for (const [path, what] of this.#stale) {
      if (this.#busy.size >= CONCURRENCY || this.#changes.size >= BACKLOG_MAX) return;
      if (this.#busy.has(path)) continue;
      this.#stale.delete(path);
      this.#busy.add(path);
      this.#read(path, what)
        .catch((error: unknown) => this.#readFailed(path, what, error))
        .then(() => {
          this.#busy.delete(path);
          // Of a znode that the read did not find, or that is forgotten again, nobody wants to hear.
          if (path !== this.#root && !this.#known.has(path)) this.#host.unwatch(path, this);
          this.#work();
          if (this.#busy.size === 0 && this.#stale.size === 0 && !this.#isReady) {
            this.#isReady = true;
            this.#becomeReady();
          }
        });
    }
  }

  async #read(path: string, what: Stale): Promise<void> {
    let readChildren = what.children;
    if (what.stat) {
      const stat = await this.#host.readStat(path, this);
      if (this.#ending !== undefined) return this.#host.unwatch(path, this);
      if (stat === null) return this.#forget(path);
      if (this.#learn(path, stat)) readChildren = true;
    }
    if (readChildren && this.#known.has(path)) {
      const { children, stat } = await this.#host.readChildren(path, this);
      if (this.#ending !== undefined) return this.#host.unwatch(path, this);
      this.#learnChildren(path, children, stat);
    }
  }

  async #readFailed(path: string, what: Stale, error: unknown): Promise<void> {
    if (this.#ending !== undefined) return;
    if (isZkError(error, "NO_NODE")) {
      // It went between two reads. The root is read again, which leaves a watch for its return.
      this.#forget(path);
      if (path === this.#root) this.#mark(path, { stat: true, children: true });
      return;
    }
    if (isZkError(error, "CONNECTION_LOSS")) return this.#mark(path, what);
    if (isZkError(error, "QUEUE_FULL")) {
      await this.#host.drained();
      return this.#mark(path, what);
    }
    // A part of the tree that we may not read is left out; a root that we may not read is an error.
    if (isZkError(error, "NO_AUTH") && path !== this.#root) return;
    this.#end(isZkError(error, "CLOSED") ? {} : { error });
  }

  /** Takes in a stat. @returns whether the znode is new to us, its children then unknown */
  #learn(path: string, stat: Stat): boolean {
    let known = this.#known.get(path);
    if (known !== undefined && known.stat.czxid !== stat.czxid) {
      this.#forget(path);
      known = undefined;
    }
    if (known !== undefined) {
      const changed = known.stat.mzxid !== stat.mzxid;
      known.stat = stat;
      if (changed) this.#emit("NodeDataChanged", path, stat);
      return false;
    }
    if (this.#known.size >= this.#nodesMax) {
      const message = `more than ${this.#nodesMax} znodes are to be watched (nodesMax)`;
      this.#end({
        error: new ZkError({ code: "WATCHES_FULL", message, operation: "watch", path: this.#root }),
      });
      return false;
    }
    this.#known.set(path, { stat, pzxid: stat.pzxid, children: new Set() });
    if (path !== this.#root) this.#known.get(parentPath(path))?.children.add(baseName(path));
    this.#emit("NodeCreated", path, stat);
    return true;
  }

  #learnChildren(path: string, names: readonly string[], stat: Stat): void {
    const known = this.#known.get(path);
    if (known === undefined) return;
    if (!this.#recursive) {
      const changed = known.pzxid !== stat.pzxid;
      known.pzxid = stat.pzxid;
      if (changed) this.#emit("NodeChildrenChanged", path, stat);
      return;
    }
    const before = known.children;
    const now = new Set(names);
    known.children = now;
    for (const name of before) {
      if (!now.has(name)) this.#forget(joinPath(path, name));
    }
    for (const name of names) {
      const child = joinPath(path, name);
      if (!this.#known.has(child)) this.#mark(child, { stat: true, children: true });
    }
  }

  /** The znode is gone, and all that was below it. Told deepest first, as it must have happened. */
  #forget(path: string): void {
    const known = this.#known.get(path);
    if (known === undefined) return;
    for (const name of known.children) this.#forget(joinPath(path, name));
    this.#known.delete(path);
    if (path !== this.#root) {
      const parent = this.#known.get(parentPath(path));
      parent?.children.delete(baseName(path));
      // A read under way may find a znode that is there again; its watch is taken back by the answer, or stays.
      if (!this.#busy.has(path)) this.#host.unwatch(path, this);
    }
    this.#emit("NodeDeleted", path, null);
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
