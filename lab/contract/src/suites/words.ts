/** Four-letter words: what a server tells of itself. */
import { parseConf, parseEnvi, parseSrvr, parseStat } from "@zk/protocol";
import { expect } from "vitest";
import { maxSessionTimeoutMs, tickTimeMs } from "../backends.js";
import { type Suite, suite } from "../behaviour.js";
import { eventually } from "../wire/wire.js";
import { keysOf, must, numbersOf, shown } from "./words-text.js";

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
          /Outstanding: -?\d+\n/,
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
      new RegExp(
        `^Zookeeper version: .+\\nClients:\\n( ${shown(given.address)}:\\d+\\[\\d\\]\\(queued=\\d+,recved=\\d+,sent=\\d+\\)\\n)+\\nLatency min/avg/max: `,
      ),
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
    const server = given.server();
    const settings = must(parseConf(text));
    expect(settings).toMatchObject({
      serverId: server.id,
      clientPort: given.ownPort(server),
      tickTimeMs,
      minSessionTimeoutMs: 2 * tickTimeMs,
      maxSessionTimeoutMs,
      maxClientConnections: 0,
    });
    expect(settings.values.get("electionAlg")).toBe("3");
    expect(settings.values.get("peerType")).toBe("0");
  });

  it("srst sets the counters of the server back", async (given) => {
    const session = await given.open();
    for (let count = 0; count < 40; count += 1) await session.exists(given.path);
    expect(await given.ask("srst")).toBe("Server stats reset.\n");
    const { packetsReceived, packetsSent } = must(parseSrvr(await given.ask("srvr")));
    expect(packetsReceived).toBeLessThan(20);
    expect(packetsSent).toBeLessThan(20);
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
