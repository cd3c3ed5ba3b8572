import { type Client, type FailpointName, isZkError, systemPorts } from "@zk/client";
import {
  type CacheChange,
  type CachedNode,
  until as untilNode,
  watchTree,
  type ZnodeCache,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage();

/** Follows what a cache tells, and refuses what cannot follow what was told before. */
function follow(cache: ZnodeCache): { readonly nodes: Map<string, CachedNode>; readonly words: string[] } {
  const nodes = new Map<string, CachedNode>();
  const words: string[] = [];
  const errors: string[] = [];
  cache.onChange((change: CacheChange) => {
    const path = "path" in change ? change.path.slice(cache.path.length) || "." : "";
    words.push(`${change.type} ${path}`.trim());
    if (!("path" in change)) return;
    const before = nodes.get(change.path);
    if ((change.type === "created") !== (before === undefined)) errors.push(`${change.type} ${change.path}`);
    if (change.type !== "created" && change.previous !== before) {
      // Only what a list says of a stat may differ.
      if (change.previous.stat.mzxid !== before?.stat.mzxid)
        errors.push(`not from where it was: ${change.path}`);
    }
    if (change.type === "deleted") nodes.delete(change.path);
    else nodes.set(change.path, change.node);
    if (errors.length > 0) throw new Error(errors[0]);
  });
  return { nodes, words };
}

async function treeOf(client: Client, path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const visit = async (each: string): Promise<void> => {
    try {
      const { data } = await client.getData(each);
      found.set(each, new TextDecoder().decode(data ?? undefined));
      const names = await client.getChildren(each);
      await Promise.all(names.map((name) => visit(`${each}/${name}`)));
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
  };
  await client.sync(path);
  await visit(path);
  return found;
}

function textOf(nodes: ReadonlyMap<string, CachedNode>): Map<string, string> {
  return new Map([...nodes].map(([path, { data }]) => [path, new TextDecoder().decode(data ?? undefined)]));
}

const sorted = (map: ReadonlyMap<string, string>): [string, string][] => [...map].sort();

async function serverOf(client: Client): Promise<number> {
  return until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
}

describe("a cache whose connection is lost", () => {
  it("says that it is stale, and tells what happened meanwhile, once", async () => {
    let isCut = false;
    const client = await zk.connect({ failpoint: () => (isCut ? "drop" : "continue") });
    const writer = await zk.connect();
    await writer.create(zk.path, "1");
    for (const name of ["changed", "removed", "recreated", "same"]) await writer.create(`${zk.path}/${name}`);
    await using cache = watchTree(client, zk.path, { jitterMs: 50 });
    await cache.ready;
    const { words } = follow(cache);
    isCut = true;
    await writer.setData(`${zk.path}/changed`, "2");
    await until("it is stale", () => cache.state === "stale");
    await writer.remove(`${zk.path}/removed`);
    await writer.transaction().remove(`${zk.path}/recreated`).create(`${zk.path}/recreated`).commit();
    await writer.create(`${zk.path}/created`);
    isCut = false;
    await within(
      "it is live again",
      cache.until(() => cache.state === "live"),
    );
    await cache.sync();
    expect(words.filter((word) => word !== "synced" && word !== "stale").sort()).toEqual([
      "changed /changed",
      "created /created",
      "deleted /removed",
      "recreated /recreated",
    ]);
    expect(words[0]).toBe("stale");
  });

  it("tells nothing but that when nothing happened", async () => {
    const [client, writer] = [await zk.connect(), await zk.connect()];
    await writer.create(zk.path);
    await writer.create(`${zk.path}/a`);
    await using cache = watchTree(client, zk.path, { jitterMs: 0 });
    await cache.ready;
    const { words } = follow(cache);
    const server = await serverOf(client);
    await zk.ensemble.kill(server);
    await until("it has caught up", () => words.includes("synced"));
    expect(words).toEqual(["stale", "synced"]);
    expect(cache.snapshot().isConsistent).toBe(true);
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
  });
});

/** Waits as long as it may. */
const late = { uuid: () => systemPorts.randomness.uuid(), seed: () => 0xffffffff };

describe("a cache whose session ends", () => {
  it("tells the differences alone in the next, and then that it is complete (CURATOR-296)", async () => {
    const client = await zk.connect({ afterExpiry: "renew", ports: { randomness: late } });
    const writer = await zk.connect();
    await writer.create(zk.path, "1");
    for (const name of ["changed", "removed", "recreated", "same"]) await writer.create(`${zk.path}/${name}`);
    await writer.create(`${zk.path}/same/deep`);
    await using cache = watchTree(client, zk.path, { jitterMs: 3_600_000 });
    await cache.ready;
    const before = cache.get(`${zk.path}/same`);
    const { words } = follow(cache);
    await zk.expire(client);
    await writer.setData(`${zk.path}/changed`, "2");
    await writer.remove(`${zk.path}/removed`);
    await writer.transaction().remove(`${zk.path}/recreated`).create(`${zk.path}/recreated`).commit();
    await writer.create(`${zk.path}/same/new`);
    await within("it has caught up", cache.sync());
    const changes = words.filter((word) => word !== "synced" && word !== "stale");
    expect(changes.sort()).toEqual([
      "changed /changed",
      "created /same/new",
      "deleted /removed",
      "recreated /recreated",
    ]);
    expect(cache.get(`${zk.path}/same`)?.stat.czxid).toBe(before?.stat.czxid);
    // It goes on from there.
    await writer.setData(`${zk.path}/same/deep`, "3");
    await cache.sync();
    expect(words.at(-1)).toBe("changed /same/deep");
  });

  it("waits for the next as long as it takes, and says how old it is meanwhile", async () => {
    const [client, writer] = [await zk.connect(), await zk.connect()];
    await writer.create(zk.path, "1");
    await using cache = watchTree(client, zk.path, { jitterMs: 0 });
    await cache.ready;
    expect(cache.stalenessMs).toBeLessThan(6000);
    await zk.expire(client);
    await until("the client knows", () => client.state === "expired");
    expect(cache.state).toBe("stale");
    await expect(cache.sync()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    const refreshed = expect(cache.refresh()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    await refreshed;
    const age = cache.stalenessMs;
    expect(age).toBeGreaterThan(900);
    await writer.setData(zk.path, "2");
    await client.connect();
    // It has heard of a server a moment ago, and is old all the same.
    if (cache.state !== "live") expect(cache.stalenessMs).toBeGreaterThanOrEqual(age);
    await within(
      "it is live again",
      cache.until(() => cache.state === "live"),
    );
    expect(cache.stalenessMs).toBeLessThan(age);
    expect(textOf(cache.snapshot().nodes)).toEqual(new Map([[zk.path, "2"]]));
  });

  it("does not ask at once with all the others, unless somebody waits (CURATOR-441)", async () => {
    const client = await zk.connect({ afterExpiry: "renew", ports: { randomness: late } });
    const writer = await zk.connect();
    await writer.create(zk.path, "1");
    await using cache = watchTree(client, zk.path, { jitterMs: 3_600_000 });
    await cache.ready;
    const before = client.sessionId;
    await zk.expire(client);
    await until("a new session", () => client.state === "connected" && client.sessionId !== before);
    await writer.setData(zk.path, "2");
    await client.sync(zk.path);
    expect(cache.state).toBe("stale");
    expect(client.load).toMatchObject({ watches: 0, inFlight: 0, queued: 0 });
    await within("the sync", cache.sync());
    expect(cache.state).toBe("live");
    expect(textOf(cache.snapshot().nodes).get(zk.path)).toBe("2");
  });

  it("while it loads still becomes ready", async () => {
    const [client, writer] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    await writer.create(zk.path);
    await Promise.all(Array.from({ length: 200 }, (_, index) => writer.create(`${zk.path}/n${index}`)));
    await using cache = watchTree(client, zk.path, { jitterMs: 0 });
    follow(cache);
    const syncing = cache.sync();
    await zk.expire(client);
    await within("ready", cache.ready);
    await within("the sync", syncing);
    expect(cache.size).toBe(201);
  });
});

/** A small generator of its own, so that a failure can be seen again. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Changes a small tree at random. */
async function meddle(
  writer: Client,
  root: string,
  steps: number,
  below: (limit: number) => number,
): Promise<void> {
  const names = ["a", "b", "c"];
  const anyPath = (): string =>
    [root, ...Array.from({ length: below(4) }, () => names[below(names.length)]!)].join("/");
  for (let step = 0; step < steps; step += 1) {
    const path = anyPath();
    const what = below(10);
    try {
      if (what < 4) await writer.create(path, `${step}`);
      else if (what < 7) await writer.setData(path, `${step}`);
      else if (what < 9) await writer.remove(path);
      else await writer.transaction().remove(path).create(path, `${step}`).commit();
    } catch (error) {
      // What cannot be done is not done; of what may have been done the tree itself will tell.
      if (!isZkError(error)) throw error;
    }
  }
}

describe("a cache, whatever happens", () => {
  it.each([1, 2, 3])("comes to what the servers have, over cut connections (seed %i)", async (seed) => {
    const below = chance(seed);
    let isQuiet = false;
    const cuts: FailpointName[] = ["replyDecoded", "eventDecoded", "afterWrite", "betweenChunks"];
    const failpoint = (name: FailpointName): "continue" | "drop" =>
      !isQuiet && cuts.includes(name) && below(40) === 0 ? "drop" : "continue";
    const client = await zk.connect({ failpoint });
    const writer = await zk.connect();
    await using cache = watchTree(client, zk.path, { jitterMs: 10 });
    const { nodes } = follow(cache);
    await meddle(writer, zk.path, 300, below);
    isQuiet = true;
    await within("the sync", cache.sync());
    expect(sorted(textOf(cache.snapshot().nodes))).toEqual(sorted(await treeOf(writer, zk.path)));
    expect(sorted(textOf(nodes))).toEqual(sorted(textOf(cache.snapshot().nodes)));
    // One watch on each znode and one on each list; if there is nothing, one on that.
    expect(client.load.watches).toBe(Math.max(1, cache.size * 2));
  });

  it.each([11, 12])(
    "comes to what the servers have, over dead servers and sessions (seed %i)",
    async (seed) => {
      const below = chance(seed);
      const client = await zk.connect({ afterExpiry: "renew" });
      const writer = await zk.connect();
      await using cache = watchTree(client, zk.path, { jitterMs: 10 });
      const { nodes, words } = follow(cache);
      await cache.ready;
      const writing = (async () => {
        for (let part = 0; part < 6; part += 1) {
          await meddle(writer, zk.path, 60, below);
          await zk.expire(client);
          await meddle(writer, zk.path, 60, below);
          const server = await serverOf(client);
          await zk.ensemble.kill(server);
          await meddle(writer, zk.path, 20, below);
          await zk.ensemble.start(server);
          await zk.ensemble.ready();
        }
      })();
      await writing;
      await within("the sync", cache.sync());
      expect(sorted(textOf(cache.snapshot().nodes))).toEqual(sorted(await treeOf(writer, zk.path)));
      expect(sorted(textOf(nodes))).toEqual(sorted(textOf(cache.snapshot().nodes)));
      expect(words.filter((word) => word === "stale").length).toBeGreaterThan(5);
      expect((await untilNode(client, zk.path, () => true))?.path).toBe(cache.get(zk.path)?.path);
    },
  );
});
