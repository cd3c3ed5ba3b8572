import { describe, expect, it } from "vitest";
import type { ServerConnection } from "../session/servers.js";
import type { WordAnswer } from "../session/words.js";
import { checkConnections } from "./connection-checks.js";

/** A server with so many connections of one address, and one of another. */
function serverWith(count: number, limit: number, isBarred = false): ServerConnection {
  const lines = Array.from(
    { length: count },
    (_, index) => ` /10.0.0.1:${40_000 + index}[1](queued=0,recved=1,sent=1)\n`,
  );
  const texts: Readonly<Record<string, string>> = {
    conf: `clientPort=2181\nmaxClientCnxns=${limit}\ntickTime=2000\n`,
    cons: `${lines.join("")} /10.0.0.2:40000[1](queued=0,recved=1,sent=1)\n\n`,
  };
  return {
    name: "zk1:2181",
    host: "zk1",
    port: 2181,
    ask: async (word): Promise<WordAnswer> =>
      isBarred
        ? { kind: "notAllowed", text: "not on the whitelist" }
        : { kind: "answer", text: texts[word] ?? "", ms: 1 },
  };
}

describe("checkConnections", () => {
  it.each([
    [8, 10, 0],
    [9, 10, 1],
    [9, 60, 0],
    // No limit.
    [100, 0, 0],
  ])("%d connections where %d are allowed", async (count, limit, findings) => {
    const found = await checkConnections([serverWith(count, limit)], []);
    expect(found).toHaveLength(findings);
    if (findings > 0)
      expect(found[0]).toMatchObject({
        id: "live.client-connections",
        evidence: `10.0.0.1: ${count} of maxClientCnxns=${limit}`,
      });
  });

  it("says what it could not ask", async () => {
    const notAsked: string[] = [];
    expect(await checkConnections([serverWith(9, 10, true)], notAsked)).toEqual([]);
    expect(notAsked).toEqual([
      "zk1:2181: conf is not on its whitelist",
      "zk1:2181: cons is not on its whitelist",
    ]);
  });
});
