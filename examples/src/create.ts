/** Creates a znode of each kind, reads them back, and shows which of them outlive the session. */
import { CreateMode, createClient, isZkError } from "@zk/client";
import { SERVERS } from "./servers.js";

await using client = createClient(SERVERS);
await client.connect();
console.log(`session 0x${client.sessionId.toString(16)} on ${client.server}`);

const persistent = await client.create("/examples/create/note-", "stays until removed", {
  mode: CreateMode.PERSISTENT_SEQUENTIAL,
  createParents: true,
});
const ephemeral = await client.create("/examples/create/alive-", "goes with the session", {
  mode: CreateMode.EPHEMERAL_SEQUENTIAL,
});
for (const path of [persistent.path, ephemeral.path]) {
  const { data, stat } = await client.getData(path);
  console.log(
    `${path} = ${new TextDecoder().decode(data ?? undefined)} (czxid 0x${stat.czxid.toString(16)})`,
  );
}

// A write that names the version it has seen fails when somebody else was faster.
await client.setData(persistent.path, "changed", { version: 0 });
try {
  await client.setData(persistent.path, "changed again", { version: 0 });
} catch (error) {
  if (!isZkError(error, "BAD_VERSION")) throw error;
  console.log(`refused as it should be: ${error.code}, applied: ${error.applied}`);
}

await client.close();

await using another = createClient(SERVERS);
await another.connect();
console.log(`after the session ended: ${await shown(persistent.path)}, ${await shown(ephemeral.path)}`);
await another.removeRecursive("/examples/create");

async function shown(path: string): Promise<string> {
  return `${path} ${(await another.exists(path)) === null ? "is gone" : "is there"}`;
}
