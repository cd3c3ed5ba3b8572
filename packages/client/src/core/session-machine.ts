/**
 * The session as a pure state machine: inputs in, outputs out, no clock, socket, timer, promise or chance of its own.
 *
 * Rules that hold throughout:
 * - Outputs come in the order in which their causes stood on the wire: an event before the reply that shows its change.
 * - `lastZxid` moves only with replies to ordinary requests, never with pings, auth replies or events, and never back.
 * - xids keep counting over reconnects, so that (session id, xid) names one attempt for ever.
 * - On a new connection: credentials, then watches in bounded frames, then everything else.
 * - Nothing that a server sends can make `step` throw. An impossible state of our own drops the connection and is told
 *   in a diagnostic event.
 * - A session is expired when a server says so, never because we guess it.
 *
 * This file stays whole although it is long: it is the one place that decides what follows what, and each decision needs
 * the others in sight. What can be decided alone lives in the modules beside it.
 */
import {
  AuthPacket,
  FrameSplitter,
  JuteReader,
  JuteWriter,
  nextXid,
  OpCode,
  ProtocolError,
  SetWatches,
  WatchEventType,
  WatcherEvent,
  XID_FIRST,
  Xid,
} from "@zk/protocol";
import type { Call } from "./call.js";
import { CallBook } from "./call-book.js";
import { Capabilities } from "./capabilities.js";
import { Deadlines } from "./deadlines.js";
import type { DiagnosticFact } from "./diagnostics.js";
import { type Applied, ZkError, type ZkErrorCode } from "./errors.js";
import { HANDSHAKE_BYTES_MAX, type HandshakeVerdict, judgeHandshake, writeHandshake } from "./handshake.js";
import { digestOf, type HistoryRecord } from "./history.js";
import type { Input, Ticket } from "./inputs.js";
import type { Link, UpLink } from "./link.js";
import { attemptLimitMs, type LivenessTimes, livenessTimes, Trust } from "./liveness.js";
import type { Credential, FailpointName, Limits, MachineOptions, SessionTicket } from "./options.js";
import type { Output, WatchNotice } from "./outputs.js";
import { Prng } from "./prng.js";
import { Secret } from "./secret.js";
import { type AttemptFailure, formatServer, ServerRing } from "./server-ring.js";
import { isLegalMove, isOver, type SessionState } from "./session-state.js";
import { REARM_OVERHEAD_BYTES, SET_WATCHES_BYTES_MAX, WatchTable } from "./watch-table.js";

const PROBE_INTERVAL_MS = 100;
const PROBE_INTERVAL_MAX_MS = 60_000;
/** A connection that died younger than this counts as a fruitless try, so that no server can make us spin. */
const USEFUL_LINK_MS = 500;
/** One slow answer can hold back the replies to some pings, but not to any number of them. */
const PINGS_UNANSWERED_MAX = 100;

type Operation = Extract<Input, { kind: "call" }>["call"];

/** See the head of this file. */
export class SessionMachine {
  /** Whether diagnostic outputs are made; off, they cost nothing. */
  diagnosing = false;

  readonly #options: MachineOptions;
  readonly #prng: Prng;
  readonly #ring: ServerRing;
  readonly #book: CallBook;
  readonly #watches = new WatchTable();
  readonly #capabilities = new Capabilities();
  readonly #deadlines = new Deadlines();
  readonly #trust = new Trust();
  readonly #reader = new JuteReader(new Uint8Array(0));
  readonly #outbox = new JuteWriter();
  readonly #credentials: Credential[];

  #state: SessionState = "idle";
  #link: Link = { phase: "down" };
  #epoch = 0;
  #xid: number;
  #lastZxid = 0n;
  #session: SessionTicket | undefined;
  /** Until a read-write server took us in, the session is known to nobody else and is not asked for again. */
  #sessionIsGlobal = false;
  #times: LivenessTimes;
  #lastHeardMs = Number.NEGATIVE_INFINITY;
  #lastStepMs = Number.NEGATIVE_INFINITY;
  #stepGapMs = 0;
  #probeIntervalMs = PROBE_INTERVAL_MS;
  #probing = false;
  #outputs: Output[] = [];
  #connects: Ticket[] = [];
  #closes: Ticket[] = [];
  #closeConfirmed = false;
  #authTickets: AuthTicket[] = [];
  #authTicketsSeen = 0;
  /** Whether calls waited after the last step. */
  #wasQueued = false;
  /** Taken out of the book and not settled yet: if we fail now, nobody else would settle it. */
  #inHand: Call | undefined;
  #operations = 0;
  readonly #operationIds = new WeakMap<Call, number>();

  /** @throws ZkError INVALID_ARGUMENT, REQUEST_TOO_LARGE for options that can never work */
  constructor(options: MachineOptions) {
    if (options.servers.length === 0)
      throw ticketError("INVALID_ARGUMENT", "there is no server to connect to");
    if (options.credentials.length > options.limits.credentialsMax) {
      const message = `${options.credentials.length} credentials are more than credentialsMax`;
      throw ticketError("INVALID_ARGUMENT", message);
    }
    for (const credential of options.credentials) {
      const refusal = refusedCredential(credential, options.limits);
      if (refusal !== undefined) throw refusal;
    }
    this.#options = options;
    this.#xid = options.firstXid ?? XID_FIRST;
    this.#prng = new Prng(options.seed);
    this.#ring = new ServerRing(options.servers, this.#prng, options.reconnect);
    this.#book = new CallBook(options.limits);
    this.#credentials = [...options.credentials];
    this.#times = livenessTimes(options.sessionTimeoutMs);
    this.#session = options.session;
    this.#sessionIsGlobal = options.session !== undefined;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The session, once a server granted one; it stays readable after the end. */
  get session(): SessionTicket | undefined {
    return this.#session;
  }

  /** Negotiated on each connect; the wished-for value until then. */
  get sessionTimeoutMs(): number {
    return this.#times.timeoutMs;
  }

  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Where the connection under way stands. */
  get phase(): Link["phase"] {
    return this.#link.phase;
  }

  /** `host:port` of the server that serves the session now. */
  get server(): string | undefined {
    return this.#link.phase === "up" ? formatServer(this.#link.server) : undefined;
  }

  /** Bounded things, for those who watch the bounds. */
  get load(): {
    readonly queued: number;
    readonly inFlight: number;
    readonly bytes: number;
    readonly watches: number;
  } {
    return {
      queued: this.#book.queuedSize,
      inFlight: this.#book.inFlightSize,
      bytes: this.#book.bytes,
      watches: this.#watches.size,
    };
  }

  /** See {@link Trust}. */
  get trustedUntilMs(): { readonly weakMs: number; readonly strongMs: number } {
    return this.#trust.untilMs(this.#times.timeoutMs);
  }

  /** Why each server that failed lately did. */
  get attemptFailures(): AttemptFailure[] {
    return this.#ring.failures();
  }

  /**
   * How long nobody has answered, in milliseconds. Past 4/3 of the session timeout the session is presumably gone, as
   * newer Java clients conclude; we go on asking, because only a server knows.
   */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastHeardMs;
  }

  /** The timers that are set, by name. */
  get pendingDeadlines(): ReturnType<Deadlines["pending"]> {
    return this.#deadlines.pending();
  }

  /** When to call `step` with a `time` input at the latest; calling early is harmless. Infinity when nothing is due. */
  nextDeadlineMs(): number {
    return this.#deadlines.nextMs();
  }

  /** Takes one input. Never throws. */
  step(input: Input): void {
    const nowMs = input.nowMs;
    this.#stepGapMs = nowMs - this.#lastStepMs;
    this.#lastStepMs = nowMs;
    try {
      if (this.#stepGapMs > this.#times.stallMs) this.#noticeStall(nowMs);
      this.#take(input);
      this.#pump(nowMs);
    } catch (error) {
      this.#internalError(error, nowMs);
    }
    this.#tellRoom();
  }

  /** All outputs since the last call, oldest first. Bytes to write come as one piece, last. */
  drain(): Output[] {
    if (this.#outbox.length > 0) {
      this.#outputs.push({ kind: "write", epoch: this.#epoch, bytes: this.#outbox.take() });
      this.#book.handedOver();
      if (this.#options.failpoint !== undefined) this.#afterWrite();
    }
    if (this.#outputs.length === 0) return NOTHING;
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #afterWrite(): void {
    try {
      this.#failpoint("afterWrite", this.#lastStepMs);
    } catch (error) {
      this.#internalError(error, this.#lastStepMs);
    }
  }

  #take(input: Input): void {
    const { nowMs } = input;
    switch (input.kind) {
      case "call":
        return this.#onCall(input.call, nowMs);
      case "received":
        return this.#onReceived(input.epoch, input.bytes, nowMs);
      case "time":
        return this.#onTime(nowMs);
      case "connect":
        return this.#onConnect(input.ticket, nowMs);
      case "close":
        return this.#onClose(input.ticket, nowMs);
      case "addAuth":
        return this.#onAddAuth(input.ticket, { scheme: input.scheme, auth: input.auth }, nowMs);
      case "abandon":
        return this.#onAbandon(input.target, input.reason, nowMs);
      case "unwatch":
        return this.#watches.remove(input.path, input.watcher);
      case "resolved":
        if (this.#link.phase !== "resolving" || input.epoch !== this.#epoch) return;
        return this.#openNext(this.#ring.resolved(input.addresses), "its name resolves to no address", nowMs);
      case "unresolved":
        if (this.#link.phase !== "resolving" || input.epoch !== this.#epoch) return;
        return this.#attemptFailed(`its name cannot be resolved: ${input.reason}`, nowMs);
      case "opened":
        return this.#onOpened(input.epoch, nowMs);
      case "blocked":
      case "drained":
        if (this.#link.phase !== "up" || input.epoch !== this.#epoch) return;
        this.#link.blocked = input.kind === "blocked";
        return this.#tellQueue(nowMs);
      case "disconnected":
        if (input.epoch === this.#epoch) this.#onDisconnected(input.reason, nowMs);
        return;
      case "probed":
        return this.#onProbed(input.epoch, input.isReadWrite, nowMs);
      default:
        return unreachable(input);
    }
  }

  // ── wishes of the user ───────────────────────────────────────────────────────────────────────────────────────────

  #onConnect(ticket: Ticket, nowMs: number): void {
    if (this.#state === "closed" || this.#closes.length > 0) {
      return this.#fail(ticket, ticketError("CLOSED", "the client was closed; create a new one"));
    }
    if (this.#state === "connected" || this.#state === "readonly") return this.#settle(ticket, undefined);
    if (this.#state === "authFailed") {
      return this.#fail(
        ticket,
        ticketError("AUTH_FAILED", "a server refused the credentials; create a new client"),
      );
    }
    this.#connects.push(ticket);
    this.#deadlines.setEarlier("connect", ticket.deadlineMs);
    if (this.#state === "suspended" || this.#state === "connecting") return;
    if (this.#state === "expired") {
      this.#session = undefined;
      this.#sessionIsGlobal = false;
      this.#trust.reset();
    }
    this.#moveTo("connecting", "connect() was called", nowMs);
    this.#attempt(nowMs);
  }

  #onClose(ticket: Ticket, nowMs: number): void {
    if (this.#state === "closed") return this.#settle(ticket, { confirmed: this.#closeConfirmed });
    const first = this.#closes.length === 0;
    this.#closes.push(ticket);
    this.#deadlines.setEarlier("close", ticket.deadlineMs);
    if (!first) return;
    if (this.#link.phase === "down" || this.#session === undefined) {
      // Without a session there is nothing to end, unless a handshake is on its way: then a server may hold one. One that
      // was to be taken over, or that lost its credentials, lives on until it times out.
      const nothingLeft =
        this.#state === "expired" || (this.#session === undefined && this.#link.phase !== "handshaking");
      return this.#end("closed", "close() was called", nowMs, nothingLeft);
    }
    for (const call of this.#book.drainQueued()) {
      this.#failCall(call, call.error("CLOSED", "the client was closed before the request was sent"), nowMs);
    }
    if (this.#link.phase === "up") this.#sendClose(this.#link, nowMs);
  }

  #onAddAuth(ticket: Ticket, credential: Credential, nowMs: number): void {
    if (isOver(this.#state) || this.#closes.length > 0) {
      const over = this.#whyOver();
      return this.#fail(ticket, ticketError(over.code, over.message));
    }
    const known = this.#credentials.some(
      (other) => other.scheme === credential.scheme && other.auth.equals(credential.auth),
    );
    const { limits } = this.#options;
    const refusal = refusedCredential(credential, limits);
    if (refusal !== undefined) return this.#fail(ticket, refusal);
    if (this.#authTickets.length >= limits.queuedCallsMax) {
      return this.#fail(
        ticket,
        ticketError("QUEUE_FULL", "too many credentials wait already (queuedCallsMax)"),
      );
    }
    if (!known) {
      if (this.#credentials.length >= limits.credentialsMax) {
        const message = `${limits.credentialsMax} credentials are held already (credentialsMax)`;
        return this.#fail(ticket, ticketError("INVALID_ARGUMENT", message));
      }
      this.#credentials.push(credential);
    }
    // Before connect() there is nothing to wait for: the credential is sent first thing when a server is there.
    if (this.#state === "idle") return this.#settle(ticket, undefined);
    this.#authTicketsSeen += 1;
    this.#authTickets.push({ ticket, number: this.#authTicketsSeen });
    this.#deadlines.setEarlier("callDeadlines", ticket.deadlineMs);
    if (this.#link.phase === "up") this.#sendAuth(this.#link, credential, this.#authTicketsSeen, nowMs);
  }

  #onCall(call: Operation, nowMs: number): void {
    this.#inHand = call;
    this.#admit(call, nowMs);
    this.#inHand = undefined;
  }

  #admit(call: Operation, nowMs: number): void {
    if (call.phase !== "new") throw new Error(`${call.spec.name} ${call.path} was called twice`);
    call.startedAtMs = nowMs;
    this.#record(call, "operation", "invoked", nowMs);
    if (this.#state === "idle") {
      return this.#failCall(call, call.error("NOT_CONNECTED", "call connect() first"), nowMs);
    }
    if (isOver(this.#state) || this.#closes.length > 0) {
      const over = this.#whyOver();
      return this.#failCall(call, call.error(over.code, over.message), nowMs);
    }
    const refusal = this.#book.refuses(call);
    if (refusal !== undefined) {
      this.#tellQueue(nowMs);
      return this.#failCall(call, call.error("QUEUE_FULL", refusal), nowMs);
    }
    if (call.watch !== undefined && this.#watches.size >= this.#options.limits.watchesMax) {
      return this.#failCall(
        call,
        call.error("WATCHES_FULL", `${this.#watches.size} watches stand (watchesMax)`),
        nowMs,
      );
    }
    this.#book.enqueue(call);
    this.#deadlines.setEarlier("callDeadlines", call.deadlineMs);
  }

  #onAbandon(target: Call | Ticket, reason: unknown, nowMs: number): void {
    if ("ticket" in target) {
      if (!forget(this.#connects, target) && !this.#forgetAuth(target)) return;
      this.#fail(target, ticketError("ABORTED", "the caller gave up", reason));
      if (target.ticket === "connect") this.#stopIfNobodyWaits("every caller of connect() gave up", nowMs);
      return;
    }
    if (target.phase === "settled") return;
    this.#book.withdraw(target);
    // It keeps its place among the outstanding; should no answer ever come, the sweep frees it.
    if (target.phase === "sent") this.#deadlines.setEarlier("callDeadlines", nowMs + this.#times.timeoutMs);
    this.#failCall(
      target,
      target.error("ABORTED", "the caller gave up", { server: this.server, cause: reason }),
      nowMs,
    );
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onTime(nowMs: number): void {
    const deadlines = this.#deadlines;
    if (deadlines.isDue("close", nowMs) && this.#closes.length > 0) {
      return this.#end("closed", "no server confirmed the close in time", nowMs, false);
    }
    if (deadlines.isDue("connect", nowMs)) this.#connectsDue(nowMs);
    if (deadlines.isDue("callDeadlines", nowMs)) this.#callsDue(nowMs);
    if (deadlines.isDue("reconnect", nowMs)) {
      deadlines.clear("reconnect");
      if (this.#link.phase === "waiting") this.#attempt(nowMs);
    }
    if (deadlines.isDue("attempt", nowMs)) {
      const what =
        this.#link.phase === "handshaking" ? "it did not answer the connect request" : "no connection";
      this.#attemptFailed(`${what} within the time for one attempt`, nowMs);
    }
    if (this.#link.phase === "up" && deadlines.isDue("partialFrame", nowMs)) {
      this.#loseLink(
        `one frame took longer than ${this.#options.limits.partialFrameTimeoutMs} ms to arrive`,
        nowMs,
      );
    }
    if (this.#link.phase === "up" && deadlines.isDue("receive", nowMs)) this.#receiveDue(this.#link, nowMs);
    if (this.#link.phase === "up" && deadlines.isDue("ping", nowMs)) this.#pingDue(this.#link, nowMs);
    if (this.#link.phase === "up" && deadlines.isDue("probe", nowMs)) this.#probe(nowMs);
  }

  /**
   * Nothing ran for longer than the session timeout: a stopped process, a blocked event loop, a sleeping laptop. The
   * session may be gone and others may hold our locks, so users hear `suspended` before any answer is handed to them.
   */
  #noticeStall(nowMs: number): void {
    const link = this.#link;
    if (link.phase === "handshaking") {
      // The answer may have lain here for longer than the session lives. Ask again.
      this.#tell({ type: "timeGap", gapMs: this.#stepGapMs }, nowMs);
      return this.#attemptFailed("this process did not run while the answer was due", nowMs);
    }
    if (link.phase !== "up") return;
    this.#tell({ type: "timeGap", gapMs: this.#stepGapMs }, nowMs);
    link.doubtSinceMs = nowMs;
    if (this.#deadlines.at("partialFrame") !== Number.POSITIVE_INFINITY)
      this.#deadlines.set("partialFrame", nowMs + this.#options.limits.partialFrameTimeoutMs);
    this.#moveTo("suspended", `this process did not run for ${Math.round(this.#stepGapMs)} ms`, nowMs);
    this.#grantGrace(link, nowMs);
  }

  /** Silence while we did not run proves nothing: ask once more and wait half as long again. */
  #grantGrace(link: UpLink, nowMs: number): void {
    link.graceGiven = true;
    this.#sendPing(link, nowMs);
    this.#deadlines.set("receive", nowMs + this.#times.receiveTimeoutMs / 2);
  }

  #receiveDue(link: UpLink, nowMs: number): void {
    if (!link.graceGiven && this.#stepGapMs > this.#times.pingIntervalMs * 1.5)
      return this.#grantGrace(link, nowMs);
    this.#loseLink(`nothing was heard for ${Math.round(this.silentMs(nowMs))} ms`, nowMs);
  }

  #pingDue(link: UpLink, nowMs: number): void {
    if (link.pings.length < PINGS_UNANSWERED_MAX) return this.#sendPing(link, nowMs);
    // Bytes come, or the receive deadline would have ended it, but the server does not answer.
    this.#loseLink(`${link.pings.length} pings were not answered`, nowMs);
  }

  #connectsDue(nowMs: number): void {
    this.#deadlines.clear("connect");
    const waiting = this.#connects;
    this.#connects = [];
    for (const ticket of waiting) {
      if (ticket.deadlineMs > nowMs) {
        this.#connects.push(ticket);
        this.#deadlines.setEarlier("connect", ticket.deadlineMs);
      } else {
        this.#fail(ticket, ticketError("CONNECT_TIMEOUT", `no server took us in: ${this.#whyNoServer()}`));
      }
    }
    this.#stopIfNobodyWaits("no server took us in", nowMs);
  }

  #callsDue(nowMs: number): void {
    const { due, nextMs } = this.#book.sweep(nowMs);
    this.#deadlines.set("callDeadlines", nextMs);
    for (const call of due) {
      const why =
        call.sends > 0 ? "no answer came in time" : `it could not be sent in time: ${this.#whyNotSent()}`;
      this.#failCall(call, call.error("OPERATION_TIMEOUT", why, { server: this.server }), nowMs);
    }
    // A server that answers pings and never this request has lost it; only a new connection frees its place.
    const oldest = this.#book.oldestInFlight();
    if (oldest?.phase === "settled") {
      const patienceEndsMs = oldest.sentAtMs + 2 * this.#times.timeoutMs;
      if (nowMs < patienceEndsMs) this.#deadlines.setEarlier("callDeadlines", patienceEndsMs);
      else
        this.#loseLink(
          `${oldest.spec.name} ${oldest.path} was not answered although the server lives`,
          nowMs,
        );
    }
    const waiting = this.#authTickets;
    this.#authTickets = [];
    for (const auth of waiting) {
      if (auth.ticket.deadlineMs > nowMs) {
        this.#authTickets.push(auth);
        this.#deadlines.setEarlier("callDeadlines", auth.ticket.deadlineMs);
      } else {
        const message = "no server answered; the credential stays for the next connect";
        this.#fail(auth.ticket, ticketError("OPERATION_TIMEOUT", message));
      }
    }
  }

  #forgetAuth(ticket: Ticket): boolean {
    const index = this.#authTickets.findIndex((auth) => auth.ticket === ticket);
    if (index >= 0) this.#authTickets.splice(index, 1);
    return index >= 0;
  }

  // ── making a connection ──────────────────────────────────────────────────────────────────────────────────────────

  #attempt(nowMs: number): void {
    this.#epoch += 1;
    const server = this.#ring.advance();
    this.#link = { phase: "resolving", server };
    this.#deadlines.set("attempt", nowMs + this.#attemptLimitMs());
    this.#outputs.push({ kind: "resolve", epoch: this.#epoch, host: server.host });
  }

  #openNext(address: string | undefined, otherwise: string, nowMs: number): void {
    if (address === undefined) return this.#attemptFailed(otherwise, nowMs);
    const server = this.#ring.current();
    const limitMs = this.#attemptLimitMs();
    this.#epoch += 1;
    this.#link = { phase: "opening", server };
    this.#deadlines.set("attempt", nowMs + limitMs);
    this.#tell({ type: "attempt", server: formatServer(server), address, limitMs }, nowMs);
    this.#outputs.push({ kind: "open", epoch: this.#epoch, address, port: server.port });
  }

  #onOpened(epoch: number, nowMs: number): void {
    if (this.#link.phase !== "opening" || epoch !== this.#epoch) return;
    const asked = this.#sessionIsGlobal ? this.#session : undefined;
    const question = {
      lastZxid: this.#lastZxid,
      timeoutMs: this.#options.sessionTimeoutMs,
      sessionId: asked?.id ?? 0n,
      password: asked?.password.reveal(),
      readOnly: this.#options.readOnly,
    };
    writeHandshake(this.#outbox, question);
    this.#link = {
      phase: "handshaking",
      server: this.#link.server,
      splitter: new FrameSplitter({ frameBytesMax: this.#options.limits.replyBytesMax }),
      question,
      askedAtMs: nowMs,
    };
  }

  /** The turn of one address ended without a session: its next address, the next server, or a pause. */
  #attemptFailed(reason: string, nowMs: number): void {
    const { phase } = this.#link;
    if (phase !== "resolving" && phase !== "opening" && phase !== "handshaking") return;
    this.#dropSocket();
    const server = formatServer(this.#ring.current());
    const another = this.#ring.nextAddress();
    if (another !== undefined) {
      this.#tell({ type: "attemptFailed", server, reason, nextInMs: 0 }, nowMs);
      return this.#openNext(another, reason, nowMs);
    }
    const pauseMs = this.#ring.failed(reason, nowMs);
    this.#tell({ type: "attemptFailed", server, reason, nextInMs: pauseMs }, nowMs);
    this.#goOn(pauseMs, nowMs);
  }

  #goOn(pauseMs: number, nowMs: number): void {
    if (
      this.#lastHeardMs !== Number.NEGATIVE_INFINITY &&
      this.silentMs(nowMs) > (this.#times.timeoutMs * 4) / 3
    ) {
      this.#tell({ type: "sessionPresumedExpired", silentMs: this.silentMs(nowMs) }, nowMs);
    }
    this.#deadlines.clear("attempt");
    if (pauseMs === 0) return this.#attempt(nowMs);
    this.#link = { phase: "waiting" };
    this.#deadlines.set("reconnect", nowMs + pauseMs);
  }

  #onHandshake(frame: Uint8Array, link: Extract<Link, { phase: "handshaking" }>, nowMs: number): void {
    const verdict = judgeHandshake(frame, link.question);
    switch (verdict.verdict) {
      case "refused":
        return this.#attemptFailed(verdict.reason, nowMs);
      case "expired":
        if (verdict.isAnother) this.#tell({ type: "sessionIgnored", reason: verdict.reason }, nowMs);
        // Whoever asked to close has what they wanted: the server holds nothing of ours any more.
        if (this.#closes.length > 0) return this.#end("closed", verdict.reason, nowMs, true);
        return this.#end("expired", verdict.reason, nowMs);
      case "accepted":
        return this.#adopt(verdict, link, nowMs);
      default:
        return unreachable(verdict);
    }
  }

  #adopt(
    granted: Extract<HandshakeVerdict, { verdict: "accepted" }>,
    handshake: Extract<Link, { phase: "handshaking" }>,
    nowMs: number,
  ): void {
    const resumed = handshake.question.sessionId !== 0n;
    this.#session = { id: granted.sessionId, password: new Secret(granted.password) };
    if (!granted.readOnly) this.#sessionIsGlobal = true;
    this.#times = livenessTimes(granted.timeoutMs);
    this.#trust.answered(handshake.askedAtMs);
    const link: UpLink = {
      phase: "up",
      server: handshake.server,
      splitter: handshake.splitter,
      readOnly: granted.readOnly,
      unknownOps: this.#capabilities.unknownTo(formatServer(handshake.server), nowMs),
      upSinceMs: nowMs,
      pings: [],
      auths: [],
      rearms: 0,
      blocked: false,
      doubtSinceMs: undefined,
      graceGiven: false,
      closeXid: undefined,
    };
    this.#link = link;
    this.#deadlines.clear("attempt");
    this.#deadlines.set("receive", nowMs + this.#times.receiveTimeoutMs);
    this.#deadlines.set("ping", nowMs + this.#times.pingIntervalMs);
    const server = formatServer(link.server);
    this.#tell(
      {
        type: "handshake",
        server,
        sessionId: granted.sessionId,
        timeoutMs: granted.timeoutMs,
        resumed,
        readOnly: granted.readOnly,
      },
      nowMs,
    );
    if (this.#failpoint("sessionAdopted", nowMs)) return;
    if (this.#closes.length > 0) return this.#sendClose(link, nowMs);
    // Who waits for a credential is answered by the last packet replayed: all before it are accepted then.
    const last = this.#credentials.length - 1;
    for (const [index, credential] of this.#credentials.entries()) {
      this.#sendAuth(link, credential, index === last ? this.#authTicketsSeen : 0, nowMs);
    }
    if (!this.#rearm(link, nowMs)) return;
    this.#moveTo(granted.readOnly ? "readonly" : "connected", `${server} took us in`, nowMs);
    if (granted.readOnly) {
      this.#probing = false;
      this.#probeIntervalMs = PROBE_INTERVAL_MS;
      this.#deadlines.set("probe", nowMs + this.#probeIntervalMs);
    }
    this.#deadlines.clear("connect");
    for (const ticket of this.#connects.splice(0)) this.#settle(ticket, undefined);
  }

  /** Arms every watch again. False when a failpoint cut the connection. */
  #rearm(link: UpLink, nowMs: number): boolean {
    const watches = this.#watches.size;
    if (watches === 0) return true;
    const bytesMax = Math.min(SET_WATCHES_BYTES_MAX, this.#options.limits.requestBytesMax);
    for (const record of this.#watches.rearm(this.#lastZxid, bytesMax)) {
      if (link.rearms > 0 && this.#failpoint("betweenChunks", nowMs)) return false;
      this.#writeFrame(
        Xid.SET_WATCHES,
        OpCode.SET_WATCHES,
        (writer) => SetWatches.write(writer, record),
        nowMs,
      );
      link.rearms += 1;
    }
    this.#tell({ type: "watchesRearmed", watches, frames: link.rearms }, nowMs);
    return true;
  }

  // ── losing a connection ──────────────────────────────────────────────────────────────────────────────────────────

  #onDisconnected(reason: string, nowMs: number): void {
    switch (this.#link.phase) {
      case "opening":
        return this.#attemptFailed(reason, nowMs);
      case "handshaking":
        return this.#attemptFailed(
          `it closed the connection without an answer (${reason}): no quorum, behind what we have seen, or too many connections`,
          nowMs,
        );
      case "up":
        return this.#loseLink(reason, nowMs);
      default:
        return;
    }
  }

  #loseLink(reason: string, nowMs: number): void {
    const link = this.#link;
    if (link.phase !== "up") return this.#attemptFailed(reason, nowMs);
    const server = formatServer(link.server);
    const useful = nowMs - link.upSinceMs >= USEFUL_LINK_MS;
    this.#tell({ type: "connectionLost", server, reason }, nowMs);
    this.#dropSocket();
    this.#link = { phase: "waiting" };
    const closing = this.#closes.length > 0;
    // A link that fell before the state was told was never seen by the user.
    if (this.#state === "connected" || this.#state === "readonly") this.#moveTo("suspended", reason, nowMs);
    const { lost, resent } = this.#book.connectionLost(!closing);
    for (const call of lost) {
      this.#failCall(
        call,
        call.error("CONNECTION_LOSS", `the connection was lost before the answer: ${reason}`, { server }),
        nowMs,
      );
    }
    for (const call of resent) {
      this.#tell({ type: "retry", operation: call.spec.name, path: call.path, resends: call.resends }, nowMs);
    }
    if (closing) {
      for (const call of this.#book.drainQueued()) {
        this.#failCall(
          call,
          call.error("CLOSED", "the client was closed before the request was sent"),
          nowMs,
        );
      }
    }
    if (useful) {
      this.#ring.succeeded();
      this.#ring.lost(reason, nowMs);
      this.#goOn(0, nowMs);
    } else {
      this.#goOn(this.#ring.failed(reason, nowMs), nowMs);
    }
  }

  #dropSocket(): void {
    if (this.#link.phase === "opening" || this.#link.phase === "handshaking" || this.#link.phase === "up") {
      this.#outputs.push({ kind: "disconnect", epoch: this.#epoch });
    }
    // Bytes that never left are not sent: their calls go back to the queue.
    this.#outbox.truncate(0);
    for (const name of ["attempt", "receive", "ping", "partialFrame", "probe", "reconnect"] as const)
      this.#deadlines.clear(name);
  }

  /** Nobody waits for a first connection any more: back to idle, so that the process may end. */
  #stopIfNobodyWaits(reason: string, nowMs: number): void {
    if (this.#state !== "connecting" || this.#connects.length > 0 || this.#closes.length > 0) return;
    this.#dropSocket();
    this.#link = { phase: "down" };
    this.#deadlines.clearAll();
    for (const call of this.#book.drainQueued())
      this.#failCall(call, call.error("NOT_CONNECTED", reason), nowMs);
    for (const { ticket } of this.#authTickets.splice(0)) this.#settle(ticket, undefined);
    this.#moveTo("idle", reason, nowMs);
  }

  /** The session is over, for good or until the next connect(). Everything is settled, every watcher hears of it. */
  #end(over: "expired" | "authFailed" | "closed", reason: string, nowMs: number, confirmed = false): void {
    // Whoever closes wants it closed, however it comes about.
    const state = this.#closes.length > 0 ? "closed" : over;
    if (state === "closed") this.#closeConfirmed = confirmed;
    this.#dropSocket();
    this.#link = { phase: "down" };
    this.#deadlines.clearAll();
    const { lost } = this.#book.connectionLost(false);
    const queued = this.#book.drainQueued();
    this.#moveTo(state, reason, nowMs);
    const code = OVER_CODES[state];
    for (const call of [...lost, ...queued]) this.#failCall(call, call.error(code, reason), nowMs);
    for (const { path, watcher } of this.#watches.clear()) {
      this.#outputs.push({ kind: "watch", watcher, notice: { type: "None", serverPath: path, state } });
    }
    for (const ticket of this.#connects.splice(0)) this.#fail(ticket, ticketError(code, reason));
    for (const { ticket } of this.#authTickets.splice(0)) this.#fail(ticket, ticketError(code, reason));
    for (const ticket of this.#closes.splice(0)) this.#settle(ticket, { confirmed });
  }

  /** A fault of ours, not of the peer: the connection goes, the host process never hears an exception. */
  #internalError(error: unknown, nowMs: number): void {
    this.#tell({ type: "internalError", error }, nowMs);
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    const call = this.#inHand;
    this.#inHand = undefined;
    try {
      this.#loseLink(message, nowMs);
    } catch (second) {
      this.#tell({ type: "internalError", error: second }, nowMs);
      if (!isOver(this.#state) && this.#state !== "idle") {
        this.#dropSocket();
        this.#link = { phase: "waiting" };
        this.#deadlines.set("reconnect", nowMs + this.#options.reconnect.roundDelayMaxMs);
      }
    }
    // One that went back to the queue when the connection was dropped is in nobody's hand any more.
    if (call === undefined || call.phase === "settled" || this.#book.holds(call)) return;
    this.#failCall(call, call.error("INTERNAL", message, { cause: error }), nowMs);
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends what waits, as far as the limits allow. */
  #pump(nowMs: number): void {
    if (this.#book.queuedSize === 0) return;
    const link = this.#link;
    if (link.phase !== "up" || link.closeXid !== undefined) return;
    while (!link.blocked && this.#link === link) {
      const call = this.#book.next();
      if (call === undefined) break;
      this.#inHand = call;
      if (link.unknownOps?.has(call.spec.opCode) === true) this.#refuseUnknown(call, link, nowMs);
      else this.#send(call, nowMs);
      this.#inHand = undefined;
    }
  }

  /** Whatever emptied the queue, those who wait for room hear of it. */
  #tellRoom(): void {
    const isQueued = this.#book.queuedSize > 0;
    if (this.#wasQueued && !isQueued) this.#outputs.push({ kind: "room" });
    this.#wasQueued = isQueued;
  }

  #refuseUnknown(call: Call, link: UpLink, nowMs: number): void {
    this.#book.dropped(call);
    const message = "this server said lately that it does not know the operation; it was not asked again";
    const error = call.error("UNIMPLEMENTED", message, { server: formatServer(link.server) });
    this.#failCall(call, error, nowMs);
  }

  #send(call: Call, nowMs: number): void {
    const outbox = this.#outbox;
    const start = outbox.beginFrame();
    const { request } = call.spec;
    try {
      outbox.int(this.#xid);
      outbox.int(call.spec.opCode);
      if (request !== null) request.write(outbox, call.record);
    } catch (error) {
      outbox.truncate(start);
      this.#book.dropped(call);
      return this.#failCall(
        call,
        call.error("INVALID_ARGUMENT", (error as Error).message, { cause: error }),
        nowMs,
      );
    }
    const bytes = outbox.endFrame(start);
    const limit = this.#options.limits.requestBytesMax;
    // A watch must also fit into the frame that sets it again, or it would cost every later connection.
    if (bytes > limit || (call.watch !== undefined && bytes + REARM_OVERHEAD_BYTES > limit)) {
      outbox.truncate(start);
      this.#book.dropped(call);
      const message = `the request has ${bytes} bytes, ${limit} is the limit (requestBytesMax, the servers' jute.maxbuffer)`;
      return this.#failCall(call, call.error("REQUEST_TOO_LARGE", message), nowMs);
    }
    this.#book.sent(call, this.#xid, nowMs);
    this.#xid = nextXid(this.#xid);
    this.#deadlines.set("ping", nowMs + this.#times.pingIntervalMs);
    this.#record(call, "attempt", "sent", nowMs);
    if (this.#options.failpoint !== undefined) this.#failpoint("beforeWrite", nowMs);
  }

  #writeFrame(
    xid: number,
    opCode: number,
    body: ((writer: JuteWriter) => void) | undefined,
    nowMs: number,
  ): void {
    const start = this.#outbox.beginFrame();
    this.#outbox.int(xid);
    this.#outbox.int(opCode);
    body?.(this.#outbox);
    this.#outbox.endFrame(start);
    this.#deadlines.set("ping", nowMs + this.#times.pingIntervalMs);
  }

  #sendPing(link: UpLink, nowMs: number): void {
    link.pings.push(nowMs);
    this.#writeFrame(Xid.PING, OpCode.PING, undefined, nowMs);
  }

  #sendAuth(link: UpLink, credential: Credential, answersUpTo: number, nowMs: number): void {
    link.auths.push({ scheme: credential.scheme, answersUpTo });
    this.#writeFrame(
      Xid.AUTH,
      OpCode.AUTH,
      (writer) =>
        AuthPacket.write(writer, { type: 0, scheme: credential.scheme, auth: credential.auth.reveal() }),
      nowMs,
    );
  }

  #sendClose(link: UpLink, nowMs: number): void {
    if (this.#failpoint("duringClose", nowMs)) return;
    link.closeXid = this.#xid;
    this.#writeFrame(this.#xid, OpCode.CLOSE_SESSION, undefined, nowMs);
    this.#xid = nextXid(this.#xid);
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────

  #onReceived(epoch: number, bytes: Uint8Array, nowMs: number): void {
    const link = this.#link;
    if (epoch !== this.#epoch || (link.phase !== "up" && link.phase !== "handshaking")) return;
    this.#lastHeardMs = nowMs;
    const { splitter } = link;
    let frames = 0;
    try {
      splitter.push(bytes);
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) {
        frames += 1;
        if (this.#link.phase === "handshaking") this.#onHandshake(frame, this.#link, nowMs);
        else if (this.#link.phase === "up") this.#onFrame(frame, this.#link, nowMs);
        if (this.#epoch !== epoch || (this.#link.phase !== "up" && this.#link.phase !== "handshaking"))
          return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof Violation)) throw error;
      return this.#refuseFrame(error, nowMs);
    }
    if (this.#link.phase === "handshaking" && splitter.partialBytes > HANDSHAKE_BYTES_MAX) {
      return this.#attemptFailed("it sent far more than a connect response", nowMs);
    }
    if (this.#link.phase !== "up") return;
    this.#link.graceGiven = false;
    this.#deadlines.set("receive", nowMs + this.#times.receiveTimeoutMs);
    if (splitter.partialBytes === 0) this.#deadlines.clear("partialFrame");
    else if (frames > 0)
      this.#deadlines.set("partialFrame", nowMs + this.#options.limits.partialFrameTimeoutMs);
    else this.#deadlines.setEarlier("partialFrame", nowMs + this.#options.limits.partialFrameTimeoutMs);
  }

  /** The server broke the protocol: nothing more on this connection can be believed. */
  #refuseFrame(error: ProtocolError | Violation, nowMs: number): void {
    this.#tell({ type: "frameRefused", server: this.server ?? "", reason: error.message }, nowMs);
    const oldest = this.#book.oldestInFlight();
    if (
      error instanceof ProtocolError &&
      error.code === "FRAME_TOO_LARGE" &&
      oldest !== undefined &&
      oldest.phase === "sent"
    ) {
      // Sent again it would only be too large again, for ever. Replies come in order, so it is the oldest's.
      const message = `${error.message}; raise replyBytesMax to take it`;
      this.#failCall(
        oldest,
        oldest.error("REPLY_TOO_LARGE", message, { server: this.server, cause: error }),
        nowMs,
      );
    }
    this.#loseLink(`the server broke the protocol: ${error.message}`, nowMs);
  }

  #onFrame(frame: Uint8Array, link: UpLink, nowMs: number): void {
    const reader = this.#reader;
    reader.reset(frame);
    const xid = reader.int();
    const zxid = reader.long();
    const err = reader.int();
    switch (xid) {
      case Xid.NOTIFICATION:
        return this.#onEvent(nowMs);
      case Xid.PING:
        if (err === AUTH_REQUIRED) return this.#authDemanded(nowMs);
        return this.#onPong(link, nowMs);
      case Xid.AUTH:
        return this.#onAuthReply(link, err, nowMs);
      case Xid.SET_WATCHES:
        link.rearms -= 1;
        if (link.rearms < 0) throw new Violation("a reply to SetWatches that was not asked for");
        if (err === AUTH_REQUIRED) return this.#authDemanded(nowMs);
        if (err !== 0) this.#loseLink(`the server refused to set the watches again (${err})`, nowMs);
        return;
      default:
        return this.#onReply(xid, zxid, err, link, nowMs);
    }
  }

  #onEvent(nowMs: number): void {
    const event = WatcherEvent.read(this.#reader);
    if (this.#failpoint("eventDecoded", nowMs)) return;
    const path = event.path ?? "";
    const type = EVENT_NAMES.get(event.type);
    // Events of types that newer servers may have, and state events that no server should send, concern no watch here.
    if (type === undefined) return;
    const watchers = this.#watches.take(event.type, path);
    this.#tell({ type: "watchFired", event: type, path, watchers: watchers.length }, nowMs);
    for (const watcher of watchers) {
      this.#outputs.push({ kind: "watch", watcher, notice: { type, serverPath: path } });
    }
  }

  #onPong(link: UpLink, nowMs: number): void {
    const sentAtMs = link.pings.shift();
    if (sentAtMs === undefined) throw new Violation("a ping reply that was not asked for");
    this.#trust.answered(sentAtMs);
    this.#tell({ type: "pong", server: formatServer(link.server), roundTripMs: nowMs - sentAtMs }, nowMs);
    this.#proved(link, sentAtMs, nowMs);
  }

  #onAuthReply(link: UpLink, err: number, nowMs: number): void {
    const pending = link.auths.shift();
    if (pending === undefined) throw new Violation("an auth reply that was not asked for");
    this.#tell({ type: "auth", scheme: pending.scheme, accepted: err === 0 }, nowMs);
    if (err !== 0) {
      return this.#end(
        "authFailed",
        `the server refused the credentials of scheme ${pending.scheme} (${err})`,
        nowMs,
      );
    }
    // Replies come in order, so everybody who waited for this packet or an earlier one is answered.
    const waiting = this.#authTickets;
    let answered = 0;
    while (answered < waiting.length && (waiting[answered] as AuthTicket).number <= pending.answersUpTo)
      answered += 1;
    for (const { ticket } of waiting.splice(0, answered)) this.#settle(ticket, undefined);
  }

  #onReply(xid: number, zxid: bigint, err: number, link: UpLink, nowMs: number): void {
    if (xid === link.closeXid) {
      return this.#end(
        "closed",
        err === 0 ? "the server confirmed the close" : `the server refused to close the session (${err})`,
        nowMs,
        err === 0,
      );
    }
    const call = this.#book.answered(xid);
    if (call === undefined) throw new Violation(`a reply to request ${xid}, which is not outstanding`);
    this.#inHand = call;
    this.#onAnswer(call, zxid, err, link, nowMs);
    this.#inHand = undefined;
  }

  #onAnswer(call: Call, zxid: bigint, err: number, link: UpLink, nowMs: number): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (call.spec.throughLeader && err === 0) this.#trust.answeredByLeader(call.sentAtMs);
    else this.#trust.answered(call.sentAtMs);
    this.#proved(link, call.sentAtMs, nowMs);
    if (this.#options.failpoint !== undefined && this.#failpoint("replyDecoded", nowMs)) {
      if (call.phase !== "settled") {
        this.#failCall(
          call,
          call.error("CONNECTION_LOSS", "failpoint", { server: formatServer(link.server) }),
          nowMs,
        );
      }
      return;
    }
    if (call.phase === "settled") return;
    if (err !== 0) return this.#onRefusal(call, err, zxid, link, nowMs);
    let value: unknown;
    try {
      const { response } = call.spec;
      value = call.finish((response === null ? undefined : response.read(this.#reader)) as never, zxid);
    } catch (error) {
      const message = `the reply cannot be read: ${(error as Error).message}`;
      this.#failCall(
        call,
        call.error("PROTOCOL", message, { server: formatServer(link.server), cause: error }),
        nowMs,
      );
      throw new Violation(message);
    }
    if (value instanceof ZkError) {
      // A refusal of the second try says nothing of the first, which was never answered.
      const isUnsure = call.spec.isWrite && call.sends > 1;
      return this.#failCall(call, isUnsure ? value.withApplied("maybe") : value, nowMs, zxid);
    }
    if (call.watch !== undefined) this.#armed(call, call.watch.kind, nowMs);
    this.#succeed(call, value, zxid, nowMs);
  }

  #onRefusal(call: Call, err: number, zxid: bigint, link: UpLink, nowMs: number): void {
    if (call.spec.absentIsAnswer && err === NO_NODE) {
      // The watch waits for the node to appear.
      if (call.watch !== undefined) this.#armed(call, "exist", nowMs);
      return this.#succeed(call, null, zxid, nowMs);
    }
    const server = formatServer(link.server);
    this.#failCall(call, call.refusal(err, server), nowMs, zxid);
    // With an ordinary zxid it is a feature that is switched off, and the connection stays.
    if (err === UNIMPLEMENTED && zxid === -1n) this.#capabilities.refused(server, call.spec.opCode, nowMs);
    if (err === AUTH_REQUIRED) this.#authDemanded(nowMs);
  }

  /** Any packet may be answered like this, pings included; asking again would only be answered like this again. */
  #authDemanded(nowMs: number): void {
    this.#end("authFailed", "the server demands authentication first (-124)", nowMs);
  }

  #armed(call: Call, kind: "data" | "exist" | "child", nowMs: number): void {
    if (call.watch === undefined) return;
    this.#watches.add(kind, call.serverPath, call.watch.watcher);
    this.#tell({ type: "watchArmed", kind, path: call.serverPath }, nowMs);
  }

  /** An answer to something sent after a stall: the connection lived through it. */
  #proved(link: UpLink, sentAtMs: number, nowMs: number): void {
    if (link.doubtSinceMs === undefined || sentAtMs < link.doubtSinceMs) return;
    link.doubtSinceMs = undefined;
    if (this.#closes.length > 0) return;
    this.#moveTo(link.readOnly ? "readonly" : "connected", "the connection outlived the stall", nowMs);
  }

  // ── read-only mode ───────────────────────────────────────────────────────────────────────────────────────────────

  #probe(nowMs: number): void {
    this.#probeIntervalMs = Math.min(PROBE_INTERVAL_MAX_MS, this.#probeIntervalMs * 2);
    this.#deadlines.set("probe", nowMs + this.#probeIntervalMs);
    // One question at a time: the answer does not say whom it is from.
    if (this.#probing) return;
    this.#probing = true;
    const { host, port } = this.#ring.candidate();
    this.#outputs.push({ kind: "probe", epoch: this.#epoch, host, port });
  }

  #onProbed(epoch: number, isReadWrite: boolean, nowMs: number): void {
    if (epoch !== this.#epoch) return;
    this.#probing = false;
    if (!isReadWrite || this.#link.phase !== "up" || !this.#link.readOnly || this.#closes.length > 0) return;
    this.#ring.chooseCandidate();
    this.#loseLink("a read-write server was found", nowMs);
  }

  // ── helpers ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #moveTo(state: SessionState, reason: string, nowMs: number): void {
    if (state === this.#state) return;
    if (!isLegalMove(this.#state, state)) throw new Error(`no move from ${this.#state} to ${state}`);
    this.#state = state;
    this.#outputs.push({ kind: "state", state, reason });
    this.#tell({ type: "state", state, reason }, nowMs);
  }

  #succeed(call: Call, value: unknown, zxid: bigint, nowMs: number): void {
    call.phase = "settled";
    this.#record(call, "operation", "ok", nowMs, zxid);
    if (this.diagnosing) this.#tellOperation(call, undefined, nowMs);
    this.#settle(call, value);
  }

  #failCall(call: Call, error: ZkError, nowMs: number, zxid = 0n): void {
    if (call.phase === "settled") throw new Error(`${call.spec.name} ${call.path} was settled twice`);
    call.phase = "settled";
    this.#record(
      call,
      "operation",
      error.applied === "maybe" ? "ambiguous" : "failed",
      nowMs,
      zxid,
      error.code,
    );
    if (this.diagnosing) this.#tellOperation(call, error.code, nowMs);
    this.#fail(call, error);
  }

  #settle(target: Call | Ticket, value: unknown): void {
    this.#outputs.push({ kind: "settled", target, value });
  }

  #fail(target: Call | Ticket, error: ZkError): void {
    this.#outputs.push({ kind: "failed", target, error });
  }

  #failpoint(name: FailpointName, nowMs: number): boolean {
    if (this.#options.failpoint?.(name) !== "drop") return false;
    this.#loseLink(`failpoint ${name}`, nowMs);
    return true;
  }

  #attemptLimitMs(): number {
    return attemptLimitMs({
      timeoutMs: this.#times.timeoutMs,
      servers: this.#ring.size,
      addresses: this.#ring.addressesInTurn,
      resuming: this.#sessionIsGlobal,
      rounds: this.#ring.rounds,
    });
  }

  #whyNoServer(): string {
    const failures = this.#ring
      .failures()
      .map((failure) => `${formatServer(failure.server)}: ${failure.reason}`);
    const link = this.#link;
    if (link.phase === "resolving" || link.phase === "opening" || link.phase === "handshaking") {
      failures.push(`${formatServer(link.server)}: still ${link.phase}`);
    }
    return failures.length === 0 ? "no server was asked yet" : failures.join("; ");
  }

  #whyNotSent(): string {
    return this.#link.phase === "up" ? "too many requests were outstanding" : this.#whyNoServer();
  }

  #whyOver(): { readonly code: ZkErrorCode; readonly message: string } {
    const state = isOver(this.#state) ? this.#state : "closed";
    return { code: OVER_CODES[state], message: OVER_REASONS[state] };
  }

  #tell(fact: DiagnosticFact, nowMs: number): void {
    if (!this.diagnosing) return;
    this.#outputs.push({ kind: "diagnostic", event: { ...fact, epoch: this.#epoch, atMs: nowMs } });
  }

  #tellQueue(nowMs: number): void {
    const { queuedSize: queued, inFlightSize: inFlight, bytes } = this.#book;
    this.#tell({ type: "queue", queued, inFlight, bytes }, nowMs);
  }

  #tellOperation(call: Call, code: string | undefined, nowMs: number): void {
    const { xid, path } = call;
    this.#tell(
      { type: "operation", operation: call.spec.name, path, xid, durationMs: nowMs - call.startedAtMs, code },
      nowMs,
    );
  }

  #record(
    call: Call,
    level: HistoryRecord["level"],
    outcome: HistoryRecord["outcome"],
    nowMs: number,
    zxid = 0n,
    code?: string,
  ): void {
    if (!this.#options.recordHistory) return;
    let operationId = this.#operationIds.get(call);
    if (operationId === undefined) {
      this.#operations += 1;
      operationId = this.#operations;
      this.#operationIds.set(call, operationId);
    }
    const sent = (call.record ?? {}) as { version?: number; data?: Uint8Array | null };
    const record: HistoryRecord = {
      level,
      operationId,
      outcome,
      operation: call.spec.name,
      path: call.path,
      sessionId: this.#session?.id ?? 0n,
      epoch: this.#epoch,
      xid: call.xid,
      server: this.server,
      version: sent.version,
      dataDigest: sent.data instanceof Uint8Array ? digestOf(sent.data) : undefined,
      zxid,
      code,
      startedAtMs: call.startedAtMs,
      atMs: nowMs,
    };
    this.#outputs.push({ kind: "history", record });
  }
}

/** A reply that fits nothing that was asked: the peer broke the protocol, or is not a ZooKeeper server. */
class Violation extends Error {
  override readonly name = "Violation";
}

const NOTHING: Output[] = [];
const NO_NODE = -101;
const AUTH_REQUIRED = -124;
const UNIMPLEMENTED = -6;

const OVER_CODES = {
  expired: "SESSION_EXPIRED",
  authFailed: "AUTH_FAILED",
  closed: "CLOSED",
} as const satisfies Record<string, ZkErrorCode>;

const OVER_REASONS = {
  expired: "the session has expired; connect() starts a new one",
  authFailed: "a server refused the credentials; create a new client",
  closed: "the client was closed",
} as const;

const EVENT_NAMES: ReadonlyMap<number, Exclude<WatchNotice["type"], "None">> = new Map([
  [WatchEventType.NodeCreated, "NodeCreated"],
  [WatchEventType.NodeDeleted, "NodeDeleted"],
  [WatchEventType.NodeDataChanged, "NodeDataChanged"],
  [WatchEventType.NodeChildrenChanged, "NodeChildrenChanged"],
] as const);

function ticketError(code: ZkErrorCode, message: string, cause?: unknown): ZkError {
  return new ZkError({ code, message, applied: "no" satisfies Applied, cause });
}

/** Someone who waits for a credential to be accepted. */
interface AuthTicket {
  readonly ticket: Ticket;
  /** Counts from 1 over the machine's life, so that a packet can say whom its reply answers. */
  readonly number: number;
}

/** Sent first on every connection, a credential above the server's frame limit would cost each of them. */
function refusedCredential(credential: Credential, limits: Limits): ZkError | undefined {
  // Header, type, two lengths; three bytes are the most that one UTF-16 unit takes.
  const bytes = 20 + credential.scheme.length * 3 + credential.auth.size;
  if (bytes <= limits.requestBytesMax) return undefined;
  const message = `the credential has ${bytes} bytes, ${limits.requestBytesMax} is the limit (requestBytesMax)`;
  return ticketError("REQUEST_TOO_LARGE", message);
}

function forget(tickets: Ticket[], ticket: Ticket): boolean {
  const index = tickets.indexOf(ticket);
  if (index < 0) return false;
  tickets.splice(index, 1);
  return true;
}

function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
