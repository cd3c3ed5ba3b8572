/** Four-letter words: what a server tells of its clients. */
import { parseCons, parseDump, parseWchc, parseWchp, parseWchs } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { eventually } from "../wire/wire.js";
import { hex, must, shown, unsigned } from "./words-text.js";

export const wordsAboutClients: Suite = suite("four-letter words about clients", "ensemble", (it) => {
  it("cons has a line for each connection, with its session", async (given) => {
    const session = await given.open({ timeoutMs: 12_000 });
    await session.call("getData", { path: given.path, watch: false }, 0x4d);
    const line = new RegExp(
      `^ ${shown(given.address)}:\\d+\\[1\\]\\(queued=0,recved=2,sent=2,sid=0x([0-9a-f]+),lop=GETD,est=\\d{13},to=12000,lcxid=0x4d,lzxid=0x[0-9a-f]+,lresp=\\d{13},llat=\\d+,minlat=\\d+,avglat=\\d+,maxlat=\\d+\\)$`,
    );
    // The server counts an answer when it has sent it, which can be after it was read.
    const text = await eventually("the session's line with all that it has done", async () => {
      const answer = await given.ask("cons");
      return answer.split("\n").some((each) => line.exec(each)?.[1] === hex(session.id)) ? answer : undefined;
    });
    expect(text.endsWith("\n\n")).toBe(true);
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
    expect(await given.ask("cons")).toMatch(
      new RegExp(`^ ${shown(given.address)}:\\d+\\[0\\]\\(queued=0,recved=1,sent=0\\)$`, "m"),
    );
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

  it("dump of the leader has the sessions of all servers, by the time of their end", async (given) => {
    const session = await given.open();
    const text = await given.ask("dump", "leader");
    expect(text).toMatch(
      /^SessionTracker dump:\nSession Sets \(\d+\):\n(\d+ expire at .+:\n(\t0x[0-9a-f]+\n)*)+ephemeral nodes dump:\nSessions with Ephemerals \(\d+\):\n/,
    );
    expect(must(parseDump(text)).sessions?.map(unsigned)).toContain(unsigned(session.id));
  });

  it("dump of the leader says when each session ends: its timeout from now, rounded up to a tick", async (given) => {
    const session = await given.open({ on: "leader", timeoutMs: 20_000 });
    await session.made(`${given.path}/a`);
    const nowMs = Number((await session.stat(`${given.path}/a`)).ctime);
    const text = await given.ask("dump", "leader");
    const sets = [...text.matchAll(/^(\d+) expire at (.+):\n((?:\t0x[0-9a-f]+\n)*)/gm)];
    for (const [, count, , ids = ""] of sets) expect(ids.split("\n").length - 1).toBe(Number(count));
    const mine = sets.find(([, , , ids = ""]) => ids.includes(`\t0x${hex(session.id)}\n`));
    // The text has whole seconds.
    const endsInMs = Date.parse(mine?.[2] ?? "") - nowMs;
    expect(endsInMs).toBeGreaterThan(20_000 - 2_000);
    expect(endsInMs).toBeLessThan(20_000 + 2_000);
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
});
