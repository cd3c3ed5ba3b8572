import { type Client, isZkError } from "@zk/client";
import {
  jsonCodec,
  observeRecipes,
  Queue,
  type QueueOptions,
  type RecipeEvent,
  textCodec,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";
import { children, drain, waits } from "./support/queues.js";

const zk = stage();
const text = { codec: textCodec } as const;
const textQueue = (client: Client, options: QueueOptions<string> = {}): Queue<string> =>
  new Queue(client, `${zk.path}/q`, { ...text, ...options });

describe("a claimed item", () => {
  it("is nobody else's, and is acknowledged by what its consumer writes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const queue = textQueue(one);
    await queue.put("a");
    const item = await queue.take();
    expect(await textQueue(two).tryTake()).toBeNull();
    const results = await item.ack((tx) => tx.create(`${zk.path}/done`, item.value).create(`${zk.path}/log`));
    expect(results?.map(({ type }) => type)).toEqual(["create", "create"]);
    expect(results?.[1]?.path).toBe(`${zk.path}/log`);
    expect(item.state).toBe("released");
    expect(item.signal.aborted).toBe(false);
    await expect(item.ack()).rejects.toMatchObject({ code: "RELEASED" });
    await expect(item.nack()).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("stays ours when one of our writes is refused, which is told as we counted", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.put("a");
    const item = await queue.take();
    await client.create(`${zk.path}/done`);
    const refused = item.ack((tx) => tx.create(`${zk.path}/log`).create(`${zk.path}/done`));
    await expect(refused).rejects.toSatisfy(
      (error: unknown) =>
        isZkError(error, "NODE_EXISTS") && error.operationIndex === 1 && error.applied === "no",
    );
    expect(item.state).toBe("held");
    expect(await client.exists(`${zk.path}/log`)).toBeNull();
    await item.ack();
    expect(await queue.size()).toBe(0);
  });

  it("is given back by whoever leaves its block, and is the next one's at its place", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b"]);
    {
      await using item = await queue.take();
      expect(item.value).toBe("a");
    }
    const item = await queue.take();
    expect(item).toMatchObject({ value: "a", deliveries: 1 });
  });

  it("that is given back wakes who waits for one", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await textQueue(one).put("a");
    const item = await textQueue(one).take();
    const taking = textQueue(two).take();
    await until("it waits", () => waits(two));
    await item.release();
    expect((await within("the take", taking)).value).toBe("a");
  });

  it("that was not done is delivered again and counts that, at its place or at the end", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b"]);
    await (await queue.take()).nack();
    const again = await queue.take();
    expect(again).toMatchObject({ value: "a", deliveries: 2 });
    await again.nack({ to: "end" });
    expect(await drain(queue, 2)).toEqual(["b", "a"]);
  });

  it("keeps its name short and its id however often it goes to the end (Curator's grew, CURATOR-56, and lost the id, CURATOR-224)", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.put("a", { id: "job" });
    for (let round = 0; round < 5; round += 1) {
      const item = await queue.take();
      expect(item.name).toBe(`queue-|job|000000000${round}`);
      expect(item.id).toBe("job");
      await item.nack({ to: "end" });
    }
  });

  it("goes to the end with another priority, or due again after a while", async () => {
    const client = await zk.connect();
    const priorities = textQueue(client, { order: "priority" });
    await priorities.put("a", { priority: 1 });
    await (await priorities.take()).nack({ to: "end", priority: 9 });
    expect((await priorities.take()).priority).toBe(9);
    const due = new Queue(client, `${zk.path}/due`, { ...text, order: "due" });
    await due.put("a");
    const item = await due.take();
    await item.nack({ to: "end", delayMs: 100 });
    expect(await due.tryTake()).toBeNull();
    const again = await due.take({ timeoutMs: 10_000 });
    expect(again.dueMs! - item.dueMs!).toBeGreaterThanOrEqual(100);
    await expect(item.nack({ to: "end" })).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("is lost with its session; another gets it, and the late acknowledgement does nothing (Curator: both, CURATOR-605)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await textQueue(one).put("a");
    const late = await textQueue(one).take();
    const aborted = new Promise((resolve) => late.signal.addEventListener("abort", resolve));
    const taking = textQueue(two).take();
    await until("it waits", () => waits(two));
    await zk.expire(one);
    const item = await within("the other's item", taking);
    await within("the signal", aborted);
    expect(late.signal.reason).toMatchObject({ code: "HOLD_LOST", recipe: "Queue" });
    await expect(late.ack((tx) => tx.create(`${zk.path}/done`))).rejects.toMatchObject({
      code: "HOLD_LOST",
      applied: "no",
    });
    expect(item.token).toBeGreaterThan(late.token);
    expect(item.key).toBe(late.key);
    await item.ack((tx) => tx.create(`${zk.path}/done`));
  });

  it("whose claim somebody removes is lost, and its acknowledgement says so (kazoo's LockingQueue says True)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const queue = textQueue(one, { dialect: "kazoo-locking" });
    await queue.put("a");
    const item = await queue.take();
    await two.transaction().remove(`${zk.path}/q/entries/${item.name}`).commit();
    // The claim stands, the item is gone: kazoo answers True to this, and leaves the claim behind.
    await expect(item.ack()).rejects.toMatchObject({ code: "HOLD_LOST", applied: "no" });
    expect(item.state).toBe("lost");
    await until("no claim is left", async () => (await children(two, `${zk.path}/q/taken`)).length === 0);
  });

  it("can be asked for, whatever became of it (kazoo's holds_lock raises NoNode)", async () => {
    const client = await zk.connect();
    const queue = textQueue(client, { dialect: "kazoo-locking" });
    await queue.put("a");
    const item = await queue.take();
    await item.verify();
    await client.remove(item.path);
    await expect(item.verify()).rejects.toMatchObject({ code: "HOLD_LOST" });
    expect(item.state).toBe("lost");
  });

  it("shows that the connection is in doubt (Curator's consumers hear nothing, CURATOR-336)", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.put("a");
    const item = await queue.take();
    const states: string[] = [];
    item.onState((state) => states.push(state));
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    await zk.ensemble.kill(server);
    await until("it is held again", () => states.at(-1) === "held");
    expect(states).toEqual(["suspect", "held"]);
    expect(item.signal.aborted).toBe(false);
    await item.ack();
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
  });

  it("of several values is delivered as one, and one without any is taken away", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putTogether(["a", "b"]);
    await client.create(`${zk.path}/q/queue-0000000001`, Uint8Array.of(0, 1, 0, 1, 2));
    const item = await queue.take();
    expect(item).toMatchObject({ value: "a", values: ["a", "b"] });
    await item.ack();
    expect(await queue.tryTake()).toBeNull();
    expect(await queue.size()).toBe(0);
  });
});

describe("an item that cannot be worked on", () => {
  it("because its bytes mean nothing goes to the dead at once, as it is", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    const queue = new Queue(client, `${zk.path}/q`, { codec: jsonCodec<number>() });
    await textQueue(client).put("{");
    await client.create(`${zk.path}/q/queue-0000000001`, "no envelope");
    await queue.put(7);
    expect(await drain(queue, 1)).toEqual([7]);
    expect(await queue.size()).toBe(0);
    expect(events.filter(({ type }) => type === "badData")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "deadItem")).toHaveLength(2);
    const [first, second] = await children(client, `${zk.path}/q-dead`);
    expect(await drain(textQueue(client).dead, 1)).toEqual(["{"]);
    expect(first).toMatch(/^queue-\d{10}$/);
    const { data } = await client.getData(`${zk.path}/q-dead/${second}`);
    expect(textCodec.decode(data!)).toBe("no envelope");
  });

  it("goes to the dead after so many deliveries, even if it killed its consumers", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const options = { deliveriesMax: 3 } as const;
    await textQueue(one).put("poison");
    await textQueue(one).put("fine");
    const first = await textQueue(one, options).take();
    expect(first.deliveries).toBe(1);
    await zk.expire(one);
    await until(
      "the claim is gone",
      async () => (await children(two, `${zk.path}/q-state/claims`)).length === 0,
    );
    const queue = textQueue(two, options);
    const second = await queue.take();
    expect(second).toMatchObject({ value: "poison", deliveries: 2 });
    await second.nack();
    const third = await queue.take();
    expect(third.deliveries).toBe(3);
    await third.nack();
    expect(await drain(queue, 1)).toEqual(["fine"]);
    expect(await drain(queue.dead, 1)).toEqual(["poison"]);
  });

  it("is counted on at the end of the queue", async () => {
    const client = await zk.connect();
    const queue = textQueue(client, { deliveriesMax: 2 });
    await queue.put("poison");
    await (await queue.take()).nack({ to: "end" });
    await until("it is counted on", async () => (await queue.peek())[0]?.deliveries === 1);
    const again = await queue.take();
    expect(again.deliveries).toBe(2);
    await again.nack({ to: "end" });
    expect(await queue.size()).toBe(0);
    expect(await queue.dead.size()).toBe(1);
  });
});
