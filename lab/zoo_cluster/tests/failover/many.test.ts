import { CreateMode } from "@zk/client";
import { parseWchs } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { askServer } from "../../src/ensemble/four-letter-client.js";
import { longSessionMs, useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import type { TestClient } from "./support/test-client.js";
import { until } from "./support/wait.js";

// Long sessions: what is tested is that nobody is forgotten, not how fast two processors are.
const sessionTimeoutMs = 4 * longSessionMs;
const cluster = useCluster({ config: { maxSessionTimeout: String(sessionTimeoutMs) } });

async function aFollower(): Promise<number> {
  await cluster.ensemble.leader();
  const [id] = await cluster.ensemble.followers();
  if (id === undefined) throw new Error("no server follows");
  return id;
}

/** Calls at most so many at once. */
async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items.length; from += size)
    await Promise.all(items.slice(from, from + size).map(work));
}

describe("a thousand clients of one process on the server that dies", () => {
  it("all come back with their sessions and their znodes", async () => {
    const { ensemble } = cluster;
    const follower = await aFollower();
    const observer = await cluster.client({ on: await ensemble.leader(), sessionTimeoutMs });
    await observer.zk.create("/owned");
    const indices = Array.from({ length: 1000 }, (_, index) => index);
    const clients: TestClient[] = [];
    await inBatches(indices, 100, async (index) => {
      const client = await cluster.client({ on: follower, sessionTimeoutMs });
      clients.push(client);
      await client.zk.create(`/owned/${index}`, `${client.zk.sessionId}`, { mode: CreateMode.EPHEMERAL });
    });
    const sessions = clients.map(({ zk }) => zk.sessionId);
    expect(new Set(sessions).size).toBe(1000);

    const killedMs = performance.now();
    await ensemble.kill(follower);
    await until(
      "all clients to be back",
      () =>
        clients.every(({ states }) => {
          const last = states.at(-1);
          return last?.state === "connected" && last.atMs > killedMs;
        }),
      { describe: () => JSON.stringify(tally(clients)) },
    );
    const backMs = clients.map(({ states }) => (states.at(-1)?.atMs ?? 0) - killedMs);
    reportOutage("1000 clients lost their server, the last one back", Math.max(...backMs));
    reportOutage("1000 clients lost their server, half of them back", backMs.sort((a, b) => a - b)[500] ?? 0);

    expect(clients.map(({ zk }) => zk.sessionId)).toEqual(sessions);
    for (const client of clients) {
      expect(client.stateNames).not.toContain("expired");
      expect(client.port).not.toBe(cluster.server(follower).clientPort);
    }
    await inBatches(clients, 200, (client) => client.works());
    await observer.zk.sync("/owned");
    const owned = await observer.zk.getChildren("/owned");
    expect(owned).toHaveLength(1000);
    await inBatches(owned, 200, async (name) => {
      const { data, stat } = await observer.zk.getData(`/owned/${name}`);
      expect(Buffer.from(data ?? []).toString()).toBe(`${stat.ephemeralOwner}`);
    });
  });
});

function tally(clients: readonly TestClient[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { zk } of clients) counts[zk.state] = (counts[zk.state] ?? 0) + 1;
  return counts;
}

describe("100 000 watches of one client", () => {
  it("live through the death of its server, and each that is touched fires once", async () => {
    const { ensemble } = cluster;
    const follower = await aFollower();
    const rearmed: { readonly watches: number; readonly frames: number }[] = [];
    const client = await cluster.client({ on: follower, sessionTimeoutMs });
    client.zk.on("diagnostic", (event) => {
      if (event.type === "watchesRearmed") rearmed.push(event);
    });
    const other = await cluster.client({ on: await ensemble.leader(), sessionTimeoutMs });
    const fired = new Map<string, string[]>();
    const listener = ({ type, path }: { readonly type: string; readonly path: string }): void => {
      fired.set(path, [...(fired.get(path) ?? []), type]);
    };
    // 1 000 znodes with a data and a child watch each, and 98 000 paths where none is yet.
    const nodes = Array.from({ length: 1_000 }, (_, index) => `/node-${index}`);
    const absent = Array.from({ length: 98_000 }, (_, index) => `/a-path-where-no-znode-is-yet-${index}`);
    await inBatches(nodes, 500, (path) => other.zk.create(path));
    await client.works();
    await inBatches(nodes, 1_000, async (path) => {
      await client.zk.getData(path, { watch: listener });
      await client.zk.getChildren(path, { watch: listener });
    });
    await inBatches(absent, 5_000, (path) => client.zk.exists(path, { watch: listener }));
    expect(client.zk.load.watches).toBe(100_000);

    client.tracked.hold();
    const killedMs = performance.now();
    await ensemble.kill(follower);
    await client.told("suspended", killedMs);
    // Some change while the client is away, most stay as they are.
    await inBatches([...nodes.slice(0, 50)], 50, (path) => other.zk.setData(path, "meanwhile"));
    await inBatches([...absent.slice(0, 50)], 50, (path) => other.zk.create(path));
    client.tracked.release();
    const releasedMs = performance.now();
    await client.works();
    reportOutage("100 000 watches set again on another server", performance.now() - releasedMs);
    expect(fired.size).toBe(100);
    expect(client.zk.load.watches).toBe(99_900);
    // Every frame of them was below 128 KiB.
    expect(rearmed.at(-1)?.watches).toBe(100_000);
    const bytes = [...nodes, ...nodes, ...absent].reduce(
      (sum, path) => sum + 4 + cluster.chroot.length + path.length,
      0,
    );
    expect(rearmed.at(-1)?.frames).toBeGreaterThanOrEqual(Math.ceil(bytes / (128 * 1024)));
    // The server itself counts them, as far as it does: those in its data table.
    // Source: ZooKeeper 3.4.6, DataTree.java, dumpWatchesSummary
    const server = cluster.server(cluster.serverOf(client));
    const counted = parseWchs((await askServer(server, "wchs", 10_000)) ?? "");
    expect(counted).toMatchObject({ serving: true, watches: 98_900 });

    const touched = {
      set: nodes.slice(50, 100),
      filled: nodes.slice(100, 150),
      removed: nodes.slice(150, 200),
      created: absent.slice(-500),
    };
    await inBatches(touched.set, 50, (path) => other.zk.setData(path, "after"));
    await inBatches(touched.filled, 50, (path) => other.zk.create(`${path}/child`));
    await inBatches(touched.removed, 50, (path) => other.zk.remove(path));
    await inBatches(touched.created, 500, (path) => other.zk.create(path));
    await client.works();
    await until("all of them to fire", () => fired.size === 750);
    await inBatches([...touched.set, ...touched.created], 500, (path) => other.zk.setData(path, "again"));
    await client.works();
    const expected = new Map<string, string[]>();
    const expectAll = (paths: readonly string[], ...types: string[]): void => {
      for (const path of paths) expected.set(path, types);
    };
    expectAll([...nodes.slice(0, 50), ...touched.set], "NodeDataChanged");
    expectAll([...absent.slice(0, 50), ...touched.created], "NodeCreated");
    expectAll(touched.filled, "NodeChildrenChanged");
    // One listener for both watches of a path is told once.
    expectAll(touched.removed, "NodeDeleted");
    expect(Object.fromEntries([...fired].sort())).toEqual(Object.fromEntries([...expected].sort()));
    expect(client.zk.load.watches).toBe(99_900 - 50 - 50 - 100 - 500);
    expect(client.stateNames).toEqual(["connecting", "connected", "suspended", "connected"]);
  });
});
