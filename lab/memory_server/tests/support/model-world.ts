/** A model with clients that speak bytes to it, under a clock of the test's own. */
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  decode,
  encode,
  FrameSplitter,
  OpCode,
  ReplyHeader,
  WatcherEvent,
} from "@zk/protocol";
import { EnsembleModel, type ModelInput, type ModelOptions } from "../../src/index.js";

/** A reply or a notification, as it stood on the wire. */
export interface Seen {
  readonly header: ReplyHeader;
  readonly body: Uint8Array;
}

// Over a union this distributes, which plain Omit does not.
type WithoutTime<T> = T extends unknown ? Omit<T, "nowMs"> : never;

/** See the head of this file. */
export class ModelWorld {
  readonly model: EnsembleModel;
  nowMs = 0;
  readonly listening: Map<number, boolean> = new Map();
  readonly #clients = new Map<number, ModelClient>();
  #connections = 0;

  constructor(options: ModelOptions) {
    this.model = new EnsembleModel(options);
    this.#perform();
  }

  step(input: WithoutTime<ModelInput>): void {
    this.model.step({ ...input, nowMs: this.nowMs } as ModelInput);
    this.#perform();
  }

  /** Lets time pass, deadline by deadline. */
  advance(milliseconds: number): void {
    const endMs = this.nowMs + milliseconds;
    for (let dueMs = this.model.nextDeadlineMs(); dueMs <= endMs; dueMs = this.model.nextDeadlineMs()) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.step({ kind: "time" });
    }
    this.nowMs = endMs;
    this.step({ kind: "time" });
  }

  open(server: number, address = "127.0.0.1"): ModelClient {
    this.#connections += 1;
    const client = new ModelClient(this, this.#connections);
    this.#clients.set(client.number, client);
    this.step({ kind: "accept", server, connection: client.number, address });
    return client;
  }

  /** A client with a session of its own. */
  connect(server: number, wish: Partial<ConnectRequest> = {}): ModelClient {
    const client = this.open(server);
    client.greet(wish);
    return client;
  }

  #perform(): void {
    for (const output of this.model.drain()) {
      if (output.kind === "send") this.#clients.get(output.connection)?.receive(output.bytes);
      if (output.kind === "end") this.#clients.get(output.connection)?.ended(output.how);
      if (output.kind === "listening") this.listening.set(output.server, output.isListening);
    }
  }
}

/** One connection. */
export class ModelClient {
  readonly number: number;
  granted: ConnectResponse | undefined;
  /** Everything behind the handshake, in order. */
  readonly seen: Seen[] = [];
  end: "fin" | "reset" | undefined;
  text = "";
  readonly #world: ModelWorld;
  readonly #splitter = new FrameSplitter();
  #xid = 0;
  #wantsText = false;

  constructor(world: ModelWorld, number: number) {
    this.#world = world;
    this.number = number;
  }

  get sessionId(): bigint {
    return this.granted?.sessionId ?? 0n;
  }

  get credentials(): { readonly sessionId: bigint; readonly passwd: Uint8Array } {
    return { sessionId: this.sessionId, passwd: this.granted?.passwd ?? new Uint8Array(16) };
  }

  get events(): readonly WatcherEvent[] {
    return this.seen.filter(({ header }) => header.xid === -1).map(({ body }) => decode(WatcherEvent, body));
  }

  sendRaw(bytes: Uint8Array): void {
    this.#world.step({ kind: "received", connection: this.number, bytes });
  }

  sendFrame(payload: Uint8Array): void {
    const frame = new Uint8Array(4 + payload.length);
    new DataView(frame.buffer).setInt32(0, payload.length);
    frame.set(payload, 4);
    this.sendRaw(frame);
  }

  greet(wish: Partial<ConnectRequest> = {}): void {
    const request = { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 10_000, sessionId: 0n };
    this.sendFrame(
      encode(ConnectRequest, { ...request, passwd: new Uint8Array(16), readOnly: false, ...wish }),
    );
  }

  /** Sends a request. @returns its xid */
  request<T>(opCode: number, codec?: Codec<T>, record?: T): number {
    this.#xid += 1;
    const body = codec === undefined ? new Uint8Array(0) : encode(codec, record as T);
    const payload = new Uint8Array(8 + body.length);
    const view = new DataView(payload.buffer);
    view.setInt32(0, opCode === OpCode.PING ? -2 : this.#xid);
    view.setInt32(4, opCode);
    payload.set(body, 8);
    this.sendFrame(payload);
    return this.#xid;
  }

  /** The reply to a request, once it is there. */
  replyTo(xid: number): Seen | undefined {
    return this.seen.find(({ header }) => header.xid === xid);
  }

  /** Sends a request and gives what has come for it within the step. @throws Error when nothing has */
  ask<T>(opCode: number, codec?: Codec<T>, record?: T): Seen {
    const reply = this.replyTo(this.request(opCode, codec, record));
    if (reply === undefined) throw new Error(`no reply to operation ${opCode}`);
    return reply;
  }

  word(word: string): string {
    this.#wantsText = true;
    this.sendRaw(new TextEncoder().encode(word));
    return this.text;
  }

  close(): void {
    this.#world.step({ kind: "closed", connection: this.number });
  }

  receive(bytes: Uint8Array): void {
    if (this.#wantsText) {
      this.text += new TextDecoder().decode(bytes);
      return;
    }
    this.#splitter.push(bytes);
    for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
      if (this.granted === undefined) this.granted = decode(ConnectResponse, frame);
      else this.seen.push({ header: decode(ReplyHeader, frame.subarray(0, 16)), body: frame.subarray(16) });
    }
  }

  ended(how: "fin" | "reset"): void {
    this.end = how;
  }
}
