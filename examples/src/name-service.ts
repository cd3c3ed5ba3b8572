/**
 * Finds a service by its name, and spreads calls over those who offer it. Start two or three that serve, then call; kill one
 * that serves: calls go to the others.
 *
 * Usage: name-service serve [name] | name-service call [COUNT]
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@zk/client";
import { ServiceDiscovery } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

const [role = "serve", word] = process.argv.slice(2);
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();
await using discovery = new ServiceDiscovery(client, "/examples/services");

if (role === "serve") await serve(word ?? `process ${process.pid}`);
else await call(Number(word ?? 10));

async function serve(name: string): Promise<void> {
  const server = createServer((_request, response) => response.end(`hello from ${name}\n`));
  const port = await listen(server);
  await discovery.register({
    name: "hello",
    address: "127.0.0.1",
    port,
    uriSpec: "{scheme}://{address}:{port}",
  });
  console.log(`serves as ${name} on port ${port}`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  // First off the list, then out of work: nobody is sent to a closed door.
  await discovery.close();
  server.close();
  console.log("stopped");
}

/** Calls round the instances; one that does not answer is left out for a while, and the call goes to another. */
async function call(count: number): Promise<void> {
  using provider = discovery.provider("hello");
  for (let each = 0; each < count && !signal.aborted; each += 1) {
    const answer = await provider.use(
      async (instance, stop) => {
        const response = await fetch(discovery.uriOf(instance), { signal: stop });
        return await response.text();
      },
      { timeoutMs: 10_000 },
    );
    process.stdout.write(answer);
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
