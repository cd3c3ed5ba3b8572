import { LeaderLatch } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, World } from "../src/index.js";

/** The latches of several clients, and who of them said that it leads while another one did. */
class Electorate {
  readonly latches: LeaderLatch[] = [];
  readonly changes: string[] = [];
  readonly tokens: bigint[] = [];
  readonly #leading = new Set<LeaderLatch>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  add(actor: Actor, options: { readonly onSuspended?: "abort" | "wait" } = {}): LeaderLatch {
    const id = String(this.latches.length);
    const latch = new LeaderLatch(actor.client, "/latch", { identity: id, ...options });
    latch.onEvent((event) => {
      this.changes.push(`${id} ${event.type}`);
      if (event.type === "notLeader") this.#leading.delete(latch);
      if (event.type !== "leader") return;
      this.#leading.add(latch);
      this.tokens.push(event.leadership.token);
    });
    this.latches.push(latch);
    return latch.start();
  }

  /** Those that said so last. */
  get leaders(): readonly LeaderLatch[] {
    return [...this.#leading];
  }

  /** All are candidates, one leads, and nobody else's znode is there. */
  async settled(candidates = this.latches.length): Promise<LeaderLatch> {
    await this.#world.until(
      "all are candidates again and one leads",
      () => this.#world.names("/latch").length === candidates && this.leaders.length === 1,
    );
    return this.leaders[0]!;
  }

  async close(): Promise<void> {
    await this.#world.let("all close", Promise.all(this.latches.map((latch) => latch.close())));
    // One that has no connection just then leaves its znode to the janitor.
    await this.#world.until("no znode is left", () => this.#world.names("/latch").length === 0);
  }
}

describe("a latch that lost its connection", () => {
  it("leads again in the same term when the session is still there, and is no leader meanwhile (AURORA-1840)", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const all = new Electorate(world);
    const latch = all.add(actor);
    const first = await world.let("the leadership", latch.leading());
    const meanwhile: unknown[] = [];
    actor.client.on("state", () => meanwhile.push([latch.isLeader, latch.state]));
    actor.cable.reset();
    await world.until("it is in doubt", () => meanwhile.length > 0);
    expect(meanwhile[0]).toEqual([false, "suspect"]);
    expect(first.signal.reason).toMatchObject({ code: "HOLD_SUSPECT" });
    const again = await world.let("the leadership", latch.leading());
    expect(again).not.toBe(first);
    expect(again).toMatchObject({ token: first.token, path: first.path });
    expect(again.signal.aborted).toBe(false);
    expect(all.changes).toEqual(["0 leader", "0 notLeader", "0 leader"]);
    await all.close();
  });

  it("stays the leader to its deadline, if told to wait, and not a moment longer", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const all = new Electorate(world);
    const latch = all.add(one, { onSuspended: "wait" });
    const first = await world.let("the leadership", latch.leading());
    all.add(two, { onSuspended: "wait" });
    await all.settled();
    one.cable.cut();
    await world.until("it is in doubt", () => latch.state === "suspect");
    expect(latch.isLeader).toBe(true);
    await world.until("another leads", () => all.leaders.some((each) => each !== latch));
    // At the moment at which the other one leads, the first one has long known that it does not.
    expect(latch.isLeader).toBe(false);
    expect(first.signal.reason).toMatchObject({ code: "HOLD_LOST" });
    one.cable.mend();
    await world.pass(1000);
    await all.close();
  });

  it("does not keep the znode of its last session (CURATOR-696, 498; Druid #16411): it leads with one of its own session", async () => {
    await using world = await World.begin();
    const [one, two] = [
      await world.actor({ afterExpiry: "renew" }),
      await world.actor({ afterExpiry: "renew" }),
    ];
    const all = new Electorate(world);
    const latch = all.add(one);
    const first = await world.let("the leadership", latch.leading());
    // Everything is down until the session has gone, and then comes back.
    one.cable.cut();
    await world.until("its session has gone", () => world.names("/latch").length === 0);
    all.add(two);
    await all.settled(1);
    expect(latch.isLeader).toBe(false);
    one.cable.mend();
    const leader = await all.settled(2);
    expect(leader).toBe(all.latches[1]);
    await world.let("the leader's close", leader.close());
    const second = await world.let("the leadership", latch.leading());
    expect(second.token).toBeGreaterThan(first.token);
    expect(second.sessionId).toBe(one.client.sessionId);
    expect(second.sessionId).not.toBe(first.sessionId);
    await all.close();
  });

  it("twice in a row settles (CURATOR-620: two RECONNECTED in a row; 504: races after reconnecting)", async () => {
    await using world = await World.begin();
    const actors = [await world.actor(), await world.actor(), await world.actor()];
    const all = new Electorate(world);
    for (const actor of actors) all.add(actor);
    await all.settled();
    for (let round = 0; round < 20; round += 1) {
      for (const { cable } of actors) cable.reset();
      // The second time before the first one is dealt with, and at another moment in each round.
      await world.pass(round);
      for (const { cable } of actors) cable.reset();
      await all.settled();
      expect(world.names("/latch")).toHaveLength(3);
    }
    // Nobody lost its place: a lost connection alone elects nobody else.
    expect(new Set(all.tokens).size).toBe(1);
    await all.close();
  });

  it("together with all others does not begin anew for ever (CURATOR-644, 645, 652, 653)", async () => {
    await using world = await World.begin();
    const actors = [
      await world.actor({ afterExpiry: "renew" }),
      await world.actor({ afterExpiry: "renew" }),
      await world.actor({ afterExpiry: "renew" }),
    ];
    const all = new Electorate(world);
    for (const actor of actors) all.add(actor);
    await all.settled();
    for (let round = 0; round < 5; round += 1) {
      for (const { cable } of actors) cable.cut();
      await world.until("all sessions have gone", () => world.names("/latch").length === 0);
      for (const { cable } of actors) cable.mend();
      await all.settled();
      const before = all.changes.length;
      await world.pass(20_000);
      expect(all.changes.slice(before)).toEqual([]);
    }
    await all.close();
  });

  it("because the servers lost their quorum is no leader until they have one (CURATOR-444)", async () => {
    await using world = await World.begin();
    const actors = [await world.actor({ afterExpiry: "renew" }), await world.actor({ afterExpiry: "renew" })];
    const all = new Electorate(world);
    for (const actor of actors) all.add(actor);
    await all.settled();
    const [one, two] = world.ensemble.servers.map(({ id }) => id);
    await world.let("a kill", world.ensemble.kill(one!));
    await world.let("a kill", world.ensemble.kill(two!));
    await world.until("nobody leads", () => all.leaders.length === 0);
    await world.pass(15_000);
    expect(all.leaders).toEqual([]);
    await world.let("a start", world.ensemble.start(one!));
    await world.let("a start", world.ensemble.start(two!));
    await all.settled();
    await all.close();
  });
});
