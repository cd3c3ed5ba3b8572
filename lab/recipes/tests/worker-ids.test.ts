// Worker ids on the model: who gets which number, and for how long nobody does.
import { type ClientOptions, CreateMode } from "@zk/client";
import {
  observeRecipes,
  type RecipeEvent,
  recipeMetrics,
  WorkerIds,
  type WorkerIdsOptions,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, told, World } from "../src/index.js";

const SESSION_MS = 4000;
const QUARANTINE_MS = 10_000;
const RENEW: ClientOptions = { afterExpiry: "renew" };

function idsOf({ client }: Actor, options: Partial<WorkerIdsOptions> = {}): WorkerIds {
  return new WorkerIds(client, "/ids", { bits: 2, quarantineMs: QUARANTINE_MS, ...options });
}

function recordOf(world: World, id: number): { readonly state: string; readonly claim: string } {
  return JSON.parse(new TextDecoder().decode(world.tree.data(`/ids/records/${id}`) ?? new Uint8Array(0)));
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  (((await told(promise)) ?? {}) as { readonly code?: unknown }).code;

describe("worker ids", () => {
  it("are the smallest that are free, one a holder, with tokens that grow", async () => {
    await using world = await World.begin();
    const actors = [await world.actor(), await world.actor(), await world.actor()];
    const held = [];
    for (const actor of actors) held.push(await world.let("a number", idsOf(actor).acquire()));
    expect(held.map(({ id }) => id)).toEqual([0, 1, 2]);
    await world.let("a release", held[1]!.release());
    expect(recordOf(world, 1)).toMatchObject({ state: "released" });
    const again = await world.let("a number", idsOf(actors[0]!).acquire());
    expect(again.id).toBe(1);
    expect(again.token).toBeGreaterThan(held[1]!.token);
    expect(world.tree.stat(again.path)).toMatchObject({ czxid: again.token });
    expect(world.names("/ids/door")).toEqual([]);
    expect([...world.names("/ids")].sort()).toEqual(["claims", "door", "records"]);
  });

  it("are all different when everybody asks at once, and nobody is told that there are none", async () => {
    await using world = await World.begin();
    const actors = await Promise.all(Array.from({ length: 4 }, () => world.actor()));
    const asked = Promise.all(actors.map((actor) => idsOf(actor).acquire()));
    const held = await world.let("four numbers", asked);
    expect(held.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3]);
    expect(await world.let("a fifth", told(idsOf(actors[0]!).acquire()))).toMatchObject({
      code: "CAPACITY",
      message: expect.stringMatching(/none of the 4 numbers is free$/),
    });
    expect(world.names("/ids/door")).toEqual([]);
  });

  it("are waited for when that is asked, by whoever hears of one that is given back", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const ids = idsOf(one, { bits: 1 });
    const [first] = [await world.let("0", ids.acquire()), await world.let("1", ids.acquire())];
    const waiting = idsOf(two, { bits: 1 }).acquire({ wait: true });
    await world.until("it waits", () => two.client.load.watches === 1 && two.client.load.inFlight === 0);
    expect(world.names("/ids/door")).toEqual([]);
    const fromMs = world.clock.nowMs();
    await world.let("a release", first.release());
    expect((await world.let("the wait", waiting)).id).toBe(0);
    expect(world.clock.nowMs() - fromMs).toBeLessThan(500);
    const timed = idsOf(two, { bits: 1 }).acquire({ wait: true, timeoutMs: 300 });
    expect(await world.let("a wait in vain", codeOf(timed))).toBe("WAIT_TIMEOUT");
    const stop = new AbortController();
    const aborted = idsOf(two, { bits: 1 }).acquire({ wait: true, signal: stop.signal });
    await world.until("it waits", () => two.client.load.watches === 2 && two.client.load.inFlight === 0);
    stop.abort();
    expect(await world.let("a wait that is given up", codeOf(aborted))).toBe("ABORTED");
    expect([two.client.load.watches, world.names("/ids/door")]).toEqual([1, []]);
  });

  const losses: readonly [string, (world: World, actor: Actor) => Promise<unknown>][] = [
    ["its session is ended from elsewhere", (world, { client }) => world.ensemble.expireSession(client)],
    ["its client is closed before it is given back", (_, { client }) => client.close()],
    [
      "it is cut off for good",
      async (world, { cable }) => {
        cable.cut();
        await world.until("its claim is gone", () => world.names("/ids/claims").length === 0);
      },
    ],
    [
      "somebody removes its claim",
      async (world, { client }) =>
        client.remove(`/ids/claims/${world.names("/ids/claims")[0]}`, { retry: "always" }),
    ],
  ];
  it.each(losses)("rest when the holder is lost because %s", async (_, lose) => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const held = await world.let("a number", idsOf(one).acquire());
    await world.let("the loss", lose(world, one));
    // Nobody looks for a while, which shortens nothing.
    await world.pass(3 * QUARANTINE_MS);
    expect(held.state).toBe("lost");
    const next = await world.let("the next number", idsOf(two).acquire());
    expect(next.id).toBe(1);
    expect(recordOf(world, 0)).toMatchObject({ state: "lapsed" });
    await world.let("a release", next.release());
    const markedMs = Number(world.tree.stat("/ids/records/0")?.mtime);
    await world.pass(SESSION_MS + QUARANTINE_MS - 1000);
    const early = await world.let("too early", idsOf(two).acquire());
    expect(early.id).toBe(1);
    await world.pass(1000);
    const rested = await world.let("in time", idsOf(two).acquire());
    expect(rested.id).toBe(0);
    const takenMs = Number(world.tree.stat(rested.path)?.ctime);
    expect(takenMs - markedMs).toBeGreaterThanOrEqual(SESSION_MS + QUARANTINE_MS);
  });

  it("that rest are waited for no longer than they rest, and the error says how long that is", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const options = { bits: 1 };
    await world.let("0", idsOf(one, options).acquire());
    await world.let("1", idsOf(one, options).acquire());
    await world.let("the loss", world.ensemble.expireSession(one.client));
    const refused = await world.let("a try", told(idsOf(two, options).acquire()));
    const wholeMs = SESSION_MS + QUARANTINE_MS;
    expect(refused).toMatchObject({ message: expect.stringContaining(`one is free in ${wholeMs} ms`) });
    const fromMs = world.clock.nowMs();
    const next = await world.let("the wait", idsOf(two, options).acquire({ wait: true }));
    expect(next.id).toBe(0);
    const tookMs = world.clock.nowMs() - fromMs;
    expect(tookMs).toBeGreaterThan(wholeMs - 500);
    expect(tookMs).toBeLessThan(wholeMs + 500);
    // Whose quarantine is longer is more careful.
    const third = await world.let("a try", told(idsOf(two, { ...options, quarantineMs: 60_000 }).acquire()));
    expect(third).toMatchObject({ message: expect.stringMatching(/one is free in (4|5)\d{4} ms/) });
  });

  it("that were given back rest too, when that is asked", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const ids = idsOf(actor, { afterReleaseMs: 3000 });
    const first = await world.let("a number", ids.acquire());
    await world.let("a release", first.release());
    const second = await world.let("a number", ids.acquire());
    expect(second.id).toBe(1);
    await world.pass(3100);
    expect((await world.let("a number", ids.acquire())).id).toBe(0);
    // The longer one counts, whoever asks.
    await world.let("a release", second.release());
    expect((await world.let("a number", idsOf(actor).acquire())).id).toBe(2);
  });

  it.each(["reply", "request"] as const)("are taken and given back once when a %s is lost", async (part) => {
    await using world = await World.begin();
    const actor = await world.actor();
    const ids = idsOf(actor);
    for (const operation of ["create", "multi", "getChildren"] as const) {
      const lost = actor.cable.lose(part, operation);
      const held = await world.let(`a number behind a lost ${operation}`, ids.acquire());
      await world.let("the loss", lost);
      expect(held.id).toBe(0);
      expect(world.names("/ids/claims")).toEqual([recordOf(world, 0).claim]);
      await world.let("a release", held.release());
    }
    const held = await world.let("a number", ids.acquire());
    const lost = actor.cable.lose(part, "multi");
    const releasing = held.release();
    await world.let("the loss", lost);
    await world.let("a release", releasing);
    await world.until("it is gone", () => world.names("/ids/claims").length === 0);
    expect(recordOf(world, 0)).toMatchObject({ state: "released" });
    expect((await world.let("a number", ids.acquire())).id).toBe(0);
    // Of a mark that is written twice the first one counts.
    await world.let("the loss", world.ensemble.expireSession(actor.client));
    const other = await world.actor();
    const before = world.tree.stat("/ids/records/0")?.version ?? 0;
    const unmarked = other.cable.lose(part, "setData");
    expect((await world.let("a number", idsOf(other).acquire())).id).toBe(1);
    await world.let("the loss", unmarked);
    expect(world.tree.stat("/ids/records/0")?.version).toBe(before + 1);
    expect(recordOf(world, 0)).toMatchObject({ state: "lapsed" });
  });

  it("whose taking is given up with its answer under way are as good as given back", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const stop = new AbortController();
    const lost = actor.cable.lose("reply", "multi");
    const asked = idsOf(actor).acquire({ signal: stop.signal });
    await world.let("the loss", lost);
    expect(world.names("/ids/claims")).toHaveLength(1);
    stop.abort();
    expect(await world.let("the end", codeOf(asked))).toBe("ABORTED");
    await world.until("the janitor is done", () => recipeMetrics(actor.client).janitorPending === 0);
    await world.until("it is gone", () => world.names("/ids/claims").length === 0);
    expect(recordOf(world, 0)).toMatchObject({ state: "released" });
    expect((await world.let("a number", idsOf(actor).acquire())).id).toBe(0);
  });

  it("cut off past the local deadline are given up, removed without being called given back, and rest", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const held = await world.let("a number", idsOf(one, { onSuspended: "wait" }).acquire());
    one.cable.cut();
    await world.until("it is given up", () => held.state === "lost");
    one.cable.mend();
    await world.until("its claim is gone", () => world.names("/ids/claims").length === 0);
    await world.until("it is served", () => one.client.state === "connected");
    // It was the janitor that removed it, not the end of the session.
    expect(one.client.sessionId).toBe(held.sessionId);
    expect(recordOf(world, 0)).toMatchObject({ state: "held" });
    expect((await world.let("a number", idsOf(two).acquire())).id).toBe(1);
  });

  it("are guarded, also when another has the same number by now", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(RENEW), await world.actor()];
    const options = { quarantineMs: 0 };
    const held = await world.let("a number", idsOf(one, options).acquire());
    await world.let(
      "a write",
      held.guard((tx) => tx.create("/timely")),
    );
    const client = two.client;
    await world.let("the removal", client.remove(held.path));
    const first = await world.let("a try", idsOf(two, options).acquire());
    expect(first.id).toBe(1);
    await world.pass(SESSION_MS + 100);
    const next = await world.let("the number again", idsOf(two, options).acquire());
    expect(next.id).toBe(0);
    const late = client.transaction().check(held.path).create("/late").commit();
    expect(await world.let("a late write", codeOf(late))).toBe("NO_NODE");
    expect(await world.let("a late write", codeOf(held.guard((tx) => tx.create("/late"))))).toBe("HOLD_LOST");
  });

  it("outlive the loss of the session while they are waited for", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor(RENEW)];
    const ids = idsOf(one, { bits: 1 });
    const first = await world.let("0", ids.acquire());
    await world.let("1", ids.acquire());
    const waiting = idsOf(two, { bits: 1 }).acquire({ wait: true });
    await world.until("it waits", () => two.client.load.watches === 1);
    await world.let("the end of its session", world.ensemble.expireSession(two.client));
    await world.let("a release", first.release());
    const held = await world.let("the number", waiting);
    expect([held.id, held.sessionId]).toEqual([0, two.client.sessionId]);
  });

  it("bear with what does not belong there, and leave alone what they cannot read", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const { client } = actor;
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    await world.let("0", idsOf(actor).acquire());
    const uuid = "00000000-0000-4000-8000-000000000000";
    await world.let("a child", client.create("/ids/claims/zjunk"));
    await world.let("a child", client.create("/ids/records/!junk"));
    await world.let("nonsense", client.create("/ids/records/1", "nonsense"));
    await world.let("a later version", client.create("/ids/records/2", '{"version":2}'));
    // A claim without a record is somebody's all the same.
    await world.let("a claim", client.create(`/ids/claims/3-${uuid}`, null, { mode: CreateMode.EPHEMERAL }));
    expect(await world.let("a try", codeOf(idsOf(actor).acquire()))).toBe("CAPACITY");
    expect((await world.let("a number", idsOf(actor, { bits: 3 }).acquire())).id).toBe(4);
    expect(events.filter(({ type }) => type === "badData")).toHaveLength(4);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "foreignChildren", path: "/ids/claims", names: ["zjunk"] }),
    );
    const strange = { version: 1, state: "held", claim: `7-${uuid}` };
    const times = { sessionTimeoutMs: 1, quarantineMs: 1, afterReleaseMs: 1 };
    await world.let("another's", client.create("/ids/records/5", JSON.stringify({ ...strange, ...times })));
    expect((await world.let("a number", idsOf(actor, { bits: 3 }).acquire())).id).toBe(6);
  });

  it("go on with records of which somebody has removed some", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const held = await world.let("0", idsOf(actor).acquire());
    await world.let("the removal", actor.client.remove("/ids/records/0"));
    expect((await world.let("a number", idsOf(actor).acquire())).id).toBe(1);
    expect(await world.let("a release", held.release())).toEqual({ confirmed: true });
    expect(world.names("/ids/claims")).toHaveLength(1);
    expect((await world.let("a number", idsOf(actor).acquire())).id).toBe(0);
  });

  it("refuse what cannot be", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    for (const options of [{ bits: 0 }, { bits: 17 }, { bits: 1.5 }])
      expect(() => new WorkerIds(client, "/ids", options)).toThrow(
        /bits must be a whole number from 1 to 16/,
      );
    expect(() => new WorkerIds(client, "/ids", { bits: 1, quarantineMs: -1 })).toThrow(/quarantineMs/);
    expect(() => new WorkerIds(client, "/ids", { bits: 1, afterReleaseMs: Number.NaN })).toThrow(
      /afterReleaseMs/,
    );
    expect(() => new WorkerIds(client, "ids", { bits: 1 })).toThrow(/INVALID_ARGUMENT/);
  });
});
