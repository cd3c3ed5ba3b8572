/** Lists the children of a znode and keeps watching them, through failovers, until Ctrl-C. */
import { createClient, isZkError } from "@zk/client";
import { SERVERS, untilInterrupted } from "./servers.js";

const path = process.argv[2] ?? "/examples/members";
const signal = untilInterrupted();

await using client = createClient(SERVERS);
client.on("state", (state, reason) => console.log(`* ${state}: ${reason}`));
await client.connect({ signal });
if ((await client.exists(path)) === null)
  await client.create(path, null, { createParents: true }).catch(ignoreExisting);

// First the watch, then the list: no change can fall between them.
const changes = client.watch(path, { signal });
await changes.ready;
await show();
try {
  for await (const change of changes) {
    console.log(`* ${change.type} ${change.path}`);
    if (change.type === "NodeChildrenChanged") await show();
  }
} catch (error) {
  if (!isZkError(error, "ABORTED")) throw error;
  console.log("stopped");
}

async function show(): Promise<void> {
  try {
    const children = [...(await client.getChildren(path))].sort();
    console.log(`${path}: ${children.length === 0 ? "(no children)" : children.join(" ")}`);
  } catch (error) {
    // A change is news of the past: the znode may be gone by the time that we look.
    if (!isZkError(error, "NO_NODE")) throw error;
    console.log(`${path}: (gone)`);
  }
}

function ignoreExisting(error: unknown): void {
  if (!isZkError(error, "NODE_EXISTS")) throw error;
}
