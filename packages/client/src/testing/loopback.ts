/** Scripted servers on real sockets, for clients that cannot be given a network in memory. */
import { listenTcp } from "../io/tcp-listener.js";
import type { Acceptor } from "./server-socket.js";

/** A server that listens on this machine. */
export interface LoopbackListener extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port`, as connection strings have it. */
  readonly connectionString: string;
  /** Ends its connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Lets a server take TCP connections on 127.0.0.1.
 *
 * @param port 0, the default, takes a free one
 * @throws Error EADDRINUSE when the port is taken
 */
export async function listenOnLoopback(acceptor: Acceptor, port = 0): Promise<LoopbackListener> {
  const listener = await listenTcp("127.0.0.1", port, (socket) => acceptor.accept(socket));
  return {
    port: listener.port,
    connectionString: `127.0.0.1:${listener.port}`,
    close: () => listener.close(),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}
