/**
 * One connection to a server, as bytes and frames: what a client has before it knows anything of sessions.
 *
 * Every wait has the same limit, and its error says what was waited for. Nothing here retries.
 */
import { connect, type Socket } from "node:net";
import { FrameSplitter } from "@zk/protocol";

/** Milliseconds for any one wait; `ZK_LAB_TIME_SCALE` multiplies it. */
export const waitLimitMs: number = 15_000 * scale();

/** Where a server takes clients. */
export interface Address {
  readonly host: string;
  readonly clientPort: number;
}

/** How the other side ended a connection: in order, or by a reset (which a close with unread bytes is). */
export type Ending = "fin" | "reset";

/** Frames in the order in which they came, and after them the end. */
export class Wire {
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  readonly #server: string;
  readonly #frames: Uint8Array[] = [];
  #ending: Ending | undefined;
  #broken: Error | undefined;
  #wake: (() => void) | undefined;
  #receivedBytes = 0;

  private constructor(socket: Socket, server: string) {
    this.#socket = socket;
    this.#server = server;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("end", () => this.#end("fin"));
    socket.on("error", () => this.#end("reset"));
    socket.on("close", () => this.#end("reset"));
  }

  /** A connection, established. @throws Error when nobody listens */
  static async connect(address: Address): Promise<Wire> {
    const server = `${address.host}:${address.clientPort}`;
    const socket = connect({ host: address.host, port: address.clientPort, noDelay: true });
    await limited(
      `a connection to ${server}`,
      new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      }),
    ).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    return new Wire(socket, server);
  }

  /** How many bytes have come so far, whole frames or not. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether the other side has ended the connection. */
  get isEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Frames that have come and were not asked for yet. */
  get waitingFrames(): number {
    return this.#frames.length;
  }

  /** Sends bytes as they are, in one segment where the network allows. What is sent after the end is lost. */
  write(bytes: Uint8Array | string): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Sends bytes and waits until the operating system has them all. */
  async writeOut(bytes: Uint8Array): Promise<void> {
    if (this.#socket.destroyed) return;
    await limited(
      `${this.#server} to take ${bytes.length} bytes`,
      new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve())),
    );
  }

  /** The payload of the next frame. @throws Error when the connection ends first */
  async frame(): Promise<Uint8Array> {
    await this.#until("a frame", () => this.#frames.length > 0 || this.#ending !== undefined);
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    throw new Error(`${this.#server} ended the connection (${this.#ending}) where a frame was due.`);
  }

  /** Waits for the end. @throws Error when a frame comes before it */
  async end(): Promise<Ending> {
    await this.#until("the end of the connection", () => this.#frames.length > 0 || this.isEnded);
    if (this.#frames.length > 0) {
      const hex = Buffer.from(this.#frames[0] ?? []).toString("hex");
      throw new Error(`${this.#server} sent a frame where the end was due: ${hex.slice(0, 200)}`);
    }
    return this.#ending as Ending;
  }

  /** Throws away all that still comes until the end, or for a second: the other side may be stuck. Never throws. */
  async drained(): Promise<void> {
    const deadline = performance.now() + 1_000;
    while (this.#ending === undefined && this.#broken === undefined && performance.now() < deadline) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, deadline - performance.now());
      });
      clearTimeout(timer);
    }
  }

  /** Gives the connection up at once, without a word to the session's server. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends our side in order; the server's may go on. */
  finish(): void {
    this.#socket.end();
  }

  #take(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length;
    try {
      this.#splitter.push(chunk);
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
        this.#frames.push(frame);
      }
    } catch (error) {
      this.#broken ??= error as Error;
    }
    this.#wake?.();
  }

  #end(how: Ending): void {
    this.#ending ??= how;
    this.#wake?.();
  }

  async #until(what: string, isThere: () => boolean): Promise<void> {
    const deadline = performance.now() + waitLimitMs;
    for (;;) {
      if (this.#broken !== undefined) throw this.#broken;
      if (isThere()) return;
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`Waited ${waitLimitMs} ms for ${what} from ${this.#server}; nothing came.`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      this.#wake = undefined;
      clearTimeout(timer);
    }
  }
}

/** Sends four letters and gives all that comes until the end. */
export async function askWord(address: Address, word: string | Uint8Array): Promise<string> {
  const socket = connect({ host: address.host, port: address.clientPort, noDelay: true });
  try {
    return await limited(
      `an answer of ${address.host}:${address.clientPort} to ${word}`,
      new Promise<string>((resolve, reject) => {
        const chunks: Buffer[] = [];
        const finish = (): void => resolve(Buffer.concat(chunks).toString("utf8"));
        socket.once("connect", () => socket.write(word));
        socket.on("data", (chunk) => chunks.push(chunk));
        socket.once("end", finish);
        socket.once("error", (error) => (chunks.length > 0 ? finish() : reject(error)));
        socket.once("close", finish);
      }),
    );
  } finally {
    socket.destroy();
  }
}

/** The promise, or an error that says what did not come within {@link waitLimitMs}. */
export async function limited<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${waitLimitMs} ms for ${what}; it did not come.`)),
      waitLimitMs,
    );
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Looks again and again until there is something to see; undefined means "not yet".
 *
 * @throws Error at the limit, saying what was waited for
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs: number = waitLimitMs,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() >= deadline) throw new Error(`Waited ${limitMs} ms for ${what}; it did not come.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function scale(): number {
  const value = Number(process.env["ZK_LAB_TIME_SCALE"] ?? "1");
  return Number.isFinite(value) && value >= 0.1 && value <= 100 ? value : 1;
}
