/**
 * One user of one client: makes it, calls it, closes it, and believes nothing. Everything that it hears is compared with
 * what the wire and the servers say.
 */
import type {
  CallOptions,
  Client,
  ClientOptions,
  createClient,
  FailpointName,
  RetryMode,
  SessionState,
  ZkError,
} from "@zk/client";
import { isZkError } from "@zk/client";
import { SeededRandomness } from "@zk/client/testing";
import { describe } from "../checks/fates.js";
import { checkServed } from "../checks/states.js";
import type { Watch, WatchKind } from "../checks/watch-book.js";
import { Wire } from "../checks/wire.js";
import { LATE_MS_MAX } from "../limits.js";
import type { Chance } from "../world/chance.js";
import type { Buffering } from "../world/connection.js";
import type { Inhabitant } from "../world/inhabitant.js";
import { Names } from "../world/names.js";
import { Program } from "../world/program.js";
import type { World } from "../world/world.js";
import { Books } from "./books.js";
import type { Operation } from "./operation.js";
import { THROWN, Witness } from "./witness.js";

/** How one client is set up. */
export interface ActorOptions {
  readonly name: string;
  readonly seed: number;
  readonly address: string;
  readonly createClient: typeof createClient;
  readonly options: ClientOptions;
  readonly buffering: Buffering;
  readonly hasDeadAddresses: boolean;
  readonly frameBytesMax: number;
  /** The root of all that it sees; empty for the servers' own. */
  readonly chroot: string;
  /** How often the client's own points of failure cut the connection. */
  readonly failpoints: number;
}

/** What one call is about. */
export interface CallAbout {
  readonly name: string;
  readonly path: string;
  readonly isWrite?: boolean;
  readonly retry?: RetryMode;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly watch?: WatchKind;
  readonly data?: Uint8Array;
  /** False for operations made of several: the history tells of their steps, not of them. */
  readonly isSingle?: boolean;
}

/** See the head of this file. */
export class Actor implements Inhabitant {
  readonly name: string;
  readonly client: Client;
  readonly program: Program;
  readonly names: Names;
  readonly wire: Wire;
  readonly books: Books;
  isClosing = false;
  /** Whether everything that must be gone after the close was looked for. */
  isGone = false;
  /** Runs behind every turn of its program, when all continuations have run: what users then believe can be looked at. */
  afterStep: () => void = () => {};
  credentials: number;
  readonly #world: World;
  readonly #chroot: string;
  readonly #failpoints: Chance;
  #isSpared = false;
  readonly #operationTimeoutMs: number;
  readonly #defaultRetry: RetryMode;
  readonly #tickets = new Set<{ readonly what: string; readonly deadlineMs: number }>();
  readonly #signals = new Set<AbortSignal>();
  readonly #added = new Set<string>();
  readonly #witness: Witness;
  #lastZxid = 0n;

  constructor(world: World, about: ActorOptions) {
    this.name = about.name;
    this.#chroot = about.chroot;
    this.#world = world;
    const { timeline, chance, network, trace, findings } = world;
    this.program = new Program(about.name, timeline, chance.fork(`${about.name} stalls`));
    this.#failpoints = chance.fork(`${about.name} failpoints`);
    this.names = new Names(
      timeline,
      chance.fork(`${about.name} names`),
      this.program,
      about.hasDeadAddresses,
    );
    this.credentials = about.options.auth?.length ?? 0;
    this.#operationTimeoutMs = about.options.operationTimeoutMs ?? 30_000;
    this.#defaultRetry = about.options.retry ?? "safe";
    this.wire = new Wire(
      {
        name: about.name,
        nowMs: () => timeline.nowMs,
        clientNowMs: () => this.program.nowMs,
        session: () => this.#witness.session,
        credentials: () => this.credentials,
        armed: () => this.#witness.armed(),
        isClosing: () => this.isClosing,
        frameBytesMax: about.frameBytesMax,
      },
      findings,
      trace,
    );
    this.books = new Books(this.wire, world.ledger, findings, () => world.nextNumber());
    const witness = new Witness(world, about.name, this.wire, this.books);
    this.#witness = witness;
    const site = {
      program: this.program,
      address: about.address,
      tap: this.wire,
      buffering: about.buffering,
    };
    this.client = about.createClient(world.connectionString + about.chroot, {
      ...about.options,
      onHistory: (record) => this.books.record(record),
      ...(about.failpoints === 0 ? {} : { failpoint: (name) => this.#failpoint(name, about.failpoints) }),
      ports: {
        clock: this.program.clock,
        transport: network.transport(site),
        resolver: this.names,
        randomness: new SeededRandomness(about.seed),
      },
    });
    this.client.on("state", (state, reason) => witness.stateTold(state, reason));
    this.client.on("diagnostic", (event) => witness.diagnostic(event));
    this.client.on("listenerError", (error) => {
      if (error !== THROWN) findings.report("internal", `${this.name}: a listener failed: ${String(error)}`);
    });
    this.program.awoke = (afterMs) => witness.awoke(afterMs);
    this.program.touched = () => world.touched.add(this);
  }

  /** As the client told it last. */
  get state(): SessionState {
    return this.#witness.state;
  }

  /** Resumed sessions: the connection was lost and another took the session on. */
  get failovers(): number {
    return this.#witness.failovers;
  }

  /** Connections that were lost. */
  get losses(): number {
    return this.#witness.losses;
  }

  /** A path as the servers know it. */
  toServer(path: string): string {
    return this.#chroot !== "" && path === "/" ? this.#chroot : this.#chroot + path;
  }

  /** A path as the client knows it, where it can see it; another one with that name otherwise. */
  toUser(serverPath: string): string {
    if (this.#chroot === "" || !`${serverPath}/`.startsWith(`${this.#chroot}/`)) return serverPath;
    return serverPath.slice(this.#chroot.length) || "/";
  }

  get isConnected(): boolean {
    return this.state === "connected";
  }

  /** Calls the client once. `work` gets the options that the call is to have. */
  call<T>(
    about: CallAbout,
    work: (options: CallOptions, watch: Watch | undefined) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = about.timeoutMs ?? this.#operationTimeoutMs;
    const watch =
      about.watch === undefined
        ? undefined
        : this.#witness.watch(this.toServer(about.path), about.path, about.watch);
    const operation: Operation = {
      number: this.#world.nextNumber(),
      name: about.name,
      path: about.path,
      serverPath: this.toServer(about.path),
      isWrite: about.isWrite ?? false,
      retry: about.retry ?? this.#defaultRetry,
      deadlineMs: this.program.nowMs + timeoutMs,
      isCalled: true,
      attempts: [],
      recorded: undefined,
      replyZxid: undefined,
      settled: "open",
      code: undefined,
      watch,
      data: about.data,
    };
    this.#witness.note(`calls #${operation.number} ${about.name} ${about.path}`);
    if (about.isSingle === false) this.books.open.add(operation);
    else this.books.called(operation);
    if (about.signal !== undefined) this.#signals.add(about.signal);
    const promise = work(
      {
        ...(about.timeoutMs === undefined ? {} : { timeoutMs: about.timeoutMs }),
        ...(about.retry === undefined ? {} : { retry: about.retry }),
        ...(about.signal === undefined ? {} : { signal: about.signal }),
      },
      watch,
    );
    promise.then(
      (value) => this.#witness.succeeded(operation, value),
      (error: unknown) => this.#witness.failed(operation, error),
    );
    return promise;
  }

  /** Waits for a promise that is no operation, and sees to it that it is settled in time. */
  async ticket<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
    const ticket = { what, deadlineMs: this.program.nowMs + timeoutMs };
    this.#tickets.add(ticket);
    try {
      return await promise;
    } catch (error) {
      if (!isZkError(error)) this.#witness.report("internal", `${what} failed with ${String(error)}`);
      this.#witness.note(`${what} failed: ${(error as ZkError).code}`);
      return undefined;
    } finally {
      this.#tickets.delete(ticket);
    }
  }

  /** Starts a session, or another one. */
  connect(timeoutMs: number): Promise<unknown> {
    this.#witness.note("connect()");
    return this.ticket("connect()", timeoutMs, this.client.connect({ timeoutMs }));
  }

  /** Adds a credential, which from now on must be sent first on every connection. */
  addAuth(auth: string): void {
    this.#witness.note(`addAuth(${auth})`);
    if (!this.#added.has(auth)) this.credentials += 1;
    this.#added.add(auth);
    void this.ticket("addAuth()", this.#operationTimeoutMs, this.client.addAuth("digest", auth));
  }

  /** Its process is killed, or its machine; it never learns of it. */
  die(what: "process" | "machine"): void {
    this.#witness.note(`the ${what} dies`);
    this.program.die();
    this.#world.network.bury(this.program, what);
    this.#world.actors.delete(this);
    this.#world.touched.delete(this);
  }

  /** Ends it, and looks that nothing is left. */
  async close(timeoutMs: number): Promise<void> {
    this.#witness.note("close()");
    this.isClosing = true;
    const { id } = this.#witness.session ?? { id: 0n };
    const result = await this.ticket("close()", timeoutMs, this.client.close());
    if (result === undefined) return this.#witness.report("settling", "close() rejected");
    this.#witness.note(`closed, confirmed ${result.confirmed}`);
    const isOver = this.#world.ledger.closedSessions.has(id) || this.wire.refused === id;
    if (result.confirmed && id !== 0n && !isOver) {
      this.#witness.report("states", "close() said that the session is over, and it is not");
    }
  }

  /** No more harm from within. */
  spare(): void {
    this.#isSpared = true;
  }

  /** Takes a watch back. */
  unwatch(watch: Watch): void {
    if (watch.phase !== "armed") return;
    this.#witness.note(`unwatch(${watch.path}) of watch ${watch.number}`);
    this.#world.watches.end(watch);
    this.client.unwatch(watch.userPath, watch.listener);
  }

  /** Asks for the state, as users do whenever they like. */
  askState(): void {
    const { state } = this.client;
    this.#witness.note(`asks for the state: ${state}`);
    if (state === "connected" && !this.wire.isServed)
      this.#witness.report("states", "connected without a connection");
  }

  /** After each turn of its program. */
  checkStep(): void {
    const { client } = this;
    const { findings } = this.#world;
    const { lastZxid, load, limits } = client;
    if (lastZxid < this.#lastZxid)
      this.#witness.report("lastZxid", `lastZxid fell from ${this.#lastZxid} to ${lastZxid}`);
    if (lastZxid > this.wire.maxReplyZxid) {
      this.#witness.report(
        "lastZxid",
        `lastZxid is ${lastZxid}, the newest reply said ${this.wire.maxReplyZxid}`,
      );
    }
    this.#lastZxid = lastZxid;
    const isBounded =
      load.queued <= limits.queuedCallsMax + limits.outstandingMax &&
      load.inFlight <= limits.outstandingMax &&
      load.watches <= limits.watchesMax &&
      load.bytes >= 0;
    if (!isBounded) this.#witness.report("bounds", `load ${JSON.stringify(load)}`);
    this.afterStep();
    if (this.state !== "connected") return;
    checkServed(
      {
        who: this.name,
        isServed: this.wire.isServed,
        nowMs: this.program.nowMs,
        lastHeardMs: this.wire.lastHeardMs,
        disturbedAtMs: this.program.disturbedAtMs,
        sessionTimeoutMs: this.wire.timeoutMs,
      },
      findings,
    );
  }

  /** Now and then: whether everything that must have ended by now has. */
  checkDeadlines(): void {
    if (this.program.isStalled) return;
    const nowMs = this.program.nowMs - LATE_MS_MAX;
    if (this.program.disturbedAtMs > nowMs) return;
    for (const operation of this.books.open) {
      if (operation.deadlineMs < nowMs)
        return this.#witness.report("deadlines", `${describe(operation)} is late`);
    }
    for (const { what, deadlineMs } of this.#tickets) {
      if (deadlineMs < nowMs) return this.#witness.report("deadlines", `${what} is late`);
    }
  }

  /** After close(): nothing may be left. */
  checkGone(): void {
    this.isGone = true;
    const { load } = this.client;
    const left: string[] = [];
    if (this.program.pending > 0) left.push(`${this.program.pending} timers`);
    if (this.wire.isConnected) left.push("a connection");
    if (load.queued + load.inFlight + load.watches > 0) left.push(`load ${JSON.stringify(load)}`);
    if (load.bytes !== 0) left.push(`${load.bytes} bytes`);
    if (this.books.open.size > 0) left.push(`${this.books.open.size} operations`);
    if (this.#tickets.size > 0) left.push(`${this.#tickets.size} tickets`);
    for (const watch of this.#world.watches.armedBy(this.name)) left.push(`watch ${watch.number}`);
    for (const signal of this.#signals) {
      const listeners = this.#world.abortListeners(signal);
      if (listeners > 0) left.push(`${listeners} listeners of a signal`);
    }
    if (this.state !== "closed") left.push(`the state ${this.state}`);
    if (left.length > 0) this.#witness.report("leaks", `after close() there is left: ${left.join(", ")}`);
  }

  /** When all is quiet and served: the table of watches holds what stands, and nothing else. */
  checkWatchCount(streams: boolean): void {
    let armed = 0;
    for (const _ of this.#world.watches.armedBy(this.name)) armed += 1;
    const { watches } = this.client.load;
    if (watches < armed || (!streams && watches > armed)) {
      this.#witness.report("leaks", `the client holds ${watches} watches, ${armed} stand`);
    }
  }

  #failpoint(name: FailpointName, probability: number): "continue" | "drop" {
    if (this.isClosing || this.#isSpared || !this.#failpoints.is(probability)) return "continue";
    this.#witness.note(`failpoint ${name}`);
    this.wire.isTorn = true;
    return "drop";
  }
}
