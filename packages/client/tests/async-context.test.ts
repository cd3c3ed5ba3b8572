import { AsyncLocalStorage } from "node:async_hooks";
import { createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { createClient } from "../src/index.js";
import { connectResponseFrame } from "../src/testing/server-wire.js";

// Real sockets and timers: stand-ins do not hand the context on as those do.

const granted = connectResponseFrame({ sessionId: 77n, timeoutMs: 4000 }, {} as never);

it("listeners run in the context of who made the client, whoever's call needed a connection; calls keep their own", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(granted);
      socket.on("data", () => socket.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");

  const context = new AsyncLocalStorage<string>();
  const client = context.run("maker", () => createClient(`127.0.0.1:${address.port}`));
  const seen: string[] = [];
  const reconnected = new Promise<void>((resolve) => {
    client.on("state", (state) => {
      seen.push(`${state} ${context.getStore()}`);
      if (seen.filter((line) => line.startsWith("connected")).length === 2) resolve();
    });
  });
  await context.run("caller", async () => {
    await client.connect();
    expect(context.getStore()).toBe("caller");
    // The next connection is made by timers, which this call may have set.
    client.getData("/a", { timeoutMs: 1 }).catch(() => {});
    sockets[0]?.destroy();
    await reconnected;
  });
  expect(seen).toEqual(["connecting maker", "connected maker", "suspended maker", "connected maker"]);

  await client.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
