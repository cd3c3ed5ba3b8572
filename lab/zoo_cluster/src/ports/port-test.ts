/** Asks the system whether a port is free by taking it for a moment. */
import { createServer, type Server } from "node:net";

/** The address of everything in the lab. */
export const loopback = "127.0.0.1";

/** Takes a port of the loopback address; null when another process has it. The server keeps no process alive. */
export async function holdPort(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  const isHeld = await new Promise<boolean>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      // EACCES: a port below 1024 without the right to it.
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
    // `exclusive`: in a worker of node:cluster the port would otherwise be shared through the primary process.
    server.listen({ port, host: loopback, exclusive: true }, () => resolve(true));
  });
  return isHeld ? server : null;
}

/** Gives back what {@link holdPort} took. */
export async function releasePort(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

/** True when a server could listen there now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = await holdPort(port);
  if (server === null) return false;
  await releasePort(server);
  return true;
}
