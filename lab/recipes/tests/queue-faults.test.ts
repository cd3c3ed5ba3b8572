// What a queue promises when answers are lost, connections are cut and sessions end.
import { type Client, type ClientOptions, CreateMode, isZkError } from "@zk/client";
import { isRecipeError, Queue, type QueueOptions, recipeMetrics, textCodec } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, Chance, stage, until, within } from "../src/index.js";
import { children, drain } from "./support/queues.js";

const zk = stage();
const textQueue = (client: Client, options: QueueOptions<string> = {}): Queue<string> =>
  new Queue(client, `${zk.path}/q`, { codec: textCodec, ...options });

/** A queue whose directories are all there, and a client without anything under way: the next cut hits what comes next. */
async function prepare(client: Client, options: QueueOptions<string> = {}): Promise<Queue<string>> {
  const queue = textQueue(client, options);
  await queue.put("first");
  await drain(queue, 1);
  await until("all is tidied up", () => recipeMetrics(client).janitorPending === 0);
  return queue;
}

/** A client on a wire from which chosen messages are lost. */
async function actor(
  options: ClientOptions = {},
): Promise<{ readonly client: Client; readonly cable: Cable }> {
  const cable = new Cable();
  return { client: await zk.connect({ ...options, ports: { transport: cable.transport } }), cable };
}

describe.each([
  ["reply", 1],
  ["reply", 2],
  ["request", 1],
  ["request", 2],
] as const)("when the %s of a transaction is lost (%i in a row)", (part, losses) => {
  /** Does something of which the transaction is lost so many times, and sees that it was. */
  async function losing<T>(cable: Cable, what: string, work: () => Promise<T>, skip = 0): Promise<T> {
    const lost = [cable.lose(part, "multi", skip)];
    // What was applied is not sent again; there is no second one to lose.
    if (part === "request") for (let more = 1; more < losses; more += 1) lost.push(cable.lose(part, "multi"));
    const result = await within(what, work());
    await within("all losses", Promise.all(lost));
    return result;
  }

  it("an item is put once", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    for (const value of ["a", "b", "c"]) await losing(cable, "the put", () => queue.put(value));
    expect(await queue.size()).toBe(3);
    expect(await drain(queue, 3)).toEqual(["a", "b", "c"]);
  });

  it.each([undefined, 3])(
    "an item is claimed once, and the claim is known to be ours (Curator takes it for another's), deliveriesMax %s",
    async (deliveriesMax) => {
      const { client, cable } = await actor();
      const queue = await prepare(client, deliveriesMax === undefined ? {} : { deliveriesMax });
      await queue.put("a");
      const item = await losing(cable, "the item", () => queue.take());
      expect(item).toMatchObject({ value: "a", deliveries: 1 });
      await until("it is held", () => item.state === "held");
      await item.ack();
      expect(await children(client, `${zk.path}/q-state/claims`)).toEqual([]);
      expect(await queue.size()).toBe(0);
    },
  );

  it.each([false, true])("an acknowledgement is done once, and known to be, certain: %s", async (certain) => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    await queue.put("a");
    const item = await queue.take();
    await losing(cable, "the acknowledgement", () =>
      item.ack((tx) => tx.create(`${zk.path}/done-`, null, { mode: CreateMode.PERSISTENT_SEQUENTIAL }), {
        certain,
      }),
    );
    expect(item.state).toBe("released");
    // An end of our own is no loss, whenever the watch on the claim tells of it.
    expect(item.signal.aborted).toBe(false);
    expect(recipeMetrics(client).holdsLost).toBe(0);
    const done = (await children(client, zk.path)).filter((name) => name.startsWith("done-"));
    expect(done).toHaveLength(1);
    expect(await queue.size()).toBe(0);
  });

  it("an item that is taken out before it is handed out is handed out (Curator's and kazoo's simple queues lose it)", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client, { dialect: "simple" });
    await queue.put("a");
    // The claim gets through, the removal does not.
    const item = await losing(cable, "the item", () => queue.take({ ack: "before" }), 1);
    expect(item.value).toBe("a");
    expect(await queue.size()).toBe(0);
  });

  it("a nack counts once, and an item goes to the end once", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    await queue.putAll(["a", "b"]);
    const first = await queue.take();
    await losing(cable, "the nack", () => first.nack());
    const second = await queue.take();
    expect(second).toMatchObject({ value: "a", deliveries: 2 });
    await losing(cable, "the nack", () => second.nack({ to: "end" }));
    expect(await drain(queue, 2)).toEqual(["b", "a"]);
    expect(await queue.size()).toBe(0);
  });

  it("a bounded queue has no more items than it may, and no item twice", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client, { capacity: 2 });
    for (const value of ["a", "b"]) await losing(cable, "the put", () => queue.put(value));
    expect(await queue.tryPut("c")).toBeNull();
    expect(await drain(queue, 2)).toEqual(["a", "b"]);
  });
});

describe("a wait that ends while an answer is lost", () => {
  it("leaves no claim behind", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    await queue.put("a");
    await until("all is tidied up", () => recipeMetrics(client).janitorPending === 0);
    const abort = new AbortController();
    const lost = cable.lose("reply", "multi");
    const ended = expect(queue.take({ signal: abort.signal })).rejects.toMatchObject({ code: "ABORTED" });
    await within("the loss", lost);
    abort.abort();
    await ended;
    await until(
      "no claim is left",
      async () => (await children(client, `${zk.path}/q-state/claims`)).length === 0,
    );
    expect(await drain(queue, 1)).toEqual(["a"]);
  });

  it("says that the item may have been acknowledged, and can be asked again", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    await queue.put("a");
    const item = await queue.take();
    const abort = new AbortController();
    const lost = cable.lose("reply", "multi");
    const ended = item.ack(undefined, { signal: abort.signal }).catch((error: unknown) => error);
    await within("the loss", lost);
    cable.cut();
    abort.abort();
    expect(await ended).toMatchObject({ code: "ABORTED", applied: "maybe" });
    cable.mend();
    await within("the acknowledgement", item.ack());
    expect(item.state).toBe("released");
    expect(await queue.size()).toBe(0);
  });

  it("says so of a put that is not to be repeated", async () => {
    const { client, cable } = await actor();
    const queue = await prepare(client);
    void cable.lose("reply", "multi");
    await expect(queue.put("a", { once: false })).rejects.toMatchObject({
      code: "AMBIGUOUS",
      applied: "maybe",
    });
    expect(await drain(queue, 1)).toEqual(["a"]);
  });
});

describe("a session that ends while the answer to an acknowledgement is lost", () => {
  it.each([
    ["is found out by a marker", true],
    ["is ambiguous without one", false],
  ])("%s", async (_what, certain) => {
    const { client, cable } = await actor({ afterExpiry: "renew" });
    const queue = await prepare(client);
    await queue.put("a");
    const item = await queue.take();
    const lost = cable.lose("reply", "multi");
    const ended = item.ack(undefined, { certain }).catch((error: unknown) => error);
    await within("the loss", lost);
    cable.cut();
    await zk.expire(client);
    cable.mend();
    const error = await within("the acknowledgement", ended);
    if (certain) expect(error).toBeUndefined();
    else expect(error).toMatchObject({ code: "AMBIGUOUS", applied: "maybe" });
    expect(await queue.size()).toBe(0);
  });

  it("did nothing if the item is still there, which is then another's", async () => {
    const { client, cable } = await actor({ afterExpiry: "renew" });
    const queue = await prepare(client);
    await queue.put("a");
    const item = await queue.take();
    const lost = cable.lose("request", "multi");
    const ended = item.ack().catch((error: unknown) => error);
    await within("the loss", lost);
    cable.cut();
    await zk.expire(client);
    cable.mend();
    expect(await within("the acknowledgement", ended)).toMatchObject({ code: "HOLD_LOST", applied: "no" });
    expect(await drain(queue, 1)).toEqual(["a"]);
  });
});

describe.each(["renew", "stay"] as const)(
  "an item that is to be due again, whose session ends (%s)",
  (afterExpiry) => {
    it("is lost when the time is asked for meanwhile", async () => {
      const { client, cable } = await actor({ afterExpiry, sessionTimeoutMs: 1500 });
      const queue = await prepare(client, { order: "due" });
      await queue.put("a");
      const item = await queue.take();
      cable.cut();
      // The servers' clock is forgotten with the connection, so it is asked first.
      await until("the connection is lost", () => client.state !== "connected");
      const ended = item.nack({ to: "end", delayMs: 10 }).catch((error: unknown) => error);
      await zk.expire(client);
      cable.mend();
      expect(await within("the nack", ended)).toMatchObject({ code: "HOLD_LOST", applied: "no" });
      expect(item.state).toBe("lost");
      expect(await drain(textQueue(await zk.connect(), { order: "due" }), 1)).toEqual(["a"]);
    });

    it("may have gone to the end when that answer was lost before", async () => {
      const { client, cable } = await actor({ afterExpiry, sessionTimeoutMs: 1500 });
      const queue = await prepare(client, { order: "due" });
      await queue.put("a");
      const item = await queue.take();
      const abort = new AbortController();
      const lost = cable.lose("reply", "multi");
      const first = item.nack({ to: "end", signal: abort.signal }).catch((error: unknown) => error);
      await within("the loss", lost);
      cable.cut();
      abort.abort();
      expect(await within("the first nack", first)).toMatchObject({ code: "ABORTED", applied: "maybe" });
      await until("the connection is lost", () => client.state !== "connected");
      const ended = item.nack({ to: "end" }).catch((error: unknown) => error);
      await zk.expire(client);
      cable.mend();
      expect(await within("the nack", ended)).toMatchObject({ code: "AMBIGUOUS", applied: "maybe" });
      expect(await drain(textQueue(await zk.connect(), { order: "due" }), 1)).toEqual(["a"]);
    });
  },
);

describe("a look at a queue, whose session ends", () => {
  const looks = {
    tryTake: async (queue: Queue<string>) => (await queue.tryTake())?.value,
    peek: async (queue: Queue<string>) => (await queue.peek())[0]?.value,
    inspect: async (queue: Queue<string>) => (await queue.inspect()).length,
    size: (queue: Queue<string>) => queue.size(),
    remove: (queue: Queue<string>) => queue.remove("an id"),
  };
  const found = { tryTake: "a", peek: "a", inspect: 1, size: 1, remove: 0 };

  const cases = (Object.keys(looks) as (keyof typeof looks)[]).flatMap((what) =>
    (["renew", "stay"] as const).map((afterExpiry) => [what, afterExpiry] as const),
  );

  it.each(cases)(
    "is made in the next one, or says that there is none: %s (%s)",
    async (what, afterExpiry) => {
      const { client, cable } = await actor({ afterExpiry, sessionTimeoutMs: 1500 });
      const queue = await prepare(client);
      await queue.put("a");
      cable.cut();
      await until("the connection is lost", () => client.state !== "connected");
      const look = looks[what](queue).catch((error: unknown) => error);
      await zk.expire(client);
      cable.mend();
      const seen = await within("the look", look);
      if (afterExpiry === "renew") expect(seen).toBe(found[what]);
      else {
        expect(isRecipeError(seen, "SESSION_EXPIRED")).toBe(true);
        expect(await textQueue(await zk.connect()).size()).toBe(1);
      }
    },
  );
});

describe("consumers that fare badly", () => {
  it("lose no item, and record none twice, whose sessions end and whose answers are lost at random", async () => {
    const items = 150;
    const producer = await zk.connect();
    await producer.create(`${zk.path}/done`, null, { createParents: true });
    const values = Array.from({ length: items }, (_, n) => String(n));
    for (let first = 0; first < items; first += 50)
      await textQueue(producer).putAll(values.slice(first, first + 50));
    const chance = new Chance(5);
    let isOver = false;
    let cuts = 0;
    const failpoint = (name: string): "continue" | "drop" => {
      const isHit = !isOver && (name === "replyDecoded" || name === "afterWrite") && chance.is(0.02);
      if (isHit) cuts += 1;
      return isHit ? "drop" : "continue";
    };
    const clients = await Promise.all(
      Array.from({ length: 6 }, () =>
        zk.connect({ failpoint, afterExpiry: "renew", sessionTimeoutMs: 4000 }),
      ),
    );
    const aborts = clients.map(() => new AbortController());
    const twice: string[] = [];
    const consuming = clients.map(async (client, index) => {
      const { signal } = aborts[index]!;
      const stream = textQueue(client).consume({ prefetch: 2, signal });
      try {
        for await (const item of stream) {
          try {
            await item.ack((tx) => tx.create(`${zk.path}/done/${item.key}`, item.value));
          } catch (error) {
            if (isZkError(error, "NODE_EXISTS")) twice.push(item.value);
            else if (!isRecipeError(error, "HOLD_LOST") && !isRecipeError(error, "AMBIGUOUS")) throw error;
          }
        }
      } catch (error) {
        if (!isRecipeError(error, "ABORTED")) throw error;
      }
    });
    const done = async (): Promise<number> => (await children(producer, `${zk.path}/done`)).length;
    for (let round = 1; round <= 10; round += 1) {
      await until("some more are done", async () => (await done()) >= (items * round) / 14);
      await zk.expire(clients[round % clients.length]!);
    }
    isOver = true;
    await until("all are done", async () => (await done()) === items, 60_000);
    for (const abort of aborts) abort.abort();
    await Promise.all(consuming);
    expect(twice).toEqual([]);
    expect(await textQueue(producer).size()).toBe(0);
    const recorded = await Promise.all(
      (await children(producer, `${zk.path}/done`)).map(async (name) =>
        textCodec.decode((await producer.getData(`${zk.path}/done/${name}`)).data!),
      ),
    );
    expect(recorded.toSorted()).toEqual(values.toSorted());
    expect(cuts).toBeGreaterThan(0);
    await until(
      "no claim is left",
      async () => (await children(producer, `${zk.path}/q-state/claims`)).length === 0,
    );
  });
});
