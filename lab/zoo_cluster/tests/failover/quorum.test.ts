import { CreateMode, isZkError } from "@zk/client";
import { describe, expect, it } from "vitest";
import { useCluster } from "./support/cluster.js";
import { reportOutage } from "./support/outage.js";
import { within } from "./support/wait.js";
import { WriteLoad } from "./support/write-load.js";

const cluster = useCluster();

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

describe("the quorum lost", () => {
  const cases: [what: string, dead: (leader: number, followers: readonly number[]) => number[]][] = [
    ["both followers dead", (_, followers) => [...followers]],
    ["the leader and a follower dead", (leader, followers) => [leader, followers[0] ?? 0]],
  ];
  it.each(cases)("writes wait or fail clearly, and come back with it: %s", async (what, choose) => {
    const { ensemble } = cluster;
    const leader = await ensemble.leader();
    const followers = await ensemble.followers();
    const dead = choose(leader, followers);
    const [left = 0] = ensemble.servers.map(({ id }) => id).filter((id) => !dead.includes(id));
    const client = await cluster.client({ on: left });
    const { sessionId } = client.zk;
    const { zxid } = await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    await client.zk.create("/node", "before");
    const load = new WriteLoad([await cluster.client(), await cluster.client({ on: left })]);
    await load.flows(30, performance.now());

    const killedMs = performance.now();
    await Promise.all(dead.map((id) => ensemble.kill(id)));
    // The server that is left drops its clients when it notices that it is alone.
    await client.told("suspended", killedMs);

    const waiting = client.zk.create("/waited", "for the quorum");
    const waitingRead = client.zk.getData("/node");
    const askedMs = performance.now();
    const timedOut = await within(
      "a write with a deadline",
      2_000,
      failureOf(client.zk.create("/late", "", { timeoutMs: 500 })),
    );
    expect(timedOut).toMatchObject({
      code: "OPERATION_TIMEOUT",
      operation: "create",
      path: "/late",
      applied: "no",
    });
    expect(performance.now() - askedMs).toBeGreaterThanOrEqual(500);
    expect(isZkError(timedOut) && timedOut.message).toMatch(/could not be sent in time/);
    const abort = new AbortController();
    const aborted = failureOf(client.zk.setData("/node", "never", { signal: abort.signal }));
    abort.abort(new Error("enough"));
    expect(await within("an aborted write", 1_000, aborted)).toMatchObject({
      code: "ABORTED",
      applied: "no",
    });
    const newcomer = cluster.makeClient();
    const refused = await failureOf(newcomer.zk.connect({ timeoutMs: 1_000 }));
    expect(refused).toMatchObject({ code: "CONNECT_TIMEOUT", applied: "no" });
    for (const { clientPort } of ensemble.servers) expect(String(refused)).toContain(`:${clientPort}`);
    expect(client.zk.state).toBe("suspended");

    await Promise.all(dead.map((id) => ensemble.start(id, { wait: "process" })));
    const startedMs = performance.now();
    await within("the write that waited", 30_000, waiting);
    expect(Buffer.from((await waitingRead).data ?? []).toString()).toBe("before");
    await load.flows(30, startedMs);
    reportOutage(`quorum lost, ${what}`, load.outageMs(killedMs));
    await load.stop();
    expect(client.zk.sessionId).toBe(sessionId);
    expect(client.stateNames).not.toContain("expired");

    const reader = await cluster.client();
    await reader.zk.sync("/");
    expect(await reader.zk.exists("/waited")).not.toBe(null);
    expect(await reader.zk.exists("/late")).toBe(null);
    expect(Buffer.from((await reader.zk.getData("/node")).data ?? []).toString()).toBe("before");
    expect(await reader.zk.exists("/mine")).toMatchObject({ czxid: zxid, ephemeralOwner: sessionId });
    await load.verify(reader);
    await newcomer.zk.connect();
  });
});
