// What node-zookeeper-client does with an ensemble. One line for each behaviour, `ok NAME` or `not ok NAME: why`, then
// `done`. Between `failover?` and an answer on standard input the ensemble loses its leader.
//
//   node node-zookeeper-client.mjs MODULE HOSTS
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [module, hosts] = process.argv.slice(2);
const zookeeper = createRequire(import.meta.url)(module);
const { CreateMode, Event, Exception } = zookeeper;

async function connect() {
  const client = zookeeper.createClient(hosts, { sessionTimeout: 6000, spinDelay: 200, retries: 20 });
  const connected = once(client, "connected");
  client.connect();
  await connected;
  return client;
}

/** Calls a method that takes a callback at the end; several results come as an array. */
const ask = (client, method, ...words) =>
  new Promise((resolve, reject) => {
    client[method](...words, (error, ...results) =>
      error ? reject(error) : resolve(results.length > 1 ? results : results[0]),
    );
  });

/** Asks with a watch; resolves with what will be told once the answer is there. */
async function watch(client, method, path) {
  let tell;
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  await ask(client, method, path, tell);
  return { told };
}

const refused = (code, promise) => assert.rejects(promise, (error) => error.getCode() === code);
const zk = await connect();

const behaviours = {
  async basics() {
    assert.equal(await ask(zk, "create", "/nzc", Buffer.from("one")), "/nzc");
    const [data, stat] = await ask(zk, "getData", "/nzc");
    assert.deepEqual([String(data), stat.version], ["one", 0]);
    assert.equal((await ask(zk, "setData", "/nzc", Buffer.from("two"), 0)).version, 1);
    await refused(Exception.BAD_VERSION, ask(zk, "setData", "/nzc", Buffer.from("x"), 0));
    await refused(Exception.NODE_EXISTS, ask(zk, "create", "/nzc"));
    await refused(Exception.NO_NODE, ask(zk, "getData", "/nzc/none"));
    await ask(zk, "mkdirp", "/nzc/deep/er");
    const [children] = await ask(zk, "getChildren", "/nzc");
    assert.deepEqual(children, ["deep"]);
    await refused(Exception.NOT_EMPTY, ask(zk, "remove", "/nzc/deep"));
    assert.equal(await ask(zk, "exists", "/nzc/none"), null);
  },
  async sequences_and_ephemerals() {
    const first = await ask(zk, "create", "/nzc/n-", CreateMode.EPHEMERAL_SEQUENTIAL);
    assert.match(first, /n-0000000001$/);
    const other = await connect();
    await ask(other, "create", "/nzc/other", CreateMode.EPHEMERAL);
    const gone = await watch(zk, "exists", "/nzc/other");
    other.close();
    assert.equal((await gone.told).getType(), Event.NODE_DELETED);
  },
  async watches() {
    const created = await watch(zk, "exists", "/nzc/w");
    await ask(zk, "create", "/nzc/w", Buffer.from("1"));
    assert.equal((await created.told).getType(), Event.NODE_CREATED);
    const changed = await watch(zk, "getData", "/nzc/w");
    const grown = await watch(zk, "getChildren", "/nzc/w");
    await ask(zk, "setData", "/nzc/w", Buffer.from("2"));
    await ask(zk, "create", "/nzc/w/child");
    assert.equal((await changed.told).getType(), Event.NODE_DATA_CHANGED);
    assert.equal((await grown.told).getType(), Event.NODE_CHILDREN_CHANGED);
  },
  async transactions() {
    const good = zk.transaction().create("/nzc/tx").setData("/nzc/tx", Buffer.from("in")).check("/nzc/tx", 1);
    const results = await ask(good, "commit");
    assert.equal(results.length, 3);
    const bad = zk.transaction().create("/nzc/never").check("/nzc/tx", 7);
    await assert.rejects(ask(bad, "commit"));
    assert.equal(await ask(zk, "exists", "/nzc/never"), null);
  },
  async access_control() {
    const owner = await connect();
    owner.addAuthInfo("digest", Buffer.from("ann:secret"));
    await ask(owner, "create", "/nzc/private", Buffer.from("p"), zookeeper.ACL.CREATOR_ALL_ACL);
    await refused(Exception.NO_AUTH, ask(zk, "getData", "/nzc/private"));
    const [data] = await ask(owner, "getData", "/nzc/private");
    assert.equal(String(data), "p");
    owner.close();
  },
  async failover() {
    await ask(zk, "create", "/nzc/kept", CreateMode.EPHEMERAL);
    const session = zk.getSessionId().toString("hex");
    const lines = createInterface({ input: process.stdin });
    const answer = once(lines, "line");
    const back = once(zk, "connected");
    process.stdout.write("failover?\n");
    assert.equal(String(await answer), "killed");
    lines.close();
    await back;
    assert.equal(zk.getSessionId().toString("hex"), session);
    assert.ok(await ask(zk, "exists", "/nzc/kept"));
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
process.stdout.write("done\n");
process.exitCode = problems > 0 ? 1 : 0;
