/** Four-letter words: what a server tells of itself. */
import {
  parseConf,
  parseCons,
  parseDump,
  parseEnvi,
  parseSrvr,
  parseStat,
  parseWchc,
  parseWchp,
  parseWchs,
} from "@zk/protocol";
import { expect } from "vitest";
import { maxSessionTimeoutMs, tickTimeMs } from "../backends.js";
import { type Suite, suite } from "../behaviour.js";
import { eventually } from "../wire/wire.js";

const commonKeys = [
  "zk_version",
  "zk_avg_latency",
  "zk_max_latency",
  "zk_min_latency",
  "zk_packets_received",
  "zk_packets_sent",
  "zk_num_alive_connections",
  "zk_outstanding_requests",
  "zk_server_state",
  "zk_znode_count",
  "zk_watch_count",
  "zk_ephemerals_count",
  "zk_approximate_data_size",
  "zk_open_file_descriptor_count",
  "zk_max_file_descriptor_count",
];

export const words: Suite = suite("four-letter words", "ensemble", (it) => {
  it("ruok is answered with imok and nothing else", async (given) => {
    for (const { id } of given.ensemble.servers) expect(await given.ask("ruok", id)).toBe("imok");
  });

  it("isro is answered with rw and nothing else", async (given) => {
    expect(await given.ask("isro")).toBe("rw");
    expect(await given.ask("isro", "leader")).toBe("rw");
  });

  it("srvr has nine lines in their order", async (given) => {
    const text = await given.ask("srvr");
    expect(text).toMatch(
      new RegExp(
        [
          /^Zookeeper version: 3\.4\.6-\S+, built on .+\n/,
          /Latency min\/avg\/max: \d+\/\d+\/\d+\n/,
          /Received: \d+\n/,
          /Sent: \d+\n/,
          /Connections: \d+\n/,
          /Outstanding: 0\n/,
          /Zxid: 0x[0-9a-f]+\n/,
          /Mode: follower\n/,
          /Node count: \d+\n$/,
        ]
          .map(({ source }) => source)
          .join(""),
      ),
    );
  });

  it("srvr says who leads", async (given) => {
    for (const { id } of given.ensemble.servers) {
      const answer = must(parseSrvr(await given.ask("srvr", id)));
      expect(answer.mode).toBe(id === given.leader ? "leader" : "follower");
    }
  });

  it("srvr says the last zxid that the server has applied", async (given) => {
    const { zxid } = await (await given.open()).create(`${given.path}/a`);
    expect(must(parseSrvr(await given.ask("srvr"))).zxid).toBe(zxid);
  });

  it("srvr counts nodes, the four of an empty tree among them", async (given) => {
    const session = await given.open();
    const before = must(parseSrvr(await given.ask("srvr"))).nodeCount ?? 0;
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/b`);
    expect(must(parseSrvr(await given.ask("srvr"))).nodeCount).toBe(before + 2);
    await session.remove(`${given.path}/a`);
    expect(must(parseSrvr(await given.ask("srvr"))).nodeCount).toBe(before + 1);
  });

  it("srvr counts what was received and sent", async (given) => {
    const session = await given.open();
    const before = must(parseSrvr(await given.ask("srvr")));
    for (let count = 0; count < 50; count += 1) await session.exists(given.path);
    const after = must(parseSrvr(await given.ask("srvr")));
    expect((after.packetsReceived ?? 0) - (before.packetsReceived ?? 0)).toBeGreaterThanOrEqual(51);
    expect((after.packetsSent ?? 0) - (before.packetsSent ?? 0)).toBeGreaterThanOrEqual(50);
  });

  it("srvr counts connections, the one that asks among them", async (given) => {
    await eventually("connections of earlier behaviours to be gone", async () => {
      const before = must(parseSrvr(await given.ask("srvr"))).connections ?? 0;
      const wires = [await given.connect(), await given.connect()];
      const after = await eventually("both to be taken", async () => {
        const { connections } = must(parseSrvr(await given.ask("srvr")));
        return connections !== before ? connections : undefined;
      });
      for (const wire of wires) wire.destroy();
      return after === before + 2 ? true : undefined;
    });
  });

  it("stat has the clients between the version and the rest of srvr", async (given) => {
    const session = await given.open();
    await session.exists(given.path);
    const text = await given.ask("stat");
    expect(text).toMatch(
      /^Zookeeper version: .+\nClients:\n( \/127\.0\.0\.1:\d+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n)+\nLatency min\/avg\/max: /,
    );
    const answer = must(parseStat(text));
    expect(answer.mode).toBe("follower");
    expect(answer.clients.length).toBeGreaterThanOrEqual(2);
  });

  it("mntr of a follower has fifteen lines of key and value with a tab between", async (given) => {
    const text = await given.ask("mntr");
    expect(keysOf(text)).toEqual(commonKeys);
    expect(text).toMatch(/^(zk_[a-z_]+\t.+\n)+$/);
    expect(text).toContain("zk_server_state\tfollower\n");
  });

  it("mntr of the leader says how many follow it", async (given) => {
    const text = await given.ask("mntr", "leader");
    expect(keysOf(text)).toEqual([...commonKeys, "zk_followers", "zk_synced_followers", "zk_pending_syncs"]);
    expect(text).toContain("zk_server_state\tleader\n");
    expect(text).toContain("zk_followers\t2\n");
    expect(text).toContain("zk_synced_followers\t2\n");
    expect(text).toContain("zk_pending_syncs\t0\n");
  });

  it("mntr counts ephemeral nodes and watches", async (given) => {
    const session = await given.open();
    const before = numbersOf(await given.ask("mntr"));
    await session.ephemeral(`${given.path}/e`);
    await session.getData(given.path, true);
    await session.getChildren(given.path, true);
    const after = numbersOf(await given.ask("mntr"));
    expect(after("zk_ephemerals_count") - before("zk_ephemerals_count")).toBe(1);
    expect(after("zk_watch_count") - before("zk_watch_count")).toBe(2);
  });

  it("mntr adds up the lengths of paths and data", async (given) => {
    const session = await given.open();
    const before = numbersOf(await given.ask("mntr"));
    await session.made(`${given.path}/a`, { data: "12345" });
    const after = numbersOf(await given.ask("mntr"));
    expect(after("zk_approximate_data_size") - before("zk_approximate_data_size")).toBe(
      `${given.path}/a`.length + 5,
    );
  });

  it("conf has the settings of a server of an ensemble in their order", async (given) => {
    const text = await given.ask("conf");
    expect(keysOf(text, "=")).toEqual([
      "clientPort",
      "dataDir",
      "dataLogDir",
      "tickTime",
      "maxClientCnxns",
      "minSessionTimeout",
      "maxSessionTimeout",
      "serverId",
      "initLimit",
      "syncLimit",
      "electionAlg",
      "electionPort",
      "quorumPort",
      "peerType",
    ]);
    const { id, clientPort } = given.server();
    const settings = must(parseConf(text));
    expect(settings).toMatchObject({
      serverId: id,
      clientPort,
      tickTimeMs,
      minSessionTimeoutMs: 2 * tickTimeMs,
      maxSessionTimeoutMs,
      maxClientConnections: 0,
    });
    expect(settings.values.get("electionAlg")).toBe("3");
    expect(settings.values.get("peerType")).toBe("0");
  });

  it("cons has a line for each connection, with its session", async (given) => {
    const session = await given.open({ timeoutMs: 12_000 });
    await session.call("getData", { path: given.path, watch: false }, 0x4d);
    const text = await given.ask("cons");
    expect(text.endsWith("\n\n")).toBe(true);
    const line = text.split("\n").find((each) => each.includes(`sid=0x${hex(session.id)},`));
    expect(line).toMatch(
      /^ \/127\.0\.0\.1:\d+\[1\]\(queued=0,recved=2,sent=2,sid=0x[0-9a-f]+,lop=GETD,est=\d{13},to=12000,lcxid=0x4d,lzxid=0x[0-9a-f]+,lresp=\d{13},llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)$/,
    );
  });

  it("cons names the last operation of each kind in four letters", async (given) => {
    const session = await given.open();
    const path = `${given.path}/a`;
    const last = async (): Promise<string | undefined> =>
      new RegExp(`sid=0x${hex(session.id)},lop=(....),`).exec(await given.ask("cons"))?.[1];
    expect(await last()).toBe("SESS");
    const seen: Array<string | undefined> = [];
    for (const act of [
      () => session.create(path),
      () => session.setData(path, "x"),
      () => session.exists(path),
      () => session.getChildren(path),
      () => session.getChildren2(path),
      () => session.getACL(path),
      () => session.setACL(path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]),
      () => session.sync(path),
      () => session.multi([]),
      () => session.setWatches(0n, {}),
      () => session.ping(),
      () => session.remove(path),
    ]) {
      await act();
      seen.push(await last());
    }
    expect(seen).toEqual([
      "CREA",
      "SETD",
      "EXIS",
      "GETC",
      "GETC",
      "GETA",
      "SETA",
      "SYNC",
      "MULT",
      "SETW",
      "PING",
      "DELE",
    ]);
  });

  it("cons shows the one that asks without a session", async (given) => {
    expect(await given.ask("cons")).toMatch(/^ \/127\.0\.0\.1:\d+\[0\]\(queued=0,recved=1,sent=0\)$/m);
  });

  it("crst sets the counters of every connection back", async (given) => {
    const session = await given.open();
    for (let count = 0; count < 5; count += 1) await session.exists(given.path);
    expect(await given.ask("crst")).toBe("Connection stats reset.\n");
    const { connections } = must(parseCons(await given.ask("cons")));
    const mine = connections.find(
      ({ sessionId }) => BigInt.asUintN(64, sessionId ?? 0n) === unsigned(session.id),
    );
    expect(mine).toMatchObject({ packetsReceived: 0, packetsSent: 0, lastOperation: "NA" });
  });

  it("srst sets the counters of the server back", async (given) => {
    const session = await given.open();
    for (let count = 0; count < 40; count += 1) await session.exists(given.path);
    expect(await given.ask("srst")).toBe("Server stats reset.\n");
    const { packetsReceived, packetsSent } = must(parseSrvr(await given.ask("srvr")));
    expect(packetsReceived).toBeLessThan(20);
    expect(packetsSent).toBeLessThan(20);
  });

  it("dump of the leader has the sessions of all servers, by the time of their end", async (given) => {
    const session = await given.open();
    const text = await given.ask("dump", "leader");
    expect(text).toMatch(
      /^SessionTracker dump:\nSession Sets \(\d+\):\n(\d+ expire at .+:\n(\t0x[0-9a-f]+\n)*)+ephemeral nodes dump:\nSessions with Ephemerals \(\d+\):\n/,
    );
    expect(must(parseDump(text)).sessions?.map(unsigned)).toContain(unsigned(session.id));
  });

  it("dump has the ephemeral nodes of each session that has some, at every server", async (given) => {
    const session = await given.open();
    const { zxid } = await session.create(`${given.path}/e`, { flags: 1 });
    for (const { id } of given.ensemble.servers) {
      await (await given.open({ on: id })).reach(zxid);
      const text = await given.ask("dump", id);
      expect(text).toContain(`0x${hex(session.id)}:\n\t${given.path}/e\n`);
    }
  });

  it("dump of a follower knows no sessions, and shows a name of the program instead", async (given) => {
    const text = await given.ask("dump");
    expect(text).toMatch(
      /^SessionTracker dump:\norg\.apache\.zookeeper\.server\.quorum\.LearnerSessionTracker@[0-9a-f]+\nephemeral nodes dump:\n/,
    );
    expect(must(parseDump(text)).sessions).toBeNull();
  });

  it("wchs counts data watches: connections, paths and watches", async (given) => {
    const [one, other] = [
      await given.open({ on: "other follower" }),
      await given.open({ on: "other follower" }),
    ];
    await eventually("watches of earlier behaviours to be gone", async () =>
      (await given.ask("wchs", "other follower")) === "0 connections watching 0 paths\nTotal watches:0\n"
        ? true
        : undefined,
    );
    await one.getData(given.path, true);
    await one.exists(`${given.path}/a`, true);
    await other.getData(given.path, true);
    await other.getChildren(given.path, true);
    expect(await given.ask("wchs", "other follower")).toBe(
      "2 connections watching 2 paths\nTotal watches:3\n",
    );
    expect(must(parseWchs(await given.ask("wchs", "other follower")))).toMatchObject({ watches: 3 });
  });

  it("wchc has the paths of each session's data watches, not of its child watches", async (given) => {
    const session = await given.open();
    await session.getData(given.path, true);
    await session.getChildren("/", true);
    const text = await given.ask("wchc");
    expect(text).toContain(`0x${hex(session.id)}\n\t${given.path}\n`);
    const { pathsBySession } = must(parseWchc(text));
    const mine = [...pathsBySession].find(([id]) => unsigned(id) === unsigned(session.id));
    expect(mine?.[1]).toEqual([given.path]);
  });

  it("wchp has the sessions of each path", async (given) => {
    const [one, other] = [await given.open(), await given.open()];
    await one.getData(given.path, true);
    await other.exists(given.path, true);
    const text = await given.ask("wchp");
    expect(text).toContain(`${given.path}\n\t0x`);
    const { sessionsByPath } = must(parseWchp(text));
    expect(sessionsByPath.get(given.path)?.map(unsigned).sort()).toEqual(
      [one, other].map(({ id }) => unsigned(id)).sort(),
    );
  });

  it("envi begins with its name and has key and value in every line", async (given) => {
    const text = await given.ask("envi");
    expect(text).toMatch(/^Environment:\nzookeeper\.version=3\.4\.6-.+\nhost\.name=.+\n([^=\n]+=.*\n)+$/);
    const { values } = must(parseEnvi(text));
    for (const key of ["java.version", "java.home", "os.name", "os.arch", "user.name", "user.dir"]) {
      expect(values.has(key), key).toBe(true);
    }
  });

  it("gtmk gives the trace mask as a number", async (given) => {
    expect(await given.ask("gtmk")).toMatch(/^\d+$/);
  });

  it("stmk is never answered and sets nothing, as in 3.4; others do not feel it", async (given) => {
    const before = await given.ask("gtmk");
    const wire = await given.connect();
    wire.write(Buffer.concat([Buffer.from("stmk"), Buffer.alloc(8, 0x11)]));
    expect(await given.ask("gtmk")).toBe(before);
    expect((await (await given.open()).exists(given.path)).err).toBe(0);
    expect({ isEnded: wire.isEnded, bytes: wire.receivedBytes }).toEqual({ isEnded: false, bytes: 0 });
  });

  it("are known in small letters only; others are a length that is too great", async (given) => {
    for (const word of ["RUOK", "xxxx", "dirs", "hash", "help", "ruo "]) {
      expect(await given.ask(word)).toBe("");
    }
  });

  it("may come letter by letter", async (given) => {
    const wire = await given.connect();
    for (const letter of "ruok") await wire.writeOut(Buffer.from(letter));
    // Four letters come back, which look like the length of a frame that is never there.
    await expect(wire.end()).rejects.toThrow("frame of 1768779627 bytes");
  });

  it("may have a line's end behind them, as people send them", async (given) => {
    expect(await given.ask("ruok\n")).toBe("imok");
    expect(await given.ask("isro\r\n")).toBe("rw");
  });

  it("are answered to who has closed the own side already", async (given) => {
    const wire = await given.connect();
    wire.write("ruok");
    wire.finish();
    await expect(wire.end()).rejects.toThrow("frame of 1768779627 bytes");
  });
});

function must<T>(
  answer: ({ readonly serving: true } & T) | { readonly serving: false; readonly text: string },
): T {
  if (!answer.serving) throw new Error(`The server gave no such answer: ${answer.text}`);
  return answer;
}

function keysOf(text: string, separator = "\t"): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(separator)[0] ?? "");
}

function numbersOf(text: string): (key: string) => number {
  const values = new Map(text.split("\n").map((line) => line.split("\t") as [string, string]));
  return (key) => Number(values.get(key));
}

function unsigned(id: bigint): bigint {
  return BigInt.asUintN(64, id);
}

function hex(id: bigint): string {
  return unsigned(id).toString(16);
}
