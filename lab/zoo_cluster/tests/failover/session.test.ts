import { CreateMode } from "@zk/client";
import { beforeAll, describe, expect, it } from "vitest";
import { buildClient, wallMs } from "./support/child-client.js";
import { tickTimeMs, useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import { until, within } from "./support/wait.js";
import { WatchBook } from "./support/watch-book.js";

const cluster = useCluster();
beforeAll(buildClient);

describe("a session expired from outside", () => {
  it("ends every call and every watch truthfully, and connect() starts a new one", async () => {
    const { ensemble } = cluster;
    const client = await cluster.client();
    const other = await cluster.client();
    const { sessionId } = client.zk;
    const watches = new WatchBook();
    await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    await client.zk.create("/node");
    await client.zk.getData("/node", { watch: watches.listener("data") });
    await client.zk.getChildren("/node", { watch: watches.listener("children") });
    await client.zk.exists("/absent", { watch: watches.listener("absent") });
    const stream = client.zk.watch("/node", { recursive: true });
    await stream.ready;
    const nextChange = stream.next().catch((error: unknown) => error);

    client.tracked.hold();
    const fromMs = performance.now();
    await ensemble.expireSession(client.zk);
    await client.told("suspended", fromMs);
    // Asked for while the client does not know yet.
    const calls = {
      create: client.zk.create("/never", ""),
      setData: client.zk.setData("/node", "never"),
      getData: client.zk.getData("/node"),
      exists: client.zk.exists("/node"),
      getChildren: client.zk.getChildren("/node"),
      remove: client.zk.remove("/node"),
      sync: client.zk.sync("/node"),
      transaction: client.zk.transaction().create("/never", "").commit(),
    };
    const failures = Promise.all(Object.values(calls).map((call) => call.catch((error: unknown) => error)));
    client.tracked.release();
    await client.told("expired", fromMs);
    for (const [index, operation] of Object.keys(calls).entries()) {
      const failure = (await within("the failed calls", 5_000, failures))[index];
      // None of them ever left this process, so none can have been applied.
      expect(failure, operation).toMatchObject({ code: "SESSION_EXPIRED", applied: "no", operation });
    }
    await until("all watches to be told", () => Object.keys(watches.all).length === 3);
    expect(watches.all).toEqual({
      absent: ["None expired"],
      children: ["None expired"],
      data: ["None expired"],
    });
    expect(await nextChange).toMatchObject({ code: "SESSION_EXPIRED" });
    expect(client.zk.state).toBe("expired");
    await expect(client.zk.exists("/node")).rejects.toMatchObject({ code: "SESSION_EXPIRED", applied: "no" });

    await client.zk.connect();
    reportOutage("session expired from outside, until a new one", performance.now() - fromMs);
    expect(client.zk.sessionId).not.toBe(sessionId);
    expect(client.stateNames.slice(-3)).toEqual(["expired", "connecting", "connected"]);
    expect(await client.zk.exists("/mine")).toBe(null);
    await other.works();
    expect(await other.zk.exists("/never")).toBe(null);
    await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    await other.zk.sync("/mine");
    expect(await other.zk.exists("/mine")).toMatchObject({ ephemeralOwner: client.zk.sessionId });
  });

  it("leaves writes under way in doubt, as they may have been applied", async () => {
    const { ensemble } = cluster;
    const client = await cluster.client();
    const other = await cluster.client();
    const fromMs = performance.now();
    let isStopping = false;
    const told = new Map<string, string>();
    const write = async (lane: number): Promise<void> => {
      for (let count = 0; !isStopping; count += 1) {
        const path = `/node-${lane}-${count}`;
        const outcome = await client.zk.create(path).then(
          () => "acknowledged",
          (error) => `${error.code} ${error.applied}`,
        );
        told.set(path, outcome);
        if (outcome.startsWith("SESSION_EXPIRED")) return;
      }
    };
    const writes = Promise.all([0, 1, 2, 3].map(write));
    await until("writes to flow", () => told.size > 50);
    await ensemble.expireSession(client.zk);
    await client.told("expired", fromMs);
    reportOutage("session expired under writes, until told", performance.now() - fromMs);
    isStopping = true;
    await within("the last writes", 10_000, writes);
    await other.zk.sync("/");
    const there = new Set((await other.zk.getChildren("/")).map((name) => `/${name}`));
    for (const [path, outcome] of told) {
      expect([
        "acknowledged",
        "CONNECTION_LOSS maybe",
        "SESSION_EXPIRED no",
        "SESSION_EXPIRED maybe",
      ]).toContain(outcome);
      if (outcome === "acknowledged") expect(there.has(path), path).toBe(true);
      if (outcome.endsWith(" no")) expect(there.has(path), path).toBe(false);
    }
    expect([...told.values()]).toContain("CONNECTION_LOSS maybe");
  });
});

describe("the owner of an ephemeral znode killed -9", () => {
  const sessionTimeoutMs = 8 * tickTimeMs;
  /** For what lies between the server's decision and our clock: the quorum's write, the event, two busy processes. */
  const slackMs = 2 * tickTimeMs;

  it.each(["leader", "follower"])(
    "the znode goes within the timeout and a tick, and not before (%s)",
    async (on) => {
      const { ensemble } = cluster;
      const leader = await ensemble.leader();
      const [follower = 0] = await ensemble.followers();
      const observer = await cluster.client({ on: leader });
      const server = cluster.server(on === "leader" ? leader : follower);
      const child = await cluster.child({
        sessionTimeoutMs,
        ephemeral: "/mine",
        on: `${server.host}:${server.clientPort}`,
      });
      expect(child.of("ready")[0]?.server).toBe(`${server.host}:${server.clientPort}`);
      expect(child.sessionTimeoutMs).toBe(sessionTimeoutMs);
      let goneAtMs: number | undefined;
      await observer.works();
      const stat = await observer.zk.exists("/mine", { watch: () => (goneAtMs = wallMs()) });
      expect(stat).toMatchObject({ ephemeralOwner: child.session.id });

      // The server hears of the session for the last time between these two moments.
      const { sentAtMs } = await child.touch();
      const killedMs = await child.kill();
      await until("the znode to go", () => goneAtMs, { limitMs: 4 * sessionTimeoutMs });
      const [afterTouchMs, afterKillMs] = [(goneAtMs ?? 0) - sentAtMs, (goneAtMs ?? 0) - killedMs];
      reportOutage(`owner on the ${on} killed, until its znode was gone`, afterKillMs);
      expect(afterTouchMs).toBeGreaterThanOrEqual(sessionTimeoutMs);
      // A follower passes on what it heard with the leader's next ping, half a tick later at most.
      const passedOnMs = on === "leader" ? 0 : tickTimeMs / 2;
      expect(afterKillMs).toBeLessThanOrEqual(sessionTimeoutMs + tickTimeMs + passedOnMs + slackMs);
      expect(await observer.zk.exists("/mine")).toBe(null);
    },
  );
});

describe("a session whose process died", () => {
  it("is taken over by another client with its id and password, ephemerals and all", async () => {
    const child = await cluster.child({ sessionTimeoutMs: 12 * tickTimeMs, ephemeral: "/mine" });
    const observer = await cluster.client();
    const { session } = child;
    await child.kill();
    const killedMs = performance.now();

    const wrong = cluster.makeClient({ session: { id: session.id, password: new Uint8Array(16).fill(1) } });
    await expect(wrong.zk.connect()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    const heir = await cluster.client({ session, sessionTimeoutMs: 12 * tickTimeMs });
    await heir.zk.setData("/mine", "taken over");
    reportOutage("session taken over from a dead process", performance.now() - killedMs);
    expect(heir.zk.sessionId).toBe(session.id);
    const watches = new WatchBook();
    await observer.zk.sync("/mine");
    await observer.zk.exists("/mine", { watch: watches.listener("ephemeral") });
    // Long past the time at which the session would have ended.
    await until("two session timeouts to pass", () => performance.now() - killedMs > 24 * tickTimeMs);
    expect(await observer.zk.exists("/mine")).toMatchObject({ ephemeralOwner: session.id, version: 1 });
    expect(heir.count("suspended")).toBe(0);
    expect(watches.all).toEqual({});

    expect(await heir.zk.close()).toEqual({ confirmed: true });
    await until("the znode to go with the session", () => watches.told("ephemeral").length > 0);
    expect(watches.told("ephemeral")).toEqual(["NodeDeleted"]);
    const late = cluster.makeClient({ session });
    await expect(late.zk.connect()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  });
});
