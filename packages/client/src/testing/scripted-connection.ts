/** One connection as a scripted server sees it. */
import { type ConnectRequest, FrameSplitter, type OperationName, type ServerErrorName } from "@zk/protocol";
import type { ServerSocket } from "./server-socket.js";
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

/** What the connections of one server share. */
export interface ServerMemory {
  /** The zxid of the last reply. */
  zxid: bigint;
  /** Counts the sessions granted. */
  sessions: bigint;
  /** Whether pings are answered without the script's help. */
  answersPings: boolean;
}

interface Waiter {
  resolve(payload: Uint8Array): void;
  reject(error: Error): void;
}

/**
 * One connection of a {@link ScriptedServer}. The script waits for what it expects and answers it; what the client sent
 * earlier waits in order. Waiting ends with an error when the connection does.
 */
export class ScriptedConnection {
  readonly #socket: ServerSocket;
  readonly #memory: ServerMemory;
  readonly #splitter = new FrameSplitter();
  readonly #frames: Uint8Array[] = [];
  readonly #waiters: Waiter[] = [];
  #asked: ConnectRequest | undefined;
  #sessionId = 0n;
  #isShaken = false;
  #end: string | undefined;
  readonly #whenEnded: Promise<string>;
  #tellEnded: (reason: string) => void = () => {};

  constructor(socket: ServerSocket, memory: ServerMemory) {
    this.#socket = socket;
    this.#memory = memory;
    this.#whenEnded = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    socket.listen({
      received: (bytes) => this.#received(bytes),
      closed: (reason) => this.#ended(reason),
    });
  }

  /** The session that was granted on this connection; 0n before. */
  get sessionId(): bigint {
    return this.#sessionId;
  }

  /** Resolves with the reason when the connection has ended. */
  get ended(): Promise<string> {
    return this.#whenEnded;
  }

  /** Frames that came and that the script has not asked for. */
  get unread(): number {
    return this.#frames.length;
  }

  /** Waits for the next frame, whatever it is; without its length. @throws Error when the connection ended */
  frame(): Promise<Uint8Array> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#end !== undefined) return Promise.reject(new Error(`no more frames: ${this.#end}`));
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Waits for the connect request. @throws Error when the connection ended */
  async connectRequest(): Promise<ConnectRequest> {
    this.#asked = readConnectRequest(await this.frame());
    return this.#asked;
  }

  /**
   * Waits for the connect request and grants a session: the one that is asked for, or a new one.
   * @returns what was asked
   */
  async handshake(grant: Partial<Grant> = {}): Promise<ConnectRequest> {
    const asked = this.#asked ?? (await this.connectRequest());
    let sessionId = grant.sessionId ?? asked.sessionId;
    if (sessionId === 0n && grant.sessionId === undefined) {
      this.#memory.sessions += 1n;
      sessionId = 0x100000000000000n + this.#memory.sessions;
    }
    this.#sessionId = sessionId;
    this.#isShaken = true;
    this.send(connectResponseFrame({ ...grant, sessionId }, asked));
    return asked;
  }

  /** Waits for the next request; pings do not count while the server answers them itself. */
  async next(): Promise<SeenRequest> {
    return readRequest(await this.frame());
  }

  /** Waits for the next request, which must be of this operation. @throws Error when it is not */
  async expect<Name extends OperationName>(operation: Name): Promise<SeenRequest<Name>> {
    const request = await this.next();
    if (request.operation !== operation) throw new Error(`expected ${operation}, saw ${request.operation}`);
    return request as SeenRequest<Name>;
  }

  /** Answers a request, with a header zxid one above the last or the one given. @returns that zxid */
  reply<Name extends OperationName>(
    request: SeenRequest<Name>,
    body: ReplyBody<Name>,
    zxid: bigint = this.#nextZxid(),
  ): bigint {
    this.send(replyFrame(request, zxid, body));
    return zxid;
  }

  /** Answers a request that has no body in its reply, such as delete, auth, setWatches and closeSession. */
  acknowledge(request: Pick<SeenRequest, "xid">, zxid: bigint = this.#nextZxid()): bigint {
    this.send(headerFrame({ xid: request.xid, zxid, err: 0 }));
    return zxid;
  }

  /** Refuses a request. */
  refuse(
    request: Pick<SeenRequest, "xid">,
    error: ServerErrorName | number,
    zxid: bigint = this.#nextZxid(),
  ): bigint {
    this.send(headerFrame({ xid: request.xid, zxid, err: errorNumber(error) }));
    return zxid;
  }

  /** Tells the client of an event. */
  notify(event: SentEvent): void {
    this.send(eventFrame(event));
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Ends the connection after what was sent. */
  close(): void {
    this.#socket.close();
    this.#ended("the server closed the connection");
  }

  #nextZxid(): bigint {
    this.#memory.zxid += 1n;
    return this.#memory.zxid;
  }

  #received(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next())
      this.#deliver(frame);
  }

  #deliver(frame: Uint8Array): void {
    if (this.#memory.answersPings && this.#isShaken && isPing(frame)) {
      return this.send(headerFrame({ xid: -2, zxid: this.#memory.zxid, err: 0 }));
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#frames.push(frame);
    else waiter.resolve(frame);
  }

  #ended(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error(`no more frames: ${reason}`));
    this.#tellEnded(reason);
  }
}

function isPing(frame: Uint8Array): boolean {
  return frame.length === 8 && frame[0] === 0xff && frame[3] === 0xfe && frame[7] === 11;
}
