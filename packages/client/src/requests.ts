/** Builds the calls of one client: paths mapped, time counted, defaults filled in, and handed to the driver. */
import type { GetChildren2Response, Stat } from "@zk/protocol";
import { Budget } from "./budget.js";
import { checkPath } from "./checks.js";
import type { Chroot } from "./chroot.js";
import type { CallWatch, OperationSpec, RetryMode } from "./core/index.js";
import type { Driver } from "./io/driver.js";
import { PendingCall } from "./io/pending.js";
import { SPECS } from "./operations.js";
import { type CallOptions, checkRetry, positive } from "./options.js";
import type { WatchHost } from "./watch.js";

/** What a call has beside its operation, its record and the caller's options. */
export interface RequestDetails<Reply, Value> {
  /** Turns the decoded reply into the value, or into the ZkError that it means. */
  readonly finish: (reply: Reply, zxid: bigint) => Value;
  readonly watch?: { readonly watcher: object; readonly kind: CallWatch["kind"] };
  /** Bytes of data that the request carries. */
  readonly dataBytes?: number;
}

/** See the head of this file. */
export class Requests {
  readonly chroot: Chroot;
  readonly #driver: Driver;
  readonly #operationTimeoutMs: number;
  readonly #retry: RetryMode;

  constructor(
    driver: Driver,
    chroot: Chroot,
    defaults: { readonly operationTimeoutMs: number; readonly retry: RetryMode },
  ) {
    this.#driver = driver;
    this.chroot = chroot;
    this.#operationTimeoutMs = defaults.operationTimeoutMs;
    this.#retry = defaults.retry;
  }

  /** Whether the server that serves us now is of 3.5.0 or newer; undefined while it was not asked. */
  get isServerFrom35(): boolean | undefined {
    return this.#driver.machine.isServerFrom35;
  }

  /**
   * Sends one request. The promise is the driver's own, so that nothing stands between wire and caller.
   * @throws ZkError INVALID_ARGUMENT for options that make no sense
   */
  send<Reply, Value>(
    spec: OperationSpec,
    path: string,
    record: object,
    options: CallOptions,
    details: RequestDetails<Reply, Value>,
  ): Promise<Awaited<Value>> {
    const retry = this.retryOf(options);
    const call = new PendingCall({
      spec,
      path,
      serverPath: (record as { readonly path?: string }).path ?? path,
      record,
      watch: details.watch,
      retry,
      timeoutMs: this.#timeoutMs(options),
      weight: FRAME_OVERHEAD_BYTES + path.length + (details.dataBytes ?? 0),
      finish: details.finish as (reply: never, zxid: bigint) => unknown,
    });
    return this.#driver.call(call, options.signal);
  }

  /** When a lost request is sent again, by the caller's wish or the client's. @throws ZkError INVALID_ARGUMENT */
  retryOf(options: CallOptions): RetryMode {
    if (options.retry !== undefined) checkRetry(options.retry);
    return options.retry ?? this.#retry;
  }

  /**
   * The path as the server knows it.
   * @throws ZkError INVALID_PATH
   */
  toServer(path: string, operation: string): string {
    checkPath(path, operation);
    return this.chroot.toServer(path);
  }

  /**
   * Monotonic time at which a call that begins now is out of time.
   * @throws ZkError INVALID_ARGUMENT
   */
  deadlineMs(options: CallOptions): number {
    return this.#driver.nowMs + this.#timeoutMs(options);
  }

  #timeoutMs({ timeoutMs }: CallOptions): number {
    return timeoutMs === undefined ? this.#operationTimeoutMs : positive("timeoutMs", timeoutMs);
  }

  /**
   * Time and signal for an operation of several requests.
   * @throws ZkError INVALID_ARGUMENT
   */
  budget(operation: string, path: string, options: CallOptions): Budget {
    const timeoutMs = positive("timeoutMs", options.timeoutMs ?? this.#operationTimeoutMs);
    const nowMs = (): number => this.#driver.nowMs;
    return new Budget({ operation, path, timeoutMs, signal: options.signal, nowMs });
  }

  /** What a watch stream reads with: for as long as it takes. */
  watchHost(): WatchHost {
    const { chroot } = this;
    const forever: CallOptions = { timeoutMs: Number.POSITIVE_INFINITY, retry: "safe" };
    return {
      drained: () => this.#driver.drained(),
      toUser: (serverPath) => chroot.toUser(serverPath),
      readStat: (path, watcher) =>
        this.send(SPECS.exists, path, { path: chroot.toServer(path), watch: true }, forever, {
          watch: { watcher, kind: "data" },
          finish: (reply: { readonly stat: Stat }) => reply.stat,
        }),
      readChildren: (path, watcher) =>
        this.send(SPECS.getChildren, path, { path: chroot.toServer(path), watch: true }, forever, {
          watch: { watcher, kind: "child" },
          finish: (reply: GetChildren2Response) => reply,
        }),
      unwatch: (path, watcher) => this.#driver.unwatch(chroot.toServer(path), watcher),
    };
  }
}

/** Headers, lengths, ACL: about what a request weighs beside its path and data. */
const FRAME_OVERHEAD_BYTES = 64;
