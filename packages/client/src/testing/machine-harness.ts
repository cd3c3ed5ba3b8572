/**
 * Drives a session machine by hand: time, network and server are what the test says they are.
 *
 * The harness decides nothing. It keeps the clock, remembers every output, tells how each wish ended, and takes the
 * written bytes apart as a server would.
 */
import { type ConnectRequest, FrameSplitter, OPEN_ACL_UNSAFE, type OperationName } from "@zk/protocol";
import {
  Call,
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT,
  type Input,
  type Limits,
  type MachineOptions,
  type Output,
  type RetryMode,
  Secret,
  SessionMachine,
  type SessionState,
  type Ticket,
  type Watcher,
  type ZkError,
} from "../core/index.js";
import { utf8Bytes } from "../io/utf8.js";
import { SPECS, type SpecName } from "../operations.js";
import {
  connectResponseFrame,
  errorNumber,
  eventFrame,
  type Grant,
  headerFrame,
  type ReplyBody,
  readConnectRequest,
  readRequest,
  replyFrame,
  type SeenRequest,
  type SentEvent,
} from "./server-wire.js";

/** Machine options, all with defaults: one server, session timeout 9 s, seed 1. */
export type HarnessOptions = Partial<Omit<MachineOptions, "limits">> & {
  readonly limits?: Partial<Limits>;
};

/** Any input, without its time: the harness adds its own. */
export type TimelessInput = Input extends infer Each
  ? Each extends { readonly nowMs: number }
    ? Omit<Each, "nowMs">
    : never
  : never;

/** How a wish of the user ended, if it did. */
export interface Outcome<Target extends Call | Ticket = Call | Ticket> {
  readonly target: Target;
  status: "pending" | "settled" | "failed";
  value: unknown;
  error: ZkError | undefined;
  /** More than one is a fault of the machine. */
  endings: number;
}

/** What a call can be told. */
export interface HarnessCallOptions {
  /** What is sent; by default a record that fits the operation and path. */
  readonly record?: unknown;
  readonly watcher?: Watcher;
  /** Default `safe`. */
  readonly retry?: RetryMode;
  /** Default: never. */
  readonly timeoutMs?: number;
  /** Default 64. */
  readonly weight?: number;
  /** Default: the reply as it is. */
  readonly finish?: (reply: never, zxid: bigint) => unknown;
}

/** See the head of this file. */
export class MachineHarness {
  readonly machine: SessionMachine;
  /** Monotonic milliseconds. */
  nowMs = 1000;
  /** Every output since the beginning, oldest first. */
  readonly log: Output[] = [];
  /** The connect request of the connection under way. */
  question: ConnectRequest | undefined;
  /** What the server would put into the header of its next reply. */
  zxid = 0x100000000n;

  readonly #outcomes = new Map<Call | Ticket, Outcome>();
  #requests: SeenRequest[] = [];
  #wire = { epoch: -1, splitter: new FrameSplitter() };

  constructor(options: HarnessOptions = {}) {
    this.machine = new SessionMachine({
      servers: [{ host: "a", port: 2181 }],
      seed: 1,
      sessionTimeoutMs: 9000,
      readOnly: false,
      credentials: [],
      reconnect: DEFAULT_RECONNECT,
      recordHistory: false,
      ...options,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
    });
  }

  get state(): SessionState {
    return this.machine.state;
  }

  /** Every wish so far and how it ended. */
  get outcomes(): Outcome[] {
    return [...this.#outcomes.values()];
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets time pass, calling the machine at each of its deadlines on the way, as a driver would. */
  advance(forMs: number): Output[] {
    const untilMs = this.nowMs + forMs;
    const outputs: Output[] = [];
    for (let turns = 0; this.machine.nextDeadlineMs() <= untilMs; turns += 1) {
      if (turns > 100_000) throw new Error("the machine's deadlines do not move: a driver would spin");
      this.nowMs = Math.max(this.nowMs, this.machine.nextDeadlineMs());
      outputs.push(...this.step({ kind: "time" }));
    }
    this.nowMs = untilMs;
    return outputs;
  }

  /** Time passes and the machine is not called: a stopped process, a blocked event loop. */
  stall(forMs: number): void {
    this.nowMs += forMs;
  }

  // ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Feeds one input and takes the outputs. */
  step(input: TimelessInput): Output[] {
    this.feed(input);
    return this.drain();
  }

  /** Feeds one input and leaves the outputs where they are. */
  feed(input: TimelessInput): void {
    this.machine.step({ ...input, nowMs: this.nowMs } as Input);
  }

  /** Takes the outputs, and notes what they say. */
  drain(): Output[] {
    const outputs = this.machine.drain();
    for (const output of outputs) this.#note(output);
    this.log.push(...outputs);
    return outputs;
  }

  connect(timeoutMs: number = Number.POSITIVE_INFINITY): Outcome<Ticket> {
    const outcome = this.ticket("connect", timeoutMs);
    this.step({ kind: "connect", ticket: outcome.target });
    return outcome;
  }

  close(timeoutMs: number = Number.POSITIVE_INFINITY): Outcome<Ticket> {
    const outcome = this.ticket("close", timeoutMs);
    this.step({ kind: "close", ticket: outcome.target });
    return outcome;
  }

  addAuth(scheme: string, auth: string, timeoutMs: number = Number.POSITIVE_INFINITY): Outcome<Ticket> {
    const outcome = this.ticket("addAuth", timeoutMs);
    this.step({ kind: "addAuth", ticket: outcome.target, scheme, auth: new Secret(utf8Bytes(auth)) });
    return outcome;
  }

  abandon(outcome: Outcome, reason: unknown = "no longer wanted"): Output[] {
    return this.step({ kind: "abandon", target: outcome.target, reason });
  }

  /** A new call, fed to the machine. */
  call(name: SpecName, path: string, options: HarnessCallOptions = {}): Outcome<Call> {
    const outcome = this.newCall(name, path, options);
    this.step({ kind: "call", call: outcome.target });
    return outcome;
  }

  /** A new call that the machine does not know of yet. */
  newCall(name: SpecName, path: string, options: HarnessCallOptions = {}): Outcome<Call> {
    const { watcher } = options;
    const call = new Call({
      spec: SPECS[name],
      path,
      serverPath: path,
      record: options.record ?? recordOf(name, path, watcher !== undefined),
      watch: watcher && { watcher, kind: name === "getChildren" ? "child" : "data" },
      retry: options.retry ?? "safe",
      timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
      weight: options.weight ?? 64,
      finish: options.finish ?? ((reply) => reply),
    });
    return this.#track(call);
  }

  /** A new ticket that the machine does not know of yet. */
  ticket(kind: Ticket["ticket"], timeoutMs: number = Number.POSITIVE_INFINITY): Outcome<Ticket> {
    return this.#track({ ticket: kind, deadlineMs: this.nowMs + timeoutMs });
  }

  // ── the network ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The resolver answers the question that is open. */
  resolve(...addresses: string[]): Output[] {
    return this.step({ kind: "resolved", epoch: this.machine.epoch, addresses });
  }

  /** The TCP connection that is being made stands. */
  open(): Output[] {
    return this.step({ kind: "opened", epoch: this.machine.epoch });
  }

  /** The connection ends, or never comes to be. */
  disconnect(reason = "the server closed the connection"): Output[] {
    return this.step({ kind: "disconnected", epoch: this.machine.epoch, reason });
  }

  /** Bytes arrive. */
  receive(...chunks: readonly Uint8Array[]): Output[] {
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return this.step({ kind: "received", epoch: this.machine.epoch, bytes });
  }

  // ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Goes the whole way from a name to a session that is about to be answered. */
  reach(address = "10.0.0.1"): Output[] {
    return [...this.resolve(address), ...this.open()];
  }

  /** The server answers the connect request. By default it grants session 0x51, or the one asked for. */
  grant(grant: Partial<Grant> = {}): Output[] {
    const asked = this.question;
    if (asked === undefined) throw new Error("no connect request was written");
    const sessionId = asked.sessionId === 0n ? 0x51n : asked.sessionId;
    return this.receive(connectResponseFrame({ sessionId, ...grant }, asked));
  }

  /** connect(), and all that follows until a server has taken the session in. */
  up(grant: Partial<Grant> = {}): Outcome<Ticket> {
    const outcome = this.connect();
    this.reach();
    this.grant(grant);
    return outcome;
  }

  /** Makes the next connection after a loss, waiting out the pause if there is one. */
  comeBack(grant: Partial<Grant> = {}): void {
    for (let turns = 0; this.machine.phase !== "resolving"; turns += 1) {
      if (turns > 1000) throw new Error(`the machine does not try to connect: it is ${this.machine.phase}`);
      this.advance(Math.max(0, this.machine.nextDeadlineMs() - this.nowMs));
    }
    this.reach();
    this.grant(grant);
  }

  /** The requests written since the last call of this, on whatever connection. */
  requests(): SeenRequest[] {
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }

  /** The next request, which must be of this operation. */
  request<Name extends OperationName>(operation: Name): SeenRequest<Name> {
    const request = this.#requests.shift();
    if (request?.operation !== operation)
      throw new Error(`expected a request ${operation}, saw ${request?.operation ?? "none"}`);
    return request as SeenRequest<Name>;
  }

  /** The server answers; each reply has a header zxid one above the last. */
  reply<Name extends OperationName>(request: SeenRequest<Name>, body: ReplyBody<Name>): Output[] {
    return this.receive(replyFrame(request, this.#nextZxid(), body));
  }

  /** The server refuses. */
  refuse(request: Pick<SeenRequest, "xid">, error: Parameters<typeof errorNumber>[0]): Output[] {
    return this.receive(headerFrame({ xid: request.xid, zxid: this.#nextZxid(), err: errorNumber(error) }));
  }

  /** The server answers a request that has no body in its reply: ping, auth, setWatches, delete, closeSession. */
  acknowledge(request: Pick<SeenRequest, "xid">): Output[] {
    return this.receive(headerFrame({ xid: request.xid, zxid: this.#nextZxid(), err: 0 }));
  }

  /** The server tells of an event. */
  notify(event: SentEvent): Output[] {
    return this.receive(eventFrame(event));
  }

  #nextZxid(): bigint {
    this.zxid += 1n;
    return this.zxid;
  }

  #track<Target extends Call | Ticket>(target: Target): Outcome<Target> {
    const outcome: Outcome<Target> = {
      target,
      status: "pending",
      value: undefined,
      error: undefined,
      endings: 0,
    };
    this.#outcomes.set(target, outcome);
    return outcome;
  }

  #note(output: Output): void {
    if (output.kind === "settled" || output.kind === "failed") {
      const outcome = this.#outcomes.get(output.target) ?? this.#track(output.target);
      outcome.endings += 1;
      outcome.status = output.kind;
      if (output.kind === "settled") outcome.value = output.value;
      else outcome.error = output.error;
    }
    if (output.kind === "write") this.#noteWrite(output.epoch, output.bytes);
  }

  #noteWrite(epoch: number, bytes: Uint8Array): void {
    const isNew = this.#wire.epoch !== epoch;
    if (isNew) {
      this.#wire = { epoch, splitter: new FrameSplitter() };
      this.question = undefined;
    }
    const { splitter } = this.#wire;
    splitter.push(bytes);
    for (let payload = splitter.next(); payload !== null; payload = splitter.next()) {
      if (this.question === undefined) this.question = readConnectRequest(payload);
      else this.#requests.push(readRequest(payload));
    }
    if (splitter.partialBytes > 0) throw new Error("the machine wrote a part of a frame");
  }
}

function recordOf(name: SpecName, path: string, watch: boolean): unknown {
  switch (name) {
    case "create":
      return { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
    case "remove":
      return { path, version: -1 };
    case "exists":
    case "getData":
    case "getChildren":
      return { path, watch };
    case "setData":
      return { path, data: new Uint8Array([1, 2, 3]), version: -1 };
    case "getACL":
    case "sync":
      return { path };
    case "setACL":
      return { path, acl: OPEN_ACL_UNSAFE, version: -1 };
    case "transaction":
      return [{ type: 13, request: { path, version: 0 } }];
    default:
      return name satisfies never;
  }
}
