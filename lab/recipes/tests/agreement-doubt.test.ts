/** What is told of a write of a two-phase commit or a rendezvous that ended while nobody could be sure of it. */
import { getEventListeners } from "node:events";
import { type Client, isZkError } from "@zk/client";
import { Rendezvous, recipeMetrics, TwoPhaseCommit, textCodec } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, stage, told, within } from "../src/index.js";

const zk = stage();

const placeOf = (client: Client) => new Rendezvous(client, `${zk.path}/job/master`, { codec: textCodec });
const transferOf = (client: Client) => new TwoPhaseCommit(client, `${zk.path}/transfers/1`);

async function cabled(): Promise<{ client: Client; cable: Cable }> {
  const cable = new Cable();
  return { client: await zk.connect({ ports: { transport: cable.transport } }), cable };
}

async function begun(): Promise<TwoPhaseCommit> {
  const transfer = transferOf(await zk.connect());
  await transfer.begin(["bank"]);
  return transfer;
}

/** Calls behind each commit of a client: whether it is done. */
function afterCommit(client: Client, look: (isDone: boolean) => void): void {
  const begin = client.transaction.bind(client);
  client.transaction = () => {
    const transaction = begin();
    const commit = transaction.commit.bind(transaction);
    transaction.commit = async (options) => {
      try {
        const results = await commit(options);
        look(true);
        return results;
      } catch (error) {
        look(!isZkError(error, "BAD_VERSION"));
        throw error;
      }
    };
    return transaction;
  };
}

describe("a rendezvous", () => {
  it("does not deny a lost value when another has been left there since", async () => {
    const { client, cable } = await cabled();
    const other = await zk.connect();
    await other.create(`${zk.path}/job`, null, { createParents: true });
    const lost = cable.lose("reply", "create").then(() => cable.cut());
    const filling = told(placeOf(client).fill("1"));
    await lost;
    await other.remove(`${zk.path}/job/master`);
    await placeOf(other).fill("2");
    cable.mend();
    expect(await within("the end", filling)).toMatchObject({ code: "CONFLICT", applied: "maybe" });
  });
});

describe("a two-phase commit", () => {
  it("is told to be done when its answer has come, though it is given up then", async () => {
    const client = await zk.connect();
    const transfer = transferOf(client);
    await transfer.begin(["bank"]);
    const abort = new AbortController();
    afterCommit(client, () => abort.abort());
    await transfer.vote("bank", "commit", { signal: abort.signal });
    expect((await transfer.view())?.votes.get("bank")).toBe("commit");
    expect(await told(transfer.decide({ signal: abort.signal }))).toMatchObject({
      code: "ABORTED",
      applied: "no",
    });
    expect((await transfer.view())?.decision).toBeUndefined();
  });

  it("is in doubt when it is refused because of its own write, whose answer was lost", async () => {
    const { client, cable } = await cabled();
    const transfer = await begun();
    const abort = new AbortController();
    // The server that it comes to next is behind, and shows what was before.
    const site = `${transfer.path}/bank`;
    const before = await client.getData(site);
    const getData = client.getData.bind(client);
    client.getData = ((path, options) =>
      path === site ? Promise.resolve(before) : getData(path, options)) as typeof getData;
    afterCommit(client, (isDone) => {
      if (!isDone && recipeMetrics(client).ambiguous > 0) abort.abort();
    });
    const lost = cable.lose("reply", "multi");
    const voting = told(transferOf(client).vote("bank", "commit", { signal: abort.signal }));
    await lost;
    expect(await within("the end", voting)).toMatchObject({ code: "ABORTED", applied: "maybe" });
    expect((await transfer.view())?.votes.get("bank")).toBe("commit");
  });

  it.each(["vote", "abort"] as const)("does not deny a lost %s when all has gone since", async (what) => {
    const { client, cable } = await cabled();
    const transfer = await begun();
    const lost = cable.lose("reply", "multi").then(() => cable.cut());
    const asked = told(
      what === "vote" ? transferOf(client).vote("bank", "commit") : transferOf(client).abort(),
    );
    await lost;
    await transfer.abort();
    await transfer.remove();
    cable.mend();
    expect(await within("the end", asked)).toMatchObject({ code: "REFUSED", applied: "maybe" });
  });

  it("leaves nothing when it was given up before it was asked for", async () => {
    const transfer = await begun();
    const abort = new AbortController();
    abort.abort();
    const wait = { signal: abort.signal, timeoutMs: 60_000 };
    for (const ask of [
      transfer.begin(["bank"], wait),
      transfer.vote("bank", "commit", wait),
      transfer.decide(wait),
      transfer.abort(wait),
      transfer.outcome(wait),
      transfer.view(wait),
      transfer.remove(wait),
    ])
      await expect(ask).rejects.toMatchObject({ code: "ABORTED", applied: "no" });
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  });
});
