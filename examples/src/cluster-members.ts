/**
 * The list of live processes. Start it in several terminals: each sees all of them. Kill one, with Ctrl-C or with -9: the others
 * see it go, at once or when its session has ended.
 *
 * Usage: cluster-members [name]
 */
import { createClient } from "@zk/client";
import { Group, jsonCodec } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

const name = process.argv[2] ?? `process-${process.pid}`;
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();
const group = new Group(client, "/examples/cluster", { codec: jsonCodec<{ pid: number }>() });
await using _me = await group.join(name, { payload: { pid: process.pid } });
await using view = group.watch();
await view.ready;
show();
try {
  for await (const _change of view.changes({ signal })) show();
} catch (error) {
  if (!signal.aborted) throw error;
}
console.log("stopped");

function show(): void {
  const names = view.members.map(({ id, payload }) => `${id} (pid ${payload?.pid ?? "?"})`);
  console.log(`members: ${names.sort().join(", ")}`);
}
