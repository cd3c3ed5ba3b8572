// The pause between a holder that was lost and the next one, on the model: who has to wait, for how long, and who has not.
import { type ClientOptions, CreateMode, type HistoryRecord, Permission } from "@zk/client";
import {
  Election,
  LeaderLatch,
  Lock,
  type LockOptions,
  MultiLock,
  observeRecipes,
  type RecipeEvent,
  recipeMetrics,
  revoke,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, told, World } from "../src/index.js";

const DELAY_MS = 5000;
/** Far above what a turn takes when nobody has to wait. */
const SOON_MS = 500;
const RENEW: ClientOptions = { afterExpiry: "renew" };

function lockOf({ client }: Actor, options: LockOptions = {}): Lock {
  return new Lock(client, "/lock", { lockDelayMs: DELAY_MS, ...options });
}

const textOf = (data: Uint8Array | null | undefined): string =>
  new TextDecoder().decode(data ?? new Uint8Array(0));

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  (((await told(promise)) ?? {}) as { readonly code?: unknown }).code;

function standing(world: World): { readonly state: string; readonly by: string } {
  return JSON.parse(textOf(world.tree.data("/lock")));
}

/** Lets it settle, and says how long that took. */
async function timeOf(world: World, what: string, promise: Promise<unknown>): Promise<number> {
  const fromMs = world.clock.nowMs();
  await world.let(what, promise);
  return world.clock.nowMs() - fromMs;
}

async function waits(world: World, count: number): Promise<void> {
  await world.until("they wait", () => world.names("/lock").length === count);
  await world.pass(200);
}

const LOSSES: readonly [string, (world: World, actor: Actor) => Promise<unknown>][] = [
  ["its session is ended from elsewhere", (world, { client }) => world.ensemble.expireSession(client)],
  ["its client is closed before it is given back", (_, { client }) => client.close()],
  [
    "it is cut off until its session is over",
    async (world, { cable, client }) => {
      const { by } = standing(world);
      cable.cut();
      await world.until("its contender is gone", () => !world.names("/lock").includes(by));
      expect(client.state).not.toBe("connected");
    },
  ],
  [
    "it gave the lock up by its own clock, and its session lives on",
    async (world, { cable, client }) => {
      const { sessionId } = client;
      const { by } = standing(world);
      cable.cut();
      await world.pass(2800);
      cable.mend();
      await world.until("its contender is gone", () => !world.names("/lock").includes(by));
      await world.until("it is served", () => client.state === "connected");
      expect(client.sessionId).toBe(sessionId);
    },
  ],
  [
    "somebody removes its contender",
    (world, { client }) => client.remove(`/lock/${standing(world).by}`, { retry: "always" }),
  ],
];

describe("a lock with a delay", () => {
  it.each(LOSSES)("makes who waits wait on when the holder is lost: %s", async (_, lose) => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("the lock", lockOf(one, { onSuspended: "wait" }).acquire());
    const next = lockOf(two).acquire();
    await waits(world, 2);
    await world.let("the loss", lose(world, one));
    await world.until("it is found out", () => standing(world).state === "lapsed");
    const lapsedMs = Number(world.tree.stat("/lock")?.mtime);
    const tookMs = await timeOf(world, "the next turn", next);
    expect(standing(world).state).toBe("held");
    const heldMs = Number(world.tree.stat("/lock")?.mtime);
    expect(heldMs - lapsedMs).toBeGreaterThanOrEqual(DELAY_MS);
    expect(tookMs).toBeLessThan(DELAY_MS + SOON_MS);
    expect((await next).state).toBe("held");
  });

  it.each(LOSSES)("makes whoever comes later wait when the holder was lost: %s", async (_, lose) => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("the lock", lockOf(one, { onSuspended: "wait" }).acquire());
    await world.let("the loss", lose(world, one));
    const tookMs = await timeOf(world, "the next turn", lockOf(two).acquire());
    expect(tookMs).toBeGreaterThan(DELAY_MS - 10);
    expect(tookMs).toBeLessThan(DELAY_MS + SOON_MS);
  });

  it("is had at once when it was given back, again and again", async () => {
    await using world = await World.begin();
    const actors = [await world.actor(), await world.actor(), await world.actor()];
    const held = await world.let("the lock", lockOf(actors[0]!).acquire());
    const waiting = actors.slice(1).map((actor) => lockOf(actor).acquire());
    await waits(world, 3);
    await world.let("a release", held.release());
    expect(await timeOf(world, "the second", waiting[0]!)).toBeLessThan(SOON_MS);
    await world.let("a release", (await waiting[0]!).release());
    expect(await timeOf(world, "the third", waiting[1]!)).toBeLessThan(SOON_MS);
    expect((await waiting[1]!).token).toBeGreaterThan((await waiting[0]!).token);
    await world.let("a release", (await waiting[1]!).release());
    // As a directory without the option, which a reaper may take for one that nobody uses.
    expect(world.tree.data("/lock") ?? new Uint8Array(0)).toHaveLength(0);
    expect(await timeOf(world, "the fourth", lockOf(actors[0]!).acquire())).toBeLessThan(SOON_MS);
  });

  it("does not take who only waited for a holder, however that one goes", async () => {
    await using world = await World.begin();
    const [one, two, three, four] = [
      await world.actor(),
      await world.actor(),
      await world.actor(),
      await world.actor(),
    ];
    const held = await world.let("the lock", lockOf(one).acquire());
    const stop = new AbortController();
    const given = lockOf(two).acquire({ signal: stop.signal });
    await waits(world, 2);
    const dying = codeOf(lockOf(three).acquire());
    await waits(world, 3);
    const last = lockOf(four).acquire();
    await waits(world, 4);
    stop.abort();
    expect(await world.let("the end of a wait", codeOf(given))).toBe("ABORTED");
    await world.let("the end of a session", world.ensemble.expireSession(three.client));
    await world.let("the end of a wait", dying);
    await waits(world, 2);
    await world.let("a release", held.release());
    expect(await timeOf(world, "the last", last)).toBeLessThan(SOON_MS);
  });

  it.each(["reply", "request"] as const)("is had at once behind a release whose %s is lost", async (part) => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    for (const operation of ["multi", "getData", "create"] as const) {
      const taken = one.cable.lose(part, operation);
      const held = await world.let(`the lock behind a lost ${operation}`, lockOf(one).acquire());
      await world.let("the loss", taken);
      expect(standing(world)).toMatchObject({ state: "held", by: world.names("/lock")[0] });
      const lost = one.cable.lose(part, "multi");
      const next = lockOf(two).acquire();
      await waits(world, 2);
      const releasing = held.release();
      await world.let("the loss", lost);
      expect(await timeOf(world, "the next turn", next)).toBeLessThan(SOON_MS);
      await world.let("the release", releasing);
      await world.let("a release", (await next).release());
    }
  });

  it("goes on with the rest of a pause when the one that waits for its end gives up, or dies", async () => {
    await using world = await World.begin();
    const [one, two, three, four] = [
      await world.actor(),
      await world.actor(),
      await world.actor(),
      await world.actor(),
    ];
    await world.let("the lock", lockOf(one).acquire());
    const stop = new AbortController();
    const given = lockOf(two).acquire({ signal: stop.signal });
    await waits(world, 2);
    const dying = codeOf(lockOf(three).acquire());
    await waits(world, 3);
    const last = lockOf(four).acquire();
    await waits(world, 4);
    await world.let("the loss", world.ensemble.expireSession(one.client));
    await world.until("it is found out", () => standing(world).state === "lapsed");
    const fromMs = world.clock.nowMs();
    await world.pass(1500);
    stop.abort();
    expect(await world.let("the end of a wait", codeOf(given))).toBe("ABORTED");
    await world.pass(1500);
    await world.let("the end of a session", world.ensemble.expireSession(three.client));
    await world.let("the end of a wait", dying);
    const held = await world.let("the last", last);
    const tookMs = world.clock.nowMs() - fromMs;
    expect(tookMs).toBeGreaterThan(DELAY_MS - 10);
    expect(tookMs).toBeLessThan(DELAY_MS + SOON_MS);
    expect(world.names("/lock")).toEqual([standing(world).by]);
    expect(held.state).toBe("held");
  });

  it("is not to be had by a try before the pause is over, and the wait for it can run out", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const events: RecipeEvent[] = [];
    observeRecipes(two.client, (event) => events.push(event));
    await world.let("the lock", lockOf(one).acquire());
    await world.let("the loss", world.ensemble.expireSession(one.client));
    // The first one finds out that the holder is gone; the pause runs from then on.
    expect(await world.let("a try", lockOf(two).tryAcquire())).toBeNull();
    const fromMs = world.clock.nowMs();
    const timed = codeOf(lockOf(two).acquire({ timeoutMs: 1000 }));
    expect(await world.let("a wait", timed)).toBe("WAIT_TIMEOUT");
    expect(world.names("/lock")).toEqual([]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "delayed", recipe: "Lock", path: "/lock" }),
    );
    await world.pass(3000);
    expect(await world.let("a try", lockOf(two).tryAcquire())).toBeNull();
    await world.pass(DELAY_MS - (world.clock.nowMs() - fromMs));
    expect(await world.let("a try", lockOf(two).tryAcquire())).not.toBeNull();
    expect([two.client.load.watches, recipeMetrics(two.client).janitorPending]).toEqual([1, 0]);
  });

  it("of two that are told waits for the longer one", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("the lock", lockOf(one, { lockDelayMs: 8000 }).acquire());
    await world.let("the loss", world.ensemble.expireSession(one.client));
    expect(await timeOf(world, "the next", lockOf(two).acquire())).toBeGreaterThan(7990);
  });

  it("that is given up while it is written down as had is had by nobody, and at once by the next", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const stop = new AbortController();
    const lost = one.cable.lose("reply", "multi");
    const asked = codeOf(lockOf(one).acquire({ signal: stop.signal }));
    await world.let("the loss", lost);
    expect(standing(world).state).toBe("held");
    stop.abort();
    expect(await world.let("the end", asked)).toBe("ABORTED");
    expect(await timeOf(world, "the next", lockOf(two).acquire())).toBeLessThan(2 * SOON_MS);
  });

  it("lets the one that waits for the end of a pause be asked to give the lock back", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("the lock", lockOf(one).acquire());
    const next = lockOf(two).acquire();
    await waits(world, 2);
    await world.let("the loss", world.ensemble.expireSession(one.client));
    await world.until("it is found out", () => standing(world).state === "lapsed");
    await world.pass(1000);
    const asking = revoke(two.client, "/lock");
    const held = await world.let("the next turn", next);
    await world.until("it hears of it", () => held.revocation.aborted);
    await world.let("a release", held.release());
    expect(await world.let("the end", asking)).toBe("released");
  });

  it("pauses behind a holder that was forced to give it back", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const held = await world.let("the lock", lockOf(one).acquire());
    const forced = revoke(two.client, "/lock", { graceMs: 100, force: true });
    expect(await world.let("the end", forced)).toBe("forced");
    expect(await timeOf(world, "the next", lockOf(two).acquire())).toBeGreaterThan(DELAY_MS - 10);
    expect(held.state).toBe("lost");
  });

  it("bears with what others write there, and with contenders who write nothing", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("a directory", one.client.create("/lock", "127.0.0.1"));
    const held = await world.let("the lock", lockOf(one).acquire());
    await world.let("a release", held.release());
    const others = await world.let("another's turn", new Lock(two.client, "/lock").acquire());
    const next = lockOf(one).acquire();
    await waits(world, 2);
    await world.let("the loss", world.ensemble.expireSession(two.client));
    expect(await timeOf(world, "the next", next)).toBeLessThan(SOON_MS);
    expect(others.state).toBe("lost");
  });

  it("is given back although its directory may not be written to any more", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const held = await world.let("the lock", lockOf(actor).acquire());
    // Read, create and delete, but no write.
    const acl = [
      {
        perms: Permission.READ | Permission.CREATE | Permission.DELETE,
        id: { scheme: "world", id: "anyone" },
      },
    ];
    await world.let("a change of the ACL", actor.client.setACL("/lock", acl));
    expect(await world.let("the release", held.release())).toEqual({ confirmed: true });
    expect(world.names("/lock")).toEqual([]);
    expect(await world.let("the next", codeOf(lockOf(actor).acquire()))).toBe("NO_AUTH");
    expect(world.names("/lock")).toEqual([]);
  });

  it("goes on with who waits in its next session, at the end of the line", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor(RENEW)];
    await world.let("the lock", lockOf(one).acquire());
    const next = lockOf(two).acquire();
    await waits(world, 2);
    await world.let("the loss", world.ensemble.expireSession(one.client));
    await world.until("it is found out", () => standing(world).state === "lapsed");
    const fromMs = world.clock.nowMs();
    await world.pass(1000);
    await world.let("the end of its session", world.ensemble.expireSession(two.client));
    const held = await world.let("the lock", next);
    expect(held.sessionId).toBe(two.client.sessionId);
    const tookMs = world.clock.nowMs() - fromMs;
    expect(tookMs).toBeGreaterThan(DELAY_MS - 10);
    expect(tookMs).toBeLessThan(DELAY_MS + 2 * SOON_MS);
  });

  it("of several locks is each lock's own", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const of = ({ client }: Actor): MultiLock =>
      new MultiLock(client, ["/lock", "/other"], { lockDelayMs: DELAY_MS });
    const held = await world.let("the locks", of(one).acquire());
    await world.let("a release", held.release());
    expect(await timeOf(world, "the locks again", of(one).acquire())).toBeLessThan(SOON_MS);
    await world.let("the loss", world.ensemble.expireSession(one.client));
    expect(await timeOf(world, "the next", of(two).acquire())).toBeGreaterThan(DELAY_MS - 10);
  });

  it("costs a read and a transaction for each holder, and without it nothing", async () => {
    await using world = await World.begin();
    const records: HistoryRecord[] = [];
    const actor = await world.actor({ onHistory: (record) => records.push(record) });
    const operations = async (options: LockOptions): Promise<string> => {
      records.length = 0;
      await world.let(
        "a turn",
        new Lock(actor.client, "/lock", options).run(() => world.pass(100)),
      );
      return records.flatMap((record) => (record.outcome === "invoked" ? [record.operation] : [])).join(" ");
    };
    await operations({});
    expect(await operations({})).toBe("create getChildren getData remove");
    expect(world.tree.stat("/lock")?.version).toBe(0);
    expect(await operations({ lockDelayMs: DELAY_MS })).toBe(
      "create getChildren getData transaction getData transaction",
    );
    expect(await operations({ lockDelayMs: 0 })).toBe("create getChildren getData remove");
  });

  it("refuses what is no time", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    for (const lockDelayMs of [-1, 1.5, Number.NaN, 86_400_001])
      for (const Recipe of [Lock, Election, LeaderLatch])
        expect(() => new Recipe(client, "/lock", { lockDelayMs })).toThrow(/lockDelayMs must be/);
  });

  it("takes no contender of another library for a holder", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const name = "/lock/_c_00000000-0000-4000-8000-000000000000-lock-";
    const mode = CreateMode.EPHEMERAL_SEQUENTIAL;
    const { path } = await world.let(
      "another",
      actor.client.create(name, null, { mode, createParents: true }),
    );
    const next = lockOf(actor).acquire();
    await waits(world, 2);
    await world.let("its end", actor.client.remove(path));
    expect(await timeOf(world, "the next", next)).toBeLessThan(SOON_MS);
  });
});
