/** Servers whose words are whitelisted away; sessions go through. */
import { connect, createServer, type Server } from "node:net";

/** Starts one before a real one. */
export async function startSilentServer(target: {
  readonly host: string;
  readonly clientPort: number;
}): Promise<{ readonly address: string; close(): void }> {
  const door: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (first) => {
      const word = first.toString("latin1");
      if (/^[a-z]{4}$/.test(word)) {
        socket.end(`${word} is not executed because it is not in the whitelist.\n`);
        return;
      }
      const behind = connect(target.clientPort, target.host);
      behind.on("error", () => socket.destroy());
      socket.on("close", () => behind.destroy());
      behind.write(first);
      socket.pipe(behind).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(door.address() as { port: number }).port}`,
    close: () => void door.close(),
  };
}
