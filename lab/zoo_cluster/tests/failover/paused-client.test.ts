import { beforeAll, describe, expect, it } from "vitest";
import { buildClient, type ChildClient, wallMs } from "./support/child-client.js";
import { tickTimeMs, useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import type { TestClient } from "./support/test-client.js";
import { letPass, until } from "./support/wait.js";

const cluster = useCluster();
const sessionTimeoutMs = 12 * tickTimeMs;
beforeAll(buildClient);

/** When the znode went, as another client was told; undefined while it is there. */
interface Observed {
  goneAtMs: number | undefined;
}

async function observe({ zk }: TestClient, path: string): Promise<Observed> {
  const observed: Observed = { goneAtMs: undefined };
  await zk.sync(path);
  const stat = await zk.exists(path, {
    watch: ({ type }) => {
      if (type === "NodeDeleted") observed.goneAtMs = wallMs();
    },
  });
  expect(stat).not.toBe(null);
  return observed;
}

/** A writing child, stopped for so many session timeouts. */
async function stall(
  factor: number,
  observer: TestClient,
): Promise<{ readonly child: ChildClient; readonly observed: Observed; readonly resumedMs: number }> {
  const [ephemeral, writes] = [`/mine-${factor}`, `/written-${factor}`];
  await observer.zk.create(writes);
  const gapMs = Math.min(factor, 1) * 0.8 * sessionTimeoutMs;
  const child = await cluster.child({ sessionTimeoutMs, ephemeral, writes, gapMs });
  expect(child.sessionTimeoutMs).toBe(sessionTimeoutMs);
  const observed = await observe(observer, ephemeral);
  await until("the child to write", () => child.of("wrote").length > 0);
  await child.pause();
  await letPass(`the client stands still for ${factor} session timeouts`, factor * sessionTimeoutMs);
  const resumedMs = wallMs();
  child.resume();
  return { child, observed, resumedMs };
}

describe("the client's process paused", () => {
  it("for less than the session timeout: it goes on as if nothing had been", async () => {
    const observer = await cluster.client();
    const { child, observed, resumedMs } = await stall(0.5, observer);
    const gap = await until("the child to go on", () => child.of("gap").at(-1));
    reportOutage("client paused for 0.5 session timeouts, after its return", gap.atMs - resumedMs);
    const wrote = child.of("wrote").length;
    await until("the child to write on", () => child.of("wrote").length > wrote);
    expect(gap.first).toBe("write acknowledged");
    expect(child.states).toEqual(["connecting", "connected"]);
    await observer.works();
    expect(observed.goneAtMs).toBe(undefined);
    expect(await observer.zk.exists("/mine-0.5")).toMatchObject({ ephemeralOwner: child.session.id });
  });

  // The two stand still at the same time, each with a session of its own.
  it("for longer: suspended comes before all else, and expired when a server has said so", async () => {
    const observer = await cluster.client();
    const factors = [1.5, 3];
    await Promise.all(
      factors.map(async (factor) => {
        const { child, observed, resumedMs } = await stall(factor, observer);
        const expired = await child.reaches("expired");
        reportOutage(`client paused for ${factor} session timeouts, until it knew`, expired.atMs - resumedMs);
        // The writes of before the stall were answered meanwhile; their callers hear of the doubt first.
        const [gap] = child.of("gap");
        expect(gap, JSON.stringify(child.records)).toMatchObject({ first: "state suspended" });
        for (const { state } of child.of("seenByTimer")) expect(state).not.toBe("connected");
        expect(gap?.gapMs).toBeGreaterThan(factor * sessionTimeoutMs * 0.9);
        expect(child.states).toEqual(["connecting", "connected", "suspended", "expired"]);
        expect(expired.reason).toMatch(/server does not know the session/);
        // The znode was gone before the client was told, and not before the session's time.
        await until("the znode to be gone", () => observed.goneAtMs);
        expect(observed.goneAtMs).toBeLessThan(expired.atMs);
        expect(await observer.zk.exists(`/mine-${factor}`)).toBe(null);
      }),
    );
  });
});
