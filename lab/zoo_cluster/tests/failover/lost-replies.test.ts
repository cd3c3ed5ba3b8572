import { type Client, CreateMode, isZkError } from "@zk/client";
import { OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { useCluster } from "./support/cluster.js";
import type { CutPlan, ProxiedFrame } from "./support/cutting-proxy.js";
import { reportOutage } from "./support/outage.js";
import { Random } from "./support/random.js";

const cluster = useCluster();

/** Many cuts in a short time: the pauses that spare servers in earnest would only make the test long. */
const eager = { reconnect: { roundDelayMs: 2, roundDelayMaxMs: 5 } };

/** Where a create is cut off, and whether the server has it then. */
type Place = "in the request" | "behind the request" | "in the reply";

/** Cuts the next create once, at a random byte of the chosen place. */
function cutNextCreate(
  place: Place,
  random: Random,
): { readonly plan: CutPlan; readonly isDone: () => boolean } {
  let isDone = false;
  const at = (frame: ProxiedFrame): number | undefined => {
    if (isDone || frame.opCode !== OpCode.CREATE) return undefined;
    if (frame.direction === "reply") return place === "in the reply" ? random.below(frame.bytes) : undefined;
    if (place === "in the request") return random.below(frame.bytes);
    return place === "behind the request" ? frame.bytes : undefined;
  };
  return {
    isDone: () => isDone,
    plan: (frame) => {
      const afterBytes = at(frame);
      if (afterBytes === undefined) return undefined;
      isDone = true;
      return { afterBytes };
    },
  };
}

const places: readonly Place[] = ["in the request", "behind the request", "in the reply"];

async function namesIn(zk: Client, path: string): Promise<string[]> {
  await zk.sync(path);
  return [...(await zk.getChildren(path))].sort();
}

describe("a protected sequential create whose connection is cut", () => {
  const modes = { persistent: CreateMode.PERSISTENT_SEQUENTIAL, ephemeral: CreateMode.EPHEMERAL_SEQUENTIAL };

  it.each(Object.entries(modes))("leaves one znode for each call, cut after cut (%s)", async (name, mode) => {
    const random = Random.forTest(`protected create, ${name}`);
    const proxy = await cluster.proxy();
    const client = await cluster.client({ servers: proxy.connectionString, ...eager });
    await client.zk.create("/queue");
    const created: string[] = [];
    let longestMs = 0;
    // Even who asks for blind retries must not get two znodes.
    const options = { mode, protected: true, retry: "always" } as const;
    for (let round = 0; round < 240; round += 1) {
      const { plan, isDone } = cutNextCreate(places[round % places.length] as Place, random);
      proxy.plan = plan;
      const startedMs = performance.now();
      const { path, zxid } = await client.zk.create("/queue/item-", `${round}`, options);
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      expect(isDone(), `cut of round ${round}`).toBe(true);
      const { data, stat } = await client.zk.getData(path);
      expect(Buffer.from(data ?? []).toString()).toBe(`${round}`);
      expect(stat.czxid).toBe(zxid);
      expect(stat.ephemeralOwner).toBe(name === "ephemeral" ? client.zk.sessionId : 0n);
      created.push(path.slice("/queue/".length));
    }
    reportOutage(`protected ${name} create with its connection cut`, longestMs);
    const reader = await cluster.client();
    expect(await namesIn(reader.zk, "/queue")).toEqual(created.sort());
    expect(client.stateNames).not.toContain("expired");
  });

  it("leaves one znode for each call when every connection ends after some bytes", async () => {
    const random = Random.forTest("protected create, any cut");
    const proxy = await cluster.proxy();
    const client = await cluster.client({ servers: proxy.connectionString, ...eager });
    await client.zk.create("/queue");
    // Each connection may carry so much in both directions together, handshake included, and is then cut wherever it is.
    const budgets = new Map<number, number>();
    const created: string[] = [];
    let cuts = 0;
    proxy.plan = ({ connection, passedBytes, bytes }) => {
      // Every fourth is long enough for the list of all children, or nobody would ever get through.
      const bound = connection % 4 === 0 ? 500 + created.length * 150 : 700;
      const budget = budgets.get(connection) ?? random.below(bound);
      budgets.set(connection, budget);
      if (passedBytes + bytes <= budget) return undefined;
      cuts += 1;
      return { afterBytes: Math.max(0, budget - passedBytes) };
    };
    let longestMs = 0;
    const options = { mode: CreateMode.PERSISTENT_SEQUENTIAL, protected: true };
    const lane = async (name: string): Promise<void> => {
      for (let round = 0; round < 15; round += 1) {
        const startedMs = performance.now();
        const { path } = await client.zk.create("/queue/item-", `${name}/${round}`, options);
        longestMs = Math.max(longestMs, performance.now() - startedMs);
        created.push(path.slice("/queue/".length));
      }
    };
    await Promise.all(["a", "b", "c", "d"].map(lane));
    reportOutage("protected create with every connection cut", longestMs);
    expect(cuts).toBeGreaterThan(30);
    proxy.plan = () => undefined;
    const reader = await cluster.client();
    expect(await namesIn(reader.zk, "/queue")).toEqual(created.sort());
  });
});

describe("a plain sequential create whose connection is cut", () => {
  it("says maybe whenever the server may have it, and leaves what it says", async () => {
    const random = Random.forTest("plain create");
    const proxy = await cluster.proxy();
    const client = await cluster.client({ servers: proxy.connectionString, ...eager });
    await client.zk.create("/queue");
    const reader = await cluster.client();
    const expected: string[] = [];
    let unknown = 0;
    let longestMs = 0;
    for (let round = 0; round < 150; round += 1) {
      const place = places[round % places.length] as Place;
      const { plan, isDone } = cutNextCreate(place, random);
      proxy.plan = plan;
      const startedMs = performance.now();
      const before = (await namesIn(reader.zk, "/queue")).length;
      const failure = await client.zk
        .create("/queue/item-", `${round}`, { mode: CreateMode.PERSISTENT_SEQUENTIAL })
        .then(() => undefined)
        .catch((error: unknown) => error);
      expect(isDone()).toBe(true);
      // The bytes left this process, so it cannot know; a create that it knew of would have been acknowledged.
      expect(isZkError(failure, "CONNECTION_LOSS"), String(failure)).toBe(true);
      expect(failure).toMatchObject({ applied: "maybe", operation: "create", path: "/queue/item-" });
      await client.works();
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      const added = (await namesIn(reader.zk, "/queue")).length - before;
      // A request cut in the middle never was one; a reply that came as far as the proxy proves that the znode is there.
      if (place === "in the request") expect(added, place).toBe(0);
      if (place === "in the reply") expect(added, place).toBe(1);
      if (place === "behind the request") unknown += added;
      expected.push(...Array.from({ length: added }, () => place));
    }
    reportOutage("plain create with its connection cut", longestMs);
    console.log(`of 50 requests that were forwarded and cut off at once the server took ${unknown}`);
    expect(await namesIn(reader.zk, "/queue")).toHaveLength(expected.length);
  });
});
