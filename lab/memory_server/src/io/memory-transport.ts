/**
 * Connections to the servers of a model without sockets, in the form of the `transport` port of `@zk/client`.
 *
 * Nothing is told from within `open`, and nothing after `closed` or `close()`. Bytes written arrive in order, at once in the
 * time of the driver's clock: what takes time in a network is up to whoever puts a network between.
 */
import type { ConnectionSink, ModelDriver, ServerConnection } from "./driver.js";

/** Bytes that wait for a server that does not read, before the writer is asked to hold back. */
export const unreadByServerBytesMax: number = 1024 * 1024;

/** What a connection tells its owner. */
export interface MemoryConnectionEvents {
  opened(): void;
  received(bytes: Uint8Array): void;
  drained(): void;
  closed(reason: string): void;
}

/** One byte stream to one server. */
export interface MemoryConnection {
  /** False asks to hold back until `drained`. The bytes are kept as they are: do not write into them again. */
  write(bytes: Uint8Array): boolean;
  close(): void;
}

/** Where to connect to. */
export interface MemoryTarget {
  readonly address: string;
  readonly port: number;
}

/** Makes connections: `createClient(servers, { ports: { transport } })`. */
export interface MemoryTransport {
  open(target: MemoryTarget, events: MemoryConnectionEvents): MemoryConnection;
}

/** Who listens where, and who comes. */
export interface MemoryTransportOptions {
  /** The server behind an address and port; undefined for nobody, which refuses. */
  readonly find: (target: MemoryTarget) => number | undefined;
  /** The address that servers see of this client. Default: 127.0.0.1. */
  readonly clientAddress?: string;
}

/** A transport to the servers of one driver. */
export function memoryTransport(driver: ModelDriver, options: MemoryTransportOptions): MemoryTransport {
  let lastPort = 40_000;
  return {
    open(target, events) {
      lastPort += 1;
      const peer = { address: options.clientAddress ?? "127.0.0.1", port: lastPort };
      return new Connection(driver, () => options.find(target), peer, events);
    },
  };
}

class Connection implements MemoryConnection, ConnectionSink {
  readonly #events: MemoryConnectionEvents;
  #server: ServerConnection | null = null;
  #isOver = false;
  #isReading = true;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isAskedToHold = false;

  constructor(
    driver: ModelDriver,
    find: () => number | undefined,
    peer: { readonly address: string; readonly port: number },
    events: MemoryConnectionEvents,
  ) {
    this.#events = events;
    driver.clock.afterContinuations(() => {
      if (this.#isOver) return;
      const server = find();
      if (server === undefined || !driver.isListening(server)) {
        this.#isOver = true;
        events.closed("ECONNREFUSED");
        return;
      }
      this.#server = driver.accept(server, peer, this);
      events.opened();
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#isReading && this.#server !== null) {
      this.#server.received(bytes);
      return true;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#isAskedToHold = this.#waitingBytes > unreadByServerBytesMax;
    return !this.#isAskedToHold;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#server?.closed();
  }

  send(bytes: Uint8Array): void {
    if (!this.#isOver) this.#events.received(bytes);
  }

  end(how: "fin" | "reset"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#events.closed(how === "fin" ? "the server closed the connection" : "ECONNRESET");
  }

  reading(isReading: boolean): void {
    this.#isReading = isReading;
    while (this.#isReading && !this.#isOver && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) break;
      this.#waitingBytes -= bytes.length;
      this.#server?.received(bytes);
    }
    if (this.#isOver || !this.#isAskedToHold || this.#waitingBytes > 0) return;
    this.#isAskedToHold = false;
    this.#events.drained();
  }
}
