/** A connection to one server that sends and receives whole frames, all of it under one limit. */
import { connect, type Socket } from "node:net";
import { FrameSplitter } from "@zk/protocol";
import { LabError } from "./errors.js";
import { formatSeconds } from "./wait.js";

/** Where to and for how long. */
export interface FrameConnectionOptions {
  readonly host: string;
  readonly clientPort: number;
  /** Milliseconds for everything done on this connection. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Frames in, frames out. Once it fails (refused, ended, out of time, aborted) every call rejects with that failure:
 * `SESSION_REFUSED`, or the signal's reason.
 */
export class FrameConnection {
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  readonly #server: string;
  readonly #limit: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(this.#signal?.reason);
  #failure: { readonly reason: unknown } | null = null;
  #wake: (() => void) | null = null;

  constructor(options: FrameConnectionOptions) {
    this.#server = `${options.host}:${options.clientPort}`;
    this.#signal = options.signal;
    this.#limit = setTimeout(
      () => this.#fail(this.#error(`did not answer within ${formatSeconds(options.timeoutMs)}`)),
      options.timeoutMs,
    );
    this.#socket = connect({ host: options.host, port: options.clientPort, noDelay: true });
    this.#socket.on("data", (chunk) => {
      if (this.#failure !== null) return;
      this.#splitter.push(chunk);
      this.#wake?.();
    });
    this.#socket.on("error", (error) =>
      this.#fail(this.#error(`broke the connection: ${error.message}`, error)),
    );
    this.#socket.on("close", () => this.#fail(this.#error("closed the connection")));
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Sends bytes that are whole frames already. */
  send(bytes: Uint8Array): void {
    if (this.#failure === null) this.#socket.write(bytes);
  }

  /** The next frame's payload. One caller at a time. */
  async receive(): Promise<Uint8Array> {
    for (;;) {
      // What came before the end still counts: a server may answer and close at once.
      const frame = this.#nextFrame();
      if (frame !== null) return frame;
      if (this.#failure !== null) throw this.#failure.reason;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  /** Closes the socket; nothing is awaited. */
  end(): void {
    this.#fail(this.#error("was left by us"));
  }

  #nextFrame(): Uint8Array | null {
    try {
      return this.#splitter.next();
    } catch (error) {
      this.#fail(this.#error(`sent what is no frame: ${(error as Error).message}`, error));
      return null;
    }
  }

  #fail(reason: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { reason };
    clearTimeout(this.#limit);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#socket.destroy();
    this.#wake?.();
  }

  #error(what: string, cause?: unknown): LabError {
    return new LabError("SESSION_REFUSED", `Server ${this.#server} ${what}.`, {
      cause,
      details: { server: this.#server },
    });
  }
}
