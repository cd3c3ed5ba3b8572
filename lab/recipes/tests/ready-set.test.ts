import type { FailpointName } from "@zk/client";
import { Lock, publishReadySet, type ReadySet, watchReadySet } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage();

/** Parts that all say which publication they are of. */
function partsOf(publication: number, count = 30): Map<string, string> {
  return new Map(Array.from({ length: count }, (_, index) => [`part-${index}`, `${publication}`]));
}

function textOf({ parts }: ReadySet): Set<string> {
  return new Set([...parts.values()].map((data) => new TextDecoder().decode(data ?? undefined)));
}

describe("a set behind a ready node", () => {
  it("is given whole, and anew whenever it is published", async () => {
    const [writer, reader] = [await zk.connect(), await zk.connect()];
    using watched = watchReadySet(reader, zk.path);
    const first = watched.get();
    await publishReadySet(writer, zk.path, partsOf(1));
    const { token, parts } = await within("the first", first);
    expect(parts.size).toBe(30);
    const next = watched.get({ newerThan: token });
    await publishReadySet(writer, zk.path, partsOf(2, 5));
    const second = await within("the second", next);
    expect(second.parts.size).toBe(5);
    expect(textOf(second)).toEqual(new Set(["2"]));
    expect(second.token).toBeGreaterThan(token);
  });

  it("is never seen mixed, however it is read while it is written", async () => {
    const writer = await zk.connect();
    const readers = await Promise.all([1, 2, 3].map(() => zk.connect()));
    const watched = readers.map((reader) => watchReadySet(reader, zk.path));
    const seen: ReadySet[] = [];
    for (const each of watched) each.onSet((set) => set !== undefined && seen.push(set));
    for (let publication = 1; publication <= 12; publication += 1) {
      await publishReadySet(writer, zk.path, partsOf(publication, 10 + publication));
    }
    const last = await Promise.all(
      watched.map((each) =>
        until("the last", () => (each.set && textOf(each.set).has("12") ? each.set : undefined)),
      ),
    );
    for (const set of [...seen, ...last]) {
      const [publication, ...others] = textOf(set);
      expect(others).toEqual([]);
      expect(set.parts.size).toBe(10 + Number(publication));
    }
    for (const each of watched) each.close();
  });

  it("is not there when its writer died on the way, though the last one is remembered", async () => {
    const [writer, reader, dying] = [await zk.connect(), await zk.connect(), await zk.connect()];
    using watched = watchReadySet(reader, zk.path);
    await publishReadySet(writer, zk.path, partsOf(1));
    await within("the first", watched.get());
    // What a writer does first, and then no more.
    await dying.remove(`${zk.path}/ready`);
    await dying.setData(`${zk.path}/part-0`, "2");
    await until("it is gone", () => watched.set === undefined);
    expect(textOf(watched.last!)).toEqual(new Set(["1"]));
    await expect(watched.get({ timeoutMs: 50 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    await publishReadySet(writer, zk.path, partsOf(3));
    expect(textOf(await within("the next", watched.get()))).toEqual(new Set(["3"]));
  });

  it("is written by who holds the lock, and by nobody who held it", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, `${zk.path}-lock`).acquire();
    await publishReadySet(one, zk.path, partsOf(1), { hold: held });
    await two.remove(held.path);
    const stale = publishReadySet(one, zk.path, partsOf(2), { hold: held });
    await expect(stale).rejects.toMatchObject({ code: "HOLD_LOST" });
    using watched = watchReadySet(two, zk.path);
    expect(textOf(await watched.get())).toEqual(new Set(["1"]));
  });

  it.each([1, 2, 3])("is published once and whole over cut connections (seed %i)", async (seed) => {
    let state = seed;
    let isQuiet = false;
    const cuts: FailpointName[] = ["afterWrite", "replyDecoded"];
    const failpoint = (name: FailpointName): "continue" | "drop" => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return !isQuiet && cuts.includes(name) && state % 60 === 0 ? "drop" : "continue";
    };
    const [writer, reader] = [await zk.connect({ failpoint }), await zk.connect()];
    using watched = watchReadySet(reader, zk.path);
    for (let publication = 1; publication <= 5; publication += 1) {
      await within("it is published", publishReadySet(writer, zk.path, partsOf(publication)));
    }
    isQuiet = true;
    const set = await until("the last", () =>
      watched.set && textOf(watched.set).has("5") ? watched.set : undefined,
    );
    expect(textOf(set)).toEqual(new Set(["5"]));
    expect(set.parts.size).toBe(30);
  });

  it("tells another writer that there is one", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const both = await Promise.allSettled(
      [one, two].map((client, index) => publishReadySet(client, zk.path, partsOf(index, 50))),
    );
    for (const each of both) {
      if (each.status === "rejected")
        expect(each.reason).toMatchObject({ code: "CONFLICT", applied: "maybe" });
    }
    expect(both.some(({ status }) => status === "fulfilled")).toBe(true);
  });

  it("says that somebody was at it when its directory goes meanwhile", async () => {
    const [writer, other] = [await zk.connect(), await zk.connect()];
    const list = writer.getChildren.bind(writer);
    // It is looked what is there, and then everything is written.
    writer.getChildren = async (...given) => {
      const names = await list(...given);
      await other.remove(zk.path);
      return names;
    };
    await writer.create(zk.path);
    const published = publishReadySet(writer, zk.path, partsOf(1, 3));
    await expect(published).rejects.toMatchObject({
      name: "RecipeError",
      code: "CONFLICT",
      applied: "maybe",
    });
  });

  it("refuses a part that is called ready, and ends when it is closed", async () => {
    const client = await zk.connect();
    const wrong = publishReadySet(client, zk.path, new Map([["ready", "x"]]));
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const watched = watchReadySet(client, zk.path);
    const waiting = expect(watched.get()).rejects.toMatchObject({ code: "RELEASED" });
    watched.close();
    await waiting;
    expect(client.load.watches).toBe(0);
  });
});
