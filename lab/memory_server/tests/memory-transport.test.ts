// `@zk/client` on the model without sockets: in the time of this machine, and in a time that the test moves.
import { CreateMode, createClient, type Transport } from "@zk/client";
import { describe, expect, it } from "vitest";
import { type MemoryEnsembleOptions, startMemoryEnsemble, VirtualClock } from "../src/index.js";

/** Servers and a client in one virtual time. */
async function virtualWorld(options: MemoryEnsembleOptions = {}) {
  const clock = new VirtualClock();
  const ensemble = await startMemoryEnsemble({ clock, listen: false, ...options });
  const transport: Transport = ensemble.transport;
  const connect = (sessionTimeoutMs = 4_000) =>
    createClient(ensemble.connectionString, { sessionTimeoutMs, ports: { clock, transport } });
  return { clock, ensemble, connect };
}

describe("the memory transport", () => {
  it("carries a client in the time of this machine", async () => {
    await using ensemble = await startMemoryEnsemble({ listen: false });
    await using client = createClient(ensemble.connectionString, {
      ports: { transport: ensemble.transport },
    });
    await client.connect();
    await client.create("/a", "x", { mode: CreateMode.EPHEMERAL });
    const before = await ensemble.serverOf(client);
    await ensemble.kill(before ?? 0);
    expect((await client.getData("/a")).stat.ephemeralOwner).toBe(client.sessionId);
    expect(await ensemble.serverOf(client)).not.toBe(before);
  });

  it("says nothing from within open, and refuses where nobody listens", async () => {
    const { clock, ensemble } = await virtualWorld();
    const heard: string[] = [];
    const events = (name: string) => ({
      opened: () => heard.push(`${name} opened`),
      received: (bytes: Uint8Array) => heard.push(`${name} received ${bytes.length}`),
      drained: () => heard.push(`${name} drained`),
      closed: (reason: string) => heard.push(`${name} closed: ${reason}`),
    });
    const [server] = ensemble.servers;
    const target = { address: "127.0.0.1", port: server?.clientPort ?? 0 };
    ensemble.transport.open(target, events("there"));
    ensemble.transport.open({ ...target, port: 1 }, events("port"));
    ensemble.transport.open({ ...target, address: "10.0.0.1" }, events("address"));
    ensemble.transport.open(target, events("given up")).close();
    expect(heard).toEqual([]);
    await clock.runUntilIdle();
    expect(heard).toEqual(["there opened", "port closed: ECONNREFUSED", "address closed: ECONNREFUSED"]);
    await ensemble.kill(server?.id ?? 0);
    await clock.runUntilIdle();
    expect(heard.slice(3)).toEqual(["there closed: ECONNRESET"]);
    await ensemble.stop();
  });

  it("lets a session expire after its own time and no sooner", async () => {
    const { clock, ensemble, connect } = await virtualWorld();
    // Time stands still for this client: it does not even ping.
    const stalled = new VirtualClock();
    const { connectionString, transport } = ensemble;
    const owner = createClient(connectionString, {
      sessionTimeoutMs: 4_000,
      ports: { clock: stalled, transport },
    });
    await owner.connect();
    await owner.create("/mine", "x", { mode: CreateMode.EPHEMERAL });
    const other = connect();
    await other.connect();
    await clock.advance(3_900);
    expect(await other.exists("/mine")).not.toBeNull();
    // Sessions end in steps of a tick.
    await clock.advance(100 + 2 * ensemble.tickTimeMs);
    expect(await other.exists("/mine")).toBeNull();
    expect(other.state).toBe("connected");
    await owner.close().catch(() => {});
    await other.close();
    await ensemble.stop();
    expect(clock.timerCount + stalled.timerCount).toBe(0);
  });

  it("is idle at a time that stands still, and leaves no timer behind", async () => {
    const { clock, ensemble, connect } = await virtualWorld({ electionMs: [200, 200], wait: false });
    const client = connect();
    const connecting = client.connect();
    await clock.runUntil(() => client.state === "connected");
    await connecting;
    expect(clock.nowMs()).toBeGreaterThanOrEqual(200);
    const killedAtMs = clock.nowMs();
    const killed = await ensemble.killLeader();
    await clock.runUntilIdle();
    expect(clock.nowMs()).toBe(killedAtMs);
    const reading = client.getData("/zookeeper");
    await clock.runUntil(() => client.state === "connected");
    await reading;
    expect(await ensemble.leader()).not.toBe(killed);
    const closing = client.close();
    await clock.advance(0);
    await closing;
    await ensemble.stop();
    expect(clock.timerCount).toBe(0);
    expect(ensemble.driver.connectionCount).toBe(0);
  });

  it("begins when it is made, however long the clock has run before", async () => {
    // A thousand years of ticks would take a while.
    const clock = new VirtualClock(1_000 * 365 * 86_400_000);
    const ensemble = await startMemoryEnsemble({ clock, listen: false });
    expect(await ensemble.leader()).toBeGreaterThan(0);
    expect(ensemble.driver.nowMs).toBe(0);
    await clock.advance(1_000);
    expect(ensemble.driver.nowMs).toBe(1_000);
    await ensemble.stop();
  });

  it("goes the same way twice from the same seed", async () => {
    const run = async (): Promise<string> => {
      const { clock, ensemble, connect } = await virtualWorld({
        seed: 42,
        linkMs: [1, 20],
        electionMs: [100, 900],
        wait: false,
      });
      const client = connect();
      const connecting = client.connect();
      await clock.runUntil(() => client.state === "connected");
      await connecting;
      const made = client.create("/n-", "x", { mode: CreateMode.PERSISTENT_SEQUENTIAL });
      await clock.advance(1_000);
      await made;
      const killed = await ensemble.killLeader();
      await clock.advance(5_000);
      const trace = `${killed} ${await ensemble.leader()} ${(await ensemble.status()).servers.map(({ zxid }) => zxid).join()}`;
      const closing = client.close();
      await clock.advance(1_000);
      await closing;
      await ensemble.stop();
      return trace;
    };
    expect(await run()).toBe(await run());
  });
});
