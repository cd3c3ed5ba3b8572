import type { Client } from "@zk/client";
import { SetPartitioner, type SetPartitionerOptions, type Slice } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { aborted, childrenOf, gate, stage, until, within } from "../src/index.js";
import { items, SETTLE_MS, share, Worker } from "./support/partition.js";

const zk = stage();

describe("the slices of a partitioned set", () => {
  const open = (client: Client, identity: string, options: SetPartitionerOptions = {}): SetPartitioner =>
    new SetPartitioner(client, zk.path, items, { identity, settleMs: SETTLE_MS, ...options });

  it("are told one after another: whole at first, then what is left when another member comes", async () => {
    const seen: string[][] = [];
    const other = new Worker(await zk.connect(), zk.path, "none", { items: [] });
    await until("nothing to be held", () => other.items.length === 0);
    await other.stop();
    let rival: Worker | undefined;
    const client = await zk.connect();
    const looping = (async () => {
      for await (const slice of open(client, "w1")) {
        seen.push([...slice.items]);
        if (seen.length === 1) rival = new Worker(await zk.connect(), zk.path, "w2");
        if (seen.length === 2) break;
        await aborted(slice.signal);
        expect(slice.signal.reason).toMatchObject({ code: "ABORTED" });
      }
    })();
    await within("the loop", looping);
    expect(seen[0]).toEqual(items);
    expect(seen[1]).toHaveLength(3);
    if (rival === undefined) throw new Error("there was no rival");
    await share([rival]);
    expect(await childrenOf(client, `${zk.path}/party`)).toHaveLength(1);
  });

  it("keep an item that is asked for until the body has ended", async () => {
    const client = await zk.connect();
    const body = gate();
    const slices: Slice[] = [];
    const stop = new AbortController();
    const looping = (async () => {
      for await (const slice of open(client, "w1").slices({ signal: stop.signal })) {
        slices.push(slice);
        await aborted(slice.signal);
        await body.passed;
      }
    })();
    looping.catch(() => {});
    await until("the first slice", () => slices.length === 1);
    const other = new Worker(await zk.connect(), zk.path, "w2");
    const [slice] = slices;
    await until("the slice to be over", () => slice?.signal.aborted === true);
    expect(slice?.holds.every(({ state }) => state === "held")).toBe(true);
    expect(other.items).toEqual([]);
    body.open();
    await until("the other to have its share", () => other.items.length === 3);
    stop.abort();
    await expect(within("the end", looping)).rejects.toMatchObject({ code: "ABORTED" });
    await share([other]);
  });

  it("are told to end when the loop is", async () => {
    const client = await zk.connect();
    const stop = new AbortController();
    const slices: Slice[] = [];
    const looping = (async () => {
      for await (const slice of open(client, "w1").slices({ signal: stop.signal })) {
        slices.push(slice);
        await aborted(slice.signal);
      }
    })();
    looping.catch(() => {});
    await until("the slice", () => slices.length === 1);
    stop.abort();
    await expect(within("the end", looping)).rejects.toMatchObject({ code: "ABORTED" });
    expect(slices.map(({ signal }) => signal.reason)).toMatchObject([{ code: "ABORTED" }]);
    expect(await childrenOf(client, `${zk.path}/party`)).toEqual([]);
  });

  it("end with the loop, by whatever way it is left", async () => {
    const client = await zk.connect();
    const failure = new Error("no");
    const partitioner = open(client, "w1");
    const loop = async (leave: () => void): Promise<void> => {
      for await (const _slice of partitioner) leave();
    };
    await expect(
      within(
        "the loop",
        loop(() => {
          throw failure;
        }),
      ),
    ).rejects.toBe(failure);
    expect(await childrenOf(client, `${zk.path}/party`)).toEqual([]);
    for (const item of items) expect(await childrenOf(client, `${zk.path}/locks/${item}`)).toEqual([]);
    for await (const slice of partitioner) {
      expect(slice.items).toEqual(items);
      break;
    }
    expect(await childrenOf(client, `${zk.path}/party`)).toEqual([]);
  });

  it("say when nobody began another session", async () => {
    const client = await zk.connect();
    const slices: Slice[] = [];
    const looping = (async () => {
      for await (const slice of open(client, "w1")) {
        slices.push(slice);
        await aborted(slice.signal);
      }
    })();
    looping.catch(() => {});
    await until("the first slice", () => slices.length === 1);
    await zk.expire(client);
    await expect(within("the end", looping)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  });
});
