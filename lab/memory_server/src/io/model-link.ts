/** A connection to a server of a model, without any socket: for the ensemble's own questions. */
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  decode,
  encodeFrame,
  FrameSplitter,
  JuteReader,
  JuteWriter,
  OpCode,
  ReplyHeader,
  RequestHeader,
  XID_FIRST,
} from "@zk/protocol";
import type { ConnectionSink, ModelDriver, ServerConnection } from "./driver.js";
import { MemoryServerError } from "./errors.js";

const loopback = { address: "127.0.0.1", port: 0 };
const passwordBytes = 16;
const sessionTimeoutMs = 10_000;

/** A session to take over. */
export interface Credentials {
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** Bytes in, bytes out, one reader. */
class ModelLink implements ConnectionSink {
  readonly #connection: ServerConnection;
  readonly #chunks: Uint8Array[] = [];
  #isOver = false;
  #wake: (() => void) | null = null;

  constructor(driver: ModelDriver, server: number) {
    this.#connection = driver.accept(server, loopback, this);
  }

  send(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  reading(): void {
    // So little is asked here that nobody holds it back.
  }

  write(bytes: Uint8Array): void {
    this.#connection.received(bytes);
  }

  close(): void {
    this.#connection.closed();
    this.end();
  }

  /** The next bytes, or null at the end. */
  async read(): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#chunks.shift() ?? null;
  }
}

/** The answer to a four-letter word, or null when the server says nothing. */
export async function askModel(driver: ModelDriver, server: number, word: string): Promise<string | null> {
  if (!driver.isListening(server) || driver.isPaused(server)) return null;
  const link = new ModelLink(driver, server);
  link.write(new TextEncoder().encode(word));
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = await link.read(); bytes !== null; bytes = await link.read()) {
    text += decoder.decode(bytes, { stream: true });
  }
  return text === "" ? null : text;
}

/**
 * Where requests in a session that was taken over begin to count, far from those of its own client. A server of 3.4.6 tells
 * the requests of a session apart by their xid alone: a write that waits there under the same one would be answered with
 * what ours came to.
 *
 * Source: ZooKeeper 3.4.6, CommitProcessor.java, run
 */
const OUTSIDER_XID = 0x7fff_0000;

/** One session, one request at a time, without watches and pings. */
export class ModelSession {
  readonly #link: ModelLink;
  readonly #splitter = new FrameSplitter();
  readonly #server: number;
  #xid: number;

  private constructor(driver: ModelDriver, server: number, xid: number) {
    this.#xid = xid;
    this.#link = new ModelLink(driver, server);
    this.#server = server;
  }

  /**
   * Opens a session, or takes one over.
   *
   * @returns null when the server says that the session is over, or that the password is wrong: it tells no difference.
   * @throws MemoryServerError `SESSION_REFUSED` when it says nothing
   */
  static async open(
    driver: ModelDriver,
    server: number,
    credentials: Credentials | null = null,
    signal?: AbortSignal,
  ): Promise<ModelSession | null> {
    if (!driver.isListening(server)) throw refusal(server, "does not listen");
    const session = new ModelSession(driver, server, credentials === null ? XID_FIRST : OUTSIDER_XID);
    const abandon = (): void => session.abandon();
    signal?.addEventListener("abort", abandon, { once: true });
    try {
      session.#link.write(
        encodeFrame(ConnectRequest, {
          protocolVersion: 0,
          // 0: no server is ever behind us, so none turns us away for that.
          lastZxidSeen: 0n,
          timeOut: sessionTimeoutMs,
          sessionId: credentials?.sessionId ?? 0n,
          passwd: credentials?.password ?? new Uint8Array(passwordBytes),
          readOnly: false,
        }),
      );
      const answer = decode(ConnectResponse, await session.#frame());
      if (answer.timeOut > 0 && answer.sessionId !== 0n) return session;
      session.abandon();
      return null;
    } catch (error) {
      session.abandon();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abandon);
    }
  }

  /** Sends one request and reads its reply. @throws MemoryServerError `SESSION_REFUSED` when the connection ends before */
  async request<Q, R>(
    type: number,
    body: { readonly codec: Codec<Q>; readonly value: Q } | null,
    reply: Codec<R> | null,
  ): Promise<{ readonly err: number; readonly value: R | null }> {
    const xid = this.#xid++;
    const writer = new JuteWriter();
    const start = writer.beginFrame();
    RequestHeader.write(writer, { xid, type });
    body?.codec.write(writer, body.value);
    writer.endFrame(start);
    this.#link.write(writer.take());
    for (;;) {
      const reader = new JuteReader(await this.#frame());
      const header = ReplyHeader.read(reader);
      if (header.xid !== xid) continue;
      return { err: header.err, value: header.err === 0 && reply !== null ? reply.read(reader) : null };
    }
  }

  /** Ends the session; resolves when the server has said so. */
  async close(): Promise<void> {
    const { err } = await this.request(OpCode.CLOSE_SESSION, null, null);
    this.abandon();
    if (err !== 0) throw refusal(this.#server, `answered closeSession with ${err}`);
  }

  /** Drops the connection and leaves the session to its timeout. */
  abandon(): void {
    this.#link.close();
  }

  async #frame(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== null) return frame;
      const bytes = await this.#link.read();
      if (bytes === null) throw refusal(this.#server, "closed the connection");
      this.#splitter.push(bytes);
    }
  }
}

function refusal(server: number, why: string): MemoryServerError {
  return new MemoryServerError("SESSION_REFUSED", `Server ${server} ${why}.`, { details: { server } });
}
