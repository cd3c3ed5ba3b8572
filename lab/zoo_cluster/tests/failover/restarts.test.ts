import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import { until, within } from "./support/wait.js";
import { WatchBook } from "./support/watch-book.js";
import { WriteLoad } from "./support/write-load.js";

const cluster = useCluster();

describe("restarts", () => {
  it("all three servers killed and started again: sessions, ephemerals, watches and writes are as before", async () => {
    const { ensemble } = cluster;
    const ids = ensemble.servers.map(({ id }) => id);
    const client = await cluster.client({ on: 1 });
    const other = await cluster.client({ on: 2 });
    const load = new WriteLoad([await cluster.client({ on: 2 }), await cluster.client({ on: 3 })]);
    const sessions = [client, other].map(({ zk }) => zk.sessionId);
    const { zxid } = await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    await client.zk.create("/watched", "before");
    const watches = new WatchBook();
    await client.zk.getData("/watched", { watch: watches.listener("data") });
    await client.zk.exists("/absent", { watch: watches.listener("absent") });
    await load.flows(30, performance.now());

    const killedMs = performance.now();
    await Promise.all(ids.map((id) => ensemble.kill(id)));
    await Promise.all([client.told("suspended", killedMs), other.told("suspended", killedMs)]);
    // Asked for while nobody is there to hear it: it waits.
    const waiting = other.zk.create("/absent", "asked for while all were dead");
    await Promise.all(ids.map((id) => ensemble.start(id, { wait: "process" })));
    await within("the write that waited", 30_000, waiting);
    await load.flows(30, performance.now());
    reportOutage("all three servers killed and started again", load.outageMs(killedMs));
    const figures = await load.stop();
    expect(figures.maybe).toBeGreaterThan(0);

    await client.works();
    expect([client, other].map(({ zk }) => zk.sessionId)).toEqual(sessions);
    expect(client.stateNames).not.toContain("expired");
    await until("the watch for the znode to fire", () => watches.told("absent").length > 0);
    expect(watches.all).toEqual({ absent: ["NodeCreated"] });
    await other.zk.setData("/watched", "after");
    await until("the watch of the data to fire", () => watches.told("data").length > 0);
    await client.works();
    expect(watches.all).toEqual({ absent: ["NodeCreated"], data: ["NodeDataChanged"] });
    expect(await other.zk.exists("/mine")).toMatchObject({
      czxid: zxid,
      ephemeralOwner: client.zk.sessionId,
    });
    await load.verify(await cluster.client());
  });

  it("a rolling restart under load: every session lives through it and no acknowledged write is lost", async () => {
    const { ensemble } = cluster;
    const clients = await Promise.all([1, 2, 3].map((on) => cluster.client({ on })));
    const sessions = clients.map(({ zk }) => zk.sessionId);
    const holder = clients[0];
    const created = await holder?.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    // One writer each: this takes a while, and is about what is lost, not about speed.
    const load = new WriteLoad(clients, { writers: 1 });
    await load.flows(10, performance.now());
    const startedMs = performance.now();
    await ensemble.restartAll({ rolling: true, timeoutMs: 150_000 });
    await load.flows(10, performance.now());
    reportOutage("rolling restart, longest pause of a client", load.outageMs(startedMs));
    const figures = await load.stop();
    console.log(`writes: ${JSON.stringify(figures)}`);
    expect(clients.map(({ zk }) => zk.sessionId)).toEqual(sessions);
    for (const client of clients) {
      expect(client.stateNames).not.toContain("expired");
      expect(client.count("suspended")).toBeGreaterThan(0);
    }
    const reader = await cluster.client();
    await load.verify(reader);
    expect(await reader.zk.exists("/mine")).toMatchObject({
      czxid: created?.zxid,
      ephemeralOwner: sessions[0],
    });
  });
});
