// `startMemoryEnsemble`: the methods of an ensemble, over real sockets.
import { connect } from "node:net";
import { CreateMode, createClient } from "@zk/client";
import { parseCons } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { type MemoryEnsemble, startMemoryEnsemble } from "../src/index.js";

async function code(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => "fulfilled",
    (error: { code?: unknown }) => error.code ?? error,
  );
}

function portOf(ensemble: MemoryEnsemble, id: number): number {
  const found = ensemble.servers.find((server) => server.id === id);
  if (found === undefined) throw new Error(`no server ${id}`);
  return found.clientPort;
}

/** What a server says to a word, or the code of the error with which its port answers. */
function say(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(word));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("close", () => resolve(text));
  });
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`not within 10 s: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("an ensemble in memory", () => {
  it("is ready when it is given, and says so", async () => {
    await using ensemble = await startMemoryEnsemble();
    const status = await ensemble.status();
    expect(status).toMatchObject({ state: "up", hasQuorum: true, problem: null, version: "3.4.6" });
    expect(status.servers.map(({ answer }) => answer)).toEqual(["serving", "serving", "serving"]);
    expect(status.leader).toBe(await ensemble.leader());
    expect((await ensemble.followers()).concat(await ensemble.leader()).sort()).toEqual([1, 2, 3]);
    expect(await say(portOf(ensemble, 1), "ruok")).toBe("imok");
  });

  it("serves a client over TCP, through a failover", async () => {
    await using ensemble = await startMemoryEnsemble();
    await using client = createClient(ensemble.connectionString);
    await client.connect();
    await client.create("/a", "one");
    const before = await ensemble.serverOf(client);
    expect(before).not.toBeNull();
    const expired = ensemble.servers.filter(({ id }) => id !== before);
    await ensemble.kill(before ?? 0);
    expect(await say(portOf(ensemble, before ?? 0), "ruok")).toBe("ECONNREFUSED");
    expect((await client.getData("/a")).data).toEqual(new TextEncoder().encode("one"));
    expect(expired.map(({ id }) => id)).toContain(await ensemble.serverOf(client));
    await ensemble.start(before ?? 0);
    expect(await say(portOf(ensemble, before ?? 0), "isro")).toBe("rw");
    expect((await ensemble.status()).state).toBe("up");
  });

  it("elects another leader, and none without a quorum", async () => {
    await using ensemble = await startMemoryEnsemble();
    const first = await ensemble.killLeader();
    const second = await ensemble.leader();
    expect(second).not.toBe(first);
    await ensemble.killFollower();
    // The leader looks round at its next half tick.
    await eventually(async () => (await ensemble.status()).leader === null);
    expect(await code(ensemble.leader({ timeoutMs: 30 }))).toBe("NO_LEADER");
    expect((await ensemble.status()).state).toBe("partly-up");
    expect((await ensemble.status()).hasQuorum).toBe(false);
    expect(await say(portOf(ensemble, second), "srvr")).toMatch(/^This ZooKeeper instance is not currently/);
    await ensemble.restartAll();
    expect((await ensemble.status()).state).toBe("up");
  });

  it("restarts one after the other under a client's session", async () => {
    await using ensemble = await startMemoryEnsemble();
    await using client = createClient(ensemble.connectionString, { sessionTimeoutMs: 10_000 });
    await client.connect();
    const { sessionId } = client;
    await client.create("/kept", "x", { mode: CreateMode.EPHEMERAL });
    await ensemble.restartAll({ rolling: true });
    expect((await client.getData("/kept")).stat.ephemeralOwner).toBe(sessionId);
    expect(client.sessionId).toBe(sessionId);
  });

  it("freezes a server, whose port still takes connections", async () => {
    await using ensemble = await startMemoryEnsemble();
    const [id = 0] = await ensemble.followers();
    await ensemble.pause(id);
    await ensemble.pause(id);
    expect((await ensemble.status()).servers[id - 1]).toMatchObject({ process: "paused", answer: "silent" });
    const answer = say(portOf(ensemble, id), "ruok");
    const first = await Promise.race([
      answer,
      say(portOf(ensemble, await ensemble.leader()), "ruok").then(() => "the other"),
    ]);
    expect(first).toBe("the other");
    await ensemble.resume(id);
    expect(await answer).toBe("imok");
    await ensemble.ready();
  });

  it("ends a session behind the back of its client", async () => {
    await using ensemble = await startMemoryEnsemble();
    await using client = createClient(ensemble.connectionString);
    await client.connect();
    await client.create("/mine", "x", { mode: CreateMode.EPHEMERAL });
    const { sessionId } = client;
    const sessionPassword = client.sessionPassword.reveal();
    const wrong = { sessionId, sessionPassword: new Uint8Array(16) };
    expect(await code(ensemble.expireSession(wrong, { timeoutMs: 100 }))).toBe("SESSION_REFUSED");
    const over = new Promise<void>((resolve) => {
      client.on("state", (state) => {
        if (state === "expired") resolve();
      });
    });
    await ensemble.expireSession({ sessionId, sessionPassword });
    await over;
    // Over already is fine.
    await ensemble.expireSession({ sessionId, sessionPassword });
    expect(await ensemble.serverOf({ sessionId })).toBeNull();
    const cons = await say(portOf(ensemble, await ensemble.leader()), "cons");
    expect(parseCons(cons)).toMatchObject({ serving: true });
  });

  it("refuses what cannot be, by the codes of the lab", async () => {
    expect(await code(startMemoryEnsemble({ servers: 0 }))).toBe("BAD_OPTION");
    expect(await code(startMemoryEnsemble({ servers: 2, ports: [1] }))).toBe("BAD_OPTION");
    expect(await code(startMemoryEnsemble({ linkMs: [5, 1] }))).toBe("BAD_OPTION");
    const ensemble = await startMemoryEnsemble();
    expect(await code(startMemoryEnsemble({ servers: 1, ports: [portOf(ensemble, 1)] }))).toBe("PORT_TAKEN");
    expect(await code(ensemble.kill(4))).toBe("UNKNOWN_SERVER");
    await ensemble.kill(1);
    await ensemble.kill(1);
    expect(await code(ensemble.pause(1))).toBe("WRONG_STATE");
    expect(await code(ensemble.resume(1))).toBe("WRONG_STATE");
    expect(await code(ensemble.ready())).toBe("SERVER_EXITED");
    await ensemble.ready({ servers: [2, 3] });
    const waiting = code(ensemble.ready({ servers: [2, 3] }).then(() => ensemble.leader()));
    await ensemble.stop();
    await ensemble.stop();
    expect(["STOPPED", "SESSION_REFUSED"]).toContain(await waiting);
    expect(await code(ensemble.leader())).toBe("STOPPED");
    expect(await code(ensemble.start(1))).toBe("STOPPED");
    expect((await ensemble.logs()).map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(await say(portOf(ensemble, 2), "ruok")).toBe("ECONNREFUSED");
  });

  it("does not start when it is not wanted any more", async () => {
    const reason = new Error("not any more");
    await expect(startMemoryEnsemble({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it("stands alone with one server", async () => {
    await using ensemble = await startMemoryEnsemble({ servers: 1 });
    expect((await ensemble.status()).servers[0]?.mode).toBe("standalone");
    await ensemble.kill(1);
    expect((await ensemble.status()).state).toBe("down");
    await ensemble.start(1);
    expect((await ensemble.status()).state).toBe("up");
  });
});
