/** The server's end of a connection, in memory or over TCP. */

/** What a server hears of a connection. */
export interface ServerSocketEvents {
  received(bytes: Uint8Array): void;
  /** The client ended it, or it broke. Nothing more comes. */
  closed(reason: string): void;
}

/** The server's end of one connection. */
export interface ServerSocket {
  /** Takes the one who listens; bytes that came before are kept for it. */
  listen(events: ServerSocketEvents): void;
  /** Sends bytes, as many as one likes. */
  write(bytes: Uint8Array): void;
  /** Ends the connection after what was written. */
  close(): void;
}

/** Takes over connections as they come. */
export interface Acceptor {
  accept(socket: ServerSocket): void;
}
