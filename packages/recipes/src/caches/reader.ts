/**
 * Reads what a cache is of, watches it, and reads again what has changed: by one-shot watches, which every read sets anew, or
 * where it may and can by one persistent watch over all of it.
 *
 * This file stays whole: what is stale, what is being read and what is in doubt are one state.
 *
 * Rules:
 * - One read of a path at a time, so that its changes are taken in in their order. What is told of a path while it is read
 *   makes it read once more.
 * - A watch stands on every znode that is kept, and on every list; none on what is gone, save the root.
 * - After a lost connection one-shot watches are set again by the client, and tell what has changed; the root is looked at. In
 *   a new session, and with a persistent watch on each connection, everything is read again, and the differences are told.
 * - Many clients come back at the same moment: what is read then waits a random time.
 */
import {
  type Client,
  isZkError,
  type PersistentWatchEvent,
  type ReadOptions,
  type SessionState,
  type Stat,
  type WatchEvent,
} from "@zk/client";
import { directoryOf } from "../core/paths.js";
import { onState } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { CatchUp } from "./catch-up.js";
import type { Contents } from "./contents.js";
import { replyOf } from "./replies.js";
import { StandingWatch } from "./standing-watch.js";
import type { CachedNode } from "./types.js";

/** Reads that one cache keeps under way, so that it leaves room for others. */
const CONCURRENCY = 64;

/** What a reader needs to know. */
export interface ReaderOptions {
  readonly client: Client;
  readonly recipe: string;
  readonly withData: boolean;
  readonly nodesMax: number;
  /** Milliseconds over which what is read after a lost connection is spread. */
  readonly jitterMs: number;
  /** Whether one persistent watch over everything below the root is to be tried. */
  readonly persistent: boolean;
}

/** Where a reader tells how it stands. */
export interface ReaderListener {
  /** All is read, and nothing was in doubt meanwhile. */
  synced(): void;
  /** Nothing is under way: what is known is of one moment. */
  current(): void;
  /** From now on something may be missed until it is synced. */
  stale(): void;
  /** No more is read. @param error why, unless it was asked for */
  ended(error: unknown): void;
}

/** What has to be read at a path. */
interface Stale {
  node: boolean;
  children: boolean;
}

const BOTH: Readonly<Stale> = { node: true, children: true };

/** See the head of this file. */
export class Reader {
  readonly #options: ReaderOptions;
  readonly #client: Client;
  readonly #contents: Contents;
  readonly #listener: ReaderListener;
  readonly #root: string;
  readonly #standing: StandingWatch | undefined;
  readonly #stale = new Map<string, Stale>();
  /** Paths that are being read. A set of its own for each session: what was read in another counts no more. */
  #busy = new Set<string>();
  readonly #catchUps = new Set<CatchUp>();
  /** Counts full loads. */
  #load = 0;
  /** Counts loads and looks, and whatever makes one that is under way say nothing. */
  #round = 0;
  #sessionId = 0n;
  /** What is known is of a session that is over: everything is to be read again. */
  #needsLoad = true;
  #inDoubt = true;
  #isOver = false;
  #cancelTimer = (): void => {};
  #unsubscribe = (): void => {};
  readonly #onEvent = (event: WatchEvent): void => this.#heard(event);

  constructor(options: ReaderOptions, contents: Contents, listener: ReaderListener) {
    this.#options = options;
    this.#client = options.client;
    this.#contents = contents;
    this.#listener = listener;
    this.#root = contents.root;
    if (!options.persistent) return;
    this.#standing = new StandingWatch(options.client, contents.root, {
      heard: (event) => this.#heardOfTree(event),
      lost: () => {
        this.#needsLoad = true;
      },
      replaced: () => {
        if (this.#mayRead) this.#loadAll();
      },
    });
  }

  /** Whether one persistent watch stands over everything. */
  get isPersistent(): boolean {
    return this.#standing?.stands ?? false;
  }

  /** Begins to read. */
  start(): void {
    this.#unsubscribe = onState(this.#client, (state) => this.#went(state));
    this.#sessionId = this.#client.sessionId;
    if (this.#mayRead) this.#loadAll();
  }

  /** Whether everything that was told is read, and nothing can have been missed. */
  get isCurrent(): boolean {
    return !this.#isOver && this.isLive && this.#stale.size === 0 && this.#busy.size === 0;
  }

  /** Whether whatever changes is told, and read soon. */
  get isLive(): boolean {
    return !this.#inDoubt && this.#client.state === "connected";
  }

  /** Reads everything again. Resolves when it is read. */
  reload(): Promise<void> {
    if (this.#mayRead) this.#loadAll();
    return this.#catchUp([this.#root]);
  }

  /** Resolves when everything is read that was told up to now. */
  catchUp(): Promise<void> {
    // Somebody waits: it is no time for pauses.
    if (this.#needsLoad && this.#client.state === "connected") this.#loadAll();
    return this.#catchUp([...this.#stale.keys(), ...this.#busy]);
  }

  /** Without a session we wait for the next. That a client is closed its calls say better than we could. */
  get #mayRead(): boolean {
    const { state } = this.#client;
    return state !== "idle" && state !== "expired";
  }

  /** @param error why; undefined when it is asked for */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unsubscribe();
    this.#cancelTimer();
    this.#stale.clear();
    this.#standing?.end();
    for (const path of new Set([this.#root, ...this.#contents.paths, ...this.#busy])) this.#unwatch(path);
    const { recipe } = this.#options;
    const closed = new RecipeError({ code: "RELEASED", message: "it was closed", recipe, path: this.#root });
    for (const each of this.#catchUps) each.fail(error ?? closed);
    this.#catchUps.clear();
    this.#listener.ended(error);
  }

  /** Nothing more is to be read of a path that was forgotten. */
  forgotten(path: string): void {
    if (path === this.#root) return;
    this.#stale.delete(path);
    // What is being read takes its watch back itself, if nobody wants it then.
    if (this.#busy.has(path)) return;
    this.#unwatch(path);
    this.#each((catchUp) => catchUp.forget(path));
  }

  #went(state: SessionState): void {
    if (state === "connected") return this.#connected();
    if (state === "closed") return this.end();
    if (state === "expired") this.#sessionOver();
    // Of refused credentials every call has its own to say; one that is under way tells us.
    if (state === "authFailed") this.#mark(this.#root, BOTH);
    if (state === "connecting" || state === "idle") return;
    this.#round += 1;
    this.#cancelTimer();
    if (this.#inDoubt) return;
    this.#inDoubt = true;
    this.#listener.stale();
  }

  #connected(): void {
    const { sessionId } = this.#client;
    if (this.#sessionId !== 0n && sessionId !== this.#sessionId && !this.#needsLoad) this.#sessionOver();
    const isFirst = this.#sessionId === 0n;
    this.#sessionId = sessionId;
    if (isFirst && !this.#needsLoad) return;
    const chance = (this.#client.randomness.seed() >>> 0) / 2 ** 32;
    this.#cancelTimer = this.#client.clock.setTimer(chance * this.#options.jitterMs, () => {
      if (this.#needsLoad) this.#loadAll();
      else this.#lookAtRoot();
    });
  }

  #sessionOver(): void {
    this.#needsLoad = true;
    this.#stale.clear();
    this.#busy = new Set();
    for (const each of this.#catchUps) each.restart(this.#root);
  }

  #loadAll(): void {
    this.#cancelTimer();
    this.#needsLoad = false;
    this.#load += 1;
    this.#begin(BOTH);
  }

  /** The watches were set again, but a connection was lost: a small proof that we are told of what happens. */
  #lookAtRoot(): void {
    const { keep } = this.#contents.roleOf(this.#root);
    this.#begin({ node: keep, children: !keep });
  }

  #begin(what: Stale): void {
    this.#round += 1;
    const round = this.#round;
    this.#mark(this.#root, { ...what });
    // What the watches told on the way is read as well.
    this.#catchUp([this.#root])
      .then(() => this.#catchUp([...this.#stale.keys(), ...this.#busy]))
      .then(
        () => {
          if (round !== this.#round || this.#isOver) return;
          this.#inDoubt = false;
          this.#listener.synced();
          if (this.isCurrent) this.#listener.current();
        },
        () => {
          // It has ended, and has said so.
        },
      );
  }

  #catchUp(paths: readonly string[]): Promise<void> {
    const catchUp = new CatchUp();
    for (const path of paths) catchUp.need(path, this.#readsLeft(path));
    if (this.#needsLoad) catchUp.restart(this.#root);
    if (!catchUp.check()) this.#catchUps.add(catchUp);
    return catchUp.done;
  }

  #readsLeft(path: string): number {
    return (this.#busy.has(path) ? 1 : 0) + (this.#stale.has(path) ? 1 : 0);
  }

  #each(work: (catchUp: CatchUp) => void): void {
    for (const catchUp of this.#catchUps) {
      work(catchUp);
      if (catchUp.check()) this.#catchUps.delete(catchUp);
    }
  }

  #heard(event: WatchEvent): void {
    // Of the session's end the client's state tells, once and not for each watch.
    if (this.#isOver || event.type === "None") return;
    const { path } = event;
    // A late event of a znode that is forgotten already.
    if (!this.#contents.wants(path)) return;
    if (event.type === "NodeChildrenChanged") return this.#mark(path, { node: false, children: true });
    // A removed znode is not read again, which could leave a watch on nothing: if it comes back, its parent's list tells.
    if (event.type === "NodeDeleted" && path !== this.#root && !this.#busy.has(path)) {
      return this.#contents.forget(path);
    }
    this.#mark(path, { node: true, children: event.type !== "NodeDataChanged" });
  }

  /** What one-shot watches would have told: of a znode that comes or goes its parent's list as well. */
  #heardOfTree({ type, path }: PersistentWatchEvent): void {
    this.#heard({ type, path });
    if (path === this.#root || type === "NodeDataChanged") return;
    this.#heard({ type: "NodeChildrenChanged", path: directoryOf(path) });
  }

  #mark(path: string, what: Stale): void {
    if (this.#isOver) return;
    const stale = this.#stale.get(path);
    if (stale === undefined) {
      this.#stale.set(path, { ...what });
    } else {
      stale.node ||= what.node;
      stale.children ||= what.children;
    }
    this.#work();
  }

  /** Reads what is stale, as far as the limit allows. */
  #work(): void {
    if (this.#busy.size >= CONCURRENCY) return;
    for (const [path, what] of this.#stale) {
      const busy = this.#busy;
      if (busy.has(path)) continue;
      this.#stale.delete(path);
      busy.add(path);
      this.#read(path, what, busy)
        .catch((error: unknown) => this.end(error))
        .then(() => {
          busy.delete(path);
          if (busy !== this.#busy) return;
          const isWanted = !this.#isOver && this.#contents.wants(path);
          if (!isWanted) this.#unwatch(path);
          this.#each((catchUp) => (isWanted ? catchUp.read(path) : catchUp.forget(path)));
          this.#work();
          if (this.isCurrent) this.#listener.current();
        });
      if (busy.size >= CONCURRENCY) return;
    }
  }

  async #read(path: string, what: Stale, session: Set<string>): Promise<void> {
    const { keep, descend } = this.#contents.roleOf(path);
    if (path === this.#root && this.#standing !== undefined) {
      const standing = await replyOf(this.#standing.ready());
      if (this.#isOver || session !== this.#busy) return;
      if ("error" in standing) return this.#failed(path, what, standing.error);
    }
    // Both at once: the answers come in this order.
    const [node, list] = await Promise.all([
      what.node && keep ? replyOf(this.#readNode(path)) : undefined,
      what.children && descend ? replyOf(this.#readChildren(path)) : undefined,
    ]);
    if (this.#isOver || session !== this.#busy) return;
    for (const reply of [node, list]) {
      if (reply !== undefined && "error" in reply && !isZkError(reply.error, "NO_NODE")) {
        return this.#failed(path, what, reply.error);
      }
    }
    // It has been forgotten meanwhile.
    if (!this.#contents.wants(path)) return;
    if (node !== undefined) {
      const read = "value" in node ? node.value : null;
      if (read === null) this.#contents.forget(path);
      else this.#learnNode(path, read, descend && list === undefined);
    }
    if (list !== undefined) {
      if ("error" in list) this.#contents.forget(path);
      else this.#learnList(path, list.value.children, list.value.stat);
    }
    if (path === this.#root && !this.#contents.has(path)) await this.#awaitRoot(session);
  }

  #learnNode(path: string, { data, stat }: Omit<CachedNode, "path">, wantsList: boolean): void {
    const learned = this.#contents.learnNode(path, data, stat);
    if (learned === "full") return this.#full();
    if (learned === "new" && wantsList) this.#markAgain(path, { node: false, children: true });
  }

  #learnList(path: string, names: readonly string[], stat: Stat): void {
    // Its node was not there a moment before.
    if (!this.#contents.wants(path)) return;
    const { learned, read } = this.#contents.learnChildren(path, names, stat, this.#load);
    if (learned === "full") return this.#full();
    if (learned === "mixed") return this.#markAgain(path, BOTH);
    for (const child of read) {
      this.#mark(child, BOTH);
      this.#each((catchUp) => {
        if (catchUp.needs(path)) catchUp.need(child, this.#readsLeft(child));
      });
    }
  }

  /** There is no root: a watch hears of its creation. */
  async #awaitRoot(session: Set<string>): Promise<void> {
    if (this.isPersistent) return;
    const reply = await replyOf(this.#client.exists(this.#root, this.#reading));
    if (this.#isOver || session !== this.#busy) return;
    if ("error" in reply) return this.#failed(this.#root, BOTH, reply.error);
    if (reply.value !== null) this.#markAgain(this.#root, BOTH);
  }

  async #failed(path: string, what: Stale, error: unknown): Promise<void> {
    if (isZkError(error, "CONNECTION_LOSS")) return this.#markAgain(path, what);
    if (isZkError(error, "QUEUE_FULL")) {
      await this.#client.drained();
      return this.#markAgain(path, what);
    }
    // The client says `expired` to everybody; what was read is worth nothing then.
    if (isZkError(error, "SESSION_EXPIRED") || isZkError(error, "NOT_CONNECTED")) return this.#sessionOver();
    if (isZkError(error, "CLOSED")) return this.end();
    if (isZkError(error, "NO_AUTH") && path !== this.#root) {
      // A part of the tree that we may not read is left out; a root that we may not read is an error.
      const { recipe } = this.#options;
      telemetryOf(this.#client).tell({ type: "unreadable", recipe, path, error });
      return this.#contents.forget(path);
    }
    this.end(error);
  }

  /** The read that is ending has not done what it should: those who wait for it wait for the next. */
  #markAgain(path: string, what: Stale): void {
    this.#mark(path, what);
    this.#each((catchUp) => {
      if (catchUp.needs(path)) catchUp.need(path, this.#readsLeft(path));
    });
  }

  #full(): void {
    const { recipe, nodesMax } = this.#options;
    const message = `there are more than ${nodesMax} znodes (nodesMax)`;
    this.end(new RecipeError({ code: "CAPACITY", message, recipe, path: this.#root }));
  }

  async #readNode(path: string): Promise<Omit<CachedNode, "path"> | null> {
    if (this.#options.withData) return this.#client.getData(path, this.#reading);
    const stat = await this.#client.exists(path, this.#reading);
    if (stat !== null) return { data: null, stat };
    // The server keeps a watch for what may never come; ours is not for that.
    this.#unwatch(path);
    return null;
  }

  #readChildren(path: string): ReturnType<Client["getChildrenWithStat"]> {
    return this.#client.getChildrenWithStat(path, this.#reading);
  }

  get #reading(): ReadOptions {
    return this.isPersistent ? FOREVER : { ...FOREVER, watch: this.#onEvent };
  }

  #unwatch(path: string): void {
    this.#client.unwatch(path, this.#onEvent);
  }
}

const FOREVER = { timeoutMs: Number.POSITIVE_INFINITY, retry: "safe" } as const;
