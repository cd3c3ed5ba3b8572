/** TCP connections from the other end: for servers in tests. */
import { createServer, type Socket } from "node:net";

/** What is told of an accepted connection. */
export interface AcceptedEvents {
  received(bytes: Uint8Array): void;
  closed(reason: string): void;
}

/** One accepted connection. */
export interface AcceptedSocket {
  /** Takes the one who listens; what came before is kept for it. */
  listen(events: AcceptedEvents): void;
  write(bytes: Uint8Array): void;
  /** Ends the connection after what was written. */
  close(): void;
}

/** A port that is listened on. */
export interface TcpListener {
  readonly port: number;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * Listens for TCP connections.
 * @throws Error of Node, such as EADDRINUSE
 */
export function listenTcp(
  host: string,
  port: number,
  accept: (socket: AcceptedSocket) => void,
): Promise<TcpListener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(accepted(socket));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

function accepted(socket: Socket): AcceptedSocket {
  let reason = "the client closed the connection";
  // Without a listener for it, a reset by the client would end the process.
  socket.on("error", (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  return {
    listen(events) {
      socket.on("data", (bytes: Uint8Array) => events.received(bytes));
      socket.on("close", () => events.closed(reason));
      if (socket.destroyed) events.closed(reason);
    },
    write(bytes) {
      if (!socket.destroyed) socket.write(bytes);
    },
    close() {
      socket.end();
    },
  };
}
