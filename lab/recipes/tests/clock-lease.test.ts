import type { Clock } from "@zk/client";
import { ClockLease, type ClockLeaseOptions } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, World } from "../src/index.js";

const text = (data: Uint8Array | null | undefined): string =>
  new TextDecoder().decode(data ?? new Uint8Array(0));

/** What the model's clocks on the wall are ahead of virtual time. */
const SERVERS_AHEAD_MS = 1_400_000_000_000;

function leaseOf({ client }: Actor, holder: string, options: Partial<ClockLeaseOptions> = {}): ClockLease {
  return new ClockLease(client, "/lease", { holder, durationMs: 10_000, ...options });
}

describe("a lease by the servers' clock", () => {
  it("is one holder's until its time is over, and kazoo can read it", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one").tryObtain());
    expect(text(world.tree.data("/lease/lease_holder"))).toMatch(
      /^\{"version": 1, "holder": "one", "end": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"\}$/,
    );
    expect(world.names("/lease")).toEqual(["lease_holder"]);
    expect(world.tree.stat("/lease/lease_holder")).toMatchObject({ mzxid: term?.token, ephemeralOwner: 0n });
    expect(await world.let("a try", leaseOf(two, "two").tryObtain())).toBeNull();
    expect(world.names("/lease")).toEqual(["lease_holder"]);
    const next = leaseOf(two, "two").obtain();
    const second = await world.let("the next term", next, 13_000);
    expect([term?.state, term?.signal.aborted]).toEqual(["ended", true]);
    expect(term?.signal.reason).toMatchObject({ code: "HOLD_LOST" });
    expect(second.token).toBeGreaterThan(term!.token);
    const late = term!.guard((tx) => tx.create("/late")).catch((error: unknown) => error);
    expect(await world.let("a late write", late)).toMatchObject({ code: "HOLD_LOST" });
    await world.let(
      "a write",
      second.guard((tx) => tx.create("/timely")),
    );
    expect(world.names("/")).not.toContain("late");
  });

  it("lives on when its holder's session ends, and is taken anew by the same holder from elsewhere", async () => {
    await using world = await World.begin();
    const [one, other, two] = [await world.actor(), await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "job").tryObtain());
    await world.let("the end of the session", world.ensemble.expireSession(one.client));
    expect(term?.state).toBe("held");
    expect(await world.let("a try", leaseOf(two, "two").tryObtain())).toBeNull();
    const again = await world.let("the renewal", leaseOf(other, "job").tryObtain());
    expect(again!.token).toBeGreaterThan(term!.token);
    expect(again!.endMs).toBeGreaterThanOrEqual(term!.endMs);
  });

  it("believes less than it has, and asks more of others", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one", { skewMs: 3000 }).tryObtain());
    expect(term!.leftMs).toBeLessThanOrEqual(8000);
    expect(term!.leftMs).toBeGreaterThan(6500);
    await world.pass(term!.leftMs);
    expect(term!.state).toBe("ended");
    expect(await world.let("a try", leaseOf(two, "two", { skewMs: 3000 }).tryObtain())).toBeNull();
    await world.pass(8000);
    expect(await world.let("a try", leaseOf(two, "two", { skewMs: 3000 }).tryObtain())).not.toBeNull();
  });

  it("without skew is believed in for no part of a millisecond longer than it lasts", async () => {
    await using world = await World.begin({ slownessMs: [0, 0] });
    const actor = await world.actor();
    for (let part = 1; part < 10; part += 1) {
      await world.pass(part / 10);
      const term = await world.let("the lease", leaseOf(actor, "me", { skewMs: 0 }).obtain());
      expect(SERVERS_AHEAD_MS + world.clock.nowMs() + term.leftMs).toBeLessThanOrEqual(term.endMs);
    }
  });

  it("is free at once when it is given back, and who waits hears of it", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one").tryObtain());
    const next = leaseOf(two, "two").obtain();
    await world.until("it waits", () => two.client.load.watches === 1 && two.client.load.inFlight === 0);
    const beforeMs = world.clock.nowMs();
    await world.let("the release", term!.release());
    const second = await world.let("the next term", next);
    expect(world.clock.nowMs() - beforeMs).toBeLessThan(1000);
    expect(term!.state).toBe("released");
    // It is another's by now.
    await world.let("a second release", term!.release());
    expect(second.state).toBe("held");
    await world.let("its end", second.release());
  });

  it("judges what kazoo wrote, and leaves a later version alone", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const write = (data: string): Promise<unknown> =>
      actor.client
        .setData("/lease/lease_holder", data)
        .catch(() => actor.client.create("/lease/lease_holder", data, { createParents: true }));
    const holds = (end: string): string => `{"version": 1, "holder": "kazoo", "end": "${end}"}`;
    await world.let("kazoo", write(holds("2999-01-01T00:00:00")));
    expect(await world.let("a try", leaseOf(actor, "me").tryObtain())).toBeNull();
    await world.let("kazoo", write('{"version": 2}'));
    expect(await world.let("a try", leaseOf(actor, "me").tryObtain())).toBeNull();
    await world.let("kazoo", write("nonsense"));
    const refused = leaseOf(actor, "me")
      .tryObtain()
      .catch((error: unknown) => error);
    expect(await world.let("a try", refused)).toMatchObject({ code: "CORRUPTED" });
    expect(world.names("/lease")).toEqual(["lease_holder"]);
    await world.let("kazoo", write(holds("1971-01-01T00:00:00")));
    expect(await world.let("a try", leaseOf(actor, "me").tryObtain())).not.toBeNull();
  });

  it("has as many holders as there are slots", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const terms = [];
    for (const holder of ["a", "b", "c"])
      terms.push(await world.let("a try", leaseOf(actor, holder, { slots: 2 }).tryObtain()));
    expect(terms.map((term) => term?.slot)).toEqual([0, 1, undefined]);
    expect([...world.names("/lease")].sort()).toEqual(["0", "1"]);
  });

  it.each(["reply", "request"] as const)("whose %s is lost is taken once", async (part) => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    for (const operation of ["multi", "setData", "getData"] as const) {
      void one.cable.lose(part, operation);
      const term = await world.let(`behind a lost ${operation}`, leaseOf(one, operation).obtain());
      expect(world.tree.stat("/lease/lease_holder")?.mzxid).toBe(term.token);
      expect(await world.let("a try", leaseOf(two, "two").tryObtain())).toBeNull();
      await world.let("the release", term.release());
    }
    expect(world.names("/lease")).toEqual(["lease_holder"]);
  });

  it("whose wait is aborted or out of time leaves nothing in line", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    await world.let("the lease", leaseOf(one, "one").tryObtain());
    const waiting = leaseOf(two, "two")
      .obtain({ timeoutMs: 500 })
      .catch((error: unknown) => error);
    expect(await world.let("the wait", waiting, 1000)).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(world.names("/lease")).toEqual(["lease_holder"]);
    expect(two.client.load.watches).toBe(0);
  });

  it("is given back by a second try when nobody answered the first", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one").obtain());
    one.cable.cut();
    const failed = term.release({ timeoutMs: 100 }).catch((error: unknown) => error);
    expect(await world.let("a release without a connection", failed)).toMatchObject({ name: "ZkError" });
    expect(term.state).toBe("released");
    one.cable.mend();
    await world.let("the second release", term.release());
    expect(await world.let("a try", leaseOf(two, "two").tryObtain())).not.toBeNull();
  });

  it("stays its holder's when a renewal was made whose wait had ended by then", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one").obtain());
    const lost = one.cable.lose("reply", "multi");
    const renewing = leaseOf(one, "one")
      .tryObtain({ timeoutMs: 50 })
      .catch((error: unknown) => error);
    await world.let("the loss of the answer", lost);
    one.cable.cut();
    expect(await world.let("the renewal", renewing)).toMatchObject({ code: "WAIT_TIMEOUT" });
    const renewedMzxid = world.tree.stat(term.path)?.mzxid;
    expect(renewedMzxid).toBeGreaterThan(term.token);
    one.cable.mend();
    await world.until("it is given back", () => world.tree.stat(term.path)?.mzxid !== renewedMzxid);
    expect(term.state).toBe("held");
    expect(await world.let("a try", leaseOf(two, "two").tryObtain())).toBeNull();
    await world.pass(term.leftMs);
    expect(await world.let("the next term", leaseOf(two, "two").obtain(), 3000)).toBeDefined();
  });

  it("that is not given back ends for us with the client, and keeps no timer", async () => {
    await using world = await World.begin();
    const timers = new Set<() => void>();
    const { clock } = world;
    const counting: Clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (delayMs, callback) => {
        const cancel = clock.setTimer(delayMs, () => {
          timers.delete(cancel);
          callback();
        });
        timers.add(cancel);
        return () => {
          timers.delete(cancel);
          cancel();
        };
      },
      afterContinuations: (callback) => clock.afterContinuations(callback),
      afterReads: (callback) => clock.afterReads(callback),
    };
    const [one, two] = [await world.actor({ ports: { clock: counting } }), await world.actor()];
    const term = await world.let("the lease", leaseOf(one, "one").obtain());
    await world.let("the end of the client", one.client.close());
    expect(timers.size).toBe(0);
    expect([term.state, term.leftMs]).toEqual(["ended", 0]);
    expect(term.signal.reason).toMatchObject({ code: "HOLD_LOST" });
    expect(await world.let("a try", leaseOf(two, "two").tryObtain())).toBeNull();
  });

  it("says that it is over also when the clock cannot count that far, and rings before", async () => {
    await using world = await World.begin();
    const { clock } = world;
    const short: Clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (delayMs, callback) => clock.setTimer(Math.min(delayMs, 1500), callback),
      afterContinuations: (callback) => clock.afterContinuations(callback),
      afterReads: (callback) => clock.afterReads(callback),
    };
    const actor = await world.actor({ ports: { clock: short } });
    const term = await world.let("the lease", leaseOf(actor, "one").obtain());
    await world.pass(term.leftMs - 1);
    expect(term.signal.aborted).toBe(false);
    await world.pass(2);
    expect(term.signal.aborted).toBe(true);
  });

  it("refuses times that make no sense", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const bad = [{ durationMs: 1000 }, { durationMs: Number.NaN }, { skewMs: -1 }, { slots: 0 }];
    for (const options of bad) expect(() => leaseOf(actor, "me", options)).toThrow(/INVALID_ARGUMENT/);
  });
});
