import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { words } from "../../tests/support/goldens.js";
import { FOUR_LETTER_WORDS, type FourLetterAnswer } from "./answer.js";
import { parseCons } from "./connections.js";
import { parseDump, parseTraceMask, parseWchc, parseWchp, parseWchs } from "./sessions.js";
import { parseConf, parseDirs, parseEnvi, parseIsro, parseReset, parseRuok } from "./settings.js";
import { parseMntr, parseSrvr, parseStat } from "./statistics.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

const PARSERS: Readonly<Record<string, (text: string) => FourLetterAnswer<unknown>>> = {
  srvr: parseSrvr,
  stat: parseStat,
  mntr: parseMntr,
  conf: parseConf,
  cons: parseCons,
  crst: parseReset,
  srst: parseReset,
  dump: parseDump,
  envi: parseEnvi,
  wchs: parseWchs,
  wchc: parseWchc,
  wchp: parseWchp,
  gtmk: parseTraceMask,
  stmk: parseTraceMask,
  isro: parseIsro,
  dirs: parseDirs,
};
const SERVERS = ["3.4.6", "3.9.3"].flatMap((version) =>
  ["standalone", "leader", "follower", "read-only"].map((mode) => ({
    version,
    mode,
    server: `${version}-${mode}`,
  })),
);

/** The answer of a parser that must have found what it was looking for. */
function serving<T>(answer: FourLetterAnswer<T>): { serving: true } & T {
  if (!answer.serving) throw new Error(`${answer.reason}: ${answer.text}`);
  return answer;
}

describe.each(SERVERS)("answers of a $version $mode", ({ version, mode, server }) => {
  const answers = words(server);
  const text = (word: string) => answers[word] ?? "";

  it("srvr, stat and mntr", () => {
    const srvr = serving(parseSrvr(text("srvr")));
    expect(srvr).toMatchObject({ version, mode, outstandingRequests: expect.any(Number) });
    expect(srvr.build).toMatch(/^3\.\d\.\d-[0-9a-f]+, built on .* (?:GMT|UTC)$/);
    for (const [key, value] of Object.entries(srvr)) expect(value, key).not.toBeNull();
    expect(srvr.latencyMinMs).toBeLessThanOrEqual(srvr.latencyMaxMs!);
    const stat = serving(parseStat(text("stat")));
    expect(stat).toMatchObject({ version, mode, zxid: srvr.zxid, nodeCount: srvr.nodeCount });
    expect(stat.clients).toHaveLength(stat.connections!);
    expect(stat.clients[0]).toMatchObject({ address: "127.0.0.1", sessionId: null });
    const mntr = serving(parseMntr(text("mntr")));
    expect(mntr).toMatchObject({ version, mode, nodeCount: srvr.nodeCount });
    expect(mntr.followers).toBe(mode === "leader" ? 2 : null);
    expect(mntr.syncedFollowers).toBe(mode === "leader" ? 2 : null);
    expect(mntr.values.get("server_state")).toBe(mode);
  });

  it("conf, envi and isro", () => {
    const conf = serving(parseConf(text("conf")));
    expect(conf).toMatchObject({
      tickTimeMs: 2_000,
      minSessionTimeoutMs: 4_000,
      maxSessionTimeoutMs: 40_000,
      maxClientConnections: 200,
    });
    expect(conf.serverId).toBe({ standalone: 0, "read-only": 1, follower: 2, leader: 3 }[mode]);
    expect(conf.clientPort).toBeGreaterThan(0);
    expect(conf.members.size).toBe(server === "3.9.3-leader" || server === "3.9.3-follower" ? 3 : 0);
    expect(serving(parseEnvi(text("envi"))).values.get("zookeeper.version")).toContain(version);
    expect(parseIsro(text("isro"))).toEqual({ serving: true, readOnly: mode === "read-only" });
    expect(parseRuok(text("ruok"))).toBe(true);
  });

  it("cons, dump and the watches", () => {
    const { connections } = serving(parseCons(text("cons")));
    const session = connections.find(({ sessionId }) => sessionId !== null);
    const dump = serving(parseDump(text("dump")));
    const wchs = serving(parseWchs(text("wchs")));
    const { pathsBySession } = serving(parseWchc(text("wchc")));
    const { sessionsByPath } = serving(parseWchp(text("wchp")));
    if (mode === "read-only") {
      expect([session, wchs.watches, pathsBySession.size, sessionsByPath.size]).toEqual([undefined, 0, 0, 0]);
      return;
    }
    expect(session).toMatchObject({ sessionTimeoutMs: 10_000, lastOperation: "GETC" });
    expect(session?.lastZxid).toBeGreaterThan(0n);
    const id = session!.sessionId!;
    if (server === "3.4.6-follower") expect(dump.sessions).toBeNull();
    else expect(dump.sessions).toContain(id);
    const [path] = dump.ephemerals.get(id)!;
    expect(path).toMatch(/^\/words-/);
    expect(wchs).toMatchObject({ connections: 1, paths: pathsBySession.get(id)!.length, watches: 2 });
    expect(new Set(pathsBySession.get(id))).toEqual(new Set([path, "/"]));
    expect(sessionsByPath).toEqual(new Map([...sessionsByPath.keys()].map((key) => [key, [id]])));
    expect(new Set(sessionsByPath.keys())).toEqual(new Set([path, "/"]));
  });

  it("the rest", () => {
    expect(parseTraceMask(text("gtmk"))).toEqual({ serving: true, mask: 306 });
    expect(parseReset(text("crst"))).toEqual({ serving: true });
    expect(parseReset(text("srst"))).toEqual({ serving: true });
    const dirs = parseDirs(text("dirs"));
    if (version === "3.4.6") expect(dirs).toEqual({ serving: false, reason: "unreadable", text: "" });
    else expect(serving(dirs).dataBytes).toBeGreaterThan(0);
  });
});

describe("answers without what was asked for", () => {
  it.each(["3.4.6", "3.9.3"])("a %s server that is not serving", (version) => {
    const answers = words(`${version}-not-serving`);
    const told = { serving: false, reason: "not-serving" };
    for (const word of [
      "srvr",
      "stat",
      "mntr",
      "conf",
      "cons",
      "dump",
      "wchs",
      "wchc",
      "wchp",
      "isro",
      "crst",
      "srst",
    ]) {
      expect(PARSERS[word]!(answers[word]!), word).toMatchObject(told);
    }
    expect(parseRuok(answers["ruok"]!)).toBe(true);
    expect(parseEnvi(answers["envi"]!)).toMatchObject({ serving: true });
  });

  it("a word that is switched off", () => {
    const answers = words("3.9.3-whitelist");
    expect(parseSrvr(answers["srvr"]!)).toMatchObject({ serving: true, version: "3.9.3" });
    for (const [word, parse] of Object.entries(PARSERS)) {
      if (word === "srvr" || answers[word] === undefined) continue;
      expect(parse(answers[word]), word).toMatchObject({ serving: false, reason: "not-in-whitelist" });
    }
    expect(parseRuok(answers["ruok"]!)).toBe(false);
  });

  it("nothing at all, and what is no ZooKeeper", () => {
    const odd = [
      "",
      "\n",
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
      "-ERR unknown command\r\n",
      "\u0000".repeat(300),
    ];
    for (const [word, parse] of Object.entries(PARSERS)) {
      for (const text of odd) {
        if (text === "\n" && ["cons", "wchc", "wchp"].includes(word)) continue;
        const answer = parse(text);
        expect(answer, `${word} ${text}`).toMatchObject({ serving: false, reason: "unreadable" });
        if (!answer.serving) expect(answer.text.length).toBeLessThanOrEqual(200);
      }
    }
    expect(odd.map(parseRuok)).toEqual([false, false, false, false, false]);
  });

  it("damaged answers are values or refusals, in time", () => {
    const originals = SERVERS.flatMap(({ server }) => Object.entries(words(server)));
    const damage = fc.record({
      original: fc.constantFrom(...originals),
      at: fc.nat(3_000),
      cut: fc.nat(50),
      insert: fc.oneof(
        fc.string(),
        fc.constantFrom("\n", "\t", "0x", ":", "=", "[", "]", ")", "9".repeat(400), "\n\t".repeat(99)),
      ),
    });
    fc.assert(
      fc.property(damage, ({ original: [, text], at, cut, insert }) => {
        const damaged = text.slice(0, at) + insert + text.slice(at + cut);
        for (const parse of Object.values(PARSERS)) expect(typeof parse(damaged).serving).toBe("boolean");
      }),
      { numRuns: 600 },
    );
  });

  it("long garbage takes no longer than its length", () => {
    for (const filler of [
      "a",
      " ",
      "/",
      ":",
      "1",
      "\t",
      "\n",
      "0x1\n",
      "zk_a\tb\n",
      " /1:1[",
      "(,=",
      "a=b\n",
    ]) {
      const text = filler.repeat(Math.ceil(200_000 / filler.length));
      for (const [word, parse] of Object.entries(PARSERS)) {
        const started = performance.now();
        parse(text);
        expect(performance.now() - started, `${word} on ${JSON.stringify(filler)}`).toBeLessThan(2_000);
      }
    }
  });
});

describe("odd but right answers", () => {
  it("a connection over IPv6", () => {
    const text =
      " /0:0:0:0:0:0:0:1:51122[1](queued=0,recved=1,sent=1,sid=0xff00000000000001,lop=PING,to=30000)\n\n";
    expect(serving(parseCons(text)).connections[0]).toMatchObject({
      address: "0:0:0:0:0:0:0:1",
      port: 51_122,
      sessionId: -0x00ffffffffffffffn,
      lastOperation: "PING",
      sessionTimeoutMs: 30_000,
      establishedMs: null,
    });
  });

  it("versions that are no plain numbers", () => {
    const version = (text: string) =>
      serving(parseSrvr(`Zookeeper version: ${text}\nMode: observer\n`)).version;
    expect(version("3.5.0-alpha-1615249, built on 08/01/2014 22:13 GMT")).toBe("3.5.0-alpha");
    expect(version("3.10.0-SNAPSHOT, built on now")).toBe("3.10.0");
    expect(version("3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf, built on 03/06/2019 16:18 GMT")).toBe(
      "3.4.14",
    );
    expect(version("something else")).toBe("something else");
  });

  it("a mode of the future", () => {
    expect(parseSrvr("Zookeeper version: 4.0.0-1, built on x\nMode: witness\n")).toMatchObject({
      mode: "unknown",
      zxid: null,
    });
  });

  it("words are those of the servers", () => {
    expect(FOUR_LETTER_WORDS.every((word) => /^[a-z]{4}$/.test(word))).toBe(true);
    expect([...FOUR_LETTER_WORDS].filter((word) => word !== "ruok").sort()).toEqual(
      [...Object.keys(PARSERS), "hash"].sort(),
    );
  });
});
