// Recipes on a server that has containers and times to live. The rest of what a persistent TTL node does: nodes-ttl.test.ts.
import type { Client } from "@zk/client";
import { Election, LeaderLatch, Lock, PersistentTtlNode, ReadWriteLock } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage({
  servers: 1,
  version: "3.9.3",
  config: { extendedTypesEnabled: "true" },
  javaFlags: ["-Dznode.container.checkIntervalMs=100"],
});

const versionOf = async (client: Client, path: string): Promise<number> =>
  (await client.exists(path))?.version ?? -1;

describe("a persistent TTL node on a server of 3.9.3", () => {
  it("is kept by its child, and goes with it when nobody keeps it any more", async () => {
    const [keeper, other] = [await zk.connect(), await zk.connect()];
    const node = await new PersistentTtlNode(keeper, `${zk.path}/me`, { ttlMs: 1500, data: "x" }).start();
    expect(node).toMatchObject({ emulated: false, state: "established" });
    const { token } = node;
    const child = `${node.path}/touch`;
    await until("three touches", async () => (await versionOf(other, child)) >= 2);
    // Whoever watches it is not disturbed.
    const stat = await other.exists(node.path);
    expect(stat).toMatchObject({ czxid: node.token, version: 0, mzxid: node.token, ephemeralOwner: 0n });
    expect(await other.getChildren(node.path)).toEqual(["touch"]);
    // It dies: its session goes, and nobody says a word to the znode.
    await keeper.close();
    expect(await other.exists(node.path)).not.toBeNull();
    const next = await new PersistentTtlNode(other, node.path, { ttlMs: 1500 }).start();
    expect(next.token).toBe(token);
    const version = await versionOf(other, child);
    await until("a touch by the next one", async () => (await versionOf(other, child)) > version);
    await next.close();
    expect(await other.getChildren(zk.path)).toEqual([]);
  });

  it("is removed by the servers when its keeper is gone, and made again by one who comes back", async () => {
    const [keeper, other] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const options = { ttlMs: 300, touchEveryMs: 50, data: "x", onClose: "leave" } as const;
    const node = await new PersistentTtlNode(keeper, zk.path, options).start();
    await until("a touch", async () => (await versionOf(other, `${zk.path}/touch`)) >= 1);
    expect(await node.close()).toEqual({ confirmed: false });
    await until("its end", async () => (await other.exists(zk.path)) === null);
    const again = new PersistentTtlNode(keeper, zk.path, { ttlMs: 60_000, data: "y" });
    await within("the start", again.start());
    expect(again.token).toBeGreaterThan(0n);
    const first = again.token;
    await zk.expire(keeper);
    await until("another session", () => again.state === "established");
    expect(again.token).toBe(first);
    expect(await again.close()).toEqual({ confirmed: true });
  });
});

describe("directories that are containers", () => {
  it("go when nobody uses them, and disturb no lock", async () => {
    const clients = await Promise.all([zk.connect(), zk.connect(), zk.connect()]);
    const [observer] = clients;
    const path = `${zk.path}/orders/7`;
    const tokens: bigint[] = [];
    let inside = 0;
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(
        clients.map(async (client) => {
          const lock = new Lock(client, path, { containers: true });
          for (let turn = 0; turn < 5; turn += 1) {
            await using hold = await lock.acquire({ timeoutMs: 20_000 });
            inside += 1;
            expect(inside).toBe(1);
            tokens.push(hold.token);
            inside -= 1;
          }
        }),
      );
      await until("the directories to go", async () => (await observer.exists(zk.path)) === null);
    }
    expect(tokens).toHaveLength(30);
    expect(tokens).toEqual([...tokens].sort((a, b) => (a < b ? -1 : 1)));
  });

  it("are those of elections and other locks as well", async () => {
    const client = await zk.connect();
    const read = await new ReadWriteLock(client, `${zk.path}/rw`, { containers: true }).read.acquire();
    const latch = new LeaderLatch(client, `${zk.path}/latch`, { containers: true });
    latch.start();
    const terms = new Election(client, `${zk.path}/election`, { containers: true }).terms();
    expect((await within("a term", terms.next())).done).toBe(false);
    await until("the latch's", async () => (await client.exists(`${zk.path}/latch`)) !== null);
    expect([...(await client.getChildren(zk.path))].sort()).toEqual(["election", "latch", "rw"]);
    await Promise.all([read.release(), latch.close(), terms.return(undefined)]);
    await until("all of them to go", async () => (await client.exists(zk.path)) === null);
  });
});
