/**
 * The facade: one session as a value. It checks what it is given and hands everything on.
 *
 * This file stays whole although it is long: it is the list of what a client can do, one short method each, and most of it
 * is their documentation.
 */
import {
  type Acl,
  type GetACLResponse,
  type GetChildren2Response,
  type GetDataResponse,
  isSequentialMode,
  type MultiResult,
  OPEN_ACL_UNSAFE,
  type Stat,
} from "@zk/protocol";
import { createCarefully } from "./careful-create.js";
import { checkAcl, checkKind, checkParents, checkPath, checkPrefix, checkVersion } from "./checks.js";
import { Chroot } from "./chroot.js";
import { parseConnectionString } from "./connection-string.js";
import {
  type Diagnostic,
  type Limits,
  type OperationSpec,
  Secret,
  type SessionState,
  ZkError,
} from "./core/index.js";
import { Emitter } from "./emitter.js";
import { DiagnosticsChannel } from "./io/diagnostics-channel.js";
import { Driver } from "./io/driver.js";
import type { Clock, Ports, Randomness } from "./io/ports.js";
import { warn } from "./io/process-warning.js";
import { systemPorts } from "./io/system-ports.js";
import { newerKind, newerPart, sendToNewer } from "./newer-servers.js";
import { NEWER_SPECS, SPECS } from "./operations.js";
import {
  type AuthOption,
  type CallOptions,
  type ClientOptions,
  type CreateOptions,
  type CreateResult,
  positive,
  type ReadOptions,
  type ResolvedOptions,
  resolveOptions,
  toCredential,
  type VersionOptions,
} from "./options.js";
import {
  type AddWatchOptions,
  addPersistentWatch,
  type PersistentlyNotified,
  type PersistentWatch,
  type PersistentWatchEvent,
} from "./persistent-watch.js";
import { Requests } from "./requests.js";
import { type Data, toBytes } from "./text.js";
import { Transaction } from "./transaction.js";
import { removeTree } from "./tree.js";
import { startWatch, type WatchOptions, type WatchStream } from "./watch.js";
import { ListenerWatchers, type Notified, type WatchListener } from "./watch-listener.js";

/** What a client tells those who listen; see {@link Client.on}. */
export type ClientEvents = {
  /** The state changed; the second argument says why, in words. */
  state: readonly [state: SessionState, reason: string];
  /** What goes on inside; also on the `diagnostics_channel` named `zk:client`. */
  diagnostic: readonly [event: Diagnostic];
  /** A listener or watch of yours threw. Without a listener here, a process warning says so. */
  listenerError: readonly [error: unknown];
};

/**
 * Makes a client. It does nothing until {@link Client.connect} is called.
 *
 * @param connectionString `host1[:port],host2[:port],…[/chroot]`
 * @throws ZkError INVALID_ARGUMENT or INVALID_PATH for a string or options that cannot be used
 * @example
 * ```ts
 * await using client = createClient("127.0.0.1:2181,127.0.0.1:2182/shop", { sessionTimeoutMs: 10_000 });
 * await client.connect();
 * ```
 */
export function createClient(connectionString: string, options: ClientOptions = {}): Client {
  return new Client(connectionString, options);
}

/** A session with a ZooKeeper ensemble. Made by {@link createClient}. */
export class Client {
  readonly #driver: Driver;
  readonly #options: ResolvedOptions;
  readonly #ports: Ports;
  readonly #chroot: Chroot;
  readonly #watchers: ListenerWatchers;
  readonly #requests: Requests;
  readonly #events: Emitter<ClientEvents>;
  #tellingListenerError = false;
  readonly #finishCreate: (reply: { readonly path: string }, zxid: bigint) => CreateResult;

  constructor(connectionString: string, options: ClientOptions) {
    const parsed = parseConnectionString(connectionString);
    this.#ports = { ...systemPorts, ...options.ports };
    this.#options = resolveOptions(parsed, options, this.#ports.randomness.seed());
    const chroot = new Chroot(parsed.chroot);
    this.#chroot = chroot;
    this.#finishCreate = (reply, zxid) => ({ path: chroot.toUser(reply.path), zxid });
    const failed = (error: unknown): void => this.#listenerFailed(error);
    this.#events = new Emitter<ClientEvents>(failed);
    this.#watchers = new ListenerWatchers(chroot, failed);
    const channel = new DiagnosticsChannel(this);
    const { onHistory } = options;
    this.#driver = new Driver(this.#options.machine, this.#ports, {
      state: (state, reason) => {
        this.#events.emit("state", state, reason);
        if (state === "expired" && this.#options.afterExpiry === "renew") this.#renew();
      },
      watch: (watcher, notice) => (watcher as Notified).notify(notice),
      watchEnded: (watcher, reason) => (watcher as PersistentlyNotified).ended(reason),
      diagnostic: (event) => {
        channel.publish(event);
        this.#events.emit("diagnostic", event);
      },
      history: (record) => onHistory?.(record),
      wantsDiagnostics: () => channel.hasSubscribers || this.#events.has("diagnostic"),
      listenerFailed: failed,
    });
    this.#requests = new Requests(this.#driver, chroot, this.#options);
  }

  /** Where the session stands now. */
  get state(): SessionState {
    return this.#driver.state;
  }

  /** The session's id; 0n until a server granted one. */
  get sessionId(): bigint {
    return this.#driver.machine.session?.id ?? 0n;
  }

  /** With the id, all that is needed to take the session over. Sixteen zero bytes until a server granted one. */
  get sessionPassword(): Secret {
    return this.#driver.machine.session?.password ?? NO_PASSWORD;
  }

  /** The negotiated session timeout in milliseconds; before the first connect the one that will be asked for. */
  get sessionTimeoutMs(): number {
    return this.#driver.machine.sessionTimeoutMs;
  }

  /** `host:port` of the server that serves the session now; undefined when none does. */
  get server(): string | undefined {
    return this.#driver.machine.server;
  }

  /** The newest transaction that this session has seen. Never falls. */
  get lastZxid(): bigint {
    return this.#driver.machine.lastZxid;
  }

  /** What is under way: calls that wait, calls that were sent, their bytes, and standing watches. */
  get load(): {
    readonly queued: number;
    readonly inFlight: number;
    readonly bytes: number;
    readonly watches: number;
  } {
    return this.#driver.machine.load;
  }

  /** The bounds in force. */
  get limits(): Limits {
    return this.#options.machine.limits;
  }

  /**
   * Monotonic milliseconds from now until the session can no longer be believed alive without asking: weak after any
   * answer, strong after one that went through the leader (writes, sync). Negative when that time is past.
   */
  get trustedForMs(): { readonly weakMs: number; readonly strongMs: number } {
    const { weakMs, strongMs } = this.#driver.machine.trustedUntilMs;
    const nowMs = this.#driver.nowMs;
    return { weakMs: weakMs - nowMs, strongMs: strongMs - nowMs };
  }

  /** Milliseconds since anything was heard of a server. Infinity while nothing ever was. */
  get silentForMs(): number {
    return this.#driver.machine.silentMs(this.#driver.nowMs);
  }

  /**
   * Whether no server answered for 4/3 of the session timeout: the session is then presumably gone. A guess; `expired`
   * comes from a server only.
   */
  get presumedExpired(): boolean {
    const { machine, state } = this.#driver;
    return state === "suspended" && machine.silentMs(this.#driver.nowMs) > (machine.sessionTimeoutMs * 4) / 3;
  }

  /** The clock that all times of this client are of. For those who build on the client, so that a test turns one clock. */
  get clock(): Clock {
    return this.#ports.clock;
  }

  /** The chance that this client draws from. For those who build on the client, so that one seed decides everything. */
  get randomness(): Randomness {
    return this.#ports.randomness;
  }

  /** Adds a listener. @returns the client, for chaining */
  on<Name extends keyof ClientEvents>(name: Name, listener: (...args: ClientEvents[Name]) => unknown): this {
    this.#events.on(name, listener);
    return this;
  }

  /** Removes a listener. @returns the client, for chaining */
  off<Name extends keyof ClientEvents>(name: Name, listener: (...args: ClientEvents[Name]) => unknown): this {
    this.#events.off(name, listener);
    return this;
  }

  /**
   * Starts a session, and resolves when a server has granted it. After `expired` it starts a new one. Operations may be
   * called without waiting for it: they wait for the connection themselves.
   *
   * @throws ZkError CONNECT_TIMEOUT saying of each server why it would not do; the client is idle again then and may be
   *   asked again. ABORTED, CLOSED, AUTH_FAILED, SESSION_EXPIRED (of a session that was to be taken over).
   */
  connect(options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#guard(() => {
      const timeoutMs = positive("timeoutMs", options.timeoutMs ?? this.#options.connectTimeoutMs);
      return this.#driver.connect(this.#driver.nowMs + timeoutMs, options.signal);
    });
  }

  /**
   * Creates a znode.
   *
   * A container goes, some time after, when its last child has gone; so a create below one can always find it missing. A znode
   * with a time to live goes when it has no children and nobody wrote to it for so long. Servers have the one from 3.5.1 on, the
   * other from 3.5.3 on and only where it is switched on. Older ones would close the connection over it, so a server is asked
   * first, once a connection, whether it is of 3.5.
   *
   * @param data default null
   * @throws ZkError NODE_EXISTS, NO_NODE (the parent is missing), NO_CHILDREN_FOR_EPHEMERALS, NO_AUTH, INVALID_ACL,
   *   INVALID_PATH, INVALID_ARGUMENT, or any error of a write. Of a container or a znode with a time to live UNIMPLEMENTED (the
   *   server is older; one of 3.5.0 to 3.5.2 closes the connection over it, once in five minutes) and TTL_DISABLED.
   */
  create(path: string, data: Data = null, options: CreateOptions = {}): Promise<CreateResult> {
    return this.#guard(() => {
      const { flags, ttl } = checkKind(options, "create", path);
      checkPath(path, "create", isSequentialMode(flags));
      const acl = checkAcl(options.acl ?? OPEN_ACL_UNSAFE, "create", path);
      const bytes = toBytes(data, "create", path);
      const newer = newerKind(flags);
      const send = (name: string, step: CallOptions): Promise<CreateResult> =>
        this.#requests.send(
          newer?.spec ?? SPECS.create,
          name,
          { path: this.#chroot.toServer(name), data: bytes, acl, flags, ttl },
          step,
          { dataBytes: bytes?.length ?? 0, finish: this.#finishCreate },
        );
      const once = (name: string, step: CallOptions): Promise<CreateResult> =>
        newer === undefined
          ? send(name, step)
          : sendToNewer(
              this.#requests,
              { operation: "create", path: name, needs: newer.needs },
              step,
              (sent) => send(name, sent),
            );
      const { protected: protection = false } = options;
      if (typeof protection === "object") checkPrefix(protection.prefix, path);
      const parents = checkParents(options.createParents ?? false, path);
      if (protection === false && parents === false) return once(path, options);
      const { randomness } = this.#ports;
      const uuid = (): string => randomness.uuid();
      return createCarefully(this, this.#requests, { path, options, acl, flags, uuid, once });
    });
  }

  /**
   * Removes a znode without children.
   * @throws ZkError NO_NODE, BAD_VERSION, NOT_EMPTY, NO_AUTH, INVALID_PATH, or any error of a write
   */
  remove(path: string, options: VersionOptions = {}): Promise<void> {
    return this.#guard(() => {
      const version = checkVersion(options.version, "remove", path);
      return this.#requests.send(
        SPECS.remove,
        path,
        { path: this.#requests.toServer(path, "remove"), version },
        options,
        {
          finish: nothing,
        },
      );
    });
  }

  /**
   * Removes a znode and everything below it, deepest first. Not atomic. A znode that is gone already is no error.
   *
   * @returns how many znodes were removed
   * @throws ZkError of the znode that could not be removed; `applied` is `maybe` when others were removed before it
   */
  removeRecursive(path: string, options: CallOptions = {}): Promise<number> {
    return this.#guard(() => {
      checkPath(path, "removeRecursive");
      if (this.#chroot.toServer(path) === "/") {
        throw new ZkError({
          code: "INVALID_ARGUMENT",
          message: "the root cannot be removed",
          operation: "removeRecursive",
          path,
        });
      }
      return removeTree(this, path, this.#requests.budget("removeRecursive", path, options));
    });
  }

  /**
   * The stat of a znode, or null when there is none. A watch is set in both cases: it hears of the znode's creation,
   * change or removal.
   * @throws ZkError INVALID_PATH, or any error of a read
   */
  exists(path: string, options: ReadOptions = {}): Promise<Stat | null> {
    return this.#guard(() =>
      this.#read(SPECS.exists, path, options, "data", (reply: { readonly stat: Stat }) => reply.stat),
    );
  }

  /**
   * The data and stat of a znode. Data is null for a znode created without any, which is not the same as empty.
   * @throws ZkError NO_NODE (no watch is set then), NO_AUTH, INVALID_PATH, or any error of a read
   */
  getData(path: string, options: ReadOptions = {}): Promise<GetDataResponse> {
    // This and setData are called most; the closure that #guard wants is worth sparing.
    try {
      return this.#read(SPECS.getData, path, options, "data", identity<GetDataResponse>);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Replaces the data of a znode.
   * @throws ZkError NO_NODE, BAD_VERSION, NO_AUTH, INVALID_PATH, INVALID_ARGUMENT, REQUEST_TOO_LARGE, or any error of a write
   */
  setData(path: string, data: Data, options: VersionOptions = {}): Promise<Stat> {
    try {
      const bytes = toBytes(data, "setData", path);
      const record = {
        path: this.#requests.toServer(path, "setData"),
        data: bytes,
        version: checkVersion(options.version, "setData", path),
      };
      const dataBytes = bytes?.length ?? 0;
      return this.#requests.send(SPECS.setData, path, record, options, { dataBytes, finish: statOf });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The names of a znode's children, without their path, in no particular order.
   * @throws ZkError NO_NODE (no watch is set then), NO_AUTH, INVALID_PATH, or any error of a read
   */
  getChildren(path: string, options: ReadOptions = {}): Promise<readonly string[]> {
    return this.#guard(() =>
      this.#read(SPECS.getChildren, path, options, "child", (reply: GetChildren2Response) => reply.children),
    );
  }

  /** {@link getChildren} together with the znode's own stat, both of the same moment. */
  getChildrenWithStat(path: string, options: ReadOptions = {}): Promise<GetChildren2Response> {
    return this.#guard(() =>
      this.#read(SPECS.getChildren, path, options, "child", identity<GetChildren2Response>),
    );
  }

  /**
   * The access control list and stat of a znode.
   * @throws ZkError NO_NODE, INVALID_PATH, or any error of a read
   */
  getACL(path: string, options: CallOptions = {}): Promise<GetACLResponse> {
    return this.#guard(() =>
      this.#requests.send(SPECS.getACL, path, { path: this.#requests.toServer(path, "getACL") }, options, {
        finish: identity<GetACLResponse>,
      }),
    );
  }

  /**
   * Replaces the access control list of a znode. `version` is compared with the stat's `aversion`.
   * @throws ZkError NO_NODE, BAD_VERSION, NO_AUTH, INVALID_ACL, INVALID_ARGUMENT, or any error of a write
   */
  setACL(path: string, acl: readonly Acl[], options: VersionOptions = {}): Promise<Stat> {
    return this.#guard(() => {
      const version = checkVersion(options.version, "setACL", path);
      const record = {
        path: this.#requests.toServer(path, "setACL"),
        acl: checkAcl(acl, "setACL", path),
        version,
      };
      return this.#requests.send(SPECS.setACL, path, record, options, { finish: statOf });
    });
  }

  /**
   * Waits until the server we are on has applied everything that was committed before, so that a read after it is not
   * stale. The znode need not exist. It says nothing of writes that are still under way: a leader answers at once, whatever
   * it has proposed and not committed. To know what became of a write whose answer was lost, make another write first.
   * @throws ZkError INVALID_PATH, or any error of a read
   */
  sync(path = "/", options: CallOptions = {}): Promise<void> {
    return this.#guard(() =>
      this.#requests.send(SPECS.sync, path, { path: this.#requests.toServer(path, "sync") }, options, {
        finish: nothing,
      }),
    );
  }

  /** Several writes that are applied together or not at all. */
  transaction(): Transaction {
    return new Transaction({
      chroot: this.#chroot,
      send: (operations, paths, options, finish) =>
        this.#guard(() => {
          const newer = newerPart(operations, paths);
          const spec = newer === undefined ? SPECS.transaction : NEWER_SPECS.transaction;
          const send = (step: CallOptions): Promise<unknown> =>
            this.#requests.send(spec, paths[0] ?? "", operations, step, {
              dataBytes: operations.reduce(
                (sum, { request }) => sum + ("data" in request ? (request.data?.length ?? 0) : 0),
                0,
              ),
              finish: (results: readonly MultiResult[], zxid) => finish(results, zxid),
            });
          return newer === undefined ? send(options) : sendToNewer(this.#requests, newer, options, send);
        }),
    });
  }

  /**
   * Watches a znode, or with `recursive` everything below it, across any number of changes and reconnects. The watches
   * are set at once; iterate to hear of the changes. See {@link WatchStream} for what it promises.
   *
   * @throws ZkError INVALID_PATH, INVALID_ARGUMENT
   * @example
   * ```ts
   * for await (const change of client.watch("/config", { recursive: true, signal })) {
   *   console.log(change.type, change.path);
   * }
   * ```
   */
  watch(path: string, options: WatchOptions = {}): WatchStream {
    checkPath(path, "watch");
    return startWatch(this.#requests.watchHost(), path, options);
  }

  /**
   * Adds a persistent watch, on servers from 3.6.0 on: one that stays, and hears of every change. It lasts as long as the
   * connection; see {@link PersistentWatch} for what it promises. {@link watch} needs no such server.
   *
   * @throws ZkError UNIMPLEMENTED (the server is older; one of 3.5 closes the connection over it, once in five minutes),
   *   WATCH_CONFLICT (a watch of another kind stands at the very path: servers before 3.9.0 keep one of them), CONNECTION_LOSS,
   *   WATCHES_FULL, INVALID_PATH, INVALID_ARGUMENT, or any error of a read
   * @example
   * ```ts
   * const watch = await client.addWatch("/config", ({ type, path }) => console.log(type, path));
   * watch.signal.addEventListener("abort", () => readAnew());
   * ```
   */
  addWatch(
    path: string,
    listener: (event: PersistentWatchEvent) => unknown,
    options: AddWatchOptions = {},
  ): Promise<PersistentWatch> {
    return addPersistentWatch(
      {
        requests: this.#requests,
        unwatch: (serverPath, watcher) => this.#driver.unwatch(serverPath, watcher),
        isWatched: (serverPath) => this.#driver.machine.watchesPersistently(serverPath),
        listenerFailed: (error) => this.#listenerFailed(error),
      },
      path,
      listener,
      options,
    );
  }

  /** Takes back a one-shot watch. The server is not told; what it still sends finds nobody. */
  unwatch(path: string, listener: WatchListener): void {
    checkPath(path, "unwatch");
    this.#driver.unwatch(this.#chroot.toServer(path), this.#watchers.watcherOf(listener));
  }

  /**
   * Adds credentials to the session's connections: sent now, and first thing on every later connection. Resolves when a
   * server has taken them; before `connect()` at once. A wrong digest password is never refused: it shows as NO_AUTH later.
   *
   * @throws ZkError AUTH_FAILED when the scheme or credentials are refused; the session is over then.
   *   INVALID_ARGUMENT, OPERATION_TIMEOUT, ABORTED, CLOSED, SESSION_EXPIRED
   */
  addAuth(
    scheme: string,
    auth: AuthOption["auth"],
    options: Pick<CallOptions, "signal" | "timeoutMs"> = {},
  ): Promise<void> {
    return this.#guard(() => {
      const credential = toCredential({ scheme, auth });
      return this.#driver.addAuth(credential, this.#requests.deadlineMs(options), options.signal);
    });
  }

  /** Resolves when no call waits for a place on the connection: the time to send more after QUEUE_FULL, or before it. */
  drained(): Promise<void> {
    return this.#driver.drained();
  }

  /**
   * Ends the session: its ephemerals go, its watches hear `None`, calls that were not sent fail with CLOSED. Never
   * rejects, may be called at any time and more than once, and takes at most `closeTimeoutMs`.
   *
   * @returns whether a server confirmed it. If not, the ephemerals stay until the session times out.
   */
  close(): Promise<{ readonly confirmed: boolean }> {
    return this.#driver.close(this.#driver.nowMs + this.#options.closeTimeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read<Reply, Value>(
    spec: OperationSpec,
    path: string,
    options: ReadOptions,
    kind: "data" | "child",
    finish: (reply: Reply) => Value,
  ): Promise<Value> {
    const { watch } = options;
    const record = { path: this.#requests.toServer(path, spec.name), watch: watch !== undefined };
    if (watch === undefined) return this.#requests.send(spec, path, record, options, { finish });
    return this.#requests.send(spec, path, record, options, {
      finish,
      watch: { watcher: this.#watchers.watcherOf(checkListener(watch, spec.name, path)), kind },
    });
  }

  /** What is wrong with the arguments is told like every other error: by the promise. */
  #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return work();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Asks for a new session until there is one, or the client is closed. */
  #renew(): void {
    this.connect({ timeoutMs: Number.POSITIVE_INFINITY }).catch(() => {
      // A client that was closed or lost its credentials meanwhile has said so by its state.
    });
  }

  #listenerFailed(error: unknown): void {
    // A listener of this very event that throws must not be told of it again.
    if (this.#tellingListenerError || !this.#events.has("listenerError")) return warn(error);
    this.#tellingListenerError = true;
    this.#events.emit("listenerError", error);
    this.#tellingListenerError = false;
  }
}

const NO_PASSWORD = new Secret(new Uint8Array(16));
function identity<T>(value: T): T {
  return value;
}

function nothing(): void {}

function statOf(reply: { readonly stat: Stat }): Stat {
  return reply.stat;
}

function checkListener(listener: WatchListener, operation: string, path: string): WatchListener {
  if (typeof listener === "function") return listener;
  throw new ZkError({ code: "INVALID_ARGUMENT", message: "watch must be a function", operation, path });
}
