/** A network without sockets: connections live in memory, and every one of them can be interfered with. */
import type { Connection, ConnectionEvents, ConnectionTarget, Transport } from "../io/ports.js";
import { systemClock } from "../io/system-ports.js";
import { MemoryPipe } from "./memory-pipe.js";
import type { Acceptor, ServerSocket, ServerSocketEvents } from "./server-socket.js";

/** What becomes of attempts to connect: taken in, refused at once, or never answered. */
export type Reception = "accept" | "refuse" | "hang";

/** One connection, seen from the wire. */
export class MemoryConnection {
  readonly target: ConnectionTarget;
  /** What the client sends. */
  readonly toServer: MemoryPipe;
  /** What the server sends. */
  readonly toClient: MemoryPipe;
  readonly #clientEvents: ConnectionEvents;
  #serverEvents: ServerSocketEvents | undefined;
  #early: Uint8Array[] = [];
  #earlyEnd: string | undefined;
  #clientIsOver = false;
  #serverIsOver = false;

  constructor(target: ConnectionTarget, clientEvents: ConnectionEvents) {
    this.target = target;
    this.#clientEvents = clientEvents;
    const cut = (): void => this.cut();
    this.toServer = new MemoryPipe({
      received: (bytes) => this.#serverReceives(bytes),
      ended: () => this.#serverHearsEnd("the client closed the connection"),
      drained: () => !this.#clientIsOver && clientEvents.drained(),
      cut,
    });
    this.toClient = new MemoryPipe({
      received: (bytes) => !this.#clientIsOver && clientEvents.received(bytes),
      ended: () => this.#clientHearsEnd("the server closed the connection"),
      drained: () => {},
      cut,
    });
  }

  /** Whether either side still believes in it. */
  get isOpen(): boolean {
    return !this.#clientIsOver || !this.#serverIsOver;
  }

  /** Breaks it: both sides hear of it, what was on its way is lost. */
  cut(reason = "ECONNRESET"): void {
    this.toServer.stop();
    this.toClient.stop();
    this.#serverHearsEnd(reason);
    this.#clientHearsEnd(reason);
  }

  /** From now on nothing arrives on either side, and nobody is told: a pulled cable. */
  swallow(): void {
    this.toServer.swallow();
    this.toClient.swallow();
  }

  /** The server's end. */
  readonly serverEnd: ServerSocket = {
    listen: (events) => {
      this.#serverEvents = events;
      for (const bytes of this.#early.splice(0)) events.received(bytes);
      if (this.#earlyEnd !== undefined) events.closed(this.#earlyEnd);
    },
    write: (bytes) => void this.toClient.write(bytes),
    close: () => {
      if (this.#serverIsOver) return;
      this.#serverIsOver = true;
      this.toServer.stop();
      this.toClient.end();
    },
  };

  /** The client's end. */
  readonly clientEnd: Connection = {
    write: (bytes) => this.#clientIsOver || this.toServer.write(bytes),
    close: () => {
      if (this.#clientIsOver) return;
      this.#clientIsOver = true;
      this.toClient.stop();
      this.toServer.end();
    },
  };

  #serverReceives(bytes: Uint8Array): void {
    if (this.#serverIsOver) return;
    if (this.#serverEvents === undefined) this.#early.push(bytes);
    else this.#serverEvents.received(bytes);
  }

  #serverHearsEnd(reason: string): void {
    if (this.#serverIsOver) return;
    this.#serverIsOver = true;
    if (this.#serverEvents === undefined) this.#earlyEnd = reason;
    else this.#serverEvents.closed(reason);
  }

  #clientHearsEnd(reason: string): void {
    if (this.#clientIsOver) return;
    this.#clientIsOver = true;
    this.toServer.stop();
    this.#clientEvents.closed(reason);
  }
}

/**
 * A transport whose servers live in the same process.
 *
 * @example
 * ```ts
 * const network = new MemoryNetwork();
 * const server = new ScriptedServer();
 * network.listen("10.0.0.1:2181", server);
 * const client = createClient("10.0.0.1:2181", { ports: { transport: network } });
 * ```
 */
export class MemoryNetwork implements Transport {
  /** Every connection that was accepted, oldest first. */
  readonly connections: MemoryConnection[] = [];
  /** Every attempt to connect, as `address:port`, in order. */
  readonly attempts: string[] = [];
  readonly #acceptors = new Map<string, Acceptor>();
  readonly #receptions = new Map<string, Reception>();

  /** Puts a server at `address:port`. Addresses without one refuse. */
  listen(where: string, acceptor: Acceptor): this {
    this.#acceptors.set(where, acceptor);
    this.#receptions.set(where, "accept");
    return this;
  }

  /** Changes what becomes of the next attempts to connect to `address:port`. */
  receive(where: string, reception: Reception): this {
    this.#receptions.set(where, reception);
    return this;
  }

  /** The newest connection that was accepted. @throws Error when there is none */
  get last(): MemoryConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }

  /** Connections that one of the sides still believes in. */
  get openConnections(): MemoryConnection[] {
    return this.connections.filter(({ isOpen }) => isOpen);
  }

  open(target: ConnectionTarget, events: ConnectionEvents): Connection {
    const where = target.address.includes(":")
      ? `[${target.address}]:${target.port}`
      : `${target.address}:${target.port}`;
    this.attempts.push(where);
    const reception = this.#receptions.get(where) ?? "refuse";
    const connection = new MemoryConnection(target, events);
    let isOver = false;
    if (reception !== "hang") {
      systemClock.afterContinuations(() => {
        if (isOver) return;
        const acceptor = this.#acceptors.get(where);
        if (reception === "refuse" || acceptor === undefined) {
          isOver = true;
          return events.closed("ECONNREFUSED");
        }
        this.connections.push(connection);
        acceptor.accept(connection.serverEnd);
        events.opened();
      });
    }
    return {
      write: (bytes) => connection.clientEnd.write(bytes),
      close: () => {
        isOver = true;
        connection.clientEnd.close();
      },
    };
  }
}
