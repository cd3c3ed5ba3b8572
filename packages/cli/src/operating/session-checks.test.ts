import { describe, expect, it } from "vitest";
import type { ServerConnection } from "../session/servers.js";
import type { WordAnswer } from "../session/words.js";
import { checkSessions } from "./session-checks.js";

/** A server that answers with these texts, and to every other word with nothing; null is a word off the whitelist. */
function serverWith(texts: Readonly<Record<string, string | null>>, asked: string[] = []): ServerConnection {
  return {
    name: "zk1:2181",
    host: "zk1",
    port: 2181,
    ask: async (word): Promise<WordAnswer> => {
      asked.push(word);
      const text = texts[word];
      if (text === null) return { kind: "notAllowed", text: "not on the whitelist" };
      return text === undefined ? { kind: "silent", reason: "?" } : { kind: "answer", text, ms: 1 };
    },
  };
}

/** A connection as `cons` has it. */
function connection(id: number, lastResponseMs: number, timeoutMs = 10_000): string {
  const values = `queued=0,recved=9,sent=9,sid=0x${id.toString(16)},lop=PING,est=1400000000000,to=${timeoutMs},lcxid=0x1,lzxid=0x1,lresp=${lastResponseMs},llat=0,minlat=0,avglat=0,maxlat=0`;
  return ` /10.0.0.1:${40_000 + id}[1](${values})\n`;
}

/** Sessions as the leader's `dump` has them. */
function dump(...ids: readonly number[]): string {
  const lines = ids.map((id) => `\t0x${id.toString(16)}\n`).join("");
  return `SessionTracker dump:\nSession Sets (1):\n${ids.length} expire at Thu Jan 01 00:00:00 GMT 1970:\n${lines}ephemeral nodes dump:\nSessions with Ephemerals (0):\n`;
}

/** Watches as `wchs` and `wchc` have them. */
function watches(...counts: readonly number[]): Record<string, string> {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const lists = counts.map((count, index) => {
    const paths = Array.from({ length: count }, (_, at) => `\t/watched/${at}\n`).join("");
    return `0x${(index + 1).toString(16)}\n${paths}`;
  });
  return {
    wchs: `${counts.length} connections watching ${total} paths\nTotal watches:${total}\n`,
    wchc: lists.join(""),
  };
}

const idsOf = (found: readonly { readonly id: string }[]): string[] => found.map(({ id }) => id);

describe("checkSessions", () => {
  it.each([
    [7_500, []],
    [7_501, ["live.session-silent"]],
  ])("a client that was silent for %d of 10000 ms", async (silentMs, expected) => {
    const cons = connection(1, 1_400_000_100_000) + connection(2, 1_400_000_100_000 - silentMs);
    const found = await checkSessions([serverWith({ cons, dump: dump(1, 2) })], []);
    expect(idsOf(found)).toEqual(expected);
    if (found.length > 0) expect(found[0]?.evidence).toBe(`0x2 of 10.0.0.1:40002: ${silentMs} of 10000 ms`);
  });

  it("sessions that no server has a connection of", async () => {
    const follower = serverWith({ cons: connection(2, 5), dump: undefined as unknown as string });
    const leader = serverWith({ cons: connection(1, 5), dump: dump(1, 2, 3, 4) });
    const found = await checkSessions([leader, follower], []);
    expect(found).toMatchObject([{ id: "live.session-unconnected", evidence: "2 sessions: 0x3, 0x4" }]);
    // A server that does not list its connections may have them.
    const notAsked: string[] = [];
    expect(await checkSessions([leader, serverWith({ cons: null })], notAsked)).toEqual([]);
    expect(notAsked).toEqual(["zk1:2181: cons is not on its whitelist"]);
  });

  it.each([
    [[5_000, 5_000], []],
    [[5_001, 3], ["live.many-watches"]],
  ])("sessions with %j watches", async (counts, expected) => {
    expect(idsOf(await checkSessions([serverWith(watches(...counts))], []))).toEqual(expected);
  });

  it("does not ask a server for a list that would be work for it, nor for one that is not needed", async () => {
    const asked: string[] = [];
    const notAsked: string[] = [];
    expect(await checkSessions([serverWith(watches(60_000), asked)], notAsked)).toEqual([]);
    expect(await checkSessions([serverWith(watches(500), asked)], notAsked)).toEqual([]);
    expect(asked).not.toContain("wchc");
    expect(notAsked).toEqual(["zk1:2181: whose its 60000 watches are; the list would be work for it"]);
  });
});
