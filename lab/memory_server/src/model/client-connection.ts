/**
 * One client's connection to one server: bytes into four-letter words, the handshake and requests; answers into bytes.
 *
 * Source: ZooKeeper 3.4.6, NIOServerCnxn.java (doIO, readLength, checkFourLetterWord) and ZooKeeperServer.java
 * (processConnectRequest, processPacket)
 */
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  encode,
  FrameSplitter,
  GetSASLRequest,
  type Id,
  JuteReader,
  JuteWriter,
  KeeperState,
  OpCode,
  ReplyHeader,
  SetSASLResponse,
  Xid,
} from "@zk/protocol";
import { addAuth, ipId } from "../tree/auth.js";
import { ServerWatcherEvent } from "../tree/java-text.js";
import type { TreeEvent } from "../tree/txn.js";
import { fourLetterWords } from "./four-letter.js";
import { passwordOf } from "./session-secrets.js";
import { ConnectionStatistics } from "./statistics.js";

const AUTH_FAILED = -115;
const NO_BYTES = new Uint8Array(0);

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly frameBytesMax: number;
  readonly superDigest: string | undefined;
  /** Whether there is somebody who takes frames. */
  readonly isServing: boolean;
  readonly nowMs: number;
  send(connection: ClientConnection, bytes: Uint8Array): void;
  /** Ends it; the connection is not known any more when this returns. */
  end(connection: ClientConnection, how: "fin" | "reset"): void;
  setReading(connection: ClientConnection, isReading: boolean): void;
  /** Undefined: the connection stays as it is, for ever. */
  answerWord(connection: ClientConnection, word: string): string | undefined;
  connectRequest(connection: ClientConnection, request: ConnectRequest): void;
  request(connection: ClientConnection, xid: number, opCode: number, body: Uint8Array): void;
}

/** See the head of this file. */
export class ClientConnection {
  readonly number: number;
  readonly address: string;
  readonly port: number;
  readonly statistics: ConnectionStatistics;
  readonly auth: Id[];
  /** 0 until a session is asked for. */
  sessionId = 0n;
  timeoutMs = 0;
  isOver = false;
  /** Requests with an xid of at least 0 that have no answer yet, as 3.4.6 counts them: xid 0 is never released. */
  outstanding = 0;
  /** Whether the handshake is done and not only asked for. */
  isEstablished = false;

  readonly #host: ConnectionHost;
  readonly #splitter: FrameSplitter;
  #head: Uint8Array = NO_BYTES;
  #word: string | undefined;
  #isFramed = false;
  /** The connect request came: no more four-letter words. */
  #isInitialized = false;
  /** An old client leaves out the read-only byte, and gets none. */
  #isOldClient = false;
  /** Nothing more is taken: a refusal went out, or the session is being set up, or there is too much under way. */
  #isHeld = false;
  #isFeeding = false;

  constructor(host: ConnectionHost, about: { number: number; address: string; port: number }) {
    this.#host = host;
    this.number = about.number;
    this.address = about.address;
    this.port = about.port;
    this.auth = [ipId(about.address)];
    this.#splitter = new FrameSplitter({ frameBytesMax: host.frameBytesMax });
    this.statistics = new ConnectionStatistics(host.nowMs);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  received(bytes: Uint8Array): void {
    if (this.isOver || bytes.length === 0) return;
    if (this.#isFramed) this.#splitter.push(bytes);
    else this.#takeHead(bytes);
    this.#feed();
  }

  /** Stops taking requests, or goes on with those that came meanwhile. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld || this.isOver) return;
    this.#isHeld = isHeld;
    this.#host.setReading(this, !isHeld);
    if (!isHeld) this.#feed();
  }

  /** The answer to a connect request. A session that is not valid gets zeros, and the connection ends. */
  grant(isValid: boolean, isReadOnly: boolean): void {
    if (this.isOver) return;
    const passwd = isValid ? passwordOf(this.sessionId) : new Uint8Array(16);
    const [timeOut, sessionId] = isValid ? [this.timeoutMs, this.sessionId] : [0, 0n];
    const response: ConnectResponse = { protocolVersion: 0, timeOut, sessionId, passwd };
    this.#send(encode(ConnectResponse, this.#isOldClient ? response : { ...response, readOnly: isReadOnly }));
    if (!isValid) return this.#host.end(this, "fin");
    this.isEstablished = true;
    this.hold(false);
  }

  reply(header: ReplyHeader, body: Uint8Array = NO_BYTES): void {
    if (this.isOver) return;
    const writer = new JuteWriter(16 + body.length);
    ReplyHeader.write(writer, header);
    const head = writer.take();
    const payload = body.length === 0 ? head : new Uint8Array(16 + body.length);
    if (body.length > 0) {
      payload.set(head);
      payload.set(body, 16);
    }
    this.#send(payload);
    if (header.xid > 0) this.outstanding -= 1;
  }

  notify({ type, path }: TreeEvent): void {
    const event = encode(ServerWatcherEvent, { type, state: KeeperState.SyncConnected, path });
    this.reply({ xid: Xid.NOTIFICATION, zxid: -1n, err: 0 }, event);
  }

  end(how: "fin" | "reset" = "fin"): void {
    if (!this.isOver) this.#host.end(this, how);
  }

  #send(payload: Uint8Array): void {
    const frame = new Uint8Array(4 + payload.length);
    new DataView(frame.buffer).setInt32(0, payload.length);
    frame.set(payload, 4);
    this.statistics.sent();
    this.#host.send(this, frame);
  }

  /** The first four bytes are a word or a length; a length is looked at before anything behind it has come. */
  #takeHead(bytes: Uint8Array): void {
    const all = joined(this.#head, bytes);
    if (all.length < 4) {
      this.#head = all;
      return;
    }
    const word = String.fromCharCode(...all.subarray(0, 4));
    if (fourLetterWords.has(word)) {
      this.#head = all;
      if (this.#word !== undefined) return;
      this.#word = word;
      this.statistics.received();
      const answer = this.#host.answerWord(this, word);
      if (answer === undefined) return;
      const text = new Uint8Array(answer.length);
      for (let index = 0; index < answer.length; index += 1) text[index] = answer.charCodeAt(index);
      if (text.length > 0) this.#host.send(this, text);
      return this.#host.end(this, "fin");
    }
    this.#isFramed = true;
    if (!this.#host.isServing) return this.#host.end(this, "fin");
    this.#splitter.push(all);
    this.#head = NO_BYTES;
  }

  #feed(): void {
    // A request may be answered, and hold or release this connection, while it is taken in.
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    try {
      while (!this.isOver && !this.#isHeld && this.#isFramed) {
        if (!this.#host.isServing) return this.#host.end(this, "fin");
        const frame = this.#splitter.next();
        if (frame === null) return;
        this.statistics.received();
        this.#onFrame(frame);
      }
    } catch {
      // Bytes that cannot be read end the connection without a word: a length out of bounds, a body that is too short.
      if (!this.isOver) this.#host.end(this, "fin");
    } finally {
      this.#isFeeding = false;
    }
  }

  #onFrame(frame: Uint8Array): void {
    const reader = new JuteReader(frame);
    if (!this.#isInitialized) {
      const request = ConnectRequest.read(reader);
      this.#isInitialized = true;
      this.#isOldClient = request.readOnly === undefined;
      return this.#host.connectRequest(this, request);
    }
    const [xid, opCode] = [reader.int(), reader.int()];
    if (opCode === OpCode.AUTH) return this.#onAuth(xid, reader);
    if (xid >= 0) this.outstanding += 1;
    if (opCode === OpCode.SASL) return this.#onSasl(xid, read(GetSASLRequest, reader));
    this.#host.request(this, xid, opCode, frame.subarray(reader.position));
  }

  #onAuth(xid: number, reader: JuteReader): void {
    const { address } = this;
    const { superDigest } = this.#host;
    reader.int();
    // Null stands for neither a scheme nor a password: both are refused, but they are read.
    const packet = { scheme: reader.ustring(), auth: reader.buffer() };
    const ids = addAuth(packet, { address, superDigest });
    if (ids === undefined) {
      this.reply({ xid, zxid: 0n, err: AUTH_FAILED });
      return this.end();
    }
    for (const id of ids) {
      if (!this.auth.some(({ scheme, id: known }) => scheme === id.scheme && known === id.id))
        this.auth.push(id);
    }
    this.reply({ xid, zxid: 0n, err: 0 });
  }

  /** A server without SASL says so by an empty success. A null token makes the real one stumble, and then say nothing more. */
  #onSasl(xid: number, { token }: GetSASLRequest): void {
    if (token === null) return this.hold(true);
    this.reply({ xid, zxid: 0n, err: 0 }, encode(SetSASLResponse, { token: null }));
  }
}

function read<T>(codec: Codec<T>, reader: JuteReader): T {
  return codec.read(reader);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
