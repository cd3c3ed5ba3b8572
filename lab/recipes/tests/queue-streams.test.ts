import type { Client } from "@zk/client";
import {
  isRecipeError,
  Queue,
  type QueueItem,
  type QueueOptions,
  recipeMetrics,
  textCodec,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";
import { children, drain, waits } from "./support/queues.js";

const zk = stage();
const textQueue = (client: Client, options: QueueOptions<string> = {}): Queue<string> =>
  new Queue(client, `${zk.path}/q`, { codec: textCodec, ...options });

describe("a queue with a capacity", () => {
  it("lets nobody put more, and wakes who waits when there is room", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const queue = textQueue(one, { capacity: 2 });
    await queue.putAll(["a", "b"]);
    expect(await queue.tryPut("c")).toBeNull();
    await expect(queue.put("c", { timeoutMs: 50 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      applied: "no",
    });
    await expect(queue.putAll(["c", "d", "e"])).rejects.toMatchObject({ code: "CAPACITY" });
    const putting = queue.put("c");
    await until("it waits", () => waits(one));
    await drain(textQueue(two), 1);
    await within("the put", putting);
    expect(await queue.size()).toBe(2);
  });

  it("is never overfull, whoever puts at the same time", async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => zk.connect()));
    const queues = clients.map((client) => textQueue(client, { capacity: 3 }));
    const puts = queues.flatMap((queue, index) =>
      Array.from({ length: 5 }, (_, n) => queue.put(`${index}-${n}`)),
    );
    const seen: string[] = [];
    let largest = 0;
    while (seen.length < puts.length) {
      largest = Math.max(largest, await queues[0]!.size());
      seen.push(...(await drain(queues[1]!, 1)));
    }
    await Promise.all(puts);
    expect(largest).toBeLessThanOrEqual(3);
    expect(new Set(seen).size).toBe(20);
  });
});

describe("a stream of items", () => {
  it("is claimed and acknowledged by hand, one at a time", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b", "c"]);
    const seen: string[] = [];
    for await (const item of queue.consume({ ack: "manual" })) {
      seen.push(item.value);
      expect(await children(client, `${zk.path}/q-state/claims`)).toHaveLength(1);
      await item.ack();
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(["a", "b", "c"]);
    expect(await queue.size()).toBe(0);
    await until(
      "it is tidied up",
      () => client.load.watches === 0 && recipeMetrics(client).janitorPending === 0,
    );
  });

  it("claims no more than it may, and gives back what was not handed out", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b", "c", "d", "e"]);
    const claims = async (): Promise<number> => (await children(client, `${zk.path}/q-state/claims`)).length;
    const stream = queue.consume({ prefetch: 3 });
    const first = (await stream.next()).value as QueueItem<string>;
    await until("it has claimed what it may", async () => (await claims()) === 3);
    const second = (await stream.next()).value as QueueItem<string>;
    expect(await claims()).toBe(3);
    await first.ack();
    await until("it has claimed another", async () => (await claims()) === 3 && (await queue.size()) === 4);
    await stream.return();
    // The one that was handed out is its consumer's still.
    expect(await claims()).toBe(1);
    expect([first.value, second.value]).toEqual(["a", "b"]);
    await second.ack();
    expect(await drain(queue, 3)).toEqual(["c", "d", "e"]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("acknowledges an item when the next one is asked for, and gives it back when the loop is left", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b", "c"]);
    const seen: string[] = [];
    const failing = async (): Promise<void> => {
      for await (const item of queue.consume({ ack: "after", prefetch: 2 })) {
        seen.push(item.value);
        if (item.value === "b") throw new Error("cannot do b");
      }
    };
    await expect(failing()).rejects.toThrow("cannot do b");
    expect(await queue.size()).toBe(2);
    expect(await drain(queue, 2)).toEqual(["b", "c"]);
  });

  it("takes items out before it hands them out, if told to", async () => {
    const client = await zk.connect();
    const queue = textQueue(client);
    await queue.putAll(["a", "b"]);
    for await (const item of queue.consume({ ack: "before" })) {
      expect(item.state).toBe("released");
      expect((await queue.peek({ count: 9 })).map(({ value }) => value)).not.toContain(item.value);
      if (item.value === "b") break;
    }
    expect((await queue.size()) + (await children(client, `${zk.path}/q-state/claims`)).length).toBe(0);
    await queue.put("c");
    expect((await queue.take({ ack: "before" })).state).toBe("released");
    expect(await queue.size()).toBe(0);
  });

  it("ends with its signal", async () => {
    const client = await zk.connect();
    const abort = new AbortController();
    const stream = textQueue(client).consume({ signal: abort.signal });
    const next = expect(stream.next()).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
    await until("it waits", () => waits(client));
    abort.abort("enough");
    await next;
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(client.load.watches).toBe(0);
  });

  it("ends with the client", async () => {
    const client = await zk.connect();
    const next = expect(textQueue(client).consume().next()).rejects.toMatchObject({ code: "CLOSED" });
    await until("it waits", () => waits(client));
    await client.close();
    await next;
  });

  it("acknowledges what was done when it is told to end while that is done", async () => {
    const client = await zk.connect();
    await textQueue(client).putAll(["a", "b"]);
    const abort = new AbortController();
    const done: string[] = [];
    const consuming = (async () => {
      for await (const item of textQueue(client).consume({ ack: "after", signal: abort.signal })) {
        abort.abort();
        done.push(item.value);
      }
    })();
    await expect(within("its end", consuming)).rejects.toMatchObject({ code: "ABORTED" });
    expect(done).toEqual(["a"]);
    expect(await drain(textQueue(client), 1)).toEqual(["b"]);
    expect(await textQueue(client).size()).toBe(0);
  });

  it("goes on in the next session, and ends if there is none (Curator's stops after a long cut, CURATOR-623)", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const stream = textQueue(one).consume({ ack: "after" });
    await textQueue(two).put("a");
    expect((await stream.next()).value?.value).toBe("a");
    const next = stream.next();
    await until("it waits", () => waits(one));
    const before = one.sessionId;
    await zk.expire(one);
    await until("a new session", () => one.state === "connected" && one.sessionId !== before);
    await textQueue(two).put("b");
    expect((await within("the item", next)).value?.value).toBe("b");
    await stream.return();
    const ends = textQueue(two).consume().next();
    const ended = expect(ends).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    await zk.expire(two);
    await ended;
  });

  it("hands out no item that was lost while it waited to be handed out", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    await textQueue(two).putAll(["a", "b", "c"]);
    const stream = textQueue(one).consume({ prefetch: 3 });
    const first = (await stream.next()).value!;
    await until(
      "all are claimed",
      async () => (await children(two, `${zk.path}/q-state/claims`)).length === 3,
    );
    await zk.expire(one);
    await until("the first is lost", () => first.state === "lost");
    const again = (await within("an item", stream.next())).value!;
    expect(again.sessionId).not.toBe(first.sessionId);
    expect(again.state).toBe("held");
    await stream.return();
  });
});

describe("many consumers", () => {
  it("who wait are woken by one item a few at a time, and leave nothing behind", async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => zk.connect()));
    await textQueue(clients[0]!).put("first");
    await drain(textQueue(clients[0]!), 1);
    const aborts = clients.map(() => new AbortController());
    const takes: Promise<unknown>[] = [];
    // One after the other, so that the lines are of one length: those who come at once choose by chance.
    for (const [index, client] of clients.entries()) {
      const take = textQueue(client).take({ signal: aborts[index]!.signal });
      takes.push(
        take.then(
          (item) => item.ack(),
          () => "aborted",
        ),
      );
      await until("it watches", () => client.load.watches >= 1 && client.load.inFlight === 0);
    }
    const watching = (): number => clients.filter((client) => client.load.watches === 2).length;
    await until("three watch, the others wait for their turn", () => watching() === 3);
    const woken = (): number => clients.reduce((sum, client) => sum + recipeMetrics(client).wakeUps, 0);
    const before = woken();
    await textQueue(clients[0]!).put("x");
    await Promise.any(takes);
    await until("three watch again", () => watching() === 3);
    // Those three, and those of them who went on behind the one that got it.
    expect(woken() - before).toBeLessThanOrEqual(3 * 3 + 1);
    for (const abort of aborts) abort.abort();
    await Promise.all(takes);
    const lines = await children(clients[0]!, `${zk.path}/q-state/waiting/takers`);
    for (const line of lines)
      expect(await children(clients[0]!, `${zk.path}/q-state/waiting/takers/${line}`)).toEqual([]);
  });

  it("have each item once, and nobody is in another's way for long", async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => zk.connect()));
    const items = 200;
    const producer = textQueue(clients[0]!);
    for (let first = 0; first < items; first += 50)
      await producer.putAll(Array.from({ length: 50 }, (_, n) => String(first + n)));
    const seen: string[] = [];
    const abort = new AbortController();
    await Promise.all(
      clients.map(async (client) => {
        try {
          for await (const item of textQueue(client).consume({ ack: "after", signal: abort.signal })) {
            seen.push(item.value);
            if (seen.length === items) abort.abort();
          }
        } catch (error) {
          if (!isRecipeError(error, "ABORTED")) throw error;
        }
      }),
    );
    expect(new Set(seen).size).toBe(items);
    expect(seen.length).toBe(items);
    const conflicts = clients.reduce((sum, client) => sum + recipeMetrics(client).conflicts, 0);
    // After the head all together it would be seven in vain for each item.
    expect(conflicts).toBeLessThan(items);
  });
});
