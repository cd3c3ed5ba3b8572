import {
  intCodec,
  observeRecipes,
  type RecipeEvent,
  SharedCount,
  SharedValue,
  type SharedValueOptions,
  textCodec,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, stage, until, within } from "../src/index.js";

const zk = stage();
const seeded: SharedValueOptions<string> = { codec: textCodec, seed: "seed", jitterMs: 0 };

describe("a shared value", () => {
  it("begins with its seed, and is what anybody writes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    using mine = new SharedValue(one, `${zk.path}/v`, seeded);
    await mine.ready;
    expect(mine.current).toMatchObject({ value: "seed", version: 0 });
    using theirs = new SharedValue(two, `${zk.path}/v`, seeded);
    await theirs.ready;
    expect(theirs.current).toEqual(mine.current);
    const heard: (string | undefined)[] = [];
    theirs.onChange((now) => heard.push(now?.value));
    const written = await mine.set("a");
    expect(mine.current).toEqual(written);
    await until("the other sees it", () => theirs.current?.value === "a");
    expect(await theirs.update((text) => `${text}b`)).toMatchObject({ value: "ab", version: 2 });
    await until("we see it", () => mine.current?.value === "ab");
    expect(heard).toEqual(["a", "ab"]);
    expect(await mine.get()).toEqual(theirs.current);
    expect((await one.getData(`${zk.path}/v`)).stat).toMatchObject({
      version: 2,
      mzxid: mine.current?.mzxid,
    });
  });

  it("is replaced only if it is the one that was seen, version 0 too (Curator once did not know 0, CURATOR-329)", async () => {
    const client = await zk.connect();
    using value = new SharedValue(client, zk.path, { codec: textCodec });
    await value.ready;
    expect(value.current).toBeUndefined();
    const first = await value.compareAndSet(undefined, "a");
    expect(first).toMatchObject({ value: "a", version: 0 });
    expect(await value.compareAndSet(undefined, "b")).toBeNull();
    const second = await value.compareAndSet(first!, "b");
    expect(second).toMatchObject({ value: "b", version: 1 });
    expect(await value.compareAndSet(first!, "c")).toBeNull();
    // Made anew, with a version that was seen before: another value all the same.
    await client.remove(zk.path);
    await client.create(zk.path, "x");
    await client.setData(zk.path, "y");
    expect(await value.compareAndSet(second!, "z")).toBeNull();
    expect((await value.get())?.value).toBe("y");
  });

  it("is replaced once when the answer is lost", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    using value = new SharedValue(client, zk.path, seeded);
    await value.ready;
    for (const part of ["reply", "request"] as const) {
      const seen = value.current!;
      const lost = cable.lose(part, "multi");
      const now = await within("the replacement", value.compareAndSet(seen, `${seen.value}+`));
      await within("the loss", lost);
      expect(now?.version).toBe(seen.version + 1);
    }
    const { data, stat } = await client.getData(zk.path);
    expect(textCodec.decode(data!)).toBe("seed++");
    expect(stat).toMatchObject({ version: 2, mzxid: value.current?.mzxid });
  });

  it("that is empty counts as the seed, and is not left empty (Curator's count fails on kazoo's empty znode)", async () => {
    const client = await zk.connect();
    await client.create(zk.path, "");
    using value = new SharedValue(client, zk.path, seeded);
    await value.ready;
    expect(value.current?.value).toBe("seed");
    expect(textCodec.decode((await client.getData(zk.path)).data!)).toBe("seed");
    await expect(value.set("")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    using bare = new SharedValue(client, `${zk.path}-bare`, { codec: textCodec });
    await bare.set("");
    expect(bare.current?.value).toBe("");
  });

  it("that is removed is no value, and seeded again only if asked", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    using plain = new SharedValue(one, zk.path, seeded);
    await plain.ready;
    const heard: (string | undefined)[] = [];
    plain.onChange((now) => heard.push(now?.value));
    await two.remove(zk.path);
    await until("it is gone", () => plain.current === undefined);
    using again = new SharedValue(two, zk.path, { ...seeded, reseed: true });
    await again.ready;
    await one.remove(zk.path);
    await until("it is there again", async () => (await one.exists(zk.path)) !== null);
    await until("we see it", () => plain.current?.value === "seed");
    expect(heard[0]).toBeUndefined();
  });

  it("that is removed as soon as we have made it is no value either", async () => {
    const client = await zk.connect();
    using value = new SharedValue(client, zk.path, { codec: textCodec });
    await value.ready;
    for (let round = 0; round < 10; round += 1) {
      // In one go, so that there is no moment at which it could be read.
      const made = value.set(`round ${round}`);
      const removed = made.then(() => client.remove(zk.path));
      await Promise.all([made, removed]);
      await until("there is none", () => value.current === undefined);
    }
    expect(await value.get()).toBeUndefined();
  });

  it("is the newest again after a lost connection and after the end of a session (Curator's was stale, CURATOR-311)", async () => {
    const cable = new Cable();
    const one = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" });
    const two = await zk.connect();
    using value = new SharedValue(one, zk.path, seeded);
    await value.ready;
    using other = new SharedValue(two, zk.path, seeded);
    await other.set("a");
    await until("it is seen", () => value.current?.value === "a");
    cable.cut();
    await other.set("b");
    cable.reset();
    cable.mend();
    await until("it is seen", () => value.current?.value === "b");
    cable.cut();
    await zk.expire(one);
    await other.set("c");
    cable.mend();
    await until("it is seen", () => value.current?.value === "c");
    expect(value.state).toBe("live");
  });

  it("keeps the last one that meant something, and says that another does not", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    using value = new SharedValue(client, zk.path, { codec: intCodec, seed: 7 });
    await value.ready;
    await client.setData(zk.path, "seven");
    await until("it is told", () => events.some(({ type }) => type === "badData"));
    expect(value.current?.value).toBe(7);
    await expect(value.get()).rejects.toMatchObject({ code: "CORRUPTED" });
    await expect(value.update((n) => n)).rejects.toMatchObject({ code: "CORRUPTED", applied: "no" });
    await value.set(8);
    expect(value.current?.value).toBe(8);
  });

  it("is bytes if nothing is said, and leaves no watch behind when it is closed", async () => {
    const client = await zk.connect();
    const value = new SharedValue(client, zk.path);
    await value.ready;
    await value.set(Uint8Array.of(1));
    expect(value.current?.value).toEqual(Uint8Array.of(1));
    value.close();
    await until("no watch is left", () => client.load.watches === 0);
    expect(() => new SharedValue(client, "v")).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("a shared count", () => {
  it.each([
    ["curator", 258, [0, 0, 1, 2]],
    ["kazoo", 6.5, [54, 46, 53]],
  ] as const)("has the form of %s", async (dialect, number, bytes) => {
    const client = await zk.connect();
    using count = new SharedCount(client, zk.path, { dialect });
    await count.ready;
    expect(count.current?.value).toBe(0);
    await count.add(number);
    expect([...(await client.getData(zk.path)).data!]).toEqual(bytes);
    expect(count.current?.value).toBe(number);
  });

  it("has every add once, whatever answers are lost", async () => {
    const cables = [new Cable(), new Cable()];
    const clients = await Promise.all(cables.map(({ transport }) => zk.connect({ ports: { transport } })));
    const counts = clients.map((client) => new SharedCount(client, zk.path));
    await Promise.all(
      counts.map(async (count, index) => {
        for (let n = 0; n < 20; n += 1) {
          if (n % 3 === 0) void cables[index]!.lose(n % 2 === 0 ? "reply" : "request", "multi");
          await count.add(1);
        }
      }),
    );
    expect((await counts[0]!.get())?.value).toBe(40);
    for (const count of counts) count.close();
  });

  it("of kazoo loses nothing by rounding: what would be rounded is refused and left as it is", async () => {
    const client = await zk.connect();
    await client.create(zk.path, "9007199254740991");
    using count = new SharedCount(client, zk.path, { dialect: "kazoo" });
    await count.ready;
    await expect(count.add(2)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", applied: "no" });
    expect((await count.add(-1)).value).toBe(2 ** 53 - 2);
    // As kazoo counts on, whose whole numbers have no end.
    await client.setData(zk.path, "9007199254740993");
    await expect(count.get()).rejects.toMatchObject({ code: "CORRUPTED" });
    await expect(count.add(1)).rejects.toMatchObject({ code: "CORRUPTED" });
    expect(new TextDecoder().decode((await client.getData(zk.path)).data!)).toBe("9007199254740993");
  });

  it("refuses what has no such form", async () => {
    const client = await zk.connect();
    using count = new SharedCount(client, zk.path, { seed: 2 ** 31 - 1 });
    await count.ready;
    await expect(count.add(1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", applied: "no" });
    expect(() => new SharedCount(client, zk.path, { seed: 0.5 })).toThrow(/INVALID_ARGUMENT/);
    expect(() => new SharedCount(client, zk.path, { dialect: "redis" as "kazoo" })).toThrow(/dialect/);
  });
});
