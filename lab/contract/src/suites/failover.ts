/** What clients see when servers die and come back. */
import { parseSrvr } from "@zk/protocol";
import { expect } from "vitest";
import { tickTimeMs } from "../backends.js";
import { type Given, type Place, type Suite, suite } from "../behaviour.js";
import { event, expectError, expectOk } from "../expectations.js";
import type { Session } from "../wire/session.js";
import { eventually } from "../wire/wire.js";
import { handshakeFrame } from "../wire/wire-session.js";

/** Milliseconds for an ensemble to find a leader and for a session to come back. */
const outageLimitMs = 60_000;

export const failover: Suite = suite("failover", "failover", (it) => {
  it("of the leader: the followers end their connections, and sessions go on at the next leader's", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    await given.ensemble.killLeader();
    await session.ended();
    const again = await comeBack(given, session);
    expect(again.credentials).toEqual(session.credentials);
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
    expectOk(await again.setData(`${given.path}/e`, "still here"));
  });

  it("of the leader: its own sessions go on at another server", async (given) => {
    const session = await given.open({ on: "leader" });
    await session.ephemeral(`${given.path}/e`);
    await given.ensemble.killLeader();
    await session.ended();
    const again = await comeBack(given, session);
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
  });

  it("of the leader: nothing that was acknowledged is lost", async (given) => {
    const session = await given.open({ on: "leader" });
    const stats = [];
    for (let count = 0; count < 20; count += 1) {
      stats.push(expectOk(await session.setData(given.path, `value ${count}`)).stat);
      await session.made(`${given.path}/n${count}`);
    }
    await given.ensemble.killLeader();
    const again = await comeBack(given, session);
    expect(await again.text(given.path)).toBe("value 19");
    const { version, mzxid, numChildren } = await again.stat(given.path);
    expect({ version, mzxid, numChildren }).toEqual({
      version: 20,
      mzxid: stats.at(-1)?.mzxid,
      numChildren: 20,
    });
  });

  it("of the leader: the next one begins an epoch, with zxids above all before", async (given) => {
    const session = await given.open();
    const before = await session.setData(given.path, "x");
    await given.ensemble.killLeader();
    const again = await comeBack(given, session);
    const after = await again.setData(given.path, "y");
    expect(after.zxid >> 32n).toBeGreaterThan(before.zxid >> 32n);
    expect(after.zxid & 0xffff_ffffn).toBeLessThan(100n);
  });

  it("of the leader: watches are lost, and setWatches tells what happened meanwhile", async (given) => {
    const [session, writer] = [await given.open(), await given.open()];
    await session.made(`${given.path}/a`);
    await session.getData(given.path, true);
    await session.getChildren(given.path, true);
    const { zxid } = await session.ping();
    await given.ensemble.killLeader();
    const writing = await comeBack(given, writer);
    const { zxid: changed } = await writing.setData(given.path, "meanwhile");
    const again = await comeBack(given, session, zxid);
    await again.reach(changed);
    expect((await again.setWatches(zxid, { data: [given.path], child: [given.path] })).before).toEqual([
      event.changed(given.path),
    ]);
    await writing.made(`${given.path}/b`);
    expect(await again.event()).toEqual(event.children(given.path));
  });

  it("of the leader: sequence numbers go on", async (given) => {
    const session = await given.open();
    for (let count = 0; count < 3; count += 1)
      await session.remove(await session.made(`${given.path}/n-`, { flags: 2 }));
    await given.ensemble.killLeader();
    const again = await comeBack(given, session);
    expect(await again.made(`${given.path}/n-`, { flags: 2 })).toBe(`${given.path}/n-0000000003`);
  });

  it("of the leader: the nodes of a session whose client is gone go all the same", async (given) => {
    const [session, other] = [await given.open({ timeoutMs: 4_000 }), await given.open()];
    await session.ephemeral(`${given.path}/e`);
    session.drop();
    await given.ensemble.killLeader();
    const again = await comeBack(given, other);
    await eventually(
      "the node to go",
      async () => ((await again.names(given.path)).length === 0 ? true : undefined),
      outageLimitMs,
    );
    const { id: sessionId, password } = session.credentials;
    const refused = await given.open({ on: idOf(given, again), sessionId, password });
    expect(refused.granted.sessionId).toBe(0n);
  });

  it("of a follower: the others and their sessions feel nothing", async (given) => {
    const [onLeader, onOther] = [
      await given.open({ on: "leader" }),
      await given.open({ on: "other follower" }),
    ];
    await given.ensemble.killFollower();
    for (const session of [onLeader, onOther]) {
      expectOk(await session.setData(given.path, "x"));
      expectOk(await session.sync(given.path));
    }
  });

  it("of a follower: its sessions go on elsewhere, with their nodes", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    expect(await given.ensemble.killFollower()).toBe(given.server("follower").id);
    await session.ended();
    const { id: sessionId, password } = session.credentials;
    const again = await given.open({ on: "other follower", sessionId, password });
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(sessionId);
    expectOk(await again.setData(`${given.path}/e`, "x"));
  });

  it("of a follower: when it comes back it has what it missed", async (given) => {
    const session = await given.open({ on: "leader" });
    const killed = await given.ensemble.killFollower();
    const { zxid } = await session.setData(given.path, "missed");
    await given.ensemble.start(killed);
    const late = await given.open({ on: killed });
    await late.reach(zxid);
    expect(await late.text(given.path)).toBe("missed");
    expect(await late.stat(given.path)).toEqual(await session.stat(given.path));
  });

  it("of two servers: the one that is left serves nobody, and says so", async (given) => {
    const session = await given.open({ on: "follower" });
    const left = given.server("follower").id;
    await killOthers(given, left);
    await session.ended();
    await eventually(
      "the server to notice",
      async () => {
        const answer = await given.ask("srvr", left).catch(() => "");
        return answer === "This ZooKeeper instance is not currently serving requests\n" ? true : undefined;
      },
      outageLimitMs,
    );
    expect(await given.ask("ruok", left)).toBe("imok");
    expect(await given.ask("isro", left)).toBe("null");
    for (const word of ["stat", "mntr", "conf", "cons", "dump", "wchs", "wchc", "wchp", "crst", "srst"]) {
      expect(await given.ask(word, left)).toBe("This ZooKeeper instance is not currently serving requests\n");
    }
    expect(await given.ask("envi", left)).toMatch(/^Environment:\n/);
    const wire = await given.connect(left);
    wire.write(handshakeFrame());
    await wire.end();
  });

  it("of two servers: a leader that is left steps down", async (given) => {
    const left = given.leader;
    const session = await given.open({ on: left });
    await killOthers(given, left);
    await session.ended();
    expect(parseSrvr(await given.ask("srvr", left)).serving).toBe(false);
  });

  it("of two servers: sessions do not expire while nobody serves, however long", async (given) => {
    const session = await given.open({ timeoutMs: 5 * tickTimeMs });
    await session.ephemeral(`${given.path}/e`);
    const left = given.server("follower").id;
    const others = await killOthers(given, left);
    await session.ended();
    const silence = performance.now();
    await eventually("more than the session's time to go by", () =>
      performance.now() - silence > 10 * tickTimeMs ? true : undefined,
    );
    await given.ensemble.start(others[0] ?? 0);
    const again = await comeBack(given, session);
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
  });

  it("of two servers: one more is enough to serve again, with everything that was there", async (given) => {
    const session = await given.open({ on: "leader" });
    await session.setData(given.path, "kept");
    const left = given.server("follower").id;
    const others = await killOthers(given, left);
    await given.ensemble.start(others[0] ?? 0);
    const again = await comeBack(given, session);
    expect(await again.text(given.path)).toBe("kept");
    expectOk(await again.setData(given.path, "and more"));
  });

  it("of all servers: everything acknowledged is there after their restart, sessions too", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    await session.made(`${given.path}/a`, { data: "kept" });
    const stat = await session.stat(`${given.path}/a`);
    for (const { id } of given.ensemble.servers) await given.ensemble.kill(id);
    await Promise.all(given.ensemble.servers.map(({ id }) => given.ensemble.start(id)));
    const again = await comeBack(given, session);
    expect(await again.stat(`${given.path}/a`)).toEqual(stat);
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
  });

  it("a follower that stands still holds up nobody else, and catches up when it goes on", async (given) => {
    const [slow, fast] = [await given.open({ on: "follower" }), await given.open({ on: "leader" })];
    await given.ensemble.pause(given.server("follower").id);
    const { zxid } = await fast.setData(given.path, "meanwhile");
    const xid = slow.send("exists", { path: given.path, watch: false });
    await given.ensemble.resume(given.server("follower").id);
    expectOk(await slow.answerTo("exists", xid));
    await slow.reach(zxid);
    expect(await slow.text(given.path)).toBe("meanwhile");
  });

  it("a refused write is refused again by the next leader, and takes a zxid there too", async (given) => {
    const session = await given.open();
    expectError(await session.setData(given.path, "x", 9), "BAD_VERSION");
    await given.ensemble.killLeader();
    const again = await comeBack(given, session);
    const first = await again.setData(given.path, "x", 9);
    expectError(first, "BAD_VERSION");
    expect((await again.setData(given.path, "x", 9)).zxid).toBe(first.zxid + 1n);
  });
});

/** The session on whichever server takes it first. */
async function comeBack(given: Given, session: Session, lastZxidSeen = 0n): Promise<Session> {
  const { id: sessionId, password } = session.credentials;
  const again = await eventually(
    "a server that takes the session",
    async () => {
      for (const { id } of given.ensemble.servers) {
        const taken = await given.open({ on: id, sessionId, password, lastZxidSeen }).catch(() => undefined);
        if (taken !== undefined) return taken;
      }
      return undefined;
    },
    outageLimitMs,
  );
  expect(again.id).toBe(sessionId);
  return again;
}

function idOf(given: Given, session: Session): Place {
  return (
    given.ensemble.servers.find(({ clientPort }) => clientPort === session.address.clientPort)?.id ?? "leader"
  );
}

/** Kills all servers but one, and gives their numbers. */
async function killOthers(given: Given, left: number): Promise<number[]> {
  const others = given.ensemble.servers.map(({ id }) => id).filter((id) => id !== left);
  await Promise.all(others.map((id) => given.ensemble.kill(id)));
  return others;
}
