// What is reaped and what is not, in virtual time.
import { type Client, CreateMode, isZkError } from "@zk/client";
import { observeRecipes, Reaper, type ReaperOptions, type RecipeEvent, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { told, World } from "../src/index.js";
import { GONE_MS, INTERVAL_MS, isThere, make, reaping, WINDOW_MS } from "./support/reaping.js";

/** Lets something happen between the reaper's last look at a znode and its removal. */
function beforeRemoval(client: Client, happens: () => Promise<unknown>): void {
  const remove = client.remove.bind(client);
  client.remove = async (...call) => {
    await happens();
    return await remove(...call);
  };
}

describe("a reaper", () => {
  it("removes what stays empty for the window, and no sooner, from the leaves up", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    await make(world, actor, ["/locks/a", "/locks/b/c"]);
    const { reaper, of } = reaping(actor);
    await world.pass(WINDOW_MS - INTERVAL_MS);
    expect(world.names("/locks").toSorted()).toEqual(["a", "b"]);
    await world.until("the leaves are gone", () => of("reaped").length === 2, 3 * INTERVAL_MS);
    expect(world.names("/locks")).toEqual(["b"]);
    expect(world.names("/locks/b")).toEqual([]);
    await world.pass(WINDOW_MS - INTERVAL_MS);
    expect(isThere(world, "/locks/b")).toBe(true);
    await world.until("the branch is gone", () => of("reaped").length === 3, 3 * INTERVAL_MS);
    await world.pass(2 * GONE_MS);
    expect(of("reaped").map(({ path }) => path)).toEqual(["/locks/a", "/locks/b/c", "/locks/b"]);
    expect(of("reaped").every(({ emptyMs, why }) => emptyMs >= WINDOW_MS && why === "empty")).toBe(true);
    expect(isThere(world, "/locks")).toBe(true);
    expect(recipeMetrics(actor.client).reaped).toBe(3);
    expect(of("passed").at(-1)).toEqual({ type: "passed", looked: 0, waiting: 0, reaped: 0 });
    await world.let("it closes", reaper.close());
    expect(reaper.state).toBe("closed");
  });

  it("never removes a root, what is ephemeral, what has data, or what is ZooKeeper's own", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/empty", "/locks/goes"]);
    await world.let("a flag", other.client.create("/locks/flag", "set"));
    await world.let("a member", other.client.create("/locks/member", null, { mode: CreateMode.EPHEMERAL }));
    const everywhere = reaping(actor, { roots: ["/", "/locks", "/empty"], filter: "**" });
    await world.until("one goes", () => everywhere.of("reaped").length === 1);
    await world.pass(2 * GONE_MS);
    expect(everywhere.of("reaped").map(({ path }) => path)).toEqual(["/locks/goes"]);
    expect(world.names("/locks").toSorted()).toEqual(["flag", "member"]);
    expect(world.names("/zookeeper")).toEqual(["quota"]);
    await world.let("it closes", everywhere.reaper.close());
    const bold = reaping(actor, { roots: ["/locks", "/empty"], withData: true, reapRoots: true });
    await world.until("two go", () => bold.of("reaped").length === 2);
    await world.pass(2 * GONE_MS);
    expect(
      bold
        .of("reaped")
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(["/empty", "/locks/flag"]);
    expect(world.names("/locks")).toEqual(["member"]);
    await world.let("it closes", bold.reaper.close());
  });

  it("looks only where its filter lets it", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    await make(world, actor, ["/app/locks/a", "/app/flags/b", "/other/locks/c"]);
    const { reaper, of } = reaping(actor, { roots: ["/"], filter: "*/locks/*" });
    await world.until("two go", () => of("reaped").length === 2);
    await world.pass(2 * GONE_MS);
    expect(
      of("reaped")
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(["/app/locks/a", "/other/locks/c"]);
    await world.let("it closes", reaper.close());
  });

  it("leaves alone what had a child or was written to within the window, however empty it is when it looks", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/busy", "/locks/written", "/locks/idle", "/locks/remade"]);
    const { reaper, of } = reaping(actor);
    for (let turn = 0; turn < 5; turn += 1) {
      await world.pass(WINDOW_MS / 2);
      await make(world, other, ["/locks/busy/x"]);
      await world.let("it is free", other.client.remove("/locks/busy/x"));
      await world.let("a write", other.client.setData("/locks/written", null));
      await world.let("it goes", other.client.remove("/locks/remade"));
      await make(world, other, ["/locks/remade"]);
    }
    expect(of("reaped").map(({ path }) => path)).toEqual(["/locks/idle"]);
    await world.until("all go", () => of("reaped").length === 4, GONE_MS);
    await world.let("it closes", reaper.close());
  });

  it("does not remove what is written to, or has a child, between the last look and the removal", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/a", "/locks/b"]);
    let writes = 0;
    beforeRemoval(actor.client, async () => {
      writes += 1;
      await other.client.setData("/locks/a", null);
      if (writes === 1) await other.client.create("/locks/b/x");
    });
    const { reaper, events } = reaping(actor, { concurrency: 1 });
    await world.until("it tried", () => writes >= 3);
    expect(world.names("/locks").toSorted()).toEqual(["a", "b"]);
    expect(events.filter(({ type }) => type !== "passed")).toEqual([]);
    await world.let("it closes", reaper.close());
  });

  it("does not remove by and by what it cannot remove at once", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/a"]);
    let isCut = false;
    beforeRemoval(actor.client, async () => {
      if (isCut) return;
      isCut = true;
      actor.cable.reset();
      await other.client.create("/locks/a/x");
      await other.client.remove("/locks/a/x");
    });
    const { reaper, of } = reaping(actor);
    await world.until("it is cut off with the removal in its hands", () => isCut);
    await world.pass(WINDOW_MS - INTERVAL_MS);
    expect(isThere(world, "/locks/a")).toBe(true);
    expect(of("uncertain")).toEqual([]);
    await world.until("it goes in its time", () => of("reaped").length === 1, GONE_MS);
    await world.let("it closes", reaper.close());
  });

  it("says that a removal whose answer was lost may have been one, and does not send it again", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, actor, ["/locks/a"]);
    const { reaper, of } = reaping(actor);
    await world.pass(WINDOW_MS / 2);
    const lost = actor.cable.lose("reply", "remove");
    await world.let("an answer is lost", lost);
    await make(world, other, ["/locks/a"]);
    await world.until("it says so", () => of("uncertain").length === 1);
    expect(of("uncertain")[0]).toMatchObject({ path: "/locks/a", error: { applied: "maybe" } });
    await world.pass(WINDOW_MS - INTERVAL_MS);
    expect(isThere(world, "/locks/a")).toBe(true);
    await world.until("the next one goes in its time", () => of("reaped").length === 1, GONE_MS);
    await world.let("it closes", reaper.close());
  });

  it("tells of what it may not look at or remove, and goes on with the others", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await world.let("credentials", other.client.addAuth("digest", "u:p"));
    const own = [{ perms: 31, id: { scheme: "auth", id: "" } }];
    const readable = [{ perms: 1, id: { scheme: "world", id: "anyone" } }];
    await make(world, other, ["/locks"]);
    await make(world, other, ["/locks/secret"], { acl: own });
    await make(world, other, ["/locks/kept/a"]);
    await world.let("what may be read only", other.client.setACL("/locks/kept", readable));
    await make(world, other, ["/locks/z"]);
    const told: RecipeEvent[] = [];
    observeRecipes(actor.client, (event) => told.push(event));
    const { reaper, of } = reaping(actor);
    await world.until("one goes", () => of("reaped").length === 1);
    await world.until("two are refused", () => of("refused").length === 2);
    expect(
      of("refused")
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(["/locks/kept/a", "/locks/secret"]);
    expect(of("refused").every(({ error }) => isZkError(error, "NO_AUTH"))).toBe(true);
    expect(of("reaped")[0]).toMatchObject({ path: "/locks/z" });
    await world.pass(3 * INTERVAL_MS);
    // What cannot be looked at is told of once; a removal is tried again after another window.
    expect(of("refused")).toHaveLength(2);
    expect(told.filter(({ type }) => type === "notReaped")).toHaveLength(2);
    expect(reaper.state).toBe("reaping");
    await world.let("it closes", reaper.close());
  });

  it("judges by the servers' clock whose owner touches it no longer", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, other, ["/ttl"]);
    await world.let("alive", other.client.create("/ttl/alive", "here"));
    await world.let("dead", other.client.create("/ttl/dead", "here"));
    const { reaper, of } = reaping(actor, {
      roots: ["/ttl"],
      withData: true,
      emptyForMs: 100,
      untouchedFor: { forMs: 8000, clock: "/ttl/clock" },
    });
    for (let turn = 0; turn < 7; turn += 1) {
      await world.pass(1000);
      await world.let("a touch", other.client.setData("/ttl/alive", "here"));
    }
    expect(of("reaped")).toEqual([]);
    await world.until("the other's time is over", () => of("reaped").length === 1, 1000 + 3 * INTERVAL_MS);
    expect(of("reaped")[0]).toMatchObject({ path: "/ttl/dead" });
    await world.pass(3000);
    expect(world.names("/ttl").toSorted()).toEqual(["alive", "clock"]);
    await world.until("and so is the first one's", () => of("reaped").length === 2, 8000);
    await world.pass(20_000);
    expect(world.names("/ttl")).toEqual(["clock"]);
    await world.let("it closes", reaper.close());
  });

  it("removes what a leader of the servers believes to have children that went with their session", async () => {
    await using world = await World.begin();
    const [actor, other, dying] = [await world.actor(), await world.actor(), await world.actor()];
    await make(world, other, ["/locks/a"]);
    await make(world, dying, ["/locks/a/x"], { mode: CreateMode.EPHEMERAL });
    const refused = other.client.transaction().check("/locks/a", { version: 99 }).commit();
    expect(await world.let("a refusal", told(refused))).toMatchObject({ code: "BAD_VERSION" });
    await world.let("a session ends", dying.client.close());
    expect(world.names("/locks/a")).toEqual([]);
    expect(await world.let("by hand", told(other.client.remove("/locks/a")))).toMatchObject({
      code: "NOT_EMPTY",
    });
    const { reaper, of } = reaping(actor);
    await world.until("it goes", () => of("reaped").length === 1, 3 * GONE_MS);
    expect(of("reaped")[0]).toMatchObject({ path: "/locks/a" });
    await world.let("it closes", reaper.close());
  });

  it("does not wait for a directory whose numbers are about to wrap", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    await make(world, actor, ["/locks/old", "/locks/young"]);
    const counted = actor.client.getChildrenWithStat.bind(actor.client);
    let cversion = -(2 ** 25) - 2;
    actor.client.getChildrenWithStat = async (path, options) => {
      const { children, stat } = await counted(path, options);
      return { children, stat: path === "/locks/old" ? { ...stat, cversion } : stat };
    };
    const told: RecipeEvent[] = [];
    observeRecipes(actor.client, (event) => told.push(event));
    const { reaper, of } = reaping(actor);
    await world.pass(3 * INTERVAL_MS);
    expect(of("reaped")).toEqual([]);
    cversion = -(2 ** 25);
    await world.until("it goes", () => of("reaped").length === 1, 2 * INTERVAL_MS);
    expect(of("reaped")[0]).toMatchObject({ path: "/locks/old", why: "wrap" });
    expect(told.find(({ type }) => type === "wrapNear")).toMatchObject({ serial: 2 ** 31 - 2 ** 24 });
    expect(isThere(world, "/locks/young")).toBe(true);
    await world.let("it closes", reaper.close());
  });

  it("begins its windows anew in another session", async () => {
    await using world = await World.begin();
    const actor = await world.actor({ afterExpiry: "renew" });
    await make(world, actor, ["/locks/a"]);
    const { reaper, of } = reaping(actor);
    await world.pass(WINDOW_MS - INTERVAL_MS);
    const { sessionId } = actor.client;
    await world.let("the end of its session", world.ensemble.expireSession(actor.client));
    await world.until(
      "another session",
      () => actor.client.state === "connected" && actor.client.sessionId !== sessionId,
    );
    await world.pass(WINDOW_MS - INTERVAL_MS);
    expect(of("reaped")).toEqual([]);
    await world.until("it goes", () => of("reaped").length === 1, 3 * INTERVAL_MS);
    await world.let("it closes", reaper.close());
  });

  it("ends at any time, also before it has a connection, and leaves nothing under way", async () => {
    await using world = await World.begin();
    const [actor, other] = [await world.actor(), await world.actor()];
    await make(world, other, ["/locks/a", "/locks/b"]);
    for (let afterMs = 0; afterMs < 20; afterMs += 1) {
      const { reaper } = reaping(actor, {
        emptyForMs: 1,
        intervalMs: 1,
        leader: "/reapers",
        dryRun: afterMs % 2 === 0,
      });
      await world.pass(afterMs);
      await world.let("it closes", reaper.close());
      await world.let("it closes again", reaper.close());
      expect(actor.client.load).toMatchObject({ inFlight: 0, queued: 0, watches: 0 });
      expect(recipeMetrics(actor.client)).toMatchObject({ waiting: 0, holding: 0 });
      expect(world.names("/reapers")).toEqual([]);
      await make(
        world,
        other,
        ["/locks/a", "/locks/b"].filter((path) => !isThere(world, path)),
      );
    }
    actor.cable.cut();
    const { reaper } = reaping(actor);
    await world.pass(10);
    await world.let("it closes while it is cut off", reaper.close());
    actor.cable.mend();
    expect(() => reaper.start()).toThrow(/RELEASED/);
  });

  it("says why it ends by itself", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const { reaper, of } = reaping(actor);
    await world.until("a pass", () => of("passed").length > 0);
    await world.let("its client is closed", actor.client.close());
    await world.until("it says so", () => of("failed").length === 1);
    expect(reaper.state).toBe("failed");
    expect(reaper.signal.reason).toMatchObject({ code: "CLOSED" });
    await world.let("it closes", reaper.close());
  });

  it("tells what would go, once, and removes nothing, in a dry run", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    await make(world, actor, ["/locks/a"]);
    const { reaper, of } = reaping(actor, { dryRun: true });
    await world.pass(4 * GONE_MS);
    expect(of("reaped").map(({ path }) => path)).toEqual(["/locks/a"]);
    expect(isThere(world, "/locks/a")).toBe(true);
    expect(recipeMetrics(actor.client).reaped).toBe(0);
    await world.let("it closes", reaper.close());
  });

  it("goes on when a listener throws, and says so", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    await make(world, actor, ["/locks/a"]);
    const told: RecipeEvent[] = [];
    observeRecipes(actor.client, (event) => told.push(event));
    const { reaper, of } = reaping(actor);
    reaper.onEvent(() => {
      throw new Error("a listener's own");
    });
    await world.until("it goes", () => of("reaped").length === 1);
    expect(told.filter(({ type }) => type === "listenerFailed").length).toBeGreaterThan(0);
    await world.let("it closes", reaper.close());
  });

  it.each<[string, Partial<ReaperOptions>]>([
    ["no roots", { roots: [] }],
    ["a root that is no path", { roots: ["locks"] }],
    ["ZooKeeper's own", { roots: ["/zookeeper/quota"] }],
    ["everything", { roots: ["/"] }],
    ["no window", { emptyForMs: 0 }],
    ["a window that is no number", { emptyForMs: Number.NaN }],
    ["no interval", { intervalMs: 0 }],
    ["no requests", { concurrency: 0 }],
    ["too many requests", { concurrency: 101 }],
    ["a leader that is no path", { leader: "/" }],
    ["no time untouched", { untouchedFor: { forMs: 0, clock: "/c" } }],
    ["a clock that is no path", { untouchedFor: { forMs: 1, clock: "c" } }],
  ])("refuses %s", async (_what, options) => {
    await using world = await World.begin();
    const { client } = await world.actor();
    expect(() => new Reaper(client, { roots: ["/locks"], ...options })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", recipe: "Reaper" }),
    );
  });
});
