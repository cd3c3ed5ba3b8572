import {
  observeRecipes,
  type PartitionHold,
  type RecipeEvent,
  SetPartitioner,
  type SetPartitionerOptions,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { aborted, childrenOf, gate, stage, until, within } from "../src/index.js";
import { items, share, Worker } from "./support/partition.js";

const zk = stage();
/** Every acquisition of an item as `item who`, and whether two had it at once. */
class Book {
  readonly lines: string[] = [];
  readonly overlaps: string[] = [];
  readonly tokens = new Map<string, bigint[]>();
  readonly #owners = new Map<string, string>();

  readonly work =
    (who: string) =>
    async (hold: PartitionHold): Promise<void> => {
      const owner = this.#owners.get(hold.item);
      if (owner !== undefined) this.overlaps.push(`${hold.item}: ${owner} and ${who}`);
      this.#owners.set(hold.item, who);
      this.lines.push(`${hold.item} ${who}`);
      this.tokens.set(hold.item, [...(this.tokens.get(hold.item) ?? []), hold.token]);
      await aborted(hold.signal);
      this.#owners.delete(hold.item);
    };
}

describe("a partitioned set", () => {
  it("is one member's as long as there is one, in the layout of kazoo", async () => {
    const client = await zk.connect();
    const worker = new Worker(client, zk.path, "w1");
    await share([worker]);
    expect(await childrenOf(client, zk.path)).toEqual(["locks", "party"]);
    const [member] = await childrenOf(client, `${zk.path}/party`);
    expect(member).toMatch(/^[0-9a-f]{32}-w1$/);
    expect(await childrenOf(client, `${zk.path}/locks`)).toEqual(items);
    const [lock] = await childrenOf(client, `${zk.path}/locks/a`);
    expect(lock).toMatch(/^[0-9a-f]{32}__lock__\d{10}$/);
    const hold = worker.held.get("a");
    const { data, stat } = await client.getData(`${zk.path}/locks/a/${lock}`);
    expect(new TextDecoder().decode(data ?? undefined)).toBe("w1");
    expect(stat).toMatchObject({ czxid: hold?.token, ephemeralOwner: client.sessionId });
    expect(await worker.stop()).toMatchObject({ code: "ABORTED", recipe: "SetPartitioner" });
    expect(await childrenOf(client, `${zk.path}/party`)).toEqual([]);
    for (const item of items) expect(await childrenOf(client, `${zk.path}/locks/${item}`)).toEqual([]);
  });

  it.each(["balanced", "rendezvous", "kazoo"] as const)(
    "is dealt out anew when members come and go, never an item to two (%s)",
    async (assignment) => {
      const book = new Book();
      const workers: Worker[] = [];
      for (const who of ["w1", "w2", "w3"]) {
        workers.push(new Worker(await zk.connect(), zk.path, who, { assignment }, book.work(who)));
        await share(workers);
      }
      await until("everybody to have a share", () => workers.every((worker) => worker.items.length > 0));
      await share(workers);
      if (assignment !== "rendezvous")
        await until("all shares to be even", () => workers.every((worker) => worker.items.length === 2));
      const [first, ...others] = workers;
      await first?.stop();
      await share(others);
      expect(book.overlaps).toEqual([]);
      for (const tokens of book.tokens.values())
        expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    },
  );

  it("lets an item go to another only when the function that uses it has ended", async () => {
    const closing = gate();
    const slow = new Worker(await zk.connect(), zk.path, "slow", {}, async (hold) => {
      await aborted(hold.signal);
      expect(hold.signal.reason).toMatchObject({ code: "ABORTED" });
      expect(hold.state).toBe("held");
      await closing.passed;
    });
    await share([slow]);
    const other = new Worker(await zk.connect(), zk.path, "other");
    await until("an item to be asked back", () =>
      [...slow.held.values()].some(({ signal }) => signal.aborted),
    );
    const asked = [...slow.held.values()].filter(({ signal }) => signal.aborted).map(({ item }) => item);
    const waiting = async (): Promise<number> =>
      (await childrenOf(await zk.connect(), `${zk.path}/locks/${asked[0]}`)).length;
    await until("the other to stand in line", async () => (await waiting()) === 2);
    expect(other.items).toEqual([]);
    closing.open();
    await until("the other to have it", () => other.items.join() === asked.sort().join());
    await share([slow, other]);
  });

  it("keeps what need not move: same hold, same token", async () => {
    const first = new Worker(await zk.connect(), zk.path, "w1");
    await share([first]);
    const before = new Map(first.held);
    const second = new Worker(await zk.connect(), zk.path, "w2");
    await until("half of it to move", () => second.items.length === 3);
    await share([first, second]);
    for (const [item, hold] of first.held) expect(hold).toBe(before.get(item));
  });

  it("is ours again after our session has ended, with other tokens", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    const worker = new Worker(client, zk.path, "w1");
    await share([worker]);
    const before = [...worker.held.values()];
    await zk.expire(client);
    await until("all to be lost", () =>
      before.every(({ state }) => state === "lost" || state === "released"),
    );
    await share([worker]);
    for (const hold of worker.held.values()) {
      const old = before.find(({ item }) => item === hold.item);
      expect(hold.token > (old?.token ?? hold.token)).toBe(true);
      expect(hold.sessionId).toBe(client.sessionId);
    }
  });

  it("of a member whose process died goes to the others", async () => {
    const dying = await zk.connect({ sessionTimeoutMs: 1000 });
    const first = new Worker(dying, zk.path, "w1");
    const second = new Worker(await zk.connect(), zk.path, "w2");
    await share([first, second]);
    await zk.expire(dying);
    expect(await within("ending", first.ended)).toMatchObject({ code: "SESSION_EXPIRED" });
    await share([second]);
  });

  it("survives the death of the leader of the ensemble", async () => {
    const book = new Book();
    const workers = [
      new Worker(await zk.connect(), zk.path, "w1", {}, book.work("w1")),
      new Worker(await zk.connect(), zk.path, "w2", {}, book.work("w2")),
    ];
    await share(workers);
    const leader = (await zk.ensemble.leader()) ?? 0;
    await zk.ensemble.kill(leader);
    await share(workers);
    await zk.ensemble.start(leader);
    const third = new Worker(await zk.connect(), zk.path, "w3", {}, book.work("w3"));
    await until("the third to have its share", () => third.items.length === 2);
    await share([...workers, third]);
    expect(book.overlaps).toEqual([]);
  });

  it("can get other items, and gives up those that are none any more", async () => {
    const workers = [
      new Worker(await zk.connect(), zk.path, "w1"),
      new Worker(await zk.connect(), zk.path, "w2"),
    ];
    await share(workers);
    for (const worker of workers) worker.partitioner.setItems(["a", "x", "y", "x"]);
    expect(workers[0]?.partitioner.items).toEqual(["a", "x", "y"]);
    await share(workers, ["a", "x", "y"]);
  });

  it("whose members know different items settles all the same (kazoo's never does)", async () => {
    const assignment = "rendezvous";
    const first = new Worker(await zk.connect(), zk.path, "w1", { assignment, items: ["a", "b", "c", "d"] });
    const second = new Worker(await zk.connect(), zk.path, "w2", { assignment, items: ["c", "d", "e", "f"] });
    const both = ["c", "d"];
    await until("what both know to be somebody's", () =>
      both.every((item) => first.held.has(item) !== second.held.has(item)),
    );
    expect(first.items.every((item) => "abcd".includes(item))).toBe(true);
    expect(second.items.every((item) => "cdef".includes(item))).toBe(true);
  });

  it("has no two members of one identity (kazoo's share a slice)", async () => {
    const first = new Worker(await zk.connect(), zk.path, "same");
    await share([first]);
    const second = new Worker(await zk.connect(), zk.path, "same");
    expect(await within("the refusal", second.ended)).toMatchObject({ code: "CONFLICT" });
    expect(first.items).toEqual(items);
    const third = new Worker(await zk.connect(), zk.path, "same", { onTaken: "wait" });
    await first.stop();
    await share([third]);
  });

  it("ends when the function fails, after all others have ended", async () => {
    const client = await zk.connect();
    const failure = new Error("the disk is full");
    const worker = new Worker(client, zk.path, "w1", {}, async (hold) => {
      if (hold.item === "c") throw failure;
      await aborted(hold.signal);
    });
    expect(await within("ending", worker.ended)).toBe(failure);
    expect(worker.items).toEqual([]);
    for (const item of items) expect(await childrenOf(client, `${zk.path}/locks/${item}`)).toEqual([]);
    expect(await childrenOf(client, `${zk.path}/party`)).toEqual([]);
  });

  it("calls the function again after a failure that somebody takes", async () => {
    const failures: string[] = [];
    let tries = 0;
    const onError = (error: unknown, hold: PartitionHold): void => {
      failures.push(`${hold.item}: ${(error as Error).message}`);
    };
    const worker = new Worker(await zk.connect(), zk.path, "w1", { each: { onError } }, async (hold) => {
      tries += hold.item === "c" ? 1 : 0;
      if (hold.item === "c" && tries < 3) throw new Error(`try ${tries}`);
      await aborted(hold.signal);
    });
    await share([worker]);
    await until("the third try", () => tries === 3);
    expect(failures).toEqual(["c: try 1", "c: try 2"]);
  });

  it("stays ours when the function ends early, and is given up when it is asked for", async () => {
    const calls: string[] = [];
    const done = new Worker(await zk.connect(), zk.path, "w1", {}, async ({ item }) => {
      calls.push(item);
    });
    await until("all functions to have run", () => calls.length === items.length);
    const other = new Worker(await zk.connect(), zk.path, "w2");
    await until("the other to have half of it", () => other.items.length === 3);
    expect(calls.sort()).toEqual(items);
    await done.stop();
    await share([other]);
  });

  it("complains of a function that does not stop", async () => {
    const closing = gate();
    const overstays: string[] = [];
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    const onOverstay = (hold: PartitionHold, forMs: number): void => {
      overstays.push(`${hold.item} ${forMs}`);
    };
    const worker = new Worker(
      client,
      zk.path,
      "w1",
      { items: ["a"], each: { graceMs: 20, onOverstay } },
      () => closing.passed,
    );
    await share([worker], ["a"]);
    const stopping = worker.stop();
    await until("the complaint", () => overstays.length > 0);
    expect(overstays).toEqual(["a 20"]);
    expect(events.filter(({ type }) => type === "overstay")).toHaveLength(1);
    closing.open();
    expect(await stopping).toMatchObject({ code: "ABORTED" });
  });

  it("refuses what cannot be", async () => {
    const client = await zk.connect();
    const refused = { code: "INVALID_ARGUMENT", recipe: "SetPartitioner" };
    const make = (own: string[], options: SetPartitionerOptions = {}): (() => SetPartitioner) => {
      return () => new SetPartitioner(client, zk.path, own, options);
    };
    for (const bad of ["", ".", "..", "a/b", "a\0b"])
      expect(make([bad])).toThrow(expect.objectContaining(refused));
    expect(make(["a"], { assignment: "even" as "kazoo" })).toThrow(expect.objectContaining(refused));
    expect(make(["a"], { settleMs: -1 })).toThrow(expect.objectContaining(refused));
    const worker = new Worker(client, zk.path, "w1");
    await share([worker]);
    await expect(worker.partitioner.each(() => {})).rejects.toMatchObject({ code: "REFUSED" });
  });

  it("is given up whole when the client is closed", async () => {
    const client = await zk.connect();
    const worker = new Worker(client, zk.path, "w1");
    await share([worker]);
    await client.close();
    expect(await within("ending", worker.ended)).toMatchObject({
      code: expect.stringMatching(/CLOSED|HOLD_LOST|RELEASED/),
    });
    expect(worker.items).toEqual([]);
  });
});
