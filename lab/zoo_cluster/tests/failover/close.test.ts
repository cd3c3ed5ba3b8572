import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { tickTimeMs, useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import type { TestClient } from "./support/test-client.js";
import { until, within } from "./support/wait.js";
import { WatchBook } from "./support/watch-book.js";

const cluster = useCluster();
const sessionTimeoutMs = 12 * tickTimeMs;
/** What a bounded end may take beyond its bound, in milliseconds: two busy processors. */
const slackMs = 500;

/** A client with an ephemeral znode, a watch and calls under way, and how its end was told. */
async function prepare(on: number, closeTimeoutMs: number) {
  const client = await cluster.client({ on, sessionTimeoutMs, closeTimeoutMs });
  await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
  const watches = new WatchBook();
  await client.zk.exists("/absent", { watch: watches.listener("absent") });
  const close = async (): Promise<boolean> => {
    const calls = [0, 1, 2].map((count) =>
      client.zk.create(`/late-${count}`).catch((error: unknown) => error),
    );
    const fromMs = performance.now();
    const { confirmed } = await within("close()", closeTimeoutMs + slackMs, client.zk.close());
    reportOutage(
      `close() with ${expect.getState().currentTestName?.split(" > ").at(-1)}`,
      performance.now() - fromMs,
    );
    // Whoever asks again is told the same, and everything else is over by then.
    expect(await client.zk.close()).toEqual({ confirmed });
    expect(client.zk.state).toBe("closed");
    expect(client.tracked.connections).toBe(0);
    expect(client.tracked.timers).toBe(0);
    await within("the calls that were under way", 100, Promise.all(calls));
    await expect(client.zk.exists("/mine")).rejects.toMatchObject({ code: "CLOSED", applied: "no" });
    expect(watches.all).toEqual({ absent: ["None closed"] });
    return confirmed;
  };
  return { client, close };
}

async function isThere({ zk }: TestClient): Promise<boolean> {
  await zk.sync("/mine");
  return (await zk.exists("/mine")) !== null;
}

/** The stat of the folder of a test; its pzxid is of the last znode that came or went there. */
async function lastChange({ zk }: TestClient) {
  const stat = await zk.exists("/");
  if (stat === null) throw new Error("the chroot of the test is gone");
  return stat;
}

/** The reign of a leader in which a transaction happened. */
function epochOf(zxid: bigint): bigint {
  return zxid >> 32n;
}

describe("close()", () => {
  it("a healthy server: confirmed, and the ephemerals are gone", async () => {
    const observer = await cluster.client();
    const { close } = await prepare(2, 5_000);
    expect(await isThere(observer)).toBe(true);
    expect(await close()).toBe(true);
    expect(await isThere(observer)).toBe(false);
  });

  it("all servers dead: not confirmed, and the ephemerals stay until the session ends by itself", async () => {
    const { ensemble } = cluster;
    const { client, close } = await prepare(2, 1_000);
    const observer = await cluster.client();
    const epochOfLife = epochOf((await lastChange(observer)).pzxid);
    const killedMs = performance.now();
    await Promise.all(ensemble.servers.map(({ id }) => ensemble.kill(id)));
    await client.told("suspended", killedMs);
    expect(await close()).toBe(false);
    await cluster.heal();
    await until("the session to end by itself", async () => !(await isThere(observer)));
    // Removed by the leader that came after: whoever looks may be slow, and come only when the session has ended as well.
    expect(epochOf((await lastChange(observer)).pzxid)).toBeGreaterThan(epochOfLife);
  });

  it("its server dead and others alive: confirmed through another one", async () => {
    const { ensemble } = cluster;
    await ensemble.leader();
    const [follower = 0] = await ensemble.followers();
    const { close } = await prepare(follower, 10_000);
    const observer = await cluster.client({ on: await ensemble.leader() });
    await ensemble.kill(follower);
    expect(await close()).toBe(true);
    expect(await isThere(observer)).toBe(false);
  });

  it("its server killed meanwhile: what it says of the ephemerals is true", async () => {
    const { ensemble } = cluster;
    await ensemble.leader();
    const [follower = 0] = await ensemble.followers();
    const { close } = await prepare(follower, 10_000);
    const observer = await cluster.client({ on: await ensemble.leader() });
    const [confirmed] = await Promise.all([close(), ensemble.kill(follower)]);
    // Others were alive all the time, so there was somebody to confirm it.
    expect(confirmed).toBe(true);
    expect(await isThere(observer)).toBe(false);
  });

  it("its server paused and little time: not confirmed, in time", async () => {
    const { ensemble } = cluster;
    await ensemble.leader();
    const [follower = 0] = await ensemble.followers();
    const { close } = await prepare(follower, 500);
    const observer = await cluster.client({ on: await ensemble.leader() });
    await ensemble.pause(follower);
    expect(await close()).toBe(false);
    expect(await isThere(observer)).toBe(true);
    await ensemble.resume(follower);
    await until("the session to end", async () => !(await isThere(observer)));
  });

  it("its server paused and time enough: confirmed through another one", async () => {
    const { ensemble } = cluster;
    await ensemble.leader();
    const [follower = 0] = await ensemble.followers();
    const { close } = await prepare(follower, 10_000);
    const observer = await cluster.client({ on: await ensemble.leader() });
    await ensemble.pause(follower);
    expect(await close()).toBe(true);
    expect(await isThere(observer)).toBe(false);
    await ensemble.resume(follower);
  });

  it("no quorum: not confirmed, in time", async () => {
    const { ensemble } = cluster;
    const leader = await ensemble.leader();
    const followers = await ensemble.followers();
    const { close } = await prepare(leader, 1_000);
    await Promise.all(followers.map((id) => ensemble.kill(id)));
    expect(await close()).toBe(false);
  });
});
