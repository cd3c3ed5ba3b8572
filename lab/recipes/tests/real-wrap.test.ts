// The numbers of contenders over the wrap of a directory's counter, on real servers: after 2147483647 comes -2147483648, and from
// -999999999 on a number has ten characters again. Nobody can make two thousand million znodes for a test, so the counters are
// written into the snapshots of the servers, and the order of everything after that is theirs.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import {
  Election,
  type Hold,
  Lock,
  observeRecipes,
  Queue,
  ReadWriteLock,
  recipeMetrics,
  sortContenders,
  textCodec,
} from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { childrenNow, until } from "../src/index.js";

type Client = ReturnType<typeof createClient>;

/** The next child gets the number `count`. */
const TURNS = [
  { where: "wrap", from: "2147483647 to -2147483648", count: 2 ** 31 - 3, edge: -(2 ** 31) },
  { where: "short", from: "-1000000000 to -999999999", count: -1_000_000_002, edge: -999_999_999 },
] as const;
const RECIPES = ["lock", "write", "election"] as const;
const WAITERS = 6;

let ensemble: Ensemble;
let clients: Client[] = [];

beforeAll(async () => {
  ensemble = await startEnsemble();
  const counts = new Map<string, number>();
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  for (const { where, count } of TURNS) {
    for (const recipe of [...RECIPES, "queue"]) {
      const { path } = await client.create(`/${recipe}-${where}`);
      counts.set(path, count);
    }
  }
  // A server that begins to follow writes a snapshot of all that there is, in this release; a leader does not.
  await ensemble.restartAll();
  await Promise.all(ensemble.servers.map(({ id }) => ensemble.kill(id)));
  const { name, bytes } = await findSnapshot([...counts.keys()]);
  setCounts(bytes, counts);
  for (const { dir } of ensemble.servers) await writeFile(`${dir}/data/version-2/${name}`, bytes);
  await Promise.all(ensemble.servers.map(({ id }) => ensemble.start(id)));
  await ensemble.ready();
  clients = Array.from({ length: WAITERS }, () => createClient(ensemble.connectionString));
  await Promise.all(clients.map((each) => each.connect()));
});

afterAll(async () => {
  await Promise.all(clients.map((each) => each.close()));
  await ensemble.stop();
});

/** A snapshot in which all these znodes are, of any server. */
async function findSnapshot(znodes: readonly string[]): Promise<{ name: string; bytes: Buffer }> {
  for (const { dir } of ensemble.servers) {
    const folder = `${dir}/data/version-2`;
    for (const name of (await readdir(folder)).filter((file) => file.startsWith("snapshot."))) {
      const bytes = await readFile(`${folder}/${name}`);
      if (znodes.every((znode) => bytes.includes(juteString(znode)))) return { name, bytes };
    }
  }
  throw new Error("no server has written a snapshot of what there is");
}

/** Writes the counters of these znodes into a snapshot. */
function setCounts(snapshot: Buffer, counts: ReadonlyMap<string, number>): void {
  for (const [znode, count] of counts) {
    // Source: ZooKeeper 3.4.6, DataTree.serializeNode and zookeeper.jute: the path, the data, the number of the ACL, and of
    // the stat czxid, mzxid, ctime, mtime and version before the cversion
    const path = juteString(znode);
    const data = snapshot.indexOf(path) + path.length;
    const dataLength = Math.max(snapshot.readInt32BE(data), 0);
    snapshot.writeInt32BE(count, data + 4 + dataLength + 8 + 4 * 8 + 4);
  }
  // Source: ZooKeeper 3.4.6, FileSnap.serialize: at the end the checksum of all before it, and the string "/"
  const end = snapshot.length - 8 - juteString("/").length;
  snapshot.writeBigInt64BE(adler32(snapshot.subarray(0, end)), end);
}

function juteString(text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeInt32BE(text.length);
  bytes.write(text, 4);
  return bytes;
}

function adler32(bytes: Uint8Array): bigint {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return (BigInt(high) << 16n) | BigInt(low);
}

const TAKES: Readonly<Record<(typeof RECIPES)[number], (client: Client, path: string) => Promise<Hold>>> = {
  lock: (client, path) => new Lock(client, path).acquire(),
  write: (client, path) => new ReadWriteLock(client, path).write.acquire(),
  election: async (client, path) => (await new Election(client, path).terms().next()).value as Hold,
};

describe.each(TURNS)("numbers that go from $from", ({ where, count, edge }) => {
  it.each(RECIPES)("keep those who wait in the order in which they came: %s", async (recipe) => {
    const path = `/${recipe}-${where}`;
    const order: number[] = [];
    const waits: Promise<void>[] = [];
    let first: Hold | undefined;
    const forget: (() => void)[] = [];
    const warned: string[] = [];
    for (const [index, client] of clients.entries()) {
      forget.push(observeRecipes(client, ({ type }) => void (type === "wrapNear" && warned.push(type))));
      if (index === 0) first = await TAKES[recipe](client, path);
      else
        waits.push(
          TAKES[recipe](client, path).then(async (hold) => {
            order.push(index);
            await hold.release();
          }),
        );
      await until("it stands in line", async () => (await client.getChildren(path)).length === index + 1);
    }
    const names = sortContenders(await childrenNow(clients[0]!, path)).map(({ name }) => name);
    // The servers' numbers, as they are known from outside.
    const serials = clients.map((_, index) => (count + index) | 0);
    expect(
      names.map((name) => Number(/-?\d{9,10}$/.exec(name.replace(/^.*(lock-|WRIT__)/, ""))?.[0])),
    ).toEqual(serials);
    expect(serials).toContain(edge);
    await until("all wait", () => clients.slice(1).every((each) => recipeMetrics(each).waiting === 1));
    await first!.release();
    await Promise.all(waits);
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(await childrenNow(clients[0]!, path)).toEqual([]);
    expect(warned.length > 0).toBe(where === "wrap");
    for (const stop of forget) stop();
  });

  it("keep the items of a queue in the order in which they were put", async () => {
    const queue = new Queue(clients[0]!, `/queue-${where}`, { codec: textCodec });
    const values = ["a", "b", "c", "d", "e", "f"];
    for (const value of values) await queue.put(value);
    const taken: string[] = [];
    for (const _ of values) {
      const item = await queue.take({ timeoutMs: 10_000 });
      taken.push(item.value);
      await item.ack();
    }
    expect(taken).toEqual(values);
  });
});
