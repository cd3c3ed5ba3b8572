/**
 * The yardstick: the least that a program can do on a socket and still speak the protocol.
 *
 * It does what no client can leave out, and nothing else: it encodes every request itself (length, xid, op code, path, and
 * for a write the data), counts xids, sends what one batch of replies allows with one write, cuts the stream into
 * frames, reads the header of every reply, matches it with the request that is due, and gives the data as a view of what
 * came. No promises, no errors, no deadlines, no stat, no second connection.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java (primeConnection, SendThread.readResponse) and zookeeper.jute.
 */
import { connect, type Socket } from "node:net";
import { ConnectRequest, ConnectResponse, decode, encodeFrame, OpCode } from "@zk/protocol";
import { type Load, VALUE_BYTES, type Work } from "./types.js";

/** Where the bare loop works and on what. */
export interface BareOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly work: Work;
  readonly window: number;
}

const SESSION_TIMEOUT_MS = 30_000;
const REPLY_HEADER_BYTES = 16;
const ANY_VERSION = -1;

/** Connects and asks for a session. @throws Error when the server refuses */
export async function openBareLoad(options: BareOptions): Promise<BareLoad> {
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const granted = new Promise<Buffer>((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      socket.off("data", onData);
      resolve(answer.subarray(4));
    };
    socket.on("data", onData);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed the connection in the handshake")));
  });
  socket.write(
    encodeFrame(ConnectRequest, {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: SESSION_TIMEOUT_MS,
      sessionId: 0n,
      passwd: new Uint8Array(16),
      readOnly: false,
    }),
  );
  const { timeOut } = decode(ConnectResponse, await granted);
  if (timeOut <= 0) throw new Error("the server granted no session");
  return new BareLoad(socket, options);
}

/** See the head of this file. */
export class BareLoad implements Load {
  completed = 0;
  /** The data of the newest reply, so that nothing can find it unused. */
  lastData: Uint8Array | null = null;

  readonly #socket: Socket;
  readonly #path: string;
  readonly #isGet: boolean;
  #window: number;
  readonly #value = Buffer.alloc(VALUE_BYTES, "x");
  readonly #requestBytes: number;
  /** The xids that wait for their replies, a ring in the order of sending: that is the order of the replies. */
  readonly #due: Int32Array;
  #dueHead = 0;
  #dueCount = 0;
  #xid = 1;
  #outbox: Buffer;
  #outboxUsed = 0;
  /** The beginning of a frame whose end has not come. */
  #rest: Buffer | undefined;
  #stopping = false;
  #finish: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(socket: Socket, options: BareOptions) {
    this.#socket = socket;
    this.#path = options.path;
    this.#isGet = options.work === "get";
    this.#window = options.window;
    this.#due = new Int32Array(options.window);
    this.#requestBytes = 16 + Buffer.byteLength(options.path) + (this.#isGet ? 1 : 8 + VALUE_BYTES);
    this.#outbox = this.#newOutbox();
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = (error) => {
        this.#socket.destroy();
        reject(error);
      };
      this.#socket.on("error", this.#fail);
      this.#socket.on("close", () => this.#fail(new Error("the server closed the connection")));
      this.#socket.on("data", (chunk) => this.#onData(chunk));
      while (this.#dueCount < this.#window) this.#request();
      this.#flush();
    });
  }

  narrow(window: number): void {
    this.#window = Math.min(window, this.#window);
  }

  stop(): void {
    this.#stopping = true;
  }

  #onData(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = undefined;
    }
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      if (!this.#onReply(bytes, at + 4)) return;
      at = end;
    }
    if (at < bytes.length) this.#rest = at === 0 ? bytes : bytes.subarray(at);
    if (this.#outboxUsed > 0) this.#flush();
    if (this.#stopping && this.#dueCount === 0) {
      this.#finish();
      this.#socket.removeAllListeners("close");
      this.#socket.destroy();
    }
  }

  /** False when the reply is not the one that is due, or refuses. */
  #onReply(bytes: Buffer, at: number): boolean {
    const xid = bytes.readInt32BE(at);
    const zxidHigh = bytes.readInt32BE(at + 4);
    const error = bytes.readInt32BE(at + 12);
    if (this.#dueCount === 0 || xid !== this.#due[this.#dueHead] || zxidHigh < 0 || error !== 0) {
      this.#fail(new Error(`request ${this.#due[this.#dueHead]} was answered by xid ${xid}, error ${error}`));
      return false;
    }
    this.#dueHead = this.#dueHead + 1 === this.#due.length ? 0 : this.#dueHead + 1;
    this.#dueCount -= 1;
    if (this.#isGet) {
      const dataAt = at + REPLY_HEADER_BYTES + 4;
      this.lastData = bytes.subarray(dataAt, dataAt + bytes.readInt32BE(dataAt - 4));
    }
    this.completed += 1;
    if (!this.#stopping && this.#dueCount < this.#window) this.#request();
    return true;
  }

  #request(): void {
    const xid = this.#xid;
    this.#xid = xid === 0x7fffffff ? 1 : xid + 1;
    const outbox = this.#outbox;
    let at = this.#outboxUsed;
    at = outbox.writeInt32BE(this.#requestBytes - 4, at);
    at = outbox.writeInt32BE(xid, at);
    at = outbox.writeInt32BE(this.#isGet ? OpCode.GET_DATA : OpCode.SET_DATA, at);
    const pathBytes = outbox.write(this.#path, at + 4);
    outbox.writeInt32BE(pathBytes, at);
    at += 4 + pathBytes;
    if (this.#isGet) {
      outbox[at] = 0;
      at += 1;
    } else {
      at = outbox.writeInt32BE(VALUE_BYTES, at);
      outbox.set(this.#value, at);
      at = outbox.writeInt32BE(ANY_VERSION, at + VALUE_BYTES);
    }
    this.#outboxUsed = at;
    const tail = this.#dueHead + this.#dueCount;
    this.#due[tail < this.#due.length ? tail : tail - this.#due.length] = xid;
    this.#dueCount += 1;
  }

  /** One write for all that one batch of replies made room for. */
  #flush(): void {
    this.#socket.write(this.#outbox.subarray(0, this.#outboxUsed));
    this.#outboxUsed = 0;
    // What the kernel did not take at once still lies in that memory.
    if (this.#socket.writableLength > 0) this.#outbox = this.#newOutbox();
  }

  #newOutbox(): Buffer {
    return Buffer.allocUnsafeSlow(this.#requestBytes * this.#due.length);
  }
}
