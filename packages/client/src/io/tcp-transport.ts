/** Connections over TCP. */
import { connect } from "node:net";
import type { Connection, Transport } from "./ports.js";

/** Bytes that a socket may hold unsent before writers are asked to wait. */
const UNSENT_BYTES_MAX = 1024 * 1024;

/** Plain TCP through Node's sockets, without Nagle's delay, as the official clients have it. */
export const tcpTransport: Transport = {
  open(target, events): Connection {
    const socket = connect({ host: target.address, port: target.port, noDelay: true });
    let over = false;
    let held = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      socket.destroy();
      events.closed(reason);
    };
    socket.on("connect", () => {
      if (!over) events.opened();
    });
    socket.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
      // Not as a Node Buffer: a view of one, made for every frame, costs several times as much.
      if (!over) events.received(new Uint8Array(buffer, byteOffset, length));
    });
    socket.on("drain", () => {
      if (over || !held) return;
      held = false;
      events.drained();
    });
    socket.on("end", () => end("the server closed the connection"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.on("close", () => end("the connection closed"));
    return {
      write(bytes) {
        if (over) return true;
        socket.write(bytes);
        held = socket.writableLength > UNSENT_BYTES_MAX;
        return !held;
      },
      unsentBytes: () => socket.writableLength,
      close() {
        over = true;
        socket.destroy();
      },
    };
  },
};
