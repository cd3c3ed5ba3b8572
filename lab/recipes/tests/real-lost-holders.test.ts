// What somebody had whose process was killed, on real servers: for how long nobody else has it, and that it is had at once when it
// was given back. The times are those of the leader's clock, and this machine's is the same.
import { type Client, createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { Lock, WorkerIds } from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPrograms, Child, until } from "../src/index.js";

const SESSION_MS = 2000;
const REST_MS = 1000;
/** Far above what a busy machine takes for a few requests. */
const LATE_MS = 10_000;

let ensemble: Ensemble;

beforeAll(async () => {
  buildPrograms();
  ensemble = await startEnsemble();
});

afterAll(async () => {
  await ensemble.stop();
});

async function connected(): Promise<Client> {
  const client = createClient(ensemble.connectionString, { sessionTimeoutMs: SESSION_MS });
  await client.connect({ timeoutMs: 30_000 });
  return client;
}

/** A process that has something, and the znode that stands for it. */
async function holder(options: object): Promise<{ readonly child: Child; readonly path: string }> {
  const child = new Child("holder", {
    servers: ensemble.connectionString,
    sessionTimeoutMs: SESSION_MS,
    ...options,
  });
  await child.tells("held");
  return { child, path: String(child.of("held")[0]?.["path"]) };
}

/** Waits until a znode is gone. @returns when it was there for the last time that is known: it went later */
async function lastThereMs(client: Client, path: string): Promise<number> {
  let thereMs = 0;
  await until(`${path} to go`, async () => {
    const askedMs = Date.now();
    if ((await client.exists(path)) === null) return true;
    thereMs = askedMs;
    return undefined;
  });
  return thereMs;
}

describe("what a holder had that was killed", () => {
  it.concurrent("is a number that rests for its session timeout and the quarantine; one that is given back does not", async () => {
    await using client = await connected();
    const workers = { take: "worker", path: "/ids", restMs: REST_MS };
    const ids = new WorkerIds(client, "/ids", { bits: 1, quarantineMs: REST_MS });
    const [lost, kept] = [await holder(workers), await holder(workers)];
    await using _ = kept.child;
    await lost.child.kill();
    const thereMs = await lastThereMs(client, lost.path);
    await expect(ids.acquire()).rejects.toMatchObject({ code: "CAPACITY" });
    const next = await ids.acquire({ wait: true, timeoutMs: 30_000 });
    expect(next.id).toBe(lost.child.of("held")[0]?.["id"]);
    const takenMs = Number((await client.exists(next.path))?.ctime);
    expect(takenMs - thereMs).toBeGreaterThanOrEqual(SESSION_MS + REST_MS);
    expect(takenMs - thereMs).toBeLessThan(SESSION_MS + REST_MS + LATE_MS);
    await kept.child.finish();
    expect(kept.child.of("released")).toEqual([{ type: "released", confirmed: true }]);
    expect((await ids.acquire()).id).toBe(kept.child.of("held")[0]?.["id"]);
    expect(kept.child.accidents).toBe("");
  });

  it.concurrent("is a lock that the next one waits for, by its delay; one that is given back is had at once", async () => {
    await using client = await connected();
    const taking = { take: "lock", path: "/lock", restMs: REST_MS };
    const lock = new Lock(client, "/lock", { lockDelayMs: REST_MS });
    const lost = await holder(taking);
    const next = lock.acquire({ timeoutMs: 30_000 });
    await until("it stands in line", async () => (await client.getChildren("/lock")).length === 2);
    await lost.child.kill();
    const thereMs = await lastThereMs(client, lost.path);
    await expect(new Lock(client, "/lock", { lockDelayMs: REST_MS }).tryAcquire()).resolves.toBeNull();
    const held = await next;
    const heldMs = Number((await client.exists("/lock"))?.mtime);
    expect(heldMs - thereMs).toBeGreaterThanOrEqual(REST_MS);
    expect(heldMs - thereMs).toBeLessThan(REST_MS + LATE_MS);
    await held.release();
    const kept = await holder({ ...taking, restMs: 10 * LATE_MS });
    const patient = new Lock(client, "/lock", { lockDelayMs: 10 * LATE_MS }).acquire({ timeoutMs: LATE_MS });
    await kept.child.finish();
    expect(kept.child.of("released")).toEqual([{ type: "released", confirmed: true }]);
    await using last = await patient;
    expect(last.state).toBe("held");
    expect(kept.child.accidents).toBe("");
  });
});
