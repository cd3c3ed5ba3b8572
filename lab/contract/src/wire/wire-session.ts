/**
 * A session as it is on the wire: the handshake, any request, and every frame in the order in which it came. Nothing is
 * retried, hidden or put right, so that a behaviour can be seen field by field.
 */
import {
  AuthPacket,
  type Codec,
  ConnectRequest,
  ConnectResponse,
  decode,
  encode,
  encodeFrame,
  JuteWriter,
  OPERATIONS,
  OpCode,
  type OperationName,
  type Operations,
  ReplyHeader,
  SetWatches,
  WatcherEvent,
  Xid,
} from "@zk/protocol";
import type { Address, Ending, Wire } from "./wire.js";

/** What a session is resumed with. */
export interface Credentials {
  readonly id: bigint;
  readonly password: Uint8Array;
}

/** What is asked for in a handshake; all have defaults. */
export interface Handshake {
  readonly protocolVersion?: number;
  readonly lastZxidSeen?: bigint;
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  /** Default: 16 zeros. */
  readonly password?: Uint8Array | null;
  /** Default: false; null leaves the byte out, as clients before 3.4.0 did. */
  readonly readOnly?: boolean | null;
}

/** One frame behind the handshake: a reply, or a notification, which is one with `event`. */
export interface Message extends ReplyHeader {
  /** What follows the header. */
  readonly bytes: Uint8Array;
  readonly event?: WatcherEvent;
}

/** A reply whose body is understood. */
export interface Reply<T> extends Message {
  /** Null when the reply says an error or the operation has no body. */
  readonly body: T | null;
  /** Notifications that came before it and had not been asked for. */
  readonly before: readonly WatcherEvent[];
}

/** Body of the requests of an operation, null for those that have none. */
export type RequestOf<N extends OperationName> = Operations[N]["request"] extends Codec<infer T> ? T : null;
/** Body of the replies of an operation, null for those that have none. */
export type ResponseOf<N extends OperationName> = Operations[N]["response"] extends Codec<infer T> ? T : null;

/** Timeout asked for unless told: longer than any behaviour takes. */
export const longTimeoutMs = 30_000;

/** The bytes of a handshake's frame. */
export function handshakeFrame(handshake: Handshake = {}): Uint8Array {
  const readOnly = handshake.readOnly === undefined ? false : handshake.readOnly;
  return encodeFrame(ConnectRequest, {
    protocolVersion: handshake.protocolVersion ?? 0,
    lastZxidSeen: handshake.lastZxidSeen ?? 0n,
    timeOut: handshake.timeoutMs ?? longTimeoutMs,
    sessionId: handshake.sessionId ?? 0n,
    passwd: handshake.password === undefined ? new Uint8Array(16) : handshake.password,
    ...(readOnly === null ? {} : { readOnly }),
  });
}

/** The bytes of a request's frame; `body` as it is. */
export function requestFrame(xid: number, type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const writer = new JuteWriter();
  writer.int(8 + body.length);
  writer.int(xid);
  writer.int(type);
  const head = writer.take();
  return Buffer.concat([head, body]);
}

/** The body of a request, encoded. */
export function requestBody<N extends OperationName>(name: N, request: RequestOf<N>): Uint8Array {
  const codec = OPERATIONS[name].request as Codec<RequestOf<N>> | null;
  return codec === null ? new Uint8Array(0) : encode(codec, request);
}

/** See the head of this file. */
export class WireSession {
  readonly wire: Wire;
  readonly address: Address;
  /** The answer to the handshake. */
  readonly granted: ConnectResponse;
  /** Its bytes. */
  readonly grantedBytes: Uint8Array;
  #xid = 0;
  #state: "open" | "closed" | "dropped" = "open";

  /** @param grantedBytes the frame that answered the handshake on this connection */
  constructor(wire: Wire, address: Address, grantedBytes: Uint8Array) {
    this.wire = wire;
    this.address = address;
    this.grantedBytes = grantedBytes;
    this.granted = decode(ConnectResponse, grantedBytes);
  }

  get id(): bigint {
    return this.granted.sessionId;
  }

  get credentials(): Credentials {
    return { id: this.granted.sessionId, password: this.granted.passwd ?? new Uint8Array(0) };
  }

  /** Sends a request and gives its xid: the next one, or the one told. */
  send<N extends OperationName>(name: N, request: RequestOf<N>, xid: number = this.nextXid()): number {
    return this.sendBytes(OPERATIONS[name].opCode, requestBody(name, request), xid);
  }

  /** Sends a request with any op code and any body. */
  sendBytes(type: number, body?: Uint8Array, xid: number = this.nextXid()): number {
    this.wire.write(requestFrame(xid, type, body));
    return xid;
  }

  nextXid(): number {
    this.#xid += 1;
    return this.#xid;
  }

  /** The next frame, whatever it is. @throws Error when the connection ends first */
  async next(): Promise<Message> {
    const frame = await this.wire.frame();
    const header = decode(ReplyHeader, frame);
    const bytes = frame.subarray(16);
    if (header.xid !== Xid.NOTIFICATION) return { ...header, bytes };
    return { ...header, bytes, event: decode(WatcherEvent, bytes) };
  }

  /** The next frame, which must be a notification with the header that all have. */
  async event(): Promise<WatcherEvent> {
    const message = await this.next();
    if (message.event === undefined)
      throw new Error(`A reply came where a notification was due: ${text(message)}`);
    if (message.zxid !== -1n || message.err !== 0)
      throw new Error(`A notification with a strange header: ${text(message)}`);
    return message.event;
  }

  /** The next reply, with the notifications before it; it must have this xid. */
  async reply(xid: number): Promise<Reply<null>> {
    const before: WatcherEvent[] = [];
    for (;;) {
      const message = await this.next();
      if (message.event !== undefined) before.push(message.event);
      else if (message.xid === xid) return { ...message, body: null, before };
      else throw new Error(`The reply to xid ${xid} was due, and this came: ${text(message)}`);
    }
  }

  /** Sends a request and waits for its reply. */
  async call<N extends OperationName>(
    name: N,
    request: RequestOf<N>,
    xid?: number,
  ): Promise<Reply<ResponseOf<N>>> {
    return this.answerTo(name, this.send(name, request, xid));
  }

  /** Waits for the reply to a request sent before. */
  async answerTo<N extends OperationName>(name: N, xid: number): Promise<Reply<ResponseOf<N>>> {
    const reply = await this.reply(xid);
    const codec = OPERATIONS[name].response as Codec<ResponseOf<N>> | null;
    return { ...reply, body: reply.err === 0 && codec !== null ? decode(codec, reply.bytes) : null };
  }

  /** Sends any op code with any body and waits for the reply. */
  async callBytes(type: number, body?: Uint8Array, xid?: number): Promise<Reply<null>> {
    return this.reply(this.sendBytes(type, body, xid));
  }

  ping(): Promise<Reply<null>> {
    return this.callBytes(OpCode.PING, undefined, Xid.PING);
  }

  /** The reply to credentials. Scheme and auth as they are. */
  auth(scheme: string, auth: string | Uint8Array | null): Promise<Reply<null>> {
    const bytes = typeof auth === "string" ? new TextEncoder().encode(auth) : auth;
    return this.callBytes(OpCode.AUTH, encode(AuthPacket, { type: 0, scheme, auth: bytes }), Xid.AUTH);
  }

  /** Asks for watches as after a reconnect; the notifications that are due at once are in `before`. */
  setWatches(
    relativeZxid: bigint,
    watches: {
      readonly data?: readonly string[];
      readonly exist?: readonly string[];
      readonly child?: readonly string[];
    },
  ): Promise<Reply<null>> {
    const body = encode(SetWatches, {
      relativeZxid,
      dataWatches: watches.data ?? [],
      existWatches: watches.exist ?? [],
      childWatches: watches.child ?? [],
    });
    return this.callBytes(OpCode.SET_WATCHES, body, Xid.SET_WATCHES);
  }

  /** Notifications that the server has sent so far and nobody has read: those before the reply to a ping. */
  async pendingEvents(): Promise<readonly WatcherEvent[]> {
    return (await this.ping()).before;
  }

  /** Waits for the end of the connection, before which nothing may come. */
  ended(): Promise<Ending> {
    return this.wire.end();
  }

  /** Closes the session and waits for the server's word and the end of the connection. */
  async close(): Promise<Reply<null>> {
    const reply = await this.callBytes(OpCode.CLOSE_SESSION);
    this.#state = "closed";
    await this.ended();
    this.wire.destroy();
    return reply;
  }

  /** Drops the connection; the session is left to its timeout. */
  drop(): void {
    this.#state = "dropped";
    this.wire.destroy();
  }

  /** Closes the session if this connection still can. Never throws. @returns false when the session may live on */
  async leave(): Promise<boolean> {
    const canClose = this.#state === "open" && !this.wire.isEnded && this.id !== 0n;
    if (canClose) {
      this.wire.write(requestFrame(this.nextXid(), OpCode.CLOSE_SESSION));
      await this.wire.drained();
    }
    this.wire.destroy();
    return canClose || this.#state === "closed" || this.id === 0n;
  }
}

function text(message: Message): string {
  const { bytes, ...header } = message;
  return `${JSON.stringify(header, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value))} ${Buffer.from(bytes).toString("hex").slice(0, 200)}`;
}
