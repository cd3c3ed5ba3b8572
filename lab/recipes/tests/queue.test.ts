import type { Client } from "@zk/client";
import {
  isRecipeError,
  jsonCodec,
  observeRecipes,
  Queue,
  type QueueOptions,
  type RecipeEvent,
  recipeMetrics,
  textCodec,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";
import { children, drain, waits } from "./support/queues.js";

const zk = stage();
const textQueue = (client: Client, options: QueueOptions<string> = {}): Queue<string> =>
  new Queue(client, `${zk.path}/q`, { codec: textCodec, ...options });

describe("a queue", () => {
  it("gives back what was put, in order, and leaves nothing", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    const put = await queue.put("a");
    expect(put.names).toEqual(["queue-0000000000"]);
    await queue.putAll(["b", "c"]);
    expect(await queue.size()).toBe(3);
    expect(await drain(queue, 3)).toEqual(["a", "b", "c"]);
    expect(await queue.size()).toBe(0);
    expect(await queue.tryTake()).toBeNull();
    await until("the markers are gone", () => recipeMetrics(client).janitorPending === 0);
    expect(await children(client, `${zk.path}/q-state/claims`)).toEqual([]);
    expect(await children(client, `${zk.path}/q-state/markers`)).toEqual([]);
    expect(client.load.watches).toBe(0);
  });

  it("has items that say what they are", async () => {
    const client = await zk.connect();
    const queue = new Queue(client, `${zk.path}/q`, { codec: jsonCodec<{ n: number }>() });
    const { zxid } = await queue.put({ n: 1 }, { id: "a/b" });
    await using item = await queue.take();
    expect(item).toMatchObject({
      value: { n: 1 },
      values: [{ n: 1 }],
      name: "queue-|a_b|0000000000",
      id: "a_b",
      czxid: zxid,
      key: `${zxid}-0`,
      deliveries: 1,
      state: "held",
      recipe: "Queue",
      sessionId: client.sessionId,
    });
    const claim = await client.getData(item.path);
    expect(claim.stat).toMatchObject({ czxid: item.token, ephemeralOwner: client.sessionId });
    expect(item.token).toBeGreaterThan(item.czxid);
  });

  it("is bytes, if nothing else is said", async () => {
    const queue = new Queue(await zk.connect(), zk.path);
    await queue.put(Uint8Array.of(1, 2));
    expect((await queue.take()).value).toEqual(Uint8Array.of(1, 2));
  });

  it.each([
    ["curator", undefined, "q", /^queue-\d{10}$/, "q-state/claims"],
    ["curator", "priority", "q", /^queue-100000000\d{10}$/, "q-state/claims"],
    ["curator", "due", "q", /^queue-\|[0-9A-F]{8,}\|\d{10}$/, "q-state/claims"],
    ["kazoo", undefined, "q", /^entry-100-\d{10}$/, "q-state/claims"],
    ["kazoo-locking", undefined, "q/entries", /^entry-100-\d{10}$/, "q/taken"],
    ["simple", undefined, "q", /^qn-\d{10}$/, "q-state/claims"],
  ] as const)("has the layout of %s %s", async (dialect, order, directory, name, claims) => {
    const client = await zk.connect();
    const queue = textQueue(client, { dialect, ...(order === undefined ? {} : { order }) });
    await queue.put("x");
    const [put] = await children(client, `${zk.path}/${directory}`);
    expect(put).toMatch(name);
    const { data } = await client.getData(`${zk.path}/${directory}/${put}`);
    const bytes = dialect === "curator" ? [0, 1, 0, 1, 1, 0, 0, 0, 1, 120, 2] : [120];
    expect([...data!]).toEqual(bytes);
    const item = await queue.take({ timeoutMs: 5000 });
    expect(await children(client, `${zk.path}/${claims}`)).toEqual([put]);
    await item.nack({ to: "dead" });
    expect(await drain(queue.dead, 1)).toEqual(["x"]);
  });

  it("waits for an item, and has it as soon as it is put", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const taking = textQueue(one).take({ timeoutMs: 20_000 });
    await until("it waits", () => waits(one));
    await textQueue(two).put("late");
    expect((await taking).value).toBe("late");
  });

  it.each(["aborted", "out of time"] as const)("leaves nothing of a wait that is %s", async (how) => {
    const client = await zk.connect();
    const queue = textQueue(client);
    const abort = new AbortController();
    const ended = queue
      .take(how === "aborted" ? { signal: abort.signal } : { timeoutMs: 100 })
      .catch((error: unknown) => error);
    if (how === "aborted") {
      await until("it waits", () => waits(client));
      abort.abort("enough");
    }
    expect(await ended).toMatchObject(
      how === "aborted" ? { code: "ABORTED", cause: "enough" } : { code: "WAIT_TIMEOUT", recipe: "Queue" },
    );
    for (const line of await children(client, `${zk.path}/q-state/waiting/takers`))
      expect(await children(client, `${zk.path}/q-state/waiting/takers/${line}`)).toEqual([]);
    expect(client.load.watches).toBe(0);
    expect(recipeMetrics(client)).toMatchObject({ waiting: 0, janitorPending: 0 });
  });

  it("keeps no watch of a thousand timed gets (kazoo's queue keeps one of each, kazoo #175)", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    for (let round = 0; round < 50; round += 1)
      await queue.take({ timeoutMs: 1 }).catch((error: unknown) => expect(isRecipeError(error)).toBe(true));
    await until("all is tidied up", () => recipeMetrics(client).janitorPending === 0);
    expect(client.load.watches).toBe(0);
  });

  it("goes on when its directory goes, also under a waiting take (Curator's hangs, CURATOR-308)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const taking = textQueue(one).take({ timeoutMs: 20_000 });
    await until("it waits", () => waits(one));
    await two.removeRecursive(`${zk.path}/q`);
    await until("the directory is there again", async () => (await two.exists(`${zk.path}/q`)) !== null);
    await textQueue(two).put("x");
    expect((await within("the take", taking)).value).toBe("x");
  });

  it("leaves foreign children alone, and says that they are there", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    const queue = textQueue(client);
    await queue.put("x");
    for (const name of ["!junk", "zjunk", "queue-", "qn-0000000000"])
      await client.create(`${zk.path}/q/${name}`);
    expect(await drain(queue, 1)).toEqual(["x"]);
    expect(await queue.tryTake()).toBeNull();
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "foreignChildren",
        names: expect.arrayContaining(["!junk", "qn-0000000000"]),
      }),
    );
    expect(await children(client, `${zk.path}/q`)).toHaveLength(4);
  });

  it("shows its head without taking it, and who works on what", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    expect(await queue.peek()).toEqual([]);
    await queue.putAll(["a", "b", "c"]);
    const item = await queue.take();
    expect((await queue.peek({ count: 2 })).map(({ value }) => value)).toEqual(["a", "b"]);
    const [first, second] = await queue.inspect();
    expect(first).toMatchObject({
      name: item.name,
      claim: { path: item.path, sessionId: client.sessionId, token: item.token },
    });
    expect(second).toMatchObject({ serial: 1, claim: undefined });
  });

  it("takes items of an id out again, but not those that somebody works on", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.put("a", { id: "x" });
    const item = await queue.take();
    await queue.put("b", { id: "x" });
    await queue.put("c", { id: "y" });
    await queue.put("d", { id: "x" });
    expect(await queue.remove("x")).toBe(2);
    expect(await queue.remove("nobody")).toBe(0);
    await item.ack();
    expect(await drain(queue, 1)).toEqual(["c"]);
    expect(await queue.size()).toBe(0);
  });

  it.each(["", "q", "/"])("refuses the path %j", async (path) => {
    const client = await zk.connect();
    expect(() => new Queue(client, path)).toThrow(/INVALID_ARGUMENT/);
  });

  it("refuses what its layout does not have, and options that cannot be used", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    const invalid = { code: "INVALID_ARGUMENT" };
    await expect(queue.put("x", { priority: 1 })).rejects.toMatchObject(invalid);
    await expect(queue.put("x", { delayMs: 1 })).rejects.toMatchObject(invalid);
    await expect(textQueue(client, { dialect: "simple" }).putTogether(["a", "b"])).rejects.toMatchObject(
      invalid,
    );
    await expect(queue.take({ timeoutMs: Number.NaN })).rejects.toMatchObject(invalid);
    expect(() => queue.consume({ prefetch: 0 })).toThrow(/prefetch/);
    expect(() => textQueue(client, { capacity: 0 })).toThrow(/capacity/);
    expect(() => textQueue(client, { deliveriesMax: 1.5 })).toThrow(/deliveriesMax/);
    expect(() => textQueue(client, { dialect: "kazoo", order: "fifo" })).toThrow(/kazoo/);
    expect(await client.exists(zk.path)).toBeNull();
  });
});

describe("an order", () => {
  it("by priority is that of the numbers, and of putting among equals; an urgent one goes first", async () => {
    const client = await zk.connect();
    const queue = textQueue(client, { order: "priority" });
    await queue.put("low", { priority: 5 });
    await queue.put("first", { priority: -5 });
    await queue.put("second", { priority: -5 });
    await queue.put("middle");
    expect(await drain(queue, 2)).toEqual(["first", "second"]);
    await queue.put("urgent", { priority: -6 });
    expect(await drain(queue, 3)).toEqual(["urgent", "middle", "low"]);
  });

  it("by due time gives nothing before its time, by the servers' clock", async () => {
    const client = await zk.connect();
    const queue = textQueue(client, { order: "due" });
    await queue.put("later", { delayMs: 400 });
    await queue.put("sooner", { delayMs: 200 });
    await queue.put("now");
    expect(await drain(queue, 1)).toEqual(["now"]);
    expect(await queue.tryTake()).toBeNull();
    for (const value of ["sooner", "later"]) {
      const item = await queue.take({ timeoutMs: 10_000 });
      expect(item.value).toBe(value);
      // The claim's time is of the same clock.
      const { ctime } = (await client.exists(item.path))!;
      expect(Number(ctime)).toBeGreaterThanOrEqual(item.dueMs! - 2);
      await item.ack();
    }
  });

  it("by due time wakes a waiting take for an item that is due sooner than the one it waits for", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await textQueue(two, { order: "due" }).put("in an hour", { delayMs: 3_600_000 });
    const taking = textQueue(one, { order: "due" }).take();
    await until("it waits", () => waits(one));
    await textQueue(two, { order: "due" }).put("soon", { delayMs: 20 });
    expect((await within("the take", taking)).value).toBe("soon");
  });
});
