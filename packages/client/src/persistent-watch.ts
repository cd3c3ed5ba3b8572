/**
 * Persistent watches: one that stays and is told of every change, of one znode or of a whole subtree. Servers have them from
 * 3.6.0 on.
 *
 * What one promises: while its `signal` has not aborted, every change is told, in the order of the changes, and before any answer
 * that shows it. What it does not promise is to outlive its connection: no server tells of what changed in between, so whoever
 * wants to know has to read anew then, and adds the watch again before that.
 */
import { AddWatchMode, OPERATIONS, OpCode, WatcherType } from "@zk/protocol";
import { checkPath } from "./checks.js";
import { type OperationSpec, type WatchNotice, ZkError } from "./core/index.js";
import { callListener } from "./emitter.js";
import { askWhetherFrom35 } from "./newer-servers.js";
import type { CallOptions } from "./options.js";
import type { Requests } from "./requests.js";

/** What a persistent watch tells. `NodeChildrenChanged` only to one that is not recursive. */
export interface PersistentWatchEvent {
  readonly type: "NodeCreated" | "NodeDeleted" | "NodeDataChanged" | "NodeChildrenChanged";
  readonly path: string;
}

/** Options of {@link Client.addWatch}. */
export interface AddWatchOptions extends CallOptions {
  /** Everything below as well: the creation, change and removal of each znode. Default true. */
  readonly recursive?: boolean;
}

/** A persistent watch that stands. Made by {@link Client.addWatch}. */
export interface PersistentWatch extends Disposable {
  readonly path: string;
  readonly recursive: boolean;
  /**
   * Aborts when nothing is told any more: the connection is lost, a one-shot watch was asked for at the very path, or it was
   * closed. The reason is a ZkError.
   */
  readonly signal: AbortSignal;
  /** Takes it back. A server from 3.9.0 on is told so; of others what is still sent finds nobody. */
  close(): void;
}

/** Whoever stands in the table of persistent watches on behalf of the facade. */
export interface PersistentlyNotified {
  notify(notice: WatchNotice): void;
  ended(reason: string): void;
}

/** What adding one needs of its client. */
export interface PersistentWatchHost {
  readonly requests: Requests;
  unwatch(serverPath: string, watcher: object): void;
  /** Whether somebody else's persistent watch stands at the path, or will. */
  isWatched(serverPath: string): boolean;
  listenerFailed(error: unknown): void;
}

const READ = { isWrite: false, throughLeader: false, absentIsAnswer: false } as const;
const ADD_WATCH: OperationSpec = {
  name: "addWatch",
  opCode: OpCode.ADD_WATCH,
  request: OPERATIONS.addWatch.request,
  response: OPERATIONS.addWatch.response,
  ...READ,
};
const REMOVE_WATCHES: OperationSpec = {
  name: "removeWatches",
  opCode: OpCode.REMOVE_WATCHES,
  request: OPERATIONS.removeWatches.request,
  response: null,
  ...READ,
};

const MODES = {
  persistent: AddWatchMode.PERSISTENT,
  persistentRecursive: AddWatchMode.PERSISTENT_RECURSIVE,
} as const;
/** A server before 3.9.0 refuses these two. Source: ZooKeeper 3.9.3, Watcher.java, WatcherType */
const TYPES = {
  persistent: WatcherType.PERSISTENT,
  persistentRecursive: WatcherType.PERSISTENT_RECURSIVE,
} as const;
/** See {@link Client.addWatch}. */
export async function addPersistentWatch(
  host: PersistentWatchHost,
  path: string,
  listener: (event: PersistentWatchEvent) => unknown,
  options: AddWatchOptions,
): Promise<PersistentWatch> {
  checkPath(path, "addWatch");
  if (typeof listener !== "function")
    throw new ZkError({
      code: "INVALID_ARGUMENT",
      message: "the listener must be a function",
      operation: "addWatch",
      path,
    });
  const { requests } = host;
  const budget = requests.budget("addWatch", path, options);
  await refuseOldServer(requests, path, budget.step());
  const watch = new Standing(host, path, listener, options.recursive ?? true);
  await requests.send(
    ADD_WATCH,
    path,
    { path: watch.serverPath, mode: MODES[watch.kind] },
    { ...budget.step(), retry: "none" },
    { watch: { watcher: watch, kind: watch.kind }, finish: () => undefined },
  );
  return watch;
}

/** A server that does not know the operation closes the connection, which is a high price for a question. */
async function refuseOldServer(requests: Requests, path: string, step: CallOptions): Promise<void> {
  if (await askWhetherFrom35(requests, { operation: "addWatch", path }, step)) return;
  const message = "the server is older than 3.5.0; persistent watches came with 3.6.0";
  throw new ZkError({ code: "UNIMPLEMENTED", message, operation: "addWatch", path });
}

class Standing implements PersistentWatch, PersistentlyNotified {
  readonly path: string;
  readonly recursive: boolean;
  readonly serverPath: string;
  readonly #host: PersistentWatchHost;
  readonly #listener: (event: PersistentWatchEvent) => unknown;
  readonly #over = new AbortController();

  constructor(
    host: PersistentWatchHost,
    path: string,
    listener: (event: PersistentWatchEvent) => unknown,
    recursive: boolean,
  ) {
    this.#host = host;
    this.path = path;
    this.recursive = recursive;
    this.serverPath = host.requests.toServer(path, "addWatch");
    this.#listener = listener;
  }

  get kind(): keyof typeof MODES {
    return this.recursive ? "persistentRecursive" : "persistent";
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  notify(notice: WatchNotice): void {
    // What was on its way when it was closed.
    if (notice.type === "None" || this.#over.signal.aborted) return;
    const event = { type: notice.type, path: this.#host.requests.chroot.toUser(notice.serverPath) };
    callListener(this.#listener, [event], (error) => this.#host.listenerFailed(error));
  }

  ended(reason: string): void {
    this.#end("CONNECTION_LOSS", reason);
  }

  close(): void {
    if (this.#over.signal.aborted) return;
    this.#end("CLOSED", "the watch was closed");
    const { requests } = this.#host;
    this.#host.unwatch(this.serverPath, this);
    // The server keeps one for all of us.
    if (this.#host.isWatched(this.serverPath)) return;
    requests
      .send(
        REMOVE_WATCHES,
        this.path,
        { path: this.serverPath, type: TYPES[this.kind] },
        { retry: "none" },
        { finish: () => undefined },
      )
      .catch(() => {
        // The connection has gone and the watch with it, or the server is too old: nobody hears of it either way.
      });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #end(code: "CONNECTION_LOSS" | "CLOSED", message: string): void {
    this.#over.abort(new ZkError({ code, message, operation: "addWatch", path: this.path }));
  }
}
