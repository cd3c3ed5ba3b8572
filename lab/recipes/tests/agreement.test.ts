import type { Client, ClientOptions } from "@zk/client";
import {
  isRecipeError,
  jsonCodec,
  Rendezvous,
  recipeMetrics,
  TwoPhaseCommit,
  type TwoPhaseDecision,
  textCodec,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, Chance, howMany, isSettled, stage, told, until, within } from "../src/index.js";

const zk = stage();

/** Rounds over cut connections, for each of two seeds. */
const ROUNDS = howMany("ZK_TWO_PHASE_ROUNDS", 3);
const SEEDS = [1, 2] as const;

async function cabled(options: ClientOptions = {}): Promise<{ client: Client; cable: Cable }> {
  const cable = new Cable();
  return { client: await zk.connect({ ports: { transport: cable.transport }, ...options }), cable };
}

/** A chance that repeats itself: cuts the connection now and then, until it is told to be quiet. */
function cuts(seed: number): { readonly options: ClientOptions; isQuiet: boolean } {
  const chance = new Chance(seed);
  const places: readonly string[] = ["afterWrite", "replyDecoded", "beforeWrite"];
  const state = {
    isQuiet: false,
    options: {
      failpoint: (name: string): "continue" | "drop" =>
        !state.isQuiet && places.includes(name) && chance.is(0.03) ? "drop" : "continue",
    },
  };
  return state;
}

describe("a rendezvous", () => {
  const at = (client: Client) =>
    new Rendezvous(client, `${zk.path}/job/master`, { codec: jsonCodec<{ port: number }>() });

  it("gives what is left there, to who waited and to who comes late", async () => {
    const [here, there] = [await zk.connect(), await zk.connect()];
    const waiting = at(here).wait();
    await until("it waits", () => here.load.watches > 0);
    await at(there).fill({ port: 4711 });
    expect(await within("the value", waiting)).toEqual({ port: 4711 });
    expect(await at(there).wait()).toEqual({ port: 4711 });
    expect(here.load.watches).toBe(0);
  });

  it("is filled once: the same again is fine, another value is not", async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => zk.connect()));
    const ended = await Promise.all(clients.map((client, port) => told(at(client).fill({ port }))));
    const refused = ended.filter((error) => error !== undefined);
    expect(refused).toHaveLength(3);
    for (const error of refused) expect(error).toMatchObject({ code: "CONFLICT", applied: "no" });
    const { port } = await at(clients[0]!).wait();
    expect(ended[port]).toBeUndefined();
    await at(clients[1]!).fill({ port });
  });

  it("is not filled by a znode that somebody made to say where it will be", async () => {
    const client = await zk.connect();
    await client.create(`${zk.path}/job/master`, "", { createParents: true });
    const waiting = at(client).wait();
    await until("it waits", () => client.load.watches > 0);
    expect(await isSettled(waiting)).toBe(false);
    await at(client).fill({ port: 1 });
    expect(await within("the value", waiting)).toEqual({ port: 1 });
  });

  it.each(["create", "setData"] as const)(
    "is filled once though the answer to %s is lost",
    async (operation) => {
      const { client, cable } = await cabled();
      if (operation === "setData") await client.create(`${zk.path}/job/master`, "", { createParents: true });
      else await client.create(`${zk.path}/job`, null, { createParents: true });
      for (const part of ["reply", "request"] as const) {
        const lost = cable.lose(part, operation);
        await within("it is filled", at(client).fill({ port: 7 }));
        await lost;
        expect((await client.exists(`${zk.path}/job/master`))?.version).toBe(operation === "create" ? 0 : 1);
        if (operation === "setData") break;
        await client.remove(`${zk.path}/job/master`);
      }
    },
  );

  it("says what is wrong: no value in time, bytes that are none, a value without bytes", async () => {
    const client = await zk.connect();
    const late = at(client).wait({ timeoutMs: 20 });
    await expect(late).rejects.toMatchObject({ code: "WAIT_TIMEOUT", recipe: "Rendezvous" });
    const text = new Rendezvous(client, `${zk.path}/text`, { codec: textCodec });
    await expect(text.fill("")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await client.create(`${zk.path}/job/master`, "{", { createParents: true });
    await expect(at(client).wait()).rejects.toMatchObject({ code: "CORRUPTED" });
    expect(client.load.watches).toBe(0);
  });

  it("says that it may be filled when it is given up before an answer came", async () => {
    const { client, cable } = await cabled();
    await client.create(`${zk.path}/job`, null, { createParents: true });
    const abort = new AbortController();
    const filling = told(at(client).fill({ port: 1 }, { signal: abort.signal }));
    await cable.lose("reply", "create").then(() => cable.cut());
    abort.abort();
    expect(await filling).toMatchObject({ code: "ABORTED", applied: "maybe" });
    cable.mend();
  });
});

describe("a two-phase commit", () => {
  const at = (client: Client) => new TwoPhaseCommit(client, `${zk.path}/transfers/1`);

  async function begun(...sites: string[]): Promise<{ client: Client; transfer: TwoPhaseCommit }> {
    const client = await zk.connect();
    const transfer = at(client);
    await transfer.begin(sites);
    return { client, transfer };
  }

  it("commits when all sites vote for it, and tells them all", async () => {
    const { transfer } = await begun("bank", "shop");
    const sites = [at(await zk.connect()), at(await zk.connect())] as const;
    const deciding = transfer.decide();
    const outcomes = sites.map((site) => site.outcome());
    await sites[0].vote("bank", "commit");
    expect(await isSettled(deciding)).toBe(false);
    expect(await transfer.view()).toMatchObject({
      decision: undefined,
      votes: new Map([
        ["bank", "commit"],
        ["shop", undefined],
      ]),
    });
    await sites[1].vote("shop", "commit");
    expect(await within("the decision", deciding)).toBe("committed");
    expect(await within("the outcomes", Promise.all(outcomes))).toEqual(["committed", "committed"]);
    expect(await transfer.abort()).toBe("committed");
    await transfer.remove();
    await transfer.remove();
    expect(await transfer.view()).toBeUndefined();
  });

  it("aborts as soon as one site votes against it, and a vote after that is refused", async () => {
    const { transfer } = await begun("bank", "shop", "post");
    const deciding = transfer.decide();
    await at(await zk.connect()).vote("shop", "abort");
    expect(await within("the decision", deciding)).toBe("aborted");
    const late = await told(transfer.vote("bank", "commit"));
    expect(late).toMatchObject({
      code: "REFUSED",
      message: expect.stringMatching(/too late: it is aborted/),
    });
    // Who had voted is told nothing new.
    await transfer.vote("shop", "abort");
  });

  it("refuses a vote when it is decided after the site has looked, by a check in the vote's own transaction", async () => {
    const { transfer } = await begun("bank", "shop");
    const client = await zk.connect();
    const begin = client.transaction.bind(client);
    client.transaction = () => {
      const transaction = begin();
      const commit = transaction.commit.bind(transaction);
      transaction.commit = async (options) => {
        await transfer.abort();
        return await commit(options);
      };
      return transaction;
    };
    const late = await told(at(client).vote("bank", "commit"));
    expect(late).toMatchObject({ code: "REFUSED", applied: "no" });
    expect((await transfer.view())?.votes.get("bank")).toBeUndefined();
    expect(recipeMetrics(client).conflicts).toBe(1);
  });

  it("aborts when its time is over without all votes, and goes on waiting without a time", async () => {
    const { transfer } = await begun("bank", "shop");
    await transfer.vote("bank", "commit");
    const waits = told(transfer.decide({ timeoutMs: 30 }));
    expect(await waits).toMatchObject({ code: "WAIT_TIMEOUT", applied: "no" });
    expect((await transfer.view())?.decision).toBeUndefined();
    expect(await within("the decision", transfer.decide({ abortAfterMs: 30 }))).toBe("aborted");
    expect(await told(transfer.vote("shop", "commit"))).toMatchObject({ code: "REFUSED" });
  });

  it("lets a site vote once, and nobody who is none", async () => {
    const { transfer } = await begun("bank");
    await expect(transfer.vote("shop", "commit")).rejects.toMatchObject({ code: "REFUSED" });
    await transfer.vote("bank", "commit");
    await transfer.vote("bank", "commit");
    await expect(transfer.vote("bank", "abort")).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(transfer.remove()).rejects.toMatchObject({ code: "REFUSED" });
    await expect(transfer.begin(["bank"])).rejects.toMatchObject({ code: "CONFLICT", applied: "no" });
    const nothing = new TwoPhaseCommit(await zk.connect(), `${zk.path}/transfers/2`);
    for (const call of [nothing.vote("bank", "commit"), nothing.decide(), nothing.abort(), nothing.outcome()])
      await expect(call).rejects.toMatchObject({
        code: "REFUSED",
        message: expect.stringMatching(/no such transaction/),
      });
    for (const sites of [[], ["a", "a"], ["a/b"], [""]])
      await expect(nothing.begin(sites)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is gone on with by anybody when its coordinator is gone", async () => {
    const dying = await zk.connect();
    await at(dying).begin(["bank", "shop"]);
    const given = told(at(dying).decide());
    const site = at(await zk.connect());
    await site.vote("bank", "commit");
    await dying.close();
    expect(await given).toBeInstanceOf(Error);
    await site.vote("shop", "commit");
    const outcome = site.outcome();
    expect(await isSettled(outcome)).toBe(false);
    const next = at(await zk.connect());
    expect(await within("the decision", next.decide())).toBe("committed");
    expect(await within("the outcome", outcome)).toBe("committed");
  });

  it("has one decision, however many decide at once", async () => {
    const { transfer } = await begun("bank", "shop");
    const others = await Promise.all([1, 2, 3, 4].map(async () => at(await zk.connect())));
    await transfer.vote("bank", "commit");
    await transfer.vote("shop", "commit");
    const decisions = await within(
      "the decisions",
      Promise.all(others.map((other, index) => (index % 2 === 0 ? other.decide() : other.abort()))),
    );
    expect(new Set(decisions).size).toBe(1);
    expect(await transfer.outcome()).toBe(decisions[0]);
  });

  it.each(["reply", "request"] as const)("is the same when the %s of each step is lost", async (part) => {
    const { client, cable } = await cabled();
    const transfer = at(client);
    const step = async <T>(what: () => Promise<T>): Promise<T> => {
      const lost = cable.lose(part, "multi");
      const result = await within("the step", what());
      await lost;
      return result;
    };
    await step(() => transfer.begin(["bank", "shop"]));
    await step(() => transfer.vote("bank", "commit"));
    await transfer.vote("shop", "commit");
    expect(await step(() => transfer.decide())).toBe("committed");
    expect((await client.exists(transfer.path))?.version).toBe(1);
    expect((await client.exists(`${transfer.path}/bank`))?.version).toBe(1);
    await step(() => transfer.remove());
    expect(await client.exists(transfer.path)).toBeNull();
    expect(recipeMetrics(client).ambiguous).toBe(4);
  });

  it("is found out in the next session when a vote's answer is lost and the session ends", async () => {
    const { client, cable } = await cabled({ afterExpiry: "renew" });
    const { transfer } = await begun("bank");
    const voting = at(client).vote("bank", "commit");
    await cable.lose("reply", "multi").then(() => cable.cut());
    await zk.expire(client);
    cable.mend();
    await within("the vote", voting);
    expect((await transfer.view())?.votes.get("bank")).toBe("commit");
    expect(await transfer.decide()).toBe("committed");
  });

  it("says that it may be decided when it is given up before an answer came", async () => {
    const { client, cable } = await cabled();
    const { transfer } = await begun("bank");
    const abort = new AbortController();
    const aborting = told(at(client).abort({ signal: abort.signal }));
    await cable.lose("reply", "multi").then(() => cable.cut());
    abort.abort();
    expect(await aborting).toMatchObject({ code: "ABORTED", applied: "maybe" });
    cable.mend();
    expect(await transfer.outcome()).toBe("aborted");
  });

  it("says so when its znodes are no transaction, or were written to by others", async () => {
    const { client, transfer } = await begun("bank");
    await client.setData(`${transfer.path}/bank`, "perhaps");
    await expect(transfer.decide()).rejects.toMatchObject({
      code: "CORRUPTED",
      message: expect.stringMatching(/"perhaps" is no vote/),
    });
    await client.setData(`${transfer.path}/bank`, "commit");
    await expect(transfer.decide()).rejects.toMatchObject({
      code: "CORRUPTED",
      message: expect.stringMatching(/its version is 2/),
    });
    await client.setData(transfer.path, "{}");
    await expect(transfer.outcome()).rejects.toMatchObject({ code: "CORRUPTED" });
  });

  it.each(SEEDS)("agrees over cut connections, whoever gives up (seed %i)", async (seed) => {
    const chance = new Chance(seed);
    const harm = [1, 2, 3, 4].map((index) => cuts(100 * seed + index));
    const clients = await Promise.all(harm.map(({ options }) => zk.connect(options)));
    for (let round = 0; round < ROUNDS; round += 1) {
      const path = `${zk.path}/transfers/${round}`;
      const [first, ...sites] = clients.map((client) => new TwoPhaseCommit(client, path)) as [
        TwoPhaseCommit,
        ...TwoPhaseCommit[],
      ];
      await first.begin(sites.map((_, index) => `site${index}`));
      const wanted = sites.map(() => chance.is(0.85));
      const votes = sites.map((site, index) =>
        told(site.vote(`site${index}`, wanted[index] ? "commit" : "abort")),
      );
      const deciders: Promise<TwoPhaseDecision>[] = [first.decide()];
      if (chance.is(0.3)) deciders.push(sites[0]!.abort());
      const outcomes = await within(
        "the round",
        Promise.all([...deciders, ...sites.map((site) => site.outcome())]),
      );
      const refusals = await Promise.all(votes);
      expect(new Set(outcomes).size).toBe(1);
      for (const error of refusals)
        if (error !== undefined)
          expect(isRecipeError(error, "REFUSED") && outcomes[0] === "aborted").toBe(true);
      if (outcomes[0] === "committed")
        expect([wanted.includes(false), refusals]).toEqual([false, refusals.map(() => undefined)]);
      else expect(wanted.includes(false) || deciders.length === 2).toBe(true);
    }
    for (const each of harm) each.isQuiet = true;
  });
});
