// The signal that ends a program is handed to everything in it: calls, waits, streams.
import { getEventListeners } from "node:events";
import { Lock, Queue, textCodec, watchNode } from "@zk/recipes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stage, told, until } from "../src/index.js";

const zk = stage();
const MANY = 20;
const each = Array.from({ length: MANY }, (_, index) => index);

let warnings: string[] = [];
const warned = (warning: Error): void => void warnings.push(warning.message);

beforeEach(() => {
  warnings = [];
  process.on("warning", warned);
});

afterEach(() => {
  process.off("warning", warned);
});

describe("one signal", () => {
  it("may end as many calls and waits as there are: Node is told that this is no leak, and it is none", async () => {
    const client = await zk.connect();
    const { path } = zk;
    const stop = new AbortController();
    const { signal } = stop;
    await Promise.all(each.map(() => client.exists(path, { signal })));
    await using _held = await new Lock(client, path).acquire();
    const waits = each.map(() => told(new Lock(client, path).acquire({ signal })));
    await using watching = client.watch(path, { signal });
    await until("all stand in line", async () => (await client.getChildren(path)).length === MANY + 1);
    await until("they hang on the signal", () => getEventListeners(signal, "abort").length > MANY);
    stop.abort();
    for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: "ABORTED" });
    await expect(watching.next()).rejects.toMatchObject({ code: "ABORTED" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("is behind everything that one wait does at once: who works on which of many items", async () => {
    const client = await zk.connect();
    const queue = new Queue(client, zk.path, { codec: textCodec });
    await queue.putAll(each.map(String));
    const items = await Promise.all(each.map(() => queue.take()));
    const listing = await queue.inspect();
    expect(listing.map(({ claim }) => claim?.sessionId)).toEqual(each.map(() => client.sessionId));
    await Promise.all(items.map((item) => item.ack()));
    expect(warnings).toEqual([]);
  });

  it("is that of a cache, which as many wait for as like", async () => {
    const client = await zk.connect();
    using cache = watchNode(client, zk.path);
    await cache.ready;
    const waits = each.map(() => cache.until(({ node }) => node !== undefined));
    await until("they hang on the cache", () => getEventListeners(cache.signal, "abort").length >= MANY);
    await client.create(zk.path);
    await Promise.all(waits);
    expect(getEventListeners(cache.signal, "abort")).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
