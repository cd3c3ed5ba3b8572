import { type Client, createClient } from "@zk/client";
import {
  observeRecipes,
  patientChildren,
  type RecipeEvent,
  until as untilNode,
  watchChildren,
  watchNode,
  watchTree,
  type ZnodeCache,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

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

describe("every cache", () => {
  it("leaves no watch behind, however often it is opened and closed (CURATOR-477, CURATOR-167)", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a/b`, `${zk.path}/c`);
    for (let turn = 0; turn < 50; turn += 1) {
      const caches = [watchNode(client, zk.path), watchChildren(client, zk.path), watchTree(client, zk.path)];
      // Some are closed while they load.
      if (turn % 2 === 0) await Promise.all(caches.map((cache) => cache.ready));
      for (const cache of caches) cache.close();
    }
    await until("nothing is under way", () => client.load.inFlight === 0);
    await client.setData(`${zk.path}/c`, "2");
    expect(client.load.watches).toBe(0);
  });

  it("that is closed says nothing more, and shows what it had (CURATOR-729)", async () => {
    const client = await zk.connect();
    await make(client, zk.path);
    const cache = watchNode(client, zk.path);
    await cache.ready;
    const words = told(cache);
    const stream = cache.changes();
    const waiting = expect(cache.until(() => false)).rejects.toMatchObject({ code: "RELEASED" });
    cache.close();
    cache.close();
    await waiting;
    await client.setData(zk.path, "2");
    await client.sync();
    expect(words).toEqual([]);
    expect(cache.state).toBe("closed");
    expect(text(cache.node?.data)).toBe("1");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await expect(cache.sync()).rejects.toMatchObject({ code: "RELEASED" });
    await expect(cache.refresh()).rejects.toMatchObject({ code: "RELEASED" });
    expect(await cache.changes().next()).toEqual({ done: true, value: undefined });
  });

  it("that is closed before it is ready says so", async () => {
    const client = await zk.connect();
    const cache = watchTree(client, zk.path);
    cache.close();
    await expect(cache.ready).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("ends with its client", async () => {
    const client = await zk.connect();
    const cache = watchTree(client, zk.path);
    await cache.ready;
    await client.close();
    await until("it is closed", () => cache.state === "closed");
  });

  it("can be made before the client is connected", async () => {
    const maker = await zk.connect();
    await make(maker, `${zk.path}/a`);
    await using client = createClient(zk.ensemble.connectionString);
    await using cache = watchTree(client, zk.path);
    const words = told(cache);
    expect(cache.stalenessMs).toBe(Number.POSITIVE_INFINITY);
    await client.connect();
    await within("ready", cache.ready);
    expect(words).toEqual(["created .", "created /a", "synced"]);
  });

  it("tells changes as a stream that can begin with what there is", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchTree(client, zk.path);
    await cache.ready;
    const abort = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const change of cache.changes({ initial: true, signal: abort.signal })) {
        seen.push(change.type);
        if (seen.length === 3) abort.abort("enough");
      }
    })();
    await client.setData(`${zk.path}/a`, "2");
    await expect(reading).rejects.toMatchObject({ code: "ABORTED", cause: "enough", name: "AbortError" });
    expect(seen).toEqual(["created", "created", "changed"]);
  });

  it("tells a slow reader that it missed something, and gives it what to go on from", async () => {
    const client = await zk.connect();
    await client.create(zk.path);
    await using cache = watchChildren(client, zk.path);
    await cache.ready;
    const stream = cache.changes({ bufferMax: 4 });
    for (let index = 0; index < 6; index += 1) await client.create(`${zk.path}/n${index}`);
    await cache.until(({ size }) => size === 6);
    const first = await stream.next();
    expect(first.value).toMatchObject({ type: "overflow", dropped: 6 });
    const known = new Set(first.value?.type === "overflow" ? first.value.snapshot.nodes.keys() : []);
    await client.create(`${zk.path}/n6`);
    const second = await stream.next();
    if (second.value?.type === "created") known.add(second.value.path);
    expect(known.size).toBe(7);
    await stream.return?.();
  });

  it("gives snapshots that do not change, with the newest transaction in them", async () => {
    const client = await zk.connect();
    await make(client, `${zk.path}/a`);
    await using cache = watchTree(client, zk.path);
    await cache.ready;
    const before = cache.snapshot();
    expect(cache.snapshot()).toBe(before);
    const { zxid } = await client.create(`${zk.path}/b`);
    await cache.sync();
    const after = cache.snapshot();
    expect([before.nodes.size, after.nodes.size]).toEqual([2, 3]);
    expect(after).toMatchObject({ zxid, isConsistent: true });
    expect(before.zxid).toBeLessThan(zxid);
    const { mzxid } = await client.setData(`${zk.path}/a`, "2");
    await cache.sync();
    expect(cache.snapshot().zxid).toBe(mzxid);
  });

  it("shows after sync what another client wrote before", async () => {
    const [client, writer] = [await zk.connect(), await zk.connect()];
    await make(writer, zk.path);
    await using cache = watchTree(client, zk.path);
    for (let turn = 0; turn < 30; turn += 1) {
      await writer.create(`${zk.path}/n${turn}`, `${turn}`);
      if (turn > 0) await writer.setData(`${zk.path}/n${turn - 1}`, "old");
      await cache.sync();
      expect(text(cache.get(`${zk.path}/n${turn}`)?.data)).toBe(`${turn}`);
      if (turn > 0) expect(text(cache.get(`${zk.path}/n${turn - 1}`)?.data)).toBe("old");
    }
  });

  it("is not stopped by a listener that throws, and says that it did", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    await using cache = watchNode(client, zk.path);
    await cache.ready;
    cache.onChange(() => {
      throw new Error("mine");
    });
    const words = told(cache);
    await make(client, zk.path);
    await cache.sync();
    expect(words).toEqual(["created ."]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "listenerFailed", recipe: "NodeCache", path: zk.path }),
    );
  });

  it.each(["", "a", "/a/", "/a//b"])("refuses the path %j", async (path) => {
    const client = await zk.connect();
    expect(() => watchTree(client, path)).toThrow(/INVALID_ARGUMENT/);
    await expect(patientChildren(client, path, { quietMs: 1 })).rejects.toThrow(/INVALID_ARGUMENT/);
    await expect(untilNode(client, path, () => true)).rejects.toThrow(/INVALID_ARGUMENT/);
  });
});

describe("until", () => {
  it("waits for a znode to be as one wants it, and leaves nothing", async () => {
    const [client, writer] = [await zk.connect(), await zk.connect()];
    const waiting = untilNode(client, zk.path, (node) => text(node?.data) === "done");
    await writer.create(zk.path, "begun");
    await writer.setData(zk.path, "done");
    const node = await within("the wait", waiting);
    expect(node?.stat.version).toBe(1);
    expect(client.load.watches).toBe(0);
    const there = await untilNode(client, zk.path, (each) => each !== undefined);
    expect(there.path).toBe(zk.path);
  });

  it("ends with its signal, its time, and what the condition throws", async () => {
    const client = await zk.connect();
    const abort = new AbortController();
    const aborted = untilNode(client, zk.path, () => false, { signal: abort.signal });
    const late = untilNode(client, zk.path, () => false, { timeoutMs: 20 });
    const broken = untilNode(client, zk.path, () => {
      throw new TypeError("no");
    });
    const all = Promise.all([
      expect(aborted).rejects.toMatchObject({ code: "ABORTED", cause: "enough" }),
      expect(late).rejects.toMatchObject({ code: "WAIT_TIMEOUT" }),
      expect(broken).rejects.toThrow("no"),
    ]);
    abort.abort("enough");
    await all;
    await until("nothing is under way", () => client.load.inFlight === 0);
    expect(client.load.watches).toBe(0);
  });

  it("goes on in the next session, and ends when there is none", async () => {
    const [one, two, writer] = [
      await zk.connect({ afterExpiry: "renew" }),
      await zk.connect(),
      await zk.connect(),
    ];
    const goesOn = untilNode(one, zk.path, (node) => node !== undefined);
    const ends = expect(untilNode(two, zk.path, (node) => node !== undefined)).rejects.toMatchObject({
      code: "SESSION_EXPIRED",
    });
    await until("both watch", () => one.load.watches === 1 && two.load.watches === 1);
    await zk.expire(one);
    await zk.expire(two);
    await ends;
    await writer.create(zk.path);
    expect((await within("the wait", goesOn)).path).toBe(zk.path);
  });
});

describe("patientChildren", () => {
  it("resolves when nobody has come or gone for a while, and leaves no watch (kazoo's does, #413)", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await client.create(zk.path);
    let isSettled = false;
    const settling = patientChildren(client, zk.path, { quietMs: 150 }).finally(() => {
      isSettled = true;
    });
    for (let index = 0; index < 5; index += 1) {
      await other.create(`${zk.path}/n${index}`);
      await until("it has seen the child", () => client.load.watches === 1 && client.load.inFlight === 0);
      expect(isSettled).toBe(false);
    }
    const { names, stat } = await within("the group", settling);
    expect(names).toHaveLength(5);
    expect(stat?.numChildren).toBe(5);
    expect(client.load.watches).toBe(0);
  });

  it("takes a znode that is not there for one without children, and waits on for its time", async () => {
    const client = await zk.connect();
    expect(await patientChildren(client, zk.path, { quietMs: 10 })).toEqual({ names: [], stat: null });
    const late = patientChildren(client, zk.path, { quietMs: 10_000, timeoutMs: 20 });
    await expect(late).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(client.load.watches).toBe(0);
  });
});
