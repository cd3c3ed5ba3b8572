import { AtomicInteger, AtomicLong, recipeMetrics, SequenceIds, VersionIds, ZxidIds } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, Chance, stage, until, within } from "../src/index.js";
import { children } from "./support/queues.js";

const zk = stage();

describe("an atomic long", () => {
  it("begins at 0, and says what it did", async () => {
    const client = await zk.connect();
    const number = new AtomicLong(client, `${zk.path}/a/n`);
    expect(await number.get()).toBe(0n);
    const first = await number.add(5n);
    expect(first).toMatchObject({ pre: 0n, post: 5n, tries: 1, promoted: false });
    const { data, stat } = await client.getData(number.path);
    expect([...data!]).toEqual([0, 0, 0, 0, 0, 0, 0, 5]);
    expect(stat.mzxid).toBe(first.mzxid);
    expect(await number.increment()).toMatchObject({ pre: 5n, post: 6n });
    expect(await number.decrement()).toMatchObject({ post: 5n });
    expect(await number.subtract(7n)).toMatchObject({ post: -2n });
    expect(await number.set(9n)).toMatchObject({ pre: -2n, post: 9n });
    expect(await number.compareAndSet(9n, 10n)).toMatchObject({ pre: 9n, post: 10n });
    expect(await number.compareAndSet(9n, 11n)).toBeNull();
    expect(await number.update((pre) => pre * pre)).toMatchObject({ post: 100n });
    expect(await number.update(() => undefined)).toMatchObject({ pre: 100n, post: 100n });
    expect(await number.get()).toBe(100n);
  });

  it("takes an empty znode for 0, and refuses other bytes", async () => {
    const client = await zk.connect();
    await client.create(zk.path, "");
    const number = new AtomicLong(client, zk.path);
    expect(await number.add(1n)).toMatchObject({ pre: 0n, post: 1n });
    await client.setData(zk.path, Uint8Array.of(0, 0, 0, 1));
    await expect(number.get()).rejects.toMatchObject({ code: "CORRUPTED" });
    await expect(number.add(1n)).rejects.toMatchObject({ code: "CORRUPTED", applied: "no" });
    expect(await number.set(3n)).toMatchObject({ pre: 0n, post: 3n });
  });

  it("that would not fit is an error and leaves it as it is, or wraps if told to", async () => {
    const client = await zk.connect();
    const number = new AtomicLong(client, zk.path);
    await number.set(2n ** 63n - 1n);
    await expect(number.increment()).rejects.toMatchObject({ code: "CAPACITY", applied: "no" });
    expect(await number.get()).toBe(2n ** 63n - 1n);
    const wrapping = new AtomicLong(client, zk.path, { overflow: "wrap" });
    expect((await wrapping.increment()).post).toBe(-(2n ** 63n));
  });

  it("has every add of everybody in its sum, once, whatever answers are lost (Curator and kazoo add twice)", async () => {
    const cables = Array.from({ length: 4 }, () => new Cable());
    const clients = await Promise.all(
      cables.map((cable) => zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" })),
    );
    const chance = new Chance(3);
    const adds = 25;
    const results = await within(
      "all adds",
      Promise.all(
        clients.map(async (client, index) => {
          const number = new AtomicLong(client, zk.path);
          const posts: bigint[] = [];
          for (let n = 0; n < adds; n += 1) {
            if (chance.is(0.3)) void cables[index]!.lose(chance.is(0.5) ? "reply" : "request", "multi");
            const { pre, post } = await number.add(BigInt(n + 1));
            expect(post - pre).toBe(BigInt(n + 1));
            posts.push(post);
          }
          return posts;
        }),
      ),
    );
    for (const cable of cables) cable.spare();
    const sum = BigInt(4 * ((adds * (adds + 1)) / 2));
    expect(await new AtomicLong(clients[0]!, zk.path).get()).toBe(sum);
    // Every result was that of one add alone.
    expect(new Set(results.flat()).size).toBe(4 * adds);
    expect(clients.reduce((lost, client) => lost + recipeMetrics(client).ambiguous, 0)).toBeGreaterThan(10);
    await until(
      "the markers are gone",
      async () => (await children(clients[0]!, `${zk.path}-state/markers`)).length === 0,
    );
  });

  it("has an add once when the session ends while the answer is lost", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" });
    const number = new AtomicLong(client, zk.path);
    for (const part of ["reply", "request"] as const) {
      const lost = cable.lose(part, "multi");
      const adding = number.add(1n);
      await within("the loss", lost);
      cable.cut();
      await zk.expire(client);
      cable.mend();
      await within("the add", adding);
    }
    expect(await number.get()).toBe(2n);
  });

  it("takes the lock after so many conflicts, and gives it back", async () => {
    const cable = new Cable();
    const one = await zk.connect({ ports: { transport: cable.transport } });
    const two = await zk.connect();
    const promotion = { lock: `${zk.path}-lock`, afterConflicts: 2 };
    const number = new AtomicLong(one, zk.path, { promotion });
    const other = new AtomicLong(two, zk.path);
    await other.set(1n);
    // Between our read and our write somebody else is first, three times.
    let inTheWay = 3;
    const result = await number.update((pre) => {
      if (inTheWay > 0) {
        inTheWay -= 1;
        cable.cut();
        void other.increment().then(() => cable.mend());
      }
      return pre + 100n;
    });
    expect(result).toMatchObject({ pre: 4n, post: 104n, tries: 4, promoted: true });
    expect(recipeMetrics(one).conflicts).toBe(3);
    expect(await children(two, `${zk.path}-lock`)).toEqual([]);
  });

  it("ends its wait in time, and says whether it may have been done", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const number = new AtomicLong(client, zk.path);
    await number.set(1n);
    cable.cut();
    await expect(number.add(1n, { timeoutMs: 50 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      applied: "no",
    });
    cable.mend();
    const lost = cable.lose("reply", "multi");
    const abort = new AbortController();
    const adding = number.add(1n, { signal: abort.signal }).catch((error: unknown) => error);
    await within("the loss", lost);
    cable.cut();
    abort.abort();
    expect(await adding).toMatchObject({ code: "ABORTED", applied: "maybe" });
    cable.mend();
    expect(await number.get()).toBe(2n);
  });

  it.each(["", "n", "/"])("refuses the path %j", async (path) => {
    const client = await zk.connect();
    expect(() => new AtomicLong(client, path)).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("an atomic integer", () => {
  it("is four bytes, and shares its path with whoever has such", async () => {
    const client = await zk.connect();
    const number = new AtomicInteger(client, zk.path);
    await number.add(258);
    expect([...(await client.getData(zk.path)).data!]).toEqual([0, 0, 1, 2]);
    await client.setData(zk.path, Uint8Array.of(255, 255, 255, 255));
    expect(await number.increment()).toMatchObject({ pre: -1, post: 0 });
    await number.set(2 ** 31 - 1);
    await expect(number.increment()).rejects.toMatchObject({ code: "CAPACITY" });
    expect((await new AtomicInteger(client, zk.path, { overflow: "wrap" }).increment()).post).toBe(
      -(2 ** 31),
    );
    // Eight bytes are another's.
    await expect(new AtomicLong(client, zk.path).get()).rejects.toMatchObject({ code: "CORRUPTED" });
  });
});

describe("ids", () => {
  it("from ranges are everybody's own, and one write for many", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const first = new SequenceIds(one, zk.path, { range: 10 });
    const second = new SequenceIds(two, zk.path, { range: 10 });
    const ids = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? first : second).next()),
    );
    expect(new Set(ids).size).toBe(40);
    expect(ids.toSorted((a, b) => Number(a - b))).toEqual(
      Array.from({ length: 40 }, (_, n) => BigInt(n + 1)),
    );
    expect((await one.getData(zk.path)).stat.version).toBe(3);
    expect(await new SequenceIds(one, zk.path).next()).toBe(41n);
    expect(() => new SequenceIds(one, zk.path, { range: 0 })).toThrow(/range/);
  });

  it("from ranges are given once although answers are lost, and a wait that ends takes no other's away", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const ids = new SequenceIds(client, zk.path, { range: 2 });
    const lost = cable.lose("reply", "multi");
    const abort = new AbortController();
    const given = [ids.next({ signal: abort.signal }).catch(() => "given up"), ids.next(), ids.next()];
    await within("the loss", lost);
    abort.abort();
    expect(await Promise.all(given)).toEqual(["given up", 1n, 2n]);
  });

  it("from transactions grow, over lost answers and the end of a session", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" });
    const ids = new ZxidIds(client, `${zk.path}/z/n`);
    const seen = [await ids.next()];
    void cable.lose("reply", "setData");
    seen.push(await ids.next());
    const next = ids.next();
    await zk.expire(client);
    seen.push(await within("the next", next), await within("one more", ids.next()));
    const sorted = [...seen].sort((a, b) => (a < b ? -1 : 1));
    expect(seen).toEqual(sorted);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("from versions are 1, 2, 3, and end when the znode is made anew", async () => {
    const client = await zk.connect();
    const ids = new VersionIds(client, zk.path);
    expect([await ids.next(), await ids.next(), await ids.next()]).toEqual([1, 2, 3]);
    await client.remove(zk.path);
    await expect(ids.next()).rejects.toMatchObject({ code: "REFUSED" });
    expect(await new VersionIds(client, zk.path).next()).toBe(2);
  });
});
