// The foundation below the public names: what a transaction with a marker promises when its answers are lost.
import { type Client, isZkError } from "@zk/client";
import { commitOnce, Patience, recipeMetrics, sweepMarkers } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { cutter, stage, until, within } from "../src/index.js";

const zk = stage();

async function put(client: Client, path: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const about = { recipe: "Test", path, markers: `${path}-markers` };
  using patience = new Patience(client, about, options);
  return await commitOnce(client, about, (tx) => tx.setData(path, "x"), patience);
}

async function versionOf(client: Client, path: string): Promise<number> {
  return (await client.getData(path)).stat.version;
}

describe("a transaction that is applied once", () => {
  it("gives the results of the caller's writes, and takes its marker away", async () => {
    const client = await zk.connect();
    await client.create(zk.path);
    const { results, zxid } = await put(client, zk.path);
    expect(results?.[0]?.stat).toMatchObject({ version: 1, mzxid: zxid });
    await until(
      "the marker is gone",
      async () => (await client.getChildren(`${zk.path}-markers`)).length === 0,
    );
    expect(recipeMetrics(client)).toMatchObject({ janitorPending: 0, janitorFailed: 0, ambiguous: 0 });
  });

  it.each(["replyDecoded", "afterWrite", "beforeWrite"] as const)(
    "is applied once when the connection is cut at %s, again and again",
    async (place) => {
      const cut = cutter();
      const client = await zk.connect(cut.options);
      await client.create(zk.path);
      await put(client, zk.path);
      for (let round = 0; round < 10; round += 1) {
        await until("the markers are gone", () => recipeMetrics(client).janitorPending === 0);
        cut.cut(place, 1 + (round % 3));
        await within("the transaction", put(client, zk.path));
        await until(
          "all cuts were made",
          () => cut.left === 0 || client.exists("/").then(() => cut.left === 0),
        );
      }
      expect(await versionOf(client, zk.path)).toBe(11);
    },
  );

  it("is found out in the next session when its own one ended meanwhile", async () => {
    const cut = cutter();
    const client = await zk.connect({ ...cut.options, afterExpiry: "renew" });
    await client.create(zk.path);
    await put(client, zk.path);
    await until("the marker is gone", () => recipeMetrics(client).janitorPending === 0);
    const before = client.sessionId;
    // Nobody may take the session up again before it is ended from outside.
    client.on("state", (state) => {
      if (state === "suspended" && client.sessionId === before) cut.cut("sessionAdopted", 1000);
      if (state === "expired") cut.cut("sessionAdopted", 0);
    });
    cut.cut("replyDecoded");
    const putting = put(client, zk.path);
    await until("the connection is lost", () => client.state === "suspended");
    await zk.expire(client);
    const { zxid } = await within("the transaction", putting);
    expect(client.sessionId).not.toBe(before);
    expect(await versionOf(client, zk.path)).toBe(2);
    expect((await client.getData(zk.path)).stat.mzxid).toBe(zxid);
  });

  it("says of a refusal which write it was, as the caller counts", async () => {
    const client = await zk.connect();
    await expect(put(client, zk.path)).rejects.toSatisfy(
      (error: unknown) => isZkError(error, "NO_NODE") && error.operationIndex === 0 && error.applied === "no",
    );
    expect(await client.getChildren(`${zk.path}-markers`)).toEqual([]);
  });

  it("that runs out of time while its answer is lost says that it may have been applied", async () => {
    const cut = cutter();
    const client = await zk.connect(cut.options);
    await client.create(zk.path);
    await put(client, zk.path);
    await until("the marker is gone", () => recipeMetrics(client).janitorPending === 0);
    cut.cut("replyDecoded", 1000);
    await expect(put(client, zk.path, { timeoutMs: 300 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      applied: "maybe",
    });
    cut.cut("replyDecoded", 0);
  });
});

describe("markers", () => {
  it("of long ago are swept, younger ones stay", async () => {
    const client = await zk.connect();
    await client.create(`${zk.path}/young`, null, { createParents: true });
    expect(await sweepMarkers(client, zk.path)).toBe(0);
    expect(await sweepMarkers(client, `${zk.path}-nowhere`)).toBe(0);
    expect(await client.getChildren(zk.path)).toEqual(["young"]);
  });
});
