import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { Interruption } from "../../src/cli/program.js";
import type { UpResult } from "../../src/lab/up.js";
import { waitFor } from "../../src/wait.js";
import { pidsOf } from "../ensemble/processes.js";
import { LabHome, type StatusJson } from "./lab-home.js";

const home = LabHome.forThisFile();
const { name } = home;
const lab = `--name ${name}`;
const go: LabHome["go"] = (...call) => home.go(...call);
const mustGo: LabHome["mustGo"] = (...call) => home.mustGo(...call);

describe("a lab that is up", () => {
  beforeEach(async () => {
    await mustGo(`up ${lab}`);
  });

  it("tells who leads, in JSON and in words", async () => {
    const json = await go(`status ${lab} --json`);
    expect(json).toMatchObject({ exitCode: 0, stderr: "" });
    const { leader } = json.json<StatusJson>();
    expect(json.json()).toEqual({
      name,
      backend: "process",
      version: "3.4.6",
      dir: home.folder,
      connectionString: expect.stringMatching(/^127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/),
      state: "up",
      hasQuorum: true,
      leader: expect.any(Number),
      problem: null,
      servers: [1, 2, 3].map((id) => ({
        id,
        host: "127.0.0.1",
        clientPort: expect.any(Number),
        quorumPort: expect.any(Number),
        electionPort: expect.any(Number),
        dir: join(home.folder, `zookeeper${id}`, "zookeeper-3.4.6"),
        process: "running",
        pid: expect.any(Number),
        answer: "serving",
        mode: id === leader ? "leader" : "follower",
        version: "3.4.6",
        zxid: expect.stringMatching(/^0x[0-9a-f]+$/),
        connections: expect.any(Number),
        outstanding: expect.any(Number),
        nodes: 4,
        residentBytes: expect.any(Number),
        script: { exitCode: 0, text: `Mode: ${id === leader ? "leader" : "follower"}` },
      })),
    });
    const text = await mustGo(`status ${lab}`);
    expect(text.stdout).toContain(`lab "${name}" · ZooKeeper 3.4.6 · up · server ${leader} leads`);
    expect(text.stdout.match(/^ {2}[123] {7}running {2}(leader|follower) +127\.0\.0\.1:\d+ /gm)).toHaveLength(
      3,
    );
  });

  it("stays as it is when it is brought up again", async () => {
    const before = await home.status();
    const again = await mustGo(`up ${lab} --json`);
    expect(again.json()).toMatchObject({ actions: [], readyMs: null, status: { state: "up" } });
    const after = await home.status();
    expect(after.servers.map(({ pid, zxid }) => ({ pid, zxid }))).toEqual(
      before.servers.map(({ pid, zxid }) => ({ pid, zxid })),
    );
    const text = await mustGo(`up ${lab}`);
    expect(text.stdout).toMatch(/^nothing to do\n/);
    expect(text.stdout).toContain(`connect to  ${before.connectionString}\n`);
    expect(text.stdout).toMatch(/lab:kill leader --name /);
    expect(text.stderr).toBe("");
  });

  it("is repaired by up, and only what is broken is touched", async () => {
    const before = await home.status();
    const killed = (await mustGo(`kill leader ${lab} --json`)).json();
    const victim = before.servers.find(({ id }) => id === before.leader);
    expect(killed).toEqual({
      name,
      action: "kill",
      servers: [{ id: before.leader, pid: victim?.pid, was: "leader", process: "stopped" }],
    });
    await waitFor({
      what: "the two others to have a leader",
      timeoutMs: 20_000,
      look: async () => ((await home.status()).leader === null ? undefined : true),
    });
    const broken = await go(`status ${lab}`);
    expect(broken.exitCode).toBe(3);
    expect(broken.stdout).toMatch(/partly up · server \d leads\nwrites pass; .*server \d stopped/);
    expect(broken.stdout).toMatch(/repair it: .*lab:up --name/);

    const frozen = (await home.status()).servers.find(({ mode }) => mode === "follower")!;
    expect((await mustGo(`pause follower ${lab}`)).stdout).toBe(
      `paused server ${frozen.id} (follower, pid ${frozen.pid})\n`,
    );
    const up = (await mustGo(`up ${lab} --json`)).json<UpResult>();
    const actions = [
      { id: before.leader, action: "started" },
      { id: frozen.id, action: "resumed" },
    ];
    expect(up.actions).toEqual(actions.sort((a, b) => Number(a.id) - Number(b.id)));
    expect(up.readyMs).toBeGreaterThan(0);
    const after = await home.status();
    expect(after.state).toBe("up");
    for (const { id, pid } of before.servers) {
      expect(after.servers[id - 1]?.pid === pid).toBe(id !== before.leader);
    }
  });

  it("is repaired after all servers were killed at once", async () => {
    const killed = await mustGo(`kill 1 2 3 ${lab}`);
    expect(killed.stdout.match(/^killed server [123] \((leader|follower), pid \d+\)$/gm)).toHaveLength(3);
    expect((await go(`status ${lab}`)).exitCode).toBe(4);
    expect((await mustGo(`kill 2 ${lab}`)).stdout).toBe("server 2 does not run\n");
    await mustGo(`up ${lab}`);
    expect((await home.status()).state).toBe("up");
  });

  it("can be brought up by two commands at once", async () => {
    await mustGo(`kill 1 3 ${lab}`);
    const [one, two] = await Promise.all([mustGo(`up ${lab} --json`), mustGo(`up ${lab} --json`)]);
    const counts = [one, two].map((up) => up.json<UpResult>().actions.length);
    expect(counts.sort()).toEqual([0, 2]);
    expect(`${one.stderr}${two.stderr}`).toMatch(/waiting for lab:up \(pid \d+\) to finish/);
    expect(pidsOf(name)).toHaveLength(3);
  });

  it("is not turned into another one", async () => {
    const port = (await home.status()).connectionString.split(/[:,]/)[1];
    for (const [words, message] of [
      [
        "--version 3.9.3",
        /runs 3\.4\.6, not 3\.9\.3\. Stop it first \(.*lab:down --name \w+\), or .*--name NAME --version 3\.9\.3/,
      ],
      ["--servers 5", /has 3 servers, not 5\. Stop it first/],
      [`--ports ${port},1,2`, /listens on \d+, \d+, \d+, not on/],
    ] as const) {
      const refused = await go(`up ${lab} ${words}`);
      expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
      expect(refused.stderr).toMatch(message);
    }
    expect((await go(`kill 1 ${lab} --version 3.9.3 --json`)).json()).toMatchObject({
      error: { code: "VERSION_MISMATCH", details: { running: "3.4.6", asked: "3.9.3" } },
    });
    expect((await home.status()).state).toBe("up");
  });

  it("starts, resumes and restarts servers one by one", async () => {
    expect((await mustGo(`start ${lab}`)).stdout).toBe("every server runs\n");
    expect((await mustGo(`start 1 ${lab}`)).stdout).toMatch(/^server 1 runs already \(pid \d+\)\n$/);
    await mustGo(`kill 2 ${lab}`);
    expect((await mustGo(`start 2 ${lab}`)).stdout).toMatch(/^started server 2 \(pid \d+\)\n$/);
    await mustGo(`pause 1 3 ${lab}`);
    expect((await mustGo(`resume ${lab}`)).stdout).toMatch(/^resumed server 1 .*\nresumed server 3 .*\n$/);
    expect((await mustGo(`resume ${lab}`)).stdout).toBe("no server is paused\n");
    const before = await home.status();
    expect((await mustGo(`restart 3 ${lab} --json`)).json()).toMatchObject({
      action: "restart",
      servers: [{ id: 3, action: "restarted", pid: expect.any(Number) }],
    });
    const after = await home.status();
    expect(after.servers.map(({ pid }, index) => pid === before.servers[index]?.pid)).toEqual([
      true,
      true,
      false,
    ]);
    await mustGo(`restart ${lab} --rolling`);
    await mustGo(`restart ${lab}`);
    expect((await home.status()).state).toBe("up");
  });

  it("does not wait when told so, and says what it waited for when told how long", async () => {
    await mustGo(`kill 1 2 3 ${lab}`);
    expect((await mustGo(`start 1 --no-wait ${lab}`)).stdout).toMatch(/^started server 1/);
    const hasty = await go(`start 1 --wait 0.2 ${lab}`);
    expect(hasty.exitCode).toBe(1);
    expect(hasty.stderr).toMatch(/Waited 200 ms for server 1 to serve\./);
    const up = (await mustGo(`up --no-wait ${lab} --json`)).json<UpResult>();
    expect(up).toMatchObject({ readyMs: null, actions: [{ id: 2 }, { id: 3 }] });
  });

  it("gives its addresses to a shell", async () => {
    const { connectionString } = await home.status();
    expect((await mustGo(`env ${lab}`)).stdout).toBe(`export ZK_SERVERS='${connectionString}'\n`);
    expect((await mustGo(`env ${lab} --json`)).json()).toEqual({ ZK_SERVERS: connectionString });
  });

  it("shows what its servers wrote, merged by time", async () => {
    const all = await mustGo(`logs ${lab} -n 20`);
    const lines = all.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(60);
    expect(new Set(lines.map((line) => line.slice(0, 5)))).toEqual(new Set(["zk1 |", "zk2 |", "zk3 |"]));
    const times = lines.flatMap((line) => /\d{4}-\d\d-\d\d [\d:,]+/.exec(line)?.[0] ?? []);
    expect(times).toEqual([...times].sort());
    const one = await mustGo(`logs 2 ${lab} -n 1`);
    expect(one.stdout).toMatch(/^\d{4}-.*\[myid:2\].*\n$/);
    const json = await mustGo(`logs 3 ${lab} -n 2 --json`);
    for (const line of json.stdout.trimEnd().split("\n")) {
      expect(JSON.parse(line)).toEqual({ server: 3, line: expect.stringContaining("[myid:3]") });
    }
  });

  it("shows what its servers write from now on, also after one is started anew", async () => {
    const controller = new AbortController();
    let seen = "";
    const follow = go(`logs -f -n 1 ${lab}`, {
      signal: controller.signal,
      onLine: (line) => {
        seen += `${line}\n`;
      },
    });
    const pid = (await home.status()).servers[1]?.pid;
    await mustGo(`restart 2 ${lab}`);
    expect((await home.status()).servers[1]?.pid).not.toBe(pid);
    await waitFor({
      what: "the first lines of the new run",
      timeoutMs: 10_000,
      look: () => (/zk2 \|.*Starting quorum peer/.test(seen) ? true : undefined),
      describe: () => seen.slice(-2_000),
    });
    controller.abort(new Interruption("SIGINT"));
    expect(await follow).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("obeys the servers' own scripts, called by hand", async () => {
    const { servers } = await home.status();
    const script = join(servers[0]!.dir, "bin", "zkServer.sh");
    const call = async (word: string): Promise<string> => (await promisify(execFile)(script, [word])).stdout;
    expect(await call("status")).toMatch(/Mode: (leader|follower)/);
    await call("stop");
    expect((await home.status()).servers[0]).toMatchObject({ process: "stopped", pid: null });
    await call("start");
    const byHand = (await home.status()).servers[0];
    expect(byHand).toMatchObject({ process: "running" });
    expect(pidsOf(name)).toContain(byHand?.pid);
    expect((await mustGo(`up ${lab} --json`)).json<UpResult>().actions).toEqual([]);
    await mustGo(`kill 1 ${lab}`);
    expect(pidsOf(name)).not.toContain(byHand?.pid);
  });

  it("is found again when its state file was lost, and keeps what it stored", async () => {
    await rm(join(home.folder, "state.json"));
    expect((await go(`status ${lab}`)).exitCode).toBe(4);
    const up = await mustGo(`up ${lab}`);
    expect(up.stderr).toMatch(/stopping server 1 \(pid \d+\), which the lab had lost sight of/);
    const { servers } = await home.status();
    // The epoch goes on, so the data is the same.
    expect(BigInt(servers[0]!.zxid!) >> 32n).toBeGreaterThan(1n);
    expect(pidsOf(name)).toHaveLength(3);
  });

  it("is told as it is, and repaired, when the folder of a running server was removed", async () => {
    const { servers } = await home.status();
    // The server may still write into it.
    await rm(join(home.folder, "zookeeper2"), { recursive: true, maxRetries: 10, retryDelay: 20 });
    const now = await home.status();
    expect(now.servers[1]).toMatchObject({ process: "running", pid: servers[1]?.pid, script: null });
    await mustGo(`kill 2 ${lab}`);
    expect(pidsOf(name)).toHaveLength(2);
    expect((await mustGo(`up ${lab} --json`)).json<UpResult>().actions).toEqual([
      { id: 2, action: "started" },
    ]);
    expect((await home.status()).state).toBe("up");
  });

  it("goes down with a server paused and one dead, and again without complaint", async () => {
    await mustGo(`pause 1 ${lab}`);
    await mustGo(`kill 2 ${lab}`);
    const down = await mustGo(`down ${lab} --json`);
    expect(down.json()).toEqual({ name, stopped: [1, 3], wiped: [] });
    expect(pidsOf(name)).toEqual([]);
    expect(existsSync(join(home.folder, "state.json"))).toBe(false);
    expect(existsSync(join(home.folder, "zookeeper1/zookeeper-3.4.6/data/version-2"))).toBe(true);
    expect((await mustGo(`down ${lab}`)).stdout).toBe(`lab "${name}" was down already\n`);
    const status = await go(`status ${lab}`);
    expect(status.exitCode).toBe(4);
    expect(status.stdout).toMatch(/· down\n[\s\S]*bring it up: .*lab:up --name/);
  });

  it("begins afresh, and is wiped, when told so", async () => {
    await mustGo(`restart ${lab}`);
    const epoch = async (): Promise<bigint> => BigInt((await home.status()).servers[0]!.zxid!) >> 32n;
    expect(await epoch()).toBeGreaterThan(1n);
    await mustGo(`up --fresh ${lab}`);
    expect(await epoch()).toBe(1n);
    const down = await mustGo(`down --wipe ${lab} --json`);
    expect(down.json()).toEqual({
      name,
      stopped: [1, 2, 3],
      wiped: [1, 2, 3].map((id) => join(home.folder, `zookeeper${id}`)),
    });
    expect(existsSync(join(home.folder, "zookeeper1"))).toBe(false);
  });
});
