/** Reads what goes over one client connection, both ways: what was asked, of which znode, what was answered and how fast. */
import {
  decode,
  errorName,
  FrameSplitter,
  OpCode,
  operationName,
  operationOf,
  ReplyHeader,
  RequestHeader,
  WatcherEvent,
  watchEventTypeName,
  Xid,
} from "@zk/protocol";
import { hex } from "../output/figures.js";

/** One line of a trace. */
export interface WireRecord {
  readonly kind: "connect" | "connected" | "call" | "event" | "unanswered";
  readonly connection: number;
  readonly xid: number | null;
  readonly op: string;
  readonly path: string | null;
  /** Bytes of the request, and of the answer. */
  readonly requestBytes: number | null;
  readonly replyBytes: number | null;
  readonly watch: boolean;
  /** `OK`, or the server's name for its refusal. */
  readonly code: string | null;
  readonly zxid: string | null;
  readonly ms: number | null;
}

/** A request on its way. */
export interface WireRequest {
  readonly xid: number;
  readonly type: number;
  readonly op: string;
  readonly path: string | null;
  readonly watch: boolean;
  readonly bytes: number;
  readonly atMs: number;
}

/** Requests that may wait for their answers before the oldest are forgotten: nobody waits for so many. */
const PENDING_MAX = 10_000;

export class WireReader {
  readonly #connection: number;
  readonly #now: () => number;
  readonly #toServer = new FrameSplitter();
  readonly #toClient = new FrameSplitter();
  readonly #pending = new Map<number, WireRequest[]>();
  #hasRequested = false;
  #hasAnswered = false;

  /** @param now milliseconds by any clock that only goes forward; a capture has its own */
  constructor(connection: number, now: () => number = () => performance.now()) {
    this.#connection = connection;
    this.#now = now;
  }

  /**
   * The frames that are whole by now, with what they ask.
   * @throws ProtocolError when these bytes are none of ZooKeeper's
   */
  *requests(
    chunk: Uint8Array,
  ): Generator<{ readonly payload: Uint8Array; readonly request: WireRequest | undefined }> {
    this.#toServer.push(chunk);
    for (let payload = this.#toServer.next(); payload !== null; payload = this.#toServer.next()) {
      if (!this.#hasRequested) {
        this.#hasRequested = true;
        yield { payload, request: undefined };
        continue;
      }
      const request = readRequest(payload, this.#now());
      if (request !== undefined) this.#remember(request);
      yield { payload, request };
    }
  }

  /** As {@link requests}, for what the server sends. @throws ProtocolError */
  *answers(chunk: Uint8Array): Generator<{ readonly payload: Uint8Array; readonly record: WireRecord }> {
    this.#toClient.push(chunk);
    for (let payload = this.#toClient.next(); payload !== null; payload = this.#toClient.next()) {
      if (!this.#hasAnswered) {
        this.#hasAnswered = true;
        yield {
          payload,
          record: this.#record({ kind: "connected", op: "connect", replyBytes: payload.length }),
        };
        continue;
      }
      yield { payload, record: this.#answer(payload) };
    }
  }

  /** Requests that got no answer. */
  unanswered(): WireRecord[] {
    return [...this.#pending.values()]
      .flat()
      .map(({ xid, op, path, bytes, watch }) =>
        this.#record({ kind: "unanswered", xid, op, path, requestBytes: bytes, watch }),
      );
  }

  /** A record of which only some is known. */
  #record(known: Partial<WireRecord> & Pick<WireRecord, "kind" | "op">): WireRecord {
    return {
      connection: this.#connection,
      xid: null,
      path: null,
      requestBytes: null,
      replyBytes: null,
      watch: false,
      code: null,
      zxid: null,
      ms: null,
      ...known,
    };
  }

  #remember(request: WireRequest): void {
    const same = this.#pending.get(request.xid);
    if (same === undefined) this.#pending.set(request.xid, [request]);
    else same.push(request);
    if (this.#pending.size > PENDING_MAX) this.#pending.delete(this.#pending.keys().next().value!);
  }

  #answer(payload: Uint8Array): WireRecord {
    const header = decode(ReplyHeader, payload.subarray(0, 16));
    const zxid = hex(header.zxid);
    if (header.xid === Xid.NOTIFICATION) {
      const event = tryDecode(() => decode(WatcherEvent, payload.subarray(16)));
      const op =
        event === undefined ? "notification" : (watchEventTypeName(event.type) ?? `event ${event.type}`);
      return this.#record({ kind: "event", op, path: event?.path ?? null, replyBytes: payload.length, zxid });
    }
    // Pings and the like share an xid; they are answered in order.
    const waiting = this.#pending.get(header.xid);
    const request = waiting?.shift();
    if (waiting?.length === 0) this.#pending.delete(header.xid);
    return this.#record({
      kind: "call",
      xid: header.xid,
      op: request?.op ?? "unknown",
      path: request?.path ?? null,
      requestBytes: request?.bytes ?? null,
      replyBytes: payload.length,
      watch: request?.watch ?? false,
      code: header.err === 0 ? "OK" : (errorName(header.err) ?? String(header.err)),
      zxid,
      ms: request === undefined ? null : Math.round((this.#now() - request.atMs) * 100) / 100,
    });
  }
}

function readRequest(payload: Uint8Array, atMs: number): WireRequest | undefined {
  const header = tryDecode(() => decode(RequestHeader, payload.subarray(0, 8)));
  if (header === undefined) return undefined;
  const { xid, type } = header;
  const codec = operationOf(type)?.request ?? null;
  // Credentials are never looked at.
  const body =
    codec === null || type === OpCode.AUTH ? undefined : tryDecode(() => decode(codec, payload.subarray(8)));
  const { path, watch } = (typeof body === "object" && body !== null ? body : {}) as {
    path?: unknown;
    watch?: unknown;
  };
  return {
    xid,
    type,
    op: operationName(type) ?? `op ${type}`,
    path: typeof path === "string" ? path : firstPath(body),
    watch: watch === true,
    bytes: payload.length,
    atMs,
  };
}

/** Of a transaction: the path of its first operation. */
function firstPath(body: unknown): string | null {
  const operations = Array.isArray(body) ? body : (body as { operations?: unknown } | undefined)?.operations;
  if (!Array.isArray(operations)) return null;
  const path = (operations[0] as { request?: { path?: unknown } } | undefined)?.request?.path;
  return typeof path === "string" ? path : null;
}

/** Bytes that we cannot read are passed on all the same. */
function tryDecode<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
