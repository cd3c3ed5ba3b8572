// Reaping on real servers: locks below a reaper that waits for hardly a moment, and what a leader of 3.4.6 remembers wrongly.
// ZK_REAPER_TURNS is how many turns of the locks there are, by default 60; from 200 on a leader of the servers dies meanwhile.
import { type Client, CreateMode, createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { Lock, Reaper, type ReaperEvent, type ReaperOptions } from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { childrenNow, howMany, told, until, waitMs } from "../src/index.js";

const TURNS = howMany("ZK_REAPER_TURNS", 60);
/** After each of them nobody wants the lock until its directory is gone. */
const ROUNDS = 4;

let ensemble: Ensemble;
let clients: Client[] = [];

beforeAll(async () => {
  ensemble = await startEnsemble();
  clients = Array.from({ length: 5 }, () =>
    createClient(ensemble.connectionString, { sessionTimeoutMs: 4000, afterExpiry: "renew" }),
  );
  await Promise.all(clients.map((client) => client.connect()));
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await ensemble?.stop();
});

function reaping(
  client: Client,
  options: ReaperOptions,
): { readonly reaper: Reaper; readonly events: ReaperEvent[] } {
  const reaper = new Reaper(client, options);
  const events: ReaperEvent[] = [];
  reaper.onEvent((event) => events.push(event));
  return { reaper: reaper.start(), events };
}

const reapedIn = (events: readonly ReaperEvent[], path: string): number =>
  events.filter((event) => event.type === "reaped" && event.path === path).length;

describe("a reaper on real servers", () => {
  it("never disturbs locks, though their directory goes again and again", async () => {
    const [one, two, ...takers] = clients as [Client, Client, ...Client[]];
    const options = { roots: ["/locks"], emptyForMs: 20, intervalMs: 10, leader: "/reapers" };
    const [first, second] = [reaping(one, options), reaping(two, options)];
    const tokens: bigint[] = [];
    const numbers: number[] = [];
    let inside = 0;
    const path = "/locks/deep/x";
    const turnsUpTo = async (client: Client, enough: number): Promise<void> => {
      while (tokens.length < enough) {
        const hold = await new Lock(client, path).acquire({ timeoutMs: 30_000 });
        inside += 1;
        if (hold.state === "held") {
          expect(inside).toBe(1);
          tokens.push(hold.token);
          numbers.push(Number(hold.path.slice(-10)));
        }
        inside -= 1;
        await hold.release();
      }
    };
    let leader: number | undefined;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const turns = takers.map((client) => turnsUpTo(client, (TURNS * round) / ROUNDS));
      if (round === 2 && TURNS >= 200) leader = await ensemble.killLeader();
      await Promise.all(turns);
      // It may go while they are at it, whenever it is free for a moment; now that nobody wants it, it does.
      await until("the directory goes", async () => (await one.exists(path)) === null);
    }
    if (leader !== undefined) await ensemble.start(leader);
    expect(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!)).toBe(true);
    expect(numbers.some((number, index) => index > 0 && number < numbers[index - 1]!)).toBe(true);
    await until("nothing is left", async () => (await childrenNow(one, "/locks")).length === 0);
    await Promise.all([first.reaper.close(), second.reaper.close()]);
    const events = [...first.events, ...second.events];
    expect(reapedIn(events, path)).toBeGreaterThan(2);
    expect(events.filter(({ type }) => type === "refused" || type === "failed")).toEqual([]);
  });

  it("takes what stays empty, leaves what is busy, and reminds a leader that remembers children wrongly", async () => {
    const [client, other] = clients as [Client, Client];
    for (const name of ["idle", "busy", "haunted"])
      await client.create(`/dirs/${name}`, null, { createParents: true });
    await using dying = createClient(ensemble.connectionString);
    await dying.connect();
    await dying.create("/dirs/haunted/x", null, { mode: CreateMode.EPHEMERAL });
    expect(await told(client.transaction().check("/dirs/haunted", { version: 99 }).commit())).toBeDefined();
    await dying.close();
    expect(await childrenNow(client, "/dirs/haunted")).toEqual([]);
    expect(await told(client.remove("/dirs/haunted"))).toMatchObject({ code: "NOT_EMPTY" });
    const { reaper, events } = reaping(client, { roots: ["/dirs"], emptyForMs: 300, intervalMs: 50 });
    const gone = until(
      "two go",
      () => reapedIn(events, "/dirs/idle") + reapedIn(events, "/dirs/haunted") === 2,
    );
    let turns = 0;
    let isGone = false;
    const isOver = gone.then(() => {
      isGone = true;
    });
    for (; !isGone; turns += 1) {
      await other.create("/dirs/busy/x");
      await other.remove("/dirs/busy/x");
      await waitMs("it is free", 50);
    }
    await isOver;
    expect(turns).toBeGreaterThan(5);
    expect(await childrenNow(client, "/dirs")).toEqual(["busy"]);
    await reaper.close();
  });
});
