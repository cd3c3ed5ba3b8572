// Our counters and values on one path with those of Curator and kazoo, in both directions.
import { AtomicInteger, AtomicLong, observeRecipes, type RecipeEvent, SharedCount } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { AtomicNumber, SharedCount as Count, Counter } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays, bothWaysWithKazoo } from "./pairs.js";
import { bytes, hex, waitUntil } from "./tools.js";

const int32 = { encoding: "int32" } as const;
const ROUNDS = 25;

/** All at once, each so many times one after the other. */
async function manyTimes(each: readonly (() => Promise<unknown>)[]): Promise<void> {
  const again = async (add: () => Promise<unknown>): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) await add();
  };
  await Promise.all(each.map(again));
}

export function describeOurValues(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [ours, curator, kazoo] = [
    () => ground.ours(),
    () => ground.peer(curatorKind),
    () => ground.peer("kazoo"),
  ];
  const withCurator = bothWays(ours, curator, curatorKind);
  const withKazoo = bothWaysWithKazoo(ground, curatorKind, "curator");
  const readNow = async (path: string): Promise<Uint8Array | null> => {
    await ground.client.sync(path);
    return (await ground.client.getData(path)).data;
  };
  /** The second hears of what the first did without asking. */
  const shows = (count: Count, value: number): Promise<void> =>
    waitUntil(async () => (await count.get()) === value);

  describe("our shared count", () => {
    it.each(withCurator)("$name: each sees what the other did", async ({ first, second }) => {
      const path = ground.path();
      await using one = await first().open("sharedCount", path, { seed: 10 });
      await using two = await second().open("sharedCount", path, { seed: 99 });
      await shows(two, 10);
      expect(await one.add({ by: -13 })).toBe(-3);
      await shows(two, -3);
      expect(await two.trySet({ value: 2 ** 31 - 1 })).toBe(true);
      await shows(one, 2 ** 31 - 1);
      await one.set({ value: -(2 ** 31) });
      await shows(two, -(2 ** 31));
      expect(await readNow(path)).toEqual(hex("80000000"));
    });

    it.each(withKazoo)("$name: kazoo's counter with support_curator", async ({ first, second }) => {
      const path = ground.path();
      await using one = await first().open("counter", path, { ...int32, seed: 7 });
      expect(await one.get()).toBe(7);
      await using two = await second().open("counter", path, { ...int32, seed: 7 });
      expect(await two.get()).toBe(7);
      expect(await two.add({ by: -9 })).toBe(-2);
      expect(await one.add({ by: 2 ** 31 - 1 })).toBe(2 ** 31 - 3);
      expect(await two.get()).toBe(2 ** 31 - 3);
    });

    it("fills the empty znode that kazoo made, and then Curator can read it", async () => {
      const path = ground.path();
      await using theirs = await kazoo().open("counter", path, { ...int32, seed: 7 });
      expect(await theirs.get()).toBe(7);
      expect(await readNow(path)).toEqual(bytes(""));
      await using own = await ours().open("sharedCount", path, { seed: 7 });
      expect(await own.get()).toBe(7);
      await using count = await curator().open("sharedCount", path, { seed: 7 });
      expect(await count.get()).toBe(7);
      expect(await theirs.add({ by: 1 })).toBe(8);
      await shows(own, 8);
      await shows(count, 8);
    });

    it("with all that have four bytes, on one path: nothing is lost when all add at once", async () => {
      const path = ground.path();
      await using count = await ours().open("sharedCount", path);
      await using theirCount = await curator().open("sharedCount", path);
      await using integer = await ours().open("atomicInteger", path);
      await using theirInteger = await curator().open("atomicInteger", path);
      await using counter = await kazoo().open("counter", path, int32);
      let theirs = 0;
      await manyTimes([
        () => count.add({ by: 1 }),
        () => theirCount.add({ by: 100 }),
        () => integer.add({ by: 10_000n }),
        async () => {
          // Curator gives up after so many tries, and says so.
          if ((await theirInteger.add({ by: 1_000_000n })).succeeded) theirs += 1;
        },
        () => counter.add({ by: -1 }),
      ]);
      expect(await integer.get()).toMatchObject({ after: BigInt(ROUNDS * 10_100 + theirs * 1_000_000) });
      expect(theirs).toBeGreaterThan(0);
    });

    it.each(withKazoo)("$name: kazoo's counter as it is, with fractions", async ({ first, second }) => {
      const path = ground.path();
      await using one = await first().open("counter", path, { seed: 0.5 });
      await using two = await second().open("counter", path, { seed: 0.5 });
      expect(await one.add({ by: 6.25 })).toBe(6.75);
      expect(await two.get()).toBe(6.75);
      expect(await two.add({ by: -6.5 })).toBe(0.25);
      expect(await one.get()).toBe(0.25);
      const own = first().kind === "ours" ? one : two;
      expect(await own.add({ by: 2 ** 60 })).toBe(2 ** 60);
      for (const each of [one, two]) expect(await each.get()).toBe(2 ** 60);
    });

    it("refuses kazoo's whole numbers where it would round them, and leaves them as they are", async () => {
      const path = ground.path();
      await using theirs = await kazoo().open("counter", path);
      expect(await theirs.add({ by: 2 ** 53 - 1 })).toBe(2 ** 53 - 1);
      await using own = await ours().open("counter", path);
      await expect(own.add({ by: 2 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await theirs.add({ by: 2 });
      await expect(own.get()).rejects.toMatchObject({ code: "CORRUPTED" });
      await expect(own.add({ by: 1 })).rejects.toMatchObject({ code: "CORRUPTED" });
      expect(await readNow(path)).toEqual(bytes("9007199254740993"));
    });

    it("and kazoo's counter as it is: nothing is lost when both add at once", async () => {
      const path = ground.path();
      await using own = await ours().open("counter", path);
      await using theirs = await kazoo().open("counter", path);
      await manyTimes([
        () => own.add({ by: 1 }),
        () => own.add({ by: 100 }),
        () => theirs.add({ by: 10_000 }),
      ]);
      for (const each of [own, theirs]) expect(await each.get()).toBe(ROUNDS * 10_101);
    });

    it("in the form of one on the path of the other says that it means nothing, and leaves it", async () => {
      const { client } = ground.ours();
      const [text, narrow] = [ground.path(), ground.path()];
      await using plain = await kazoo().open("counter", text);
      await plain.add({ by: 5 });
      await using count = await curator().open("sharedCount", narrow, { seed: 5 });
      expect(await count.get()).toBe(5);
      for (const [path, dialect] of [
        [text, "curator"],
        [narrow, "kazoo"],
      ] as const) {
        const before = await readNow(path);
        const told: RecipeEvent[] = [];
        const end = observeRecipes(client, (event) => told.push(event));
        using own = new SharedCount(client, path, { dialect });
        await own.ready.catch(() => {});
        expect(own.current).toBe(undefined);
        await expect(own.add(1)).rejects.toMatchObject({ code: "CORRUPTED", path });
        end();
        expect(told).toContainEqual(expect.objectContaining({ type: "badData", path, data: before }));
        expect(await readNow(path)).toEqual(before);
      }
    });
  });

  describe("our atomic numbers", () => {
    const kinds = ["atomicLong", "atomicInteger"] as const;
    const cases = withCurator.flatMap((pair) => kinds.map((kind) => ({ ...pair, kind })));

    it.each(cases)("$name: $kind, each sees what the other did", async ({ first, second, kind }) => {
      const path = ground.path();
      await using one = await first().open(kind, path);
      await using two = await second().open(kind, path);
      expect(await two.get()).toMatchObject({ succeeded: true, after: 0n });
      expect(await one.add({ by: 258n })).toMatchObject({ succeeded: true, before: 0n, after: 258n });
      expect(await two.add({ by: -260n })).toMatchObject({ succeeded: true, before: 258n, after: -2n });
      expect(await one.compareAndSet({ expected: -3n, value: 0n })).toMatchObject({ succeeded: false });
      expect(await one.compareAndSet({ expected: -2n, value: 9n })).toMatchObject({ succeeded: true });
      expect(await two.get()).toMatchObject({ after: 9n });
      const highest = kind === "atomicLong" ? 2n ** 63n - 1n : 2n ** 31n - 1n;
      await two.set({ value: highest });
      expect(await one.get()).toMatchObject({ after: highest });
    });

    it.each(cases)("$name: $kind, nothing is lost when both add at once", async ({ first, second, kind }) => {
      const path = ground.path();
      const open = (peer: () => Peer): Promise<AtomicNumber> => peer().open(kind, path);
      await using one = await open(first);
      await using two = await open(second);
      let added = 0n;
      const add = (number: AtomicNumber, by: bigint) => async (): Promise<void> => {
        if ((await number.add({ by })).succeeded) added += by;
      };
      await manyTimes([add(one, 1n), add(one, 100n), add(two, 10_000n), add(two, -1_000_000n)]);
      expect(added).not.toBe(0n);
      for (const each of [one, two]) expect(await each.get()).toMatchObject({ after: added });
    });

    it("with Curator's, all with the same lock to take on a conflict: nothing is lost, and each takes it", async () => {
      const [path, promoteAt] = [ground.path(), ground.path()];
      await using one = await ours().open("atomicLong", path, { promoteAt });
      await using two = await curator().open("atomicLong", path, { promoteAt });
      let promoted = 0;
      const add = (number: AtomicNumber, by: bigint) => async (): Promise<void> => {
        const result = await number.add({ by });
        expect(result.succeeded).toBe(true);
        if (result.promoted) promoted += 1;
      };
      await manyTimes([add(one, 1n), add(one, 100n), add(two, 10_000n)]);
      expect(await one.get()).toMatchObject({ after: BigInt(ROUNDS) * 10_101n });
      expect(promoted).toBeGreaterThan(0);
      expect(await ground.client.getChildren(promoteAt)).toEqual([]);
    });

    it("that Curator counted past the highest number goes on at the lowest; ours refuses to, or does so if told", async () => {
      const path = ground.path();
      const highest = 2n ** 63n - 1n;
      await using theirs = await curator().open("atomicLong", path);
      await theirs.set({ value: highest });
      const { client } = ground.ours();
      await expect(new AtomicLong(client, path).increment()).rejects.toMatchObject({ code: "CAPACITY" });
      expect(await theirs.add({ by: 1n })).toMatchObject({ before: highest, after: -highest - 1n });
      const wrapping = new AtomicLong(client, path, { overflow: "wrap" });
      expect(await wrapping.decrement()).toMatchObject({ post: highest });
      expect(await theirs.get()).toMatchObject({ after: highest });
    });

    it.each(withKazoo)("$name: an atomic integer and kazoo's counter with support_curator", async (pair) => {
      const path = ground.path();
      const open = async (peer: Peer): Promise<(by: number) => Promise<number>> => {
        if (peer.kind === "ours") {
          const integer = await peer.open("atomicInteger", path);
          return async (by) => Number((await integer.add({ by: BigInt(by) })).after);
        }
        const counter: Counter = await peer.open("counter", path, int32);
        return (by) => counter.add({ by });
      };
      const one = await open(pair.first());
      expect(await one(4)).toBe(4);
      const two = await open(pair.second());
      expect(await two(-5)).toBe(-1);
      expect(await one(10)).toBe(9);
      await manyTimes([() => one(1), () => two(100)]);
      expect(await one(0)).toBe(9 + ROUNDS * 101);
    });

    it("of eight bytes and kazoo's counter: neither reads the other, and ours says so", async () => {
      const { client } = ground.ours();
      const [long, text] = [ground.path(), ground.path()];
      await new AtomicLong(client, long).add(258n);
      await using narrow = await kazoo().open("counter", long, int32);
      await expect(narrow.get()).rejects.toMatchObject({ code: "FAILED" });
      await using plain = await kazoo().open("counter", text);
      await plain.add({ by: 5 });
      for (const number of [new AtomicLong(client, text), new AtomicInteger(client, text)])
        await expect(number.increment()).rejects.toMatchObject({ code: "CORRUPTED" });
      await expect(new AtomicInteger(client, long).get()).rejects.toMatchObject({ code: "CORRUPTED" });
      expect(await readNow(text)).toEqual(bytes("5"));
    });
  });

  describe("our shared value", () => {
    it.each(withCurator)("$name: each sees what the other wrote", async ({ first, second }) => {
      const path = ground.path();
      await using one = await first().open("sharedValue", path, { seed: bytes("seed") });
      await using two = await second().open("sharedValue", path, { seed: bytes("another") });
      const isAt = (value: Uint8Array) => async (): Promise<boolean> =>
        Buffer.from(await two.get()).equals(value) && Buffer.from(await one.get()).equals(value);
      await waitUntil(isAt(bytes("seed")));
      await one.set({ value: hex("00ff80") });
      await waitUntil(isAt(hex("00ff80")));
      expect(await two.trySet({ value: bytes("x".repeat(100_000)) })).toBe(true);
      await waitUntil(isAt(bytes("x".repeat(100_000))));
    });

    it.each(withCurator)("$name: of two who replace the same value one is too late", async (pair) => {
      const path = ground.path();
      await using one = await pair.first().open("sharedValue", path, { seed: bytes("0") });
      await using two = await pair.second().open("sharedValue", path, { seed: bytes("0") });
      for (let round = 1; round <= 5; round += 1) {
        const both = [one, two].map((each, who) => each.trySet({ value: bytes(`${round} of ${who}`) }));
        const won = await Promise.all(both);
        // The slower one may have heard of the other's before it began, and then both are done.
        expect(won).toContain(true);
        const last = await readNow(path);
        const winners = [0, 1].filter((who) => won[who]).map((who) => bytes(`${round} of ${who}`));
        expect(winners).toContainEqual(new Uint8Array(last!));
        await waitUntil(async () =>
          (await Promise.all([one.get(), two.get()])).every((value) => Buffer.from(value).equals(last!)),
        );
      }
    });
  });
}
