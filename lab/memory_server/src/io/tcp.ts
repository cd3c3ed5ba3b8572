/** A server's client port: real TCP in front of one server of a model. */
import { createServer, type Server, type Socket } from "node:net";
import type { ConnectionSink, ModelDriver, ServerConnection } from "./driver.js";
import { MemoryServerError } from "./errors.js";

/** Bytes that a client may leave unread in this process before nothing more is read from it. */
export const unreadBytesMax: number = 4 * 1024 * 1024;
/** How long a port that was ours is asked for again when someone else has it, in milliseconds. */
export const portWaitMs = 5_000;
/** How long a client that has been said goodbye to may take to read what was sent before, in milliseconds. */
const lingerMs = 10_000;
/** Bytes that a server is given at once. */
const pieceBytes = 1_024;
/** Connections that the system keeps for us until we take them in. */
const backlog = 1_024;
const retryEveryMs = 20;
/** Below the ports that systems give to clients, and below those that `@zk/lab` leases. */
const freeRange = { first: 11_000, count: 9_900 };
const bindAttemptsMax = 100;

/** Where to listen. */
export interface TcpFrontOptions {
  readonly server: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether the port keeps the process running. Default: false. */
  readonly keepAlive?: boolean;
}

/** Listens while the model's server does, and passes connections on. */
export class TcpFront {
  readonly #options: TcpFrontOptions;
  readonly #sockets = new Set<Socket>();
  #driver: ModelDriver | null = null;
  #stopListening: () => void = () => {};
  #port: number;
  #listener: Server | null = null;
  #opening: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(options: TcpFrontOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /**
   * Takes the port, so that it is known. Until {@link TcpFront.attach} connections are refused in the way of a server that
   * has just died.
   *
   * @throws MemoryServerError `PORT_TAKEN`
   */
  static async bind(options: TcpFrontOptions): Promise<TcpFront> {
    const front = new TcpFront(options);
    await front.#listen(0);
    return front;
  }

  /** From now on follows the model's server. */
  attach(driver: ModelDriver): void {
    this.#driver = driver;
    this.#stopListening = driver.listen({
      listening: (server) => {
        if (server === this.#options.server) this.#follow(driver);
      },
    });
    this.#follow(driver);
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Resolves when the port is as the model wants it. @throws MemoryServerError `PORT_TAKEN` when somebody else has it by now */
  async settled(): Promise<void> {
    await this.#opening;
  }

  /** Gives the port back and resets the connections that are left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await this.#opening.catch(() => {});
    this.#unlisten();
  }

  #follow(driver: ModelDriver): void {
    if (this.#isClosed || !driver.isListening(this.#options.server)) {
      // At once: a connection that comes after a kill has to be refused.
      this.#unlisten();
      return;
    }
    const opening = this.#opening.catch(() => {}).then(() => this.#listen(portWaitMs));
    // Whoever waits for the server hears of it; nobody has to.
    opening.catch(() => {});
    this.#opening = opening;
  }

  async #listen(waitMs: number): Promise<void> {
    const until = performance.now() + waitMs;
    const isWanted = (): boolean =>
      this.#listener === null && !this.#isClosed && this.#driver?.isListening(this.#options.server) !== false;
    while (isWanted()) {
      const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
      this.#listener = listener;
      const error = await tryToListen(listener, {
        port: this.#port,
        host: this.#options.host ?? "127.0.0.1",
      });
      if (error === null) {
        if (this.#listener !== listener) listener.close();
        else this.#port = portOf(listener);
        if (this.#options.keepAlive !== true) listener.unref();
        return;
      }
      if (this.#listener === listener) this.#listener = null;
      if (error.code !== "EADDRINUSE" || performance.now() >= until) {
        throw new MemoryServerError(
          "PORT_TAKEN",
          `Server ${this.#options.server} cannot listen on port ${this.#port}: ${error.message}. End the process that has it, or choose other ports.`,
          { cause: error, details: { server: this.#options.server, port: this.#port } },
        );
      }
      await new Promise<void>((resolve) => setTimeout(resolve, retryEveryMs));
    }
  }

  #unlisten(): void {
    const listener = this.#listener;
    this.#listener = null;
    // Its callback would wait for the connections, which have an end of their own.
    if (listener?.listening === true) listener.close();
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    socket.on("error", () => {
      // A close follows, and tells the driver.
    });
    if (remoteAddress === undefined || this.#driver?.isListening(this.#options.server) !== true) {
      socket.resetAndDestroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#options.keepAlive !== true) socket.unref();
    const peer = { address: plainAddress(remoteAddress), port: remotePort ?? 0 };
    new TcpConnection(this.#driver, this.#options.server, peer, socket);
  }
}

/**
 * Takes a port for each server: those given, or free ones outside the range from which the system serves itself, so that a
 * server that was down finds its port again.
 *
 * @throws MemoryServerError `PORT_TAKEN`
 */
export async function bindFronts(options: {
  readonly servers: number;
  readonly ports: readonly number[] | null;
  readonly keepAlive: boolean;
}): Promise<TcpFront[]> {
  const { servers, ports, keepAlive } = options;
  const places = Array.from({ length: servers }, (_, index) => index);
  const binds = places.map((place) => {
    const server = place + 1;
    const port = ports?.[place];
    return port === undefined
      ? bindAnywhere({ server, keepAlive })
      : TcpFront.bind({ server, port, keepAlive });
  });
  const ends = await Promise.allSettled(binds);
  const fronts = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  const failure = ends.find((end) => end.status === "rejected");
  if (failure === undefined) return fronts;
  await Promise.all(fronts.map((front) => front.close()));
  throw failure.reason;
}

async function bindAnywhere(options: Omit<TcpFrontOptions, "port">): Promise<TcpFront> {
  for (let attempt = 1; ; attempt++) {
    const port = freeRange.first + Math.floor(Math.random() * freeRange.count);
    try {
      return await TcpFront.bind({ ...options, port });
    } catch (error) {
      if (attempt >= bindAttemptsMax) throw error;
    }
  }
}

/** `::ffff:127.0.0.1` is an IPv4 client that a socket of both kinds has taken in. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.replace(/%.*$/, "");
}

/** Between a socket and the driver, both ways. */
class TcpConnection implements ConnectionSink {
  readonly #driver: ModelDriver;
  readonly #socket: Socket;
  readonly #connection: ServerConnection;
  #isWanted = true;
  #isCorked = false;
  /** The server has said goodbye: whatever comes is read to be forgotten. */
  #isOver = false;
  /** What was read and not yet given to the server. */
  #rest: Uint8Array = new Uint8Array();

  constructor(
    driver: ModelDriver,
    server: number,
    peer: { readonly address: string; readonly port: number },
    socket: Socket,
  ) {
    this.#driver = driver;
    this.#socket = socket;
    this.#connection = driver.accept(server, peer, this);
    socket.on("data", ({ buffer, byteOffset, length }: Buffer) => {
      if (this.#isOver) return;
      this.#rest = joined(this.#rest, new Uint8Array(buffer, byteOffset, length));
      this.#feed();
    });
    socket.on("drain", () => this.#follow());
    socket.once("end", () => this.#connection.closed());
    socket.once("close", () => this.#connection.closed());
  }

  send(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!this.#isCorked) {
      // Everything of one round leaves in one piece.
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
        if (!this.#mayRead()) this.#follow();
      });
    }
    socket.write(bytes);
  }

  end(how: "fin" | "reset"): void {
    const socket = this.#socket;
    this.#isOver = true;
    this.#rest = new Uint8Array();
    if (how === "reset") {
      socket.resetAndDestroy();
      return;
    }
    // Unread, what the client still says would keep us from hearing of its end.
    socket.resume();
    socket.setTimeout(lingerMs, () => socket.destroy());
    socket.end(() => socket.destroy());
  }

  reading(isReading: boolean): void {
    this.#isWanted = isReading;
    this.#follow();
  }

  #mayRead(): boolean {
    return this.#isWanted && this.#socket.writableLength <= unreadBytesMax;
  }

  /** Stops and goes on reading as the server wants it, and as the client reads. */
  #follow(): void {
    const socket = this.#socket;
    if (this.#isOver || socket.destroyed) return;
    if (!this.#mayRead()) socket.pause();
    else if (this.#rest.length === 0) socket.resume();
    // Not at once: this may be said in the middle of a round, which would see no end of it.
    else setImmediate(() => this.#feed());
  }

  /** In small pieces: a thousand questions fit in one chunk, and their answers may be of any size. */
  #feed(): void {
    const socket = this.#socket;
    while (this.#rest.length > 0 && this.#mayRead() && !socket.destroyed) {
      const piece = this.#rest.subarray(0, pieceBytes);
      this.#rest = this.#rest.subarray(piece.length);
      this.#connection.received(piece);
      // Smaller chunks come alone, and what follows from them may wait for others of the same moment.
      if (this.#rest.length > 0) this.#driver.flush();
    }
    this.#follow();
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function tryToListen(
  listener: Server,
  place: { readonly port: number; readonly host: string },
): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    listener.once("error", resolve);
    listener.listen({ ...place, backlog, exclusive: true }, () => {
      listener.off("error", resolve);
      // Running out of descriptors costs connections, not the server.
      listener.on("error", () => {});
      resolve(null);
    });
  });
}

function portOf(listener: Server): number {
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("a TCP listener has a port");
  return address.port;
}
