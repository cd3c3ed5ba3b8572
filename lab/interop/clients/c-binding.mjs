// What the C binding on npm (`zookeeper`) does with an ensemble. One line for each behaviour, `ok NAME` or
// `not ok NAME: why`, then `done`. Between `failover?` and an answer on standard input the ensemble loses its leader.
//
//   node c-binding.mjs MODULE HOSTS
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [module, hosts] = process.argv.slice(2);
const ZooKeeper = createRequire(import.meta.url)(module);
const { constants } = ZooKeeper;

async function connect() {
  const client = new ZooKeeper({
    connect: hosts,
    timeout: 6000,
    debug_level: constants.ZOO_LOG_LEVEL_ERROR,
    host_order_deterministic: false,
  });
  const connected = once(client, "connect");
  client.init({});
  await connected;
  return client;
}

/** A promise with its resolve function. */
function awaited() {
  let resolve = () => {};
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const zk = await connect();

const behaviours = {
  async basics() {
    assert.equal(await zk.create("/c", "one", constants.ZOO_PERSISTENT), "/c");
    const [stat, data] = await zk.get("/c", false);
    assert.deepEqual([String(data), stat.version], ["one", 0]);
    assert.equal((await zk.set("/c", "two", 0)).version, 1);
    await assert.rejects(zk.set("/c", "x", 0), /bad version/);
    await assert.rejects(zk.create("/c", "", constants.ZOO_PERSISTENT), /node exists/);
    await assert.rejects(zk.get("/c/none", false), /no node/);
    await zk.create("/c/child", "", constants.ZOO_PERSISTENT);
    assert.deepEqual(await zk.get_children("/c", false), ["child"]);
    await assert.rejects(zk.delete_("/c", -1), /not empty/);
    await zk.delete_("/c/child", -1);
    assert.equal(await zk.pathExists("/c/child", false), false);
  },
  async sequences_and_ephemerals() {
    const flags = constants.ZOO_EPHEMERAL | constants.ZOO_SEQUENCE;
    assert.match(await zk.create("/c/n-", "", flags), /n-000000000\d$/);
    const other = await connect();
    await other.create("/c/other", "", constants.ZOO_EPHEMERAL);
    const gone = awaited();
    await zk.w_exists("/c/other", gone.resolve);
    other.close();
    assert.equal(await gone.promise, constants.ZOO_DELETED_EVENT);
  },
  async watches() {
    const changed = awaited();
    await zk.w_get("/c", changed.resolve);
    await zk.set("/c", "three", -1);
    assert.equal(await changed.promise, constants.ZOO_CHANGED_EVENT);
    const grown = awaited();
    await zk.w_get_children("/c", grown.resolve);
    await zk.create("/c/w", "", constants.ZOO_PERSISTENT);
    assert.equal(await grown.promise, constants.ZOO_CHILD_EVENT);
  },
  async failover() {
    await zk.create("/c/kept", "", constants.ZOO_EPHEMERAL);
    const session = zk.client_id;
    const lines = createInterface({ input: process.stdin });
    const answer = once(lines, "line");
    process.stdout.write("failover?\n");
    assert.equal(String(await answer), "killed");
    lines.close();
    // The binding fails what is under way at the loss of a connection; what is asked then waits for the next.
    for (;;) {
      try {
        assert.ok(await zk.exists("/c/kept", false));
        break;
      } catch (error) {
        assert.match(String(error), /connection loss/);
      }
    }
    assert.equal(zk.client_id, session);
  },
};

let problems = 0;
for (const [name, behave] of Object.entries(behaviours)) {
  try {
    await behave();
    process.stdout.write(`ok ${name}\n`);
  } catch (error) {
    problems += 1;
    process.stdout.write(`not ok ${name}: ${String(error?.stack ?? error).replaceAll("\n", " | ")}\n`);
  }
}
zk.close();
process.stdout.write("done\n", () => process.exit(problems > 0 ? 1 : 0));
