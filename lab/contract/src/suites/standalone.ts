/** One server alone, and its limits. */
import { parseConf, parseSrvr } from "@zk/protocol";
import { expect } from "vitest";
import { standaloneClientsMax, standaloneTickTimeMs } from "../backends.js";
import { type Given, type Suite, suite } from "../behaviour.js";
import { event, expectError, expectOk } from "../expectations.js";
import type { Session } from "../wire/session.js";
import { part } from "../wire/session.js";
import { eventually, type Wire } from "../wire/wire.js";
import { handshakeFrame } from "../wire/wire-session.js";

export const standalone: Suite = suite("a server alone", "standalone", (it) => {
  it("says that it is one", async (given) => {
    const answer = parseSrvr(await given.ask("srvr"));
    expect(answer).toMatchObject({ serving: true, mode: "standalone" });
    expect(await given.ask("mntr")).toContain("zk_server_state\tstandalone\n");
    expect(await given.ask("mntr")).not.toContain("zk_followers");
  });

  it("has no elections: its zxids have no epoch", async (given) => {
    const { zxid } = await (await given.open()).create(`${given.path}/a`);
    expect(zxid >> 32n).toBe(0n);
  });

  it("grants from two to twenty ticks unless told otherwise", async (given) => {
    const timeouts: number[] = [];
    for (const timeoutMs of [1, 2 * standaloneTickTimeMs, 5_432, 20 * standaloneTickTimeMs, 1_000_000]) {
      const session = await given.open({ timeoutMs });
      timeouts.push(session.granted.timeOut);
      await session.close();
    }
    expect(timeouts).toEqual([1_000, 1_000, 5_432, 10_000, 10_000]);
  });

  it("has no lines about other servers in conf", async (given) => {
    const text = await given.ask("conf");
    const settings = parseConf(text);
    expect(settings).toMatchObject({
      serving: true,
      serverId: 0,
      tickTimeMs: standaloneTickTimeMs,
      minSessionTimeoutMs: 2 * standaloneTickTimeMs,
      maxSessionTimeoutMs: 20 * standaloneTickTimeMs,
      maxClientConnections: standaloneClientsMax,
    });
    expect(text).not.toContain("quorumPort");
  });

  it("does all operations", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { data: "x" });
    expectOk(await session.setData(path, "y", 0));
    expectOk(await session.getData(path));
    expectOk(await session.getChildren2(given.path));
    expectOk(await session.getACL(path));
    expectOk(await session.sync(path));
    expectOk(await session.multi([part.check(path, 1), part.remove(path)]));
    expectError(await session.exists(path), "NO_NODE");
  });

  it("tells watchers before it answers the writer", async (given) => {
    const [watcher, writer] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await writer.setData(given.path, "x");
    expect(await watcher.pendingEvents()).toEqual([event.changed(given.path)]);
  });

  it("lets sessions go on behind a new connection", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    session.drop();
    const { id, password } = session.credentials;
    const again = await given.open({ sessionId: id, password });
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(id);
  });

  it("lets silent sessions expire, with their nodes", async (given) => {
    const [session, other] = [await given.open({ timeoutMs: 1_000 }), await given.open()];
    await session.ephemeral(`${given.path}/e`);
    await other.exists(`${given.path}/e`, true);
    await session.ended();
    expect(await other.event()).toEqual(event.deleted(`${given.path}/e`));
    const { id, password } = session.credentials;
    const refused = await given.open({ sessionId: id, password });
    expect(refused.granted.timeOut).toBe(0);
  });

  it("lets a node be made with rights for credentials, and keeps others out", async (given) => {
    const [owner, other] = [await given.open(), await given.open()];
    await owner.auth("digest", "bob:secret");
    await owner.made(`${given.path}/a`, { acl: [{ perms: 31, id: { scheme: "auth", id: "" } }] });
    expectError(await other.getData(`${given.path}/a`), "NO_AUTH");
  });

  it("gives ids whose first byte is one", async (given) => {
    expect(BigInt.asUintN(64, (await given.open()).id) >> 56n).toBe(1n);
  });
});

export const connectionLimit: Suite = suite("the limit of connections", "standalone", (it) => {
  it("lets so many in and ends the next at once, without an answer", async (given) => {
    const held = await fill(given);
    expect(held.length).toBeGreaterThan(0);
    const wire = await given.connect();
    wire.write(handshakeFrame());
    await wire.end();
    for (const session of held) expect((await session.ping()).err).toBe(0);
  });

  it("is reached with exactly the configured number", async (given) => {
    // The session that made this behaviour's node is the one that is not among those held.
    await eventually("connections of earlier behaviours to be gone", async () => {
      const held = await fill(given);
      if (held.length === standaloneClientsMax - 1) return true;
      for (const session of held) await session.close();
      return undefined;
    });
  });

  it("counts connections that ask four-letter words", async (given) => {
    await fill(given);
    expect(await given.ask("ruok").catch(() => "")).toBe("");
  });

  it("counts connections that have not said anything yet", async (given) => {
    const wires: Wire[] = [];
    for (let count = 0; count <= standaloneClientsMax; count += 1) wires.push(await given.connect());
    // Before a container stands the engine's proxy, which may bring them in another order; then any may be the last.
    await eventually("the one too many to be ended", async () => {
      const held = wires.filter(({ isEnded }) => !isEnded).length;
      return held <= standaloneClientsMax ? true : undefined;
    });
    const server = given.server();
    if (given.ownPort(server) === server.clientPort) await wires.at(-1)?.end();
  });

  it("lets the next one in when one has gone", async (given) => {
    const held = await fill(given);
    held[0]?.drop();
    const next = await eventually("a place to be free", async () => given.open().catch(() => undefined));
    expectOk(await next.exists(given.path));
  });

  it("does not keep a session from taking its own place over", async (given) => {
    const held = await fill(given);
    const [first] = held;
    if (first === undefined) throw new Error("No session was let in.");
    first.drop();
    const { id, password } = first.credentials;
    const again = await eventually("a place to be free", async () =>
      given.open({ sessionId: id, password }).catch(() => undefined),
    );
    expect(again.id).toBe(id);
  });
});

/** Opens sessions until one is refused. */
async function fill(given: Given): Promise<Session[]> {
  const held: Session[] = [];
  for (;;) {
    const session = await given.open().catch(() => undefined);
    if (session === undefined) return held;
    held.push(session);
    if (held.length > standaloneClientsMax) throw new Error("There is no limit.");
  }
}
