import { isZkError } from "@zk/client";
import { describe, expect, it } from "vitest";
import { useCluster } from "./support/cluster.js";
import { reportOutage, Successes } from "./support/outage.js";
import { Random } from "./support/random.js";
import type { TestClient } from "./support/test-client.js";
import { differences, readTree, TreeMirror } from "./support/tree-mirror.js";
import { until, within } from "./support/wait.js";
import { WriteLoad } from "./support/write-load.js";

const cluster = useCluster();

describe("the leader killed -9", () => {
  it("loses no acknowledged write under load, and every other one is told truthfully", async () => {
    const { ensemble } = cluster;
    const clients = await Promise.all([1, 2, 3, 1].map((on) => cluster.client({ on })));
    const sessions = clients.map(({ zk }) => zk.sessionId);
    const load = new WriteLoad(clients);
    await load.flows(50, performance.now());

    const killedMs = performance.now();
    const killed = await ensemble.killLeader();
    await load.flows(50, performance.now());
    reportOutage("leader killed under write load", load.outageMs(killedMs));
    const figures = await load.stop();
    console.log(`writes: ${JSON.stringify(figures)}`);

    // The one that sat on the leader had writes under way, and so had the others: followers drop their clients too.
    expect(figures.maybe).toBeGreaterThan(0);
    expect(clients.map(({ zk }) => zk.sessionId)).toEqual(sessions);
    for (const client of clients) {
      expect(client.stateNames).not.toContain("expired");
      expect(client.port).not.toBe(cluster.server(killed).clientPort);
    }
    await load.verify(await cluster.client());
  });

  it("leaves of every transaction under way all or nothing", async () => {
    const { ensemble } = cluster;
    const clients = await Promise.all([1, 2, 3].map((on) => cluster.client({ on })));
    const setup = await cluster.client();
    await Promise.all(["/a", "/b", "/c", "/counter"].map((path) => setup.zk.create(path, "")));
    const committed = new Successes();
    const book = new Map<string, "acknowledged" | "maybe" | "no">();
    let isStopping = false;

    const run = async ({ zk }: TestClient, who: number): Promise<void> => {
      for (let count = 0; !isStopping; count += 1) {
        const name = `${who}-${count}`;
        const parts = ["/a", "/b", "/c"].map((parent) => `${parent}/${name}`);
        const transaction = zk.transaction();
        for (const path of parts) transaction.create(path, name);
        try {
          const results = await transaction.setData("/counter", name).commit();
          expect(results).toHaveLength(4);
          book.set(name, "acknowledged");
          committed.add();
        } catch (error) {
          if (!isZkError(error, "CONNECTION_LOSS")) throw error;
          book.set(name, error.applied);
        }
      }
    };
    // Three at once on each client, so that several are under way whenever the leader dies.
    const runs = Promise.all(
      clients.flatMap((client, index) => [0, 1, 2].map((lane) => run(client, index * 3 + lane))),
    );
    runs.catch(() => {});
    await until("transactions to flow", () => committed.count >= 60);
    const killedMs = performance.now();
    await ensemble.killLeader();
    await until("transactions to flow again", () => committed.countSince(killedMs) >= 60);
    isStopping = true;
    await within("the last transactions", 40_000, runs);
    reportOutage("leader killed under transactions", committed.longestPauseMs(killedMs));

    const reader = await cluster.client();
    await reader.zk.sync("/");
    const there = await Promise.all(
      ["/a", "/b", "/c"].map(async (path) => new Set(await reader.zk.getChildren(path))),
    );
    const wrong: string[] = [];
    for (const [name, told] of book) {
      const parts = there.filter((names) => names.has(name)).length;
      const isWhole = parts === 0 || parts === 3;
      const isTrue = (told !== "acknowledged" || parts === 3) && (told !== "no" || parts === 0);
      if (!isWhole || !isTrue) wrong.push(`${name}: ${parts} of 3 parts are there, ${told} was told`);
    }
    expect(wrong).toEqual([]);
    expect([...book.values()].filter((told) => told === "maybe").length).toBeGreaterThan(0);
    // Nothing is there that nobody asked for, or that was asked for twice.
    for (const names of there) for (const name of names) expect(book.has(name), name).toBe(true);
  });

  it("does not mislead a recursive watch, which comes to the true state", async () => {
    const { ensemble } = cluster;
    const random = Random.forTest("recursive watch");
    const leader = await ensemble.leader();
    const watching = await cluster.client({ on: leader });
    const changing = await cluster.client();
    await watching.zk.create("/tree");
    const stream = watching.zk.watch("/tree", { recursive: true });
    expect(stream.emulated).toBe(true);
    await stream.ready;
    const mirror = new TreeMirror(stream);
    const changed = new Successes();
    let isStopping = false;

    const change = async (): Promise<void> => {
      const names = ["x", "y", "z"];
      while (!isStopping) {
        const depth = 1 + random.below(3);
        const path = `/tree/${Array.from({ length: depth }, () => random.pick(names)).join("/")}`;
        try {
          const kind = random.below(4);
          if (kind === 0) await changing.zk.removeRecursive(path);
          else if (kind === 1) await changing.zk.setData(path, `${random.below(1000)}`);
          else await changing.zk.create(path, "new");
          changed.add();
        } catch (error) {
          // Whether a change came to be does not matter here: what counts is what is there in the end.
          if (!isZkError(error)) throw error;
          expect(["NO_NODE", "NODE_EXISTS", "NOT_EMPTY", "CONNECTION_LOSS"]).toContain(error.code);
        }
      }
    };
    const changes = Promise.all([change(), change(), change()]);
    changes.catch(() => {});
    await until("changes to be told", () => mirror.changes >= 100 && changed.count >= 100);
    // The one that watches comes back after much has happened, and nothing happens any more when it is there.
    watching.tracked.hold();
    const killedMs = performance.now();
    await ensemble.kill(leader);
    await until("changes to flow again", () => changed.countSince(killedMs) >= 100);
    isStopping = true;
    await within("the last changes", 40_000, changes);
    reportOutage("leader killed under a recursive watch", changed.longestPauseMs(killedMs));
    watching.tracked.release();

    const reader = await cluster.client();
    const truth = new Map(await readTree(reader.zk, "/tree"));
    // The root was there from the start, so it is not told, and nobody changes it.
    truth.delete("/tree");
    await until("the stream to come to the true state", () => differences(mirror.state, truth).length === 0, {
      limitMs: 10_000,
      describe: () => differences(mirror.state, truth).join("\n"),
    });
    expect(mirror.faults).toEqual([]);
    // It stays true: a change after all this is told too.
    await reader.zk.create("/tree/last", "");
    await until("a later change to be told", () => mirror.state.has("/tree/last"));
    stream.close();
    await within("the end of the stream", 5_000, mirror.ended);
  });
});
