import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { tickTimeMs, useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import type { TestClient } from "./support/test-client.js";
import { letPass, until } from "./support/wait.js";
import { WatchBook } from "./support/watch-book.js";
import { WriteLoad } from "./support/write-load.js";

const cluster = useCluster();
/** Short, for tests that stand still for three of them; longer than the five ticks after which servers drop each other. */
const sessionTimeoutMs = 12 * tickTimeMs;
const factors = [0.5, 1.5, 3];

/** A session with an ephemeral znode, writes of its own and another client that would see the znode go. */
async function prepare(on: number): Promise<{
  readonly client: TestClient;
  readonly load: WriteLoad;
  readonly keepsSession: () => Promise<void>;
}> {
  const { ensemble } = cluster;
  const client = await cluster.client({ on, sessionTimeoutMs });
  expect(client.zk.sessionTimeoutMs).toBe(sessionTimeoutMs);
  const { sessionId } = client.zk;
  const { zxid } = await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
  const elsewhere = ensemble.servers.find(({ id }) => id !== on)?.id;
  const other = await cluster.client(elsewhere === undefined ? {} : { on: elsewhere });
  const watches = new WatchBook();
  await other.works();
  await other.zk.exists("/mine", { watch: watches.listener("ephemeral") });
  const load = new WriteLoad([client], { writers: 2 });
  await load.flows(20, performance.now());
  return {
    client,
    load,
    keepsSession: async () => {
      expect(client.zk.sessionId).toBe(sessionId);
      expect(client.stateNames).not.toContain("expired");
      expect(client.zk.presumedExpired).toBe(false);
      await other.works();
      expect(await other.zk.exists("/mine")).toMatchObject({ czxid: zxid, ephemeralOwner: sessionId });
      expect(watches.all).toEqual({});
      await load.verify(other);
    },
  };
}

describe("the server paused that the client sits on", () => {
  it.each(factors)("for %f session timeouts", async (factor) => {
    const { ensemble } = cluster;
    await ensemble.leader();
    const [follower = 0] = await ensemble.followers();
    const { client, load, keepsSession } = await prepare(follower);
    const pauseMs = factor * sessionTimeoutMs;

    const pausedMs = performance.now();
    await ensemble.pause(follower);
    const passedMs = await letPass(`server ${follower} stands still`, pauseMs);
    const movedMs = performance.now();
    if (factor > 1) {
      // In time to keep the session, and without waiting for the server to come back.
      expect(client.port).not.toBe(cluster.server(follower).clientPort);
      const { atMs } = await client.told("connected", pausedMs);
      expect(atMs - pausedMs).toBeLessThan(sessionTimeoutMs);
      expect(load.outageMs(pausedMs)).toBeLessThan(sessionTimeoutMs);
    }
    await ensemble.resume(follower);
    await load.flows(20, movedMs);
    reportOutage(`server of the client paused for ${factor} session timeouts`, load.outageMs(pausedMs));
    const figures = await load.stop();
    expect(passedMs).toBeGreaterThanOrEqual(pauseMs);
    console.log(`writes: ${JSON.stringify(figures)}, states: ${client.stateNames.join(" ")}`);
    await keepsSession();
  });
});

describe("the leader paused", () => {
  it.each(factors)("for %f session timeouts", async (factor) => {
    const { ensemble } = cluster;
    const leader = await ensemble.leader();
    const onLeader = await prepare(leader);
    const [follower = 0] = await ensemble.followers();
    const writer = await cluster.client({ on: follower, sessionTimeoutMs });
    const load = new WriteLoad([writer], { writers: 2 });
    await load.flows(20, performance.now());
    const pauseMs = factor * sessionTimeoutMs;

    const pausedMs = performance.now();
    await ensemble.pause(leader);
    await letPass(`leader ${leader} stands still`, pauseMs);
    const movedMs = performance.now();
    if (factor > 1) {
      // The two others went on without it: they have a leader, and both clients.
      expect(await ensemble.leader()).not.toBe(leader);
      await Promise.all([onLeader.load.flows(5, pausedMs), load.flows(5, pausedMs)]);
    }
    await ensemble.resume(leader);
    await Promise.all([onLeader.load.flows(20, movedMs), load.flows(20, movedMs)]);
    reportOutage(
      `leader paused for ${factor} session timeouts, client on it`,
      onLeader.load.outageMs(pausedMs),
    );
    reportOutage(
      `leader paused for ${factor} session timeouts, client on a follower`,
      load.outageMs(pausedMs),
    );
    await Promise.all([onLeader.load.stop(), load.stop()]);
    await until("the old leader to follow", async () => (await ensemble.followers()).length === 2);
    await onLeader.keepsSession();
    expect(writer.stateNames).not.toContain("expired");
    await load.verify(await cluster.client());
  });
});
