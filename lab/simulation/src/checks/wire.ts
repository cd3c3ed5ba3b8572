/**
 * Looks at every byte that a client sends and gets, and holds the client to the rules of the wire:
 * - a connection begins with the connect request, which asks for the session that the client has, with its password and
 *   the newest transaction that the client was shown;
 * - then credentials, then all standing watches, each in the list of its kind, then everything else;
 * - xids only rise, over reconnects too;
 * - nothing but pings follows the request to close.
 */

import {
  ConnectRequest,
  ConnectResponse,
  decode,
  FrameSplitter,
  JuteReader,
  OpCode,
  operationName,
  SetWatches,
  WatcherEvent,
  Xid,
} from "@zk/protocol";
import type { SimConnection, Tap } from "../world/connection.js";
import type { Trace } from "../world/trace.js";
import type { Findings } from "./findings.js";

/** What the client has to keep to; told by the one who uses it. */
export interface WireExpectations {
  readonly name: string;
  nowMs(): number;
  clientNowMs(): number;
  /** The session that the client was granted and that is not over. */
  session(): { readonly id: bigint; readonly password: Uint8Array } | undefined;
  /** Credentials that must be sent first on every connection. */
  credentials(): number;
  /** Watches that stand: kind and path. */
  armed(): Iterable<string>;
  isClosing(): boolean;
  frameBytesMax: number;
}

interface Line {
  readonly connection: SimConnection;
  readonly up: FrameSplitter;
  readonly down: FrameSplitter;
  granted: { readonly id: bigint; readonly password: Uint8Array } | undefined;
  isAsked: boolean;
  /** The session that was asked for. */
  asked: bigint;
  isAnswered: boolean;
  auths: number;
  authsDue: number;
  /** Watches that stood when the session was granted and were not set again yet; undefined once they were looked for. */
  toRearm: Set<string> | undefined;
  hasOrders: boolean;
  isClosed: boolean;
  /** The server said that the session is elsewhere or over: what comes behind it is not looked at. */
  isDisowned: boolean;
}

/** See the head of this file. */
export class Wire implements Tap {
  /** The newest transaction in a reply that reached the client. */
  maxReplyZxid = 0n;
  /** When the client last heard anything, by its own clock. */
  lastHeardMs: number = Number.NEGATIVE_INFINITY;
  /** Bytes and frames, for the record. */
  framesSent = 0;
  /** What the server that answered last granted, in milliseconds. */
  timeoutMs = 0;
  /** The client let go of the connection in the middle of what it was sent, and did not look at the rest. */
  isTorn = false;
  /** A session of which a server said that it is over. */
  refused: bigint | undefined;
  readonly #expect: WireExpectations;
  readonly #findings: Findings;
  readonly #trace: Trace;
  readonly #reader = new JuteReader(new Uint8Array(0));
  readonly #replies = new Map<number, bigint>();
  readonly #sentXids = new Set<number>();
  #line: Line | undefined;
  #lastXid = 0;

  constructor(expect: WireExpectations, findings: Findings, trace: Trace) {
    this.#expect = expect;
    this.#findings = findings;
    this.#trace = trace;
  }

  /** Whether the client has a connection on which it was granted its session. */
  get isServed(): boolean {
    return this.#line?.granted !== undefined;
  }

  /** Connections that the client holds on to. */
  get isConnected(): boolean {
    return this.#line !== undefined;
  }

  /** The connection that the client uses. */
  get connection(): SimConnection | undefined {
    return this.#line?.connection;
  }

  /** What the server that answered last granted. */
  get granted(): { readonly id: bigint; readonly password: Uint8Array } | undefined {
    return this.#line?.granted;
  }

  /** Whether a request left the client. */
  wasSent(xid: number): boolean {
    return this.#sentXids.has(xid);
  }

  /** The transaction in the header of the reply to a request, once. */
  takeReply(xid: number): bigint | undefined {
    const zxid = this.#replies.get(xid);
    this.#replies.delete(xid);
    return zxid;
  }

  opened(connection: SimConnection): void {
    if (this.#line !== undefined) {
      this.#findings.report("leaks", `${this.#who}: a connection was left open for the next`);
    }
    this.#note(`connection ${connection.number} to zk${connection.server} stands`);
    this.#line = {
      connection,
      up: new FrameSplitter({ frameBytesMax: 1 << 24 }),
      down: new FrameSplitter({ frameBytesMax: 1 << 24 }),
      granted: undefined,
      isAsked: false,
      asked: 0n,
      isAnswered: false,
      auths: 0,
      authsDue: 0,
      toRearm: undefined,
      hasOrders: false,
      isClosed: false,
      isDisowned: false,
    };
  }

  over(connection: SimConnection, reason: string): void {
    this.#note(`connection ${connection.number} to zk${connection.server}: ${reason}`);
    if (this.#line?.connection === connection) this.#line = undefined;
  }

  sent(connection: SimConnection, bytes: Uint8Array): void {
    const line = this.#line;
    if (line === undefined || line.connection !== connection) {
      return this.#report(`bytes were written to connection ${connection.number}, which does not stand`);
    }
    // A copy: the client may use the memory again before all of it is looked at.
    line.up.push(bytes.slice());
    for (let frame = line.up.next(); frame !== null; frame = line.up.next()) this.#frameSent(line, frame);
  }

  received(connection: SimConnection, bytes: Uint8Array): void {
    const line = this.#line;
    if (line === undefined || line.connection !== connection) return;
    this.lastHeardMs = this.#expect.clientNowMs();
    line.down.push(bytes);
    for (let frame = line.down.next(); frame !== null; frame = line.down.next()) this.#frameCame(line, frame);
  }

  #frameSent(line: Line, frame: Uint8Array): void {
    this.framesSent += 1;
    if (frame.length > this.#expect.frameBytesMax) {
      this.#report(`a frame of ${frame.length} bytes was sent, ${this.#expect.frameBytesMax} is the limit`);
    }
    if (!line.isAsked) {
      line.isAsked = true;
      const request = decode(ConnectRequest, frame);
      line.asked = request.sessionId;
      return this.#asked(request);
    }
    if (!line.isAnswered) return this.#report("something was sent before the session was granted");
    this.#reader.reset(frame);
    const xid = this.#reader.int();
    const opCode = this.#reader.int();
    if (xid === Xid.PING) return this.#note("sends ping");
    if (line.isClosed) this.#report(`request ${xid} was sent behind the request to close`);
    if (xid === Xid.AUTH) {
      line.auths += 1;
      if (line.hasOrders && line.auths <= line.authsDue) {
        this.#report("a credential was sent behind watches or requests");
      }
      return this.#note("sends auth");
    }
    if (opCode === OpCode.CLOSE_SESSION) line.isClosed = true;
    else if (line.auths < line.authsDue) this.#report("requests or watches were sent before the credentials");
    line.hasOrders = true;
    if (xid === Xid.SET_WATCHES) return this.#rearmed(line, SetWatches.read(this.#reader));
    if (!line.isClosed) this.#demandRearmed(line);
    this.#findings.demand(
      "wire order",
      xid > this.#lastXid,
      () => `${this.#who}: xid ${xid} behind ${this.#lastXid}`,
    );
    this.#lastXid = Math.max(this.#lastXid, xid);
    this.#sentXids.add(xid);
    const path = opCode === OpCode.MULTI || line.isClosed ? "" : ` ${this.#reader.ustring()}`;
    this.#note(`sends ${xid} ${operationName(opCode)}${path}`);
  }

  #asked(request: ConnectRequest): void {
    this.#checkAsked(request);
    if (this.isTorn) this.maxReplyZxid = request.lastZxidSeen;
    this.isTorn = false;
  }

  #checkAsked(request: ConnectRequest): void {
    const session = this.#expect.session();
    this.#note(`asks for session ${request.sessionId.toString(16)} at ${request.lastZxidSeen.toString(16)}`);
    const wanted = session?.id ?? 0n;
    if (request.sessionId !== wanted) {
      return this.#report(
        `session ${request.sessionId.toString(16)} was asked for, not ${wanted.toString(16)}`,
      );
    }
    if (session !== undefined && !isEqual(request.passwd ?? new Uint8Array(0), session.password)) {
      this.#report("the session was asked for without its password");
    }
    this.#findings.demand(
      "lastZxid",
      request.lastZxidSeen === this.maxReplyZxid || (this.isTorn && request.lastZxidSeen < this.maxReplyZxid),
      () =>
        `${this.#who}: lastZxidSeen is ${request.lastZxidSeen.toString(16)}, the newest reply said ${this.maxReplyZxid.toString(16)}`,
    );
  }

  #frameCame(line: Line, frame: Uint8Array): void {
    if (!line.isAnswered) {
      line.isAnswered = true;
      const answer = decode(ConnectResponse, frame);
      this.#note(`is granted session ${answer.sessionId.toString(16)} for ${answer.timeOut} ms`);
      if (answer.timeOut <= 0 || answer.passwd === null) {
        this.refused = line.asked;
        return;
      }
      this.timeoutMs = answer.timeOut;
      line.granted = { id: answer.sessionId, password: answer.passwd.slice() };
      line.authsDue = this.#expect.isClosing() ? 0 : this.#expect.credentials();
      line.toRearm = this.#expect.isClosing() ? undefined : new Set(this.#expect.armed());
      return;
    }
    this.#demandRearmed(line);
    this.#reader.reset(frame);
    const xid = this.#reader.int();
    const zxid = this.#reader.long();
    const err = this.#reader.int();
    if (xid === Xid.NOTIFICATION) {
      const { type, path } = WatcherEvent.read(this.#reader);
      return this.#note(`gets event ${type} ${path}`);
    }
    this.#note(`gets ${xid} zxid ${zxid.toString(16)} err ${err}`);
    if (xid <= 0 || line.isDisowned) return;
    if (zxid > this.maxReplyZxid) this.maxReplyZxid = zxid;
    this.#replies.set(xid, zxid);
    if (err === -112 || err === -118) line.isDisowned = true;
  }

  #rearmed(line: Line, watches: SetWatches): void {
    this.#note(
      `sets again ${watches.dataWatches.length} data ${watches.existWatches.length} exist ${watches.childWatches.length} child`,
    );
    for (const path of watches.dataWatches) line.toRearm?.delete(`data ${path}`);
    for (const path of watches.existWatches) line.toRearm?.delete(`exist ${path}`);
    for (const path of watches.childWatches) line.toRearm?.delete(`child ${path}`);
    this.#findings.demand(
      "lastZxid",
      watches.relativeZxid === this.maxReplyZxid,
      () => `${this.#who}: watches were set again relative to ${watches.relativeZxid.toString(16)}`,
    );
  }

  #demandRearmed(line: Line): void {
    const { toRearm } = line;
    line.toRearm = undefined;
    if (toRearm === undefined || toRearm.size === 0 || this.#expect.isClosing()) return;
    this.#findings.report("watches", `${this.#who}: not set again: ${[...toRearm].join(", ")}`);
  }

  get #who(): string {
    return this.#expect.name;
  }

  #report(message: string): void {
    this.#findings.report("wire order", `${this.#who}: ${message}`);
  }

  #note(what: string): void {
    this.#trace.add(this.#expect.nowMs(), this.#expect.name, what);
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
