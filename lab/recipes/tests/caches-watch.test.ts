import { type Client, CREATOR_ALL_ACL, isZkError } from "@zk/client";
import {
  observeRecipes,
  type RecipeEvent,
  watchChildren,
  watchNode,
  watchTree,
  type ZnodeCache,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, within } from "../src/index.js";

const zk = stage();

/** What a cache tells from now on, in words. */
function told(cache: ZnodeCache): string[] {
  const words: string[] = [];
  cache.onChange((change) => {
    const path = "path" in change ? change.path.slice(cache.path.length) || "." : "";
    words.push(`${change.type} ${path}`.trim());
  });
  return words;
}

async function make(client: Client, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) await client.create(path, "1", { createParents: true });
}

const text = (data: Uint8Array | null | undefined): string => new TextDecoder().decode(data ?? undefined);

describe("a node cache", () => {
  it("follows one znode through its life, and creates nothing (Curator's NodeCache makes parents, CURATOR-319)", async () => {
    const client = await zk.connect();
    await using cache = watchNode(client, `${zk.path}/a/b`);
    await cache.ready;
    expect(cache.node).toBeUndefined();
    expect(cache.state).toBe("live");
    expect(await client.exists(zk.path)).toBeNull();
    const words = told(cache);
    await make(client, `${zk.path}/a/b`);
    await cache.sync();
    expect(text(cache.node?.data)).toBe("1");
    await client.setData(`${zk.path}/a/b`, "2");
    await cache.sync();
    expect(text(cache.node?.data)).toBe("2");
    await client.remove(`${zk.path}/a/b`);
    await cache.sync();
    expect(cache.node).toBeUndefined();
    await make(client, `${zk.path}/a/b`);
    await cache.sync();
    expect(words).toEqual(["created .", "changed .", "deleted .", "created ."]);
  });

  it("tells a znode that was removed and created again as recreated, though its version is the same", async () => {
    const client = await zk.connect();
    await make(client, zk.path);
    await using cache = watchNode(client, zk.path);
    await cache.ready;
    const words = told(cache);
    const before = cache.node!;
    await client.transaction().remove(zk.path).create(zk.path, "2").commit();
    await cache.sync();
    expect(words).toEqual(["recreated ."]);
    expect(cache.node?.stat.version).toBe(before.stat.version);
    expect(cache.node?.stat.czxid).toBeGreaterThan(before.stat.czxid);
  });

  it("has stats alone without data, and no watch too many", async () => {
    const client = await zk.connect();
    await using cache = watchNode(client, zk.path, { data: false });
    await cache.ready;
    await make(client, zk.path);
    await cache.sync();
    expect(cache.node).toMatchObject({ data: null, stat: { dataLength: 1 } });
    expect(client.load.watches).toBe(1);
    await client.remove(zk.path);
    await cache.sync();
    expect(cache.node).toBeUndefined();
    expect(client.load.watches).toBe(1);
  });
});

describe("a children cache", () => {
  it("has the children, their data, and nothing else", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`, `${zk.path}/b/deep`);
    await using cache = watchChildren(client, zk.path);
    await cache.ready;
    expect([...cache.names].sort()).toEqual(["a", "b"]);
    expect(text(cache.get("a")?.data)).toBe("1");
    const words = told(cache);
    await client.setData(`${zk.path}/b/deep`, "2");
    await client.setData(zk.path, "2");
    await make(client, `${zk.path}/c`);
    await client.setData(`${zk.path}/a`, "2");
    await cache.sync();
    expect(words.sort()).toEqual(["changed /a", "created /c"]);
    expect(cache.size).toBe(3);
  });

  it("goes on when its znode is removed and made again (kazoo's ChildrenWatch stops for good)", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchChildren(client, zk.path);
    await cache.ready;
    await client.removeRecursive(zk.path);
    await cache.sync();
    expect(cache.names).toEqual([]);
    await make(client, `${zk.path}/b`);
    await within(
      "the new child",
      cache.until(({ names }) => names.length === 1),
    );
    expect(cache.names).toEqual(["b"]);
  });

  it("reads only the names that it is asked for", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/job-1`, `${zk.path}/other`);
    for (const filter of ["job-*", /^job/, (name: string) => name !== "other"]) {
      await using cache = watchChildren(client, zk.path, { filter });
      await cache.ready;
      expect(cache.names).toEqual(["job-1"]);
      expect(client.load.watches).toBe(2);
    }
    expect(client.load.watches).toBe(0);
  });

  it("is complete with many children", async () => {
    const client = await zk.connect();
    await client.create(zk.path);
    const names = Array.from({ length: 1000 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => client.create(`${zk.path}/${name}`)));
    await using cache = watchChildren(client, zk.path);
    await cache.ready;
    expect(cache.size).toBe(1000);
    expect(cache.snapshot().isConsistent).toBe(true);
  });
});

describe("a tree cache", () => {
  it("tells a znode before those below it, and gone after them", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a/x`, `${zk.path}/b`);
    await using cache = watchTree(client, zk.path);
    const words = told(cache);
    await cache.ready;
    expect(words.slice(0, 3).sort()).toEqual(["created .", "created /a", "created /b"]);
    expect(words.slice(3)).toEqual(["created /a/x", "synced"]);
    words.length = 0;
    await client.removeRecursive(zk.path);
    await cache.sync();
    expect(words.indexOf("deleted /a/x")).toBeLessThan(words.indexOf("deleted /a"));
    expect(words.at(-1)).toBe("deleted .");
    expect(words).toHaveLength(4);
    expect(cache.size).toBe(0);
    words.length = 0;
    await make(client, `${zk.path}/a/x`);
    await within(
      "the new leaf",
      cache.until((tree) => tree.get(`${zk.path}/a/x`) !== undefined),
    );
    expect(words).toEqual(["created .", "created /a", "created /a/x"]);
  });

  it("is ready, and costs one watch, where there is no root (CURATOR-240, CURATOR-312)", async () => {
    const client = await zk.connect();
    await using cache = watchTree(client, `${zk.path}/none/at/all`);
    await within("ready", cache.ready);
    expect(cache.snapshot()).toEqual({ nodes: new Map(), zxid: 0n, isConsistent: true });
    expect(client.load.watches).toBe(1);
  });

  it("is ready though znodes die while it loads (CURATOR-476)", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await client.create(zk.path);
    const names = Array.from({ length: 300 }, (_, index) => `${zk.path}/n${index}`);
    await Promise.all(names.map((name) => client.create(name)));
    const removing = Promise.all(names.map((name) => other.remove(name)));
    await using cache = watchTree(client, zk.path);
    await within("ready", cache.ready);
    await removing;
    await other.sync();
    await cache.sync();
    expect([...cache.snapshot().nodes.keys()]).toEqual([zk.path]);
    expect(client.load.watches).toBe(2);
  });

  it("tells what there is once when it starts (CURATOR-540)", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchTree(client, zk.path);
    const words = told(cache);
    await make(client, `${zk.path}/b`, `${zk.path}/c`);
    await cache.sync();
    await cache.ready;
    expect(words.filter((word) => word !== "synced").sort()).toEqual([
      "created .",
      "created /a",
      "created /b",
      "created /c",
    ]);
  });

  it("goes on after the last child went (Curator's iterator breaks there, GH-1302)", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchTree(client, zk.path);
    await cache.ready;
    await client.remove(`${zk.path}/a`);
    await cache.sync();
    expect(cache.childrenOf(zk.path)).toEqual([]);
    expect(cache.get(zk.path)?.stat.numChildren).toBe(0);
    await make(client, `${zk.path}/b`);
    await cache.sync();
    expect(cache.childrenOf(zk.path).map(({ path }) => path)).toEqual([`${zk.path}/b`]);
  });

  it("keeps what its filter and its depth let it, and reads no more", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a/config`, `${zk.path}/a/other/config`, `${zk.path}/b/config`);
    await using some = watchTree(client, zk.path, { filter: "*/config" });
    await some.ready;
    expect([...some.snapshot().nodes.keys()].sort()).toEqual([`${zk.path}/a/config`, `${zk.path}/b/config`]);
    // Two lists on the way, and the root's; the two znodes.
    expect(client.load.watches).toBe(5);
    const words = told(some);
    await make(client, `${zk.path}/c/config`);
    await some.until((tree) => tree.size === 3);
    await client.removeRecursive(`${zk.path}/a`);
    await some.sync();
    expect(words).toEqual(["created /c/config", "deleted /a/config"]);
    await using flat = watchTree(client, zk.path, { depth: 1 });
    await flat.ready;
    expect([...flat.snapshot().nodes.keys()].sort()).toEqual([zk.path, `${zk.path}/b`, `${zk.path}/c`]);
  });

  it("can be of the whole tree", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchTree(client, "/", { descend: (path) => path !== "zookeeper" });
    await cache.ready;
    expect(cache.get("/")?.path).toBe("/");
    expect(cache.get(`${zk.path}/a`)?.path).toBe(`${zk.path}/a`);
    await client.remove(`${zk.path}/a`);
    await cache.sync();
    expect(cache.get(`${zk.path}/a`)).toBeUndefined();
  });

  it("fails past its bound, and says so to everybody", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`, `${zk.path}/b`);
    await using cache = watchTree(client, zk.path, { nodesMax: 3 });
    await cache.ready;
    const reading = (async () => {
      for await (const _change of cache.changes());
    })();
    const read = expect(reading).rejects.toMatchObject({ code: "CAPACITY" });
    const waiting = expect(cache.until(() => false)).rejects.toMatchObject({ code: "CAPACITY" });
    await make(client, `${zk.path}/c`);
    await Promise.all([read, waiting]);
    expect(cache.state).toBe("failed");
    expect(cache.failure).toMatchObject({ code: "CAPACITY", path: zk.path });
    expect(client.load.watches).toBe(0);
    await expect(cache.sync()).rejects.toMatchObject({ code: "CAPACITY" });
  });

  it("leaves out what may not be read and says so, and fails where that is the root", async () => {
    const [client, owner] = [await zk.connect(), await zk.connect()];
    await owner.addAuth("digest", "bob:secret");
    await make(client, `${zk.path}/open`);
    await owner.create(`${zk.path}/closed`, "x", { acl: CREATOR_ALL_ACL });
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    await using cache = watchTree(client, zk.path);
    await cache.ready;
    expect([...cache.snapshot().nodes.keys()].sort()).toEqual([zk.path, `${zk.path}/open`]);
    expect(events).toContainEqual(expect.objectContaining({ type: "unreadable", path: `${zk.path}/closed` }));
    await client.addAuth("digest", "bob:secret");
    await cache.refresh();
    expect(text(cache.get(`${zk.path}/closed`)?.data)).toBe("x");
    const stranger = await zk.connect();
    await using root = watchTree(stranger, `${zk.path}/closed`);
    await expect(root.ready).rejects.toSatisfy((error: unknown) => isZkError(error, "NO_AUTH"));
    expect(root.state).toBe("failed");
  });

  it("fails with what its filter throws", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    const filter = (path: string): boolean => {
      if (path === "a") throw new TypeError("no such filter");
      return true;
    };
    await using cache = watchTree(client, zk.path, { filter });
    await expect(cache.ready).rejects.toThrow("no such filter");
  });
});
