/** A server whose every word is written by the test. */

import { ScriptedConnection, type ServerMemory } from "./scripted-connection.js";
import type { Acceptor, ServerSocket } from "./server-socket.js";

/** Options of {@link ScriptedServer}. */
export interface ScriptedServerOptions {
  /** Whether pings are answered without the script's help. Default true. */
  readonly answersPings?: boolean;
  /** The zxid before the first reply. Default 0x100000000. */
  readonly zxid?: bigint;
  /** What the four-letter word `isro` is answered with. Default `rw`. */
  readonly isro?: string;
}

/**
 * Speaks the server's side of the protocol, as scripted. It works wherever something accepts connections for it: in a
 * {@link MemoryNetwork}, or on a real port of this machine through {@link listenOnLoopback}.
 *
 * Sessions and zxids go on counting over its connections. Nothing is remembered beyond that: what a request means is for
 * the script to say.
 *
 * @example
 * ```ts
 * const server = new ScriptedServer();
 * const connection = await server.connection();
 * await connection.handshake();
 * const request = await connection.expect("getData");
 * connection.refuse(request, "NO_NODE");
 * ```
 */
export class ScriptedServer implements Acceptor {
  /** What is answered to `isro` from now on. */
  isro: string;
  readonly #memory: ServerMemory;
  readonly #connections: ScriptedConnection[] = [];
  readonly #waiters: ((connection: ScriptedConnection) => void)[] = [];
  #accepted = 0;

  constructor(options: ScriptedServerOptions = {}) {
    this.isro = options.isro ?? "rw";
    this.#memory = {
      zxid: options.zxid ?? 0x100000000n,
      sessions: 0n,
      answersPings: options.answersPings ?? true,
    };
  }

  /** Connections so far, four-letter words not counted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Waits for the next connection that was not asked for yet. */
  connection(): Promise<ScriptedConnection> {
    const connection = this.#connections.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  accept(socket: ServerSocket): void {
    const early: Uint8Array[] = [];
    let listener: { received(bytes: Uint8Array): void; closed(reason: string): void } | undefined;
    let ended: string | undefined;
    // The first bytes tell a client from a four-letter word.
    socket.listen({
      received: (bytes) => {
        if (listener !== undefined) return listener.received(bytes);
        if (early.length === 0 && isWord(bytes)) {
          socket.write(Uint8Array.from(this.isro, (character) => character.charCodeAt(0)));
          return socket.close();
        }
        early.push(bytes);
        this.#hand({
          listen: (events) => {
            listener = events;
            for (const piece of early) events.received(piece);
            if (ended !== undefined) events.closed(ended);
          },
          write: (written) => socket.write(written),
          close: () => socket.close(),
        });
      },
      closed: (reason) => {
        ended = reason;
        listener?.closed(reason);
      },
    });
  }

  #hand(socket: ServerSocket): void {
    this.#accepted += 1;
    const connection = new ScriptedConnection(socket, this.#memory);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#connections.push(connection);
    else waiter(connection);
  }
}

function isWord(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes.subarray(0, 4).every((byte) => byte >= 0x61 && byte <= 0x7a);
}
