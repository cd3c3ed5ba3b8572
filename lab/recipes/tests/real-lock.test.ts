// The lock on real servers, taken by processes of their own, while servers and processes are killed and stopped.

import { createClient } from "@zk/client";
import { startEnsemble } from "@zk/lab";
import { Lock, sortContenders } from "@zk/recipes";
import { beforeAll, describe, expect, it } from "vitest";
import { buildPrograms, Child, childrenNow, until, waitMs } from "../src/index.js";

const SESSION_MS = 2000;

beforeAll(buildPrograms);

describe("a lock on real servers", () => {
  it("is one's at a time whoever dies, and everybody's in the end", async () => {
    await using ensemble = await startEnsemble();
    await using client = createClient(ensemble.connectionString, { sessionTimeoutMs: SESSION_MS });
    await client.connect();
    await client.create("/log");
    const options = {
      servers: ensemble.connectionString,
      sessionTimeoutMs: SESSION_MS,
      lock: "/lock",
      log: "/log",
    };
    const stallsMs = 2 * SESSION_MS;
    const workers = Array.from(
      { length: 5 },
      (_, index) => new Child("lock-worker", index === 3 ? { ...options, stallsMs } : options),
    );
    try {
      const turns = (): number => workers.reduce((sum, worker) => sum + worker.of("turn").length, 0);
      const goOn = async (what: string): Promise<void> => {
        const before = turns();
        await until(`the lock to go round after ${what}`, () => turns() > before + 20, 60_000);
      };
      await Promise.all(workers.map((worker) => worker.tells("turn")));
      expect(workers[3]!.of("stalled")).toHaveLength(1);
      const leader = await ensemble.killLeader();
      await goOn("the leader's death");
      await ensemble.start(leader);
      for (const [index, share] of [0.5, 1, 2].entries()) {
        const worker = workers[index]!;
        worker.pause();
        await waitMs("a worker that stands still", share * SESSION_MS);
        worker.resume();
        await goOn(`${share} session timeouts of a worker standing still`);
      }
      const follower = await ensemble.killFollower();
      await goOn("a follower's death");
      await ensemble.start(follower);
      await workers[4]!.kill();
      await goOn("a worker's death");
      // Nothing is wrong any more: everybody who lives gets its turn.
      const alive = workers.slice(0, 4);
      const before = alive.map((worker) => worker.of("turn").length);
      await until("everybody's turn", () =>
        alive.every((worker, index) => worker.of("turn").length > before[index]!),
      );
      await Promise.all(alive.map((worker) => worker.finish()));
      for (const worker of alive) {
        expect(worker.accidents).toBe("");
        expect(worker.of("closed")).toHaveLength(1);
      }
      const entries = sortContenders(await childrenNow(client, "/log"));
      const tokens: bigint[] = [];
      for (const { name } of entries) {
        const { data } = await client.getData(`/log/${name}`);
        tokens.push(BigInt(new TextDecoder().decode(data ?? undefined)));
      }
      const backwards = tokens.filter((token, index) => index > 0 && token < tokens[index - 1]!);
      expect(tokens.length).toBeGreaterThan(100);
      expect(backwards).toEqual([]);
      await using _last = await new Lock(client, "/lock").acquire({ timeoutMs: 2 * SESSION_MS });
      expect(await childrenNow(client, "/lock")).toHaveLength(1);
    } finally {
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
    }
  });
});
