import type { Client } from "@zk/client";
import { type TreeCache, watchTree } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Chance, stage, until, within } from "../src/index.js";

/** What the servers have below a path, as `path version`, and the same of a cache. */
async function truth(client: Client, path: string): Promise<string[]> {
  await client.sync(path);
  const stat = await client.exists(path);
  if (stat === null) return [];
  const names = await client.getChildren(path);
  const below = await Promise.all(names.map((name) => truth(client, `${path}/${name}`)));
  return [`${path} ${stat.czxid} ${stat.mzxid} ${stat.pzxid}`, ...below.flat()].sort();
}

const shown = (cache: TreeCache): string[] =>
  [...cache.snapshot().nodes.values()]
    .map(({ path, stat: { czxid, mzxid, pzxid } }) => `${path} ${czxid} ${mzxid} ${pzxid}`)
    .sort();

/** Random writes below a root, by one client. */
async function write(client: Client, root: string, count: number, chance: Chance): Promise<void> {
  const paths = ["", "/a", "/b", "/a/x", "/a/y", "/b/x", "/b/x/deep"].map((path) => root + path);
  for (let index = 0; index < count; index += 1) {
    const path = paths[chance.below(paths.length)] as string;
    const what = chance.below(3);
    const write = [
      () => client.create(path, `${index}`),
      () => client.setData(path, `${index}`),
      () => client.removeRecursive(path),
    ][what] as () => Promise<unknown>;
    // Most are refused: the znode is there, or is not.
    await write().catch(() => {});
  }
}

describe.each(["3.9.3", "3.6.3"])("a cache of a tree on servers of %s", (version) => {
  const zk = stage({ version, servers: version === "3.9.3" ? 3 : 1 });

  it("has one persistent watch, and shows what the servers have", async () => {
    const [watching, writing] = [await zk.connect(), await zk.connect()];
    const states: string[] = [];
    watching.on("state", (state) => states.push(state));
    await using cache = watchTree(watching, zk.path);
    await within("the first load", cache.ready);
    expect(cache.watches).toBe("persistent");
    expect(cache.size).toBe(0);
    for (const seed of [1, 2, 3]) {
      await write(writing, zk.path, 60, new Chance(seed));
      await cache.sync();
      expect(shown(cache)).toEqual(await truth(writing, zk.path));
    }
    expect(watching.load.watches).toBe(1);
    expect(states).toEqual([]);
  });

  it("tells each znode that comes, changes and goes", async () => {
    const [watching, writing] = [await zk.connect(), await zk.connect()];
    await writing.create(zk.path);
    await using cache = watchTree(watching, zk.path);
    await within("the first load", cache.ready);
    const told: string[] = [];
    cache.onChange((change) => {
      if ("path" in change) told.push(`${change.type} ${change.path.slice(zk.path.length)}`);
    });
    const step = async (work: Promise<unknown>, last: string): Promise<void> => {
      await work;
      await until(last, () => told.at(-1) === last || told.includes(last));
    };
    await step(writing.create(`${zk.path}/a`, "1"), "created /a");
    await step(writing.create(`${zk.path}/a/b`, "1"), "created /a/b");
    await step(writing.setData(`${zk.path}/a/b`, "2"), "changed /a/b");
    await step(writing.removeRecursive(`${zk.path}/a`), "deleted /a");
    expect(told.filter((line) => line.endsWith("/a/b"))).toEqual([
      "created /a/b",
      "changed /a/b",
      "deleted /a/b",
    ]);
    await step(writing.remove(zk.path), "deleted ");
    await step(writing.create(zk.path), "created ");
  });

  it("comes to what the servers have after its connection was lost, and has a watch again", async () => {
    const [watching, writing] = [await zk.connect({ sessionTimeoutMs: 10_000 }), await zk.connect()];
    await writing.create(zk.path);
    await write(writing, zk.path, 30, new Chance(4));
    await using cache = watchTree(watching, zk.path, { jitterMs: 0 });
    await within("the first load", cache.ready);
    const id =
      zk.ensemble.servers.find(({ clientPort }) => watching.server?.endsWith(`:${clientPort}`))?.id ?? 0;
    const states: string[] = [];
    watching.on("state", (state) => states.push(state));
    await zk.ensemble.kill(id);
    await until("the loss to be noticed", () => states.includes("suspended"));
    if (zk.ensemble.servers.length > 1) await write(writing, zk.path, 30, new Chance(5));
    await zk.ensemble.start(id);
    await until("the cache to be live again", () => cache.state === "live");
    await write(writing, zk.path, 30, new Chance(6));
    await cache.sync();
    expect(cache.watches).toBe("persistent");
    expect(shown(cache)).toEqual(await truth(writing, zk.path));
  });

  it("goes on with one-shot watches when another watch is set at its root", async () => {
    const [watching, writing] = [await zk.connect(), await zk.connect()];
    await writing.create(zk.path);
    await using cache = watchTree(watching, zk.path);
    await within("the first load", cache.ready);
    await watching.getChildren(zk.path, { watch: () => {} });
    await until("the cache to go on", () => cache.state === "live" && cache.watches === "oneShot");
    for (const seed of [7, 8]) {
      await write(writing, zk.path, 60, new Chance(seed));
      await cache.sync();
      expect(shown(cache)).toEqual(await truth(writing, zk.path));
    }
  });

  it("shows the same in a new session", async () => {
    const [watching, writing] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    await writing.create(zk.path);
    await using cache = watchTree(watching, zk.path, { jitterMs: 0 });
    await within("the first load", cache.ready);
    const { sessionId } = watching;
    await zk.expire(watching);
    await until("another session", () => watching.sessionId !== sessionId && cache.state === "live");
    await write(writing, zk.path, 60, new Chance(9));
    await cache.sync();
    expect(cache.watches).toBe("persistent");
    expect(shown(cache)).toEqual(await truth(writing, zk.path));
  });

  it("has one-shot watches if told so, or if it looks at a part of the levels", async () => {
    const client = await zk.connect();
    for (const options of [{ persistent: false }, { depth: 1 }]) {
      await using cache = watchTree(client, zk.path, options);
      await within("the first load", cache.ready);
      expect(cache.watches).toBe("oneShot");
    }
  });
});

describe("a cache of a tree on servers of 3.4.6", () => {
  const zk = stage();

  it("has one-shot watches, and costs no connection to find that out", async () => {
    const client = await zk.connect();
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    await using cache = watchTree(client, zk.path);
    await within("the first load", cache.ready);
    expect(cache.watches).toBe("oneShot");
    expect(states).toEqual([]);
  });
});
