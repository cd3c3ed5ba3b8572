import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Ensemble, isLabError, type LabErrorCode, startEnsemble } from "../../src/index.js";
import { waitFor } from "../../src/wait.js";
import { pidOf, pidsOf } from "./processes.js";
import { existsCode, openSession } from "./session.js";

let ensemble: Ensemble;
let startedInMs: number;

beforeAll(async () => {
  const start = performance.now();
  ensemble = await startEnsemble();
  startedInMs = performance.now() - start;
});
afterAll(async () => {
  await ensemble?.stop();
});
beforeEach(async () => {
  for (const { id } of ensemble.servers) await ensemble.start(id, { wait: "process" });
  await ensemble.ready();
});

/** The code of the LabError that a call rejects with. */
async function codeOf(call: Promise<unknown>): Promise<LabErrorCode | "no error"> {
  try {
    await call;
    return "no error";
  } catch (error) {
    if (isLabError(error)) return error.code;
    throw error;
  }
}

function serverOfId(id: number) {
  const server = ensemble.servers.find((one) => one.id === id);
  if (server === undefined) throw new Error(`no server ${id}`);
  return server;
}

describe("a started ensemble", () => {
  it("was ready within ten seconds, in less than 400 MB", async () => {
    const { servers } = await ensemble.status();
    const megabytes = servers.reduce((sum, server) => sum + (server.residentBytes ?? 0), 0) / 1024 / 1024;
    console.log(`three servers ready in ${Math.round(startedInMs)} ms, ${Math.round(megabytes)} MB together`);
    expect(startedInMs).toBeLessThan(10_000);
    expect(megabytes).toBeGreaterThan(30);
    expect(megabytes).toBeLessThan(400);
  });

  it("has one leader and two followers, each asked through its own script", async () => {
    const status = await ensemble.status();
    expect(status).toMatchObject({ state: "up", hasQuorum: true, problem: null, version: "3.4.6" });
    expect(status.servers.map(({ mode }) => mode).sort()).toEqual(["follower", "follower", "leader"]);
    expect(status.leader).toBe(await ensemble.leader());
    expect(await ensemble.followers()).toEqual(
      ensemble.servers.map(({ id }) => id).filter((id) => id !== status.leader),
    );
    for (const server of status.servers) {
      expect(server).toMatchObject({ process: "running", answer: "serving", host: "127.0.0.1" });
      expect(server.version).toMatch(/^3\.4\.6/);
      expect(server.script).toEqual({ exitCode: 0, text: expect.stringContaining(`Mode: ${server.mode}`) });
    }
  });

  it("lies on disk as its scripts expect it", async () => {
    for (const { id, dir, clientPort } of ensemble.servers) {
      expect(dir).toBe(join(ensemble.dir, `zookeeper${id}`, "zookeeper-3.4.6"));
      for (const path of ["bin/zkServer.sh", "bin/zkEnv.sh", "bin/zkCli.sh", "lib"]) {
        expect(existsSync(join(dir, path)), `${path} of server ${id}`).toBe(true);
      }
      expect(await readFile(join(dir, "data/myid"), "utf8")).toBe(`${id}\n`);
      const config = await readFile(join(dir, "conf/zoo.cfg"), "utf8");
      expect(config).toContain(`\nclientPort=${clientPort}\n`);
      expect(config).toContain("\nclientPortAddress=127.0.0.1\n");
      expect(config).toContain("\nmaxClientCnxns=0\n");
      expect(config.match(/^server\.\d=127\.0\.0\.1:\d+:\d+$/gm)).toHaveLength(3);
    }
  });

  it("gives the output of each server", async () => {
    const logs = await ensemble.logs();
    expect(logs.map(({ id }) => id)).toEqual([1, 2, 3]);
    for (const { text } of logs) expect(text).toContain("binding to port");
    expect(await ensemble.logs(2)).toMatchObject([{ id: 2 }]);
  });

  it("leaves no node of its own behind", async () => {
    await ensemble.ready();
    const { servers } = await ensemble.status();
    // "/", "/zookeeper", "/zookeeper/quota", and nothing of the probes.
    for (const { nodes } of servers) expect(nodes).toBe(4);
  });
});

describe("signals", () => {
  it("kills the leader, and another one leads", async () => {
    const killed = await ensemble.killLeader();
    expect((await ensemble.status()).servers[killed - 1]).toMatchObject({ process: "stopped", pid: null });
    const next = await ensemble.leader();
    expect(next).not.toBe(killed);
    await ensemble.start(killed);
    await ensemble.ready();
    const logs = await ensemble.logs(killed);
    // The output of the killed run is still there, before that of the new one.
    expect(logs[0]?.text.match(/Starting quorum peer/g)?.length).toBeGreaterThan(1);
  });

  it("kills a follower, and the leader stays", async () => {
    const leader = await ensemble.leader();
    const killed = await ensemble.killFollower();
    expect(killed).not.toBe(leader);
    expect(await ensemble.leader()).toBe(leader);
    expect(await ensemble.followers()).toHaveLength(1);
    expect(await ensemble.status()).toMatchObject({ state: "partly-up", hasQuorum: true });
  });

  it("kills, terminates and stops a dead server without complaint", async () => {
    await ensemble.kill(2);
    await ensemble.kill(2);
    await ensemble.term(2);
    expect(await pidOf(ensemble, 2)).toBe(null);
    await ensemble.start(2);
    const pid = await pidOf(ensemble, 2);
    await ensemble.start(2);
    expect(await pidOf(ensemble, 2)).toBe(pid);
  });

  it("terminates a running and a paused server", async () => {
    await ensemble.term(1);
    expect(await pidOf(ensemble, 1)).toBe(null);
    await ensemble.pause(3);
    await ensemble.term(3);
    expect(await pidOf(ensemble, 3)).toBe(null);
  });

  it("pauses and resumes, each twice over", async () => {
    await ensemble.pause(1);
    await ensemble.pause(1);
    const paused = (await ensemble.status()).servers[0];
    expect(paused).toMatchObject({ process: "paused", answer: "silent", mode: null, script: null });
    await ensemble.resume(1);
    await ensemble.resume(1);
    expect((await ensemble.status()).servers[0]).toMatchObject({ process: "running", pid: paused?.pid });
  });

  it("resumes a paused server when told to start it, and kills a paused one", async () => {
    const pid = await pidOf(ensemble, 2);
    await ensemble.pause(2);
    await ensemble.start(2);
    expect(await pidOf(ensemble, 2)).toBe(pid);
    await ensemble.pause(2);
    await ensemble.kill(2);
    expect(await pidOf(ensemble, 2)).toBe(null);
  });

  it("says what cannot be done to a server that does not run, and which servers there are", async () => {
    await ensemble.kill(3);
    expect(await codeOf(ensemble.pause(3))).toBe("WRONG_STATE");
    expect(await codeOf(ensemble.resume(3))).toBe("WRONG_STATE");
    expect(await codeOf(ensemble.ready())).toBe("SERVER_EXITED");
    await ensemble.ready({ servers: [1, 2] });
    for (const call of [
      ensemble.kill(4),
      ensemble.start(0),
      ensemble.logs(9),
      ensemble.ready({ servers: [7] }),
    ]) {
      await expect(call).rejects.toThrow(/There is no server \d; this ensemble has 1, 2, 3\./);
    }
  });

  it("is not confused by many changes of one server at once", async () => {
    for (let round = 0; round < 3; round++) {
      await Promise.all([
        ensemble.kill(1),
        ensemble.start(1, { wait: "process" }),
        ensemble.pause(1).catch(() => {}),
        ensemble.resume(1).catch(() => {}),
        ensemble.kill(1),
        ensemble.start(1, { wait: "process" }),
      ]);
      expect(pidsOf(ensemble.name)).toHaveLength(3);
    }
  });

  it("ends a wait for a server that is killed meanwhile", async () => {
    await ensemble.kill(1);
    await ensemble.kill(2);
    await ensemble.kill(3);
    // Alone it never serves; the wait must end with the process and not with its limit.
    const start = ensemble.start(1, { timeoutMs: 60_000 });
    await waitFor({
      what: "server 1 to live",
      timeoutMs: 10_000,
      look: () => (pidsOf(ensemble.name).length === 1 ? true : undefined),
    });
    await ensemble.kill(1);
    expect(await codeOf(start)).toBe("SERVER_EXITED");
  });

  it("waits for an answer without a quorum, and says why there is no leader", async () => {
    await Promise.all([1, 2, 3].map((id) => ensemble.kill(id)));
    await ensemble.start(1, { wait: "answering" });
    expect((await ensemble.status()).servers[0]).toMatchObject({ answer: "not-serving", mode: null });
    await expect(ensemble.leader({ timeoutMs: 200 })).rejects.toThrow(
      /Waited 200 ms for exactly one leader\.\nLast seen: server 1 not serving, server 2 stopped, server 3 stopped/,
    );
    await expect(ensemble.start(1, { timeoutMs: 100 })).rejects.toThrow(
      /for server 1 to serve\.\nIt answers, but has no quorum/,
    );
  });
});

describe("restarts", () => {
  it("restarts all at once, and servers that do not run as well", async () => {
    const before = pidsOf(ensemble.name);
    await ensemble.kill(3);
    await ensemble.restartAll();
    const after = pidsOf(ensemble.name);
    expect(after).toHaveLength(3);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  });

  it("restarts one after another without ever losing the quorum", async () => {
    const before = pidsOf(ensemble.name);
    await ensemble.restartAll({ rolling: true });
    const after = pidsOf(ensemble.name);
    expect(after).toHaveLength(3);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  });
});

describe("sessions", () => {
  it("finds the server that a session is connected to", async () => {
    for (const server of ensemble.servers) {
      const session = await openSession(server);
      expect(await ensemble.serverOf(session!)).toBe(server.id);
      session!.leave();
    }
    expect(await ensemble.serverOf({ sessionId: 0x1234n })).toBe(null);
  });

  it("expires a session: its connection ends, its ephemeral node goes, it cannot be resumed", async () => {
    const session = (await openSession(serverOfId(1)))!;
    expect(await session.createEphemeral("/mine")).toBe(0);
    await ensemble.expireSession({ ...session, sessionPassword: { reveal: () => session.sessionPassword } });
    await session.ended();
    await waitFor({
      what: "the ephemeral node to be gone",
      timeoutMs: 5_000,
      look: async () => ((await existsCode(serverOfId(2), "/mine")) === -101 ? true : undefined),
    });
    expect(await openSession(serverOfId(3), session)).toBe(null);
    // Once more: it is over already, which is what was asked for.
    await ensemble.expireSession(session);
  });

  it("does not call a session expired when the password is wrong", async () => {
    const session = (await openSession(serverOfId(1)))!;
    const wrong = { sessionId: session.sessionId, sessionPassword: new Uint8Array(16) };
    await expect(ensemble.expireSession(wrong, { timeoutMs: 1_000 })).rejects.toThrow(
      /the password may be wrong/,
    );
    // The connection is gone, as a server cuts it before it looks at the password; the session is not.
    const resumed = await openSession(serverOfId(2), session);
    expect(resumed?.sessionId).toBe(session.sessionId);
    await ensemble.expireSession(session);
  });

  it("expires a session while servers are down, paused and coming back", async () => {
    const session = (await openSession(serverOfId(1)))!;
    await ensemble.pause(1);
    const leader = await ensemble.leader();
    await ensemble.kill(leader);
    const expired = ensemble.expireSession(session);
    await ensemble.start(leader, { wait: "process" });
    await expired;
    await ensemble.resume(1);
    await ensemble.ready();
    expect(await openSession(serverOfId(2), session)).toBe(null);
  });
});
