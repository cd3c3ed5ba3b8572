// A persistent TTL node on a server that has times to live. The rest of what it does: nodes-ttl.test.ts.
import type { Client } from "@zk/client";
import { PersistentTtlNode } from "@zk/recipes";
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
