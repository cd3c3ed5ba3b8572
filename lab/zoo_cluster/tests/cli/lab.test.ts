import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Interruption } from "../../src/cli/program.js";
import type { UpResult } from "../../src/lab/up.js";
import { waitFor } from "../../src/wait.js";
import { pidsOf, waitForNoServers } from "../ensemble/processes.js";
import { type Run, type RunSettings, run } from "./run.js";

let home: string;
/** The lab of most tests: up before each of them, whatever the one before did to it. */
const name = `t${process.pid}`;
const lab = `--name ${name}`;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "zk-lab-cli-"));
});
afterAll(async () => {
  await go(`down ${lab}`);
  await rm(home, { recursive: true, force: true });
});

const folder = (): string => join(home, ".lab", name);

function go(words: string, settings: Partial<RunSettings> = {}): Promise<Run> {
  return run(words, { home, ...settings });
}

/** As {@link go}, for what must succeed. */
async function mustGo(words: string, settings: Partial<RunSettings> = {}): Promise<Run> {
  const result = await go(words, settings);
  expect(result, words).toMatchObject({ exitCode: 0 });
  return result;
}

interface StatusJson {
  readonly state: string;
  readonly leader: number | null;
  readonly connectionString: string;
  readonly servers: readonly {
    id: number;
    pid: number | null;
    process: string;
    mode: string | null;
    zxid: string | null;
    dir: string;
  }[];
}

async function status(): Promise<StatusJson> {
  return (await go(`status ${lab} --json`)).json();
}

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
      version: "3.4.6",
      dir: folder(),
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
        dir: join(folder(), `zookeeper${id}`, "zookeeper-3.4.6"),
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
    const before = await status();
    const again = await mustGo(`up ${lab} --json`);
    expect(again.json()).toMatchObject({ actions: [], readyMs: null, status: { state: "up" } });
    const after = await status();
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
    const before = await status();
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
      look: async () => ((await status()).leader === null ? undefined : true),
    });
    const broken = await go(`status ${lab}`);
    expect(broken.exitCode).toBe(3);
    expect(broken.stdout).toMatch(/partly up · server \d leads\nwrites pass; .*server \d stopped/);
    expect(broken.stdout).toMatch(/repair it: .*lab:up --name/);

    const frozen = (await status()).servers.find(({ mode }) => mode === "follower")!;
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
    const after = await status();
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
    expect((await status()).state).toBe("up");
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
    const port = (await status()).connectionString.split(/[:,]/)[1];
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
    expect((await status()).state).toBe("up");
  });

  it("starts, resumes and restarts servers one by one", async () => {
    expect((await mustGo(`start ${lab}`)).stdout).toBe("every server runs\n");
    expect((await mustGo(`start 1 ${lab}`)).stdout).toMatch(/^server 1 runs already \(pid \d+\)\n$/);
    await mustGo(`kill 2 ${lab}`);
    expect((await mustGo(`start 2 ${lab}`)).stdout).toMatch(/^started server 2 \(pid \d+\)\n$/);
    await mustGo(`pause 1 3 ${lab}`);
    expect((await mustGo(`resume ${lab}`)).stdout).toMatch(/^resumed server 1 .*\nresumed server 3 .*\n$/);
    expect((await mustGo(`resume ${lab}`)).stdout).toBe("no server is paused\n");
    const before = await status();
    expect((await mustGo(`restart 3 ${lab} --json`)).json()).toMatchObject({
      action: "restart",
      servers: [{ id: 3, action: "restarted", pid: expect.any(Number) }],
    });
    const after = await status();
    expect(after.servers.map(({ pid }, index) => pid === before.servers[index]?.pid)).toEqual([
      true,
      true,
      false,
    ]);
    await mustGo(`restart ${lab} --rolling`);
    await mustGo(`restart ${lab}`);
    expect((await status()).state).toBe("up");
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
    const { connectionString } = await status();
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
    const pid = (await status()).servers[1]?.pid;
    await mustGo(`restart 2 ${lab}`);
    expect((await status()).servers[1]?.pid).not.toBe(pid);
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
    const { servers } = await status();
    const script = join(servers[0]!.dir, "bin", "zkServer.sh");
    const call = async (word: string): Promise<string> => (await promisify(execFile)(script, [word])).stdout;
    expect(await call("status")).toMatch(/Mode: (leader|follower)/);
    await call("stop");
    expect((await status()).servers[0]).toMatchObject({ process: "stopped", pid: null });
    await call("start");
    const byHand = (await status()).servers[0];
    expect(byHand).toMatchObject({ process: "running" });
    expect(pidsOf(name)).toContain(byHand?.pid);
    expect((await mustGo(`up ${lab} --json`)).json<UpResult>().actions).toEqual([]);
    await mustGo(`kill 1 ${lab}`);
    expect(pidsOf(name)).not.toContain(byHand?.pid);
  });

  it("is found again when its state file was lost, and keeps what it stored", async () => {
    await rm(join(folder(), "state.json"));
    expect((await go(`status ${lab}`)).exitCode).toBe(4);
    const up = await mustGo(`up ${lab}`);
    expect(up.stderr).toMatch(/stopping server 1 \(pid \d+\), which the lab had lost sight of/);
    const { servers } = await status();
    // The epoch goes on, so the data is the same.
    expect(BigInt(servers[0]!.zxid!) >> 32n).toBeGreaterThan(1n);
    expect(pidsOf(name)).toHaveLength(3);
  });

  it("goes down with a server paused and one dead, and again without complaint", async () => {
    await mustGo(`pause 1 ${lab}`);
    await mustGo(`kill 2 ${lab}`);
    const down = await mustGo(`down ${lab} --json`);
    expect(down.json()).toEqual({ name, stopped: [1, 3], wiped: [] });
    expect(pidsOf(name)).toEqual([]);
    expect(existsSync(join(folder(), "state.json"))).toBe(false);
    expect(existsSync(join(folder(), "zookeeper1/zookeeper-3.4.6/data/version-2"))).toBe(true);
    expect((await mustGo(`down ${lab}`)).stdout).toBe(`lab "${name}" was down already\n`);
    const status = await go(`status ${lab}`);
    expect(status.exitCode).toBe(4);
    expect(status.stdout).toMatch(/· down\n[\s\S]*bring it up: .*lab:up --name/);
  });

  it("begins afresh, and is wiped, when told so", async () => {
    await mustGo(`restart ${lab}`);
    const epoch = async (): Promise<bigint> => BigInt((await status()).servers[0]!.zxid!) >> 32n;
    expect(await epoch()).toBeGreaterThan(1n);
    await mustGo(`up --fresh ${lab}`);
    expect(await epoch()).toBe(1n);
    const down = await mustGo(`down --wipe ${lab} --json`);
    expect(down.json()).toEqual({
      name,
      stopped: [1, 2, 3],
      wiped: [1, 2, 3].map((id) => join(folder(), `zookeeper${id}`)),
    });
    expect(existsSync(join(folder(), "zookeeper1"))).toBe(false);
  });
});

describe("a lab that cannot be brought up", () => {
  const other = `o${process.pid}`;
  afterEach(async () => {
    await go(`down --name ${other}`);
  });

  it("names every taken port with the pid and command that has it, and starts nothing", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const refused = await go(`up --name ${other} --ports ${port} --json`);
    blocker.close();
    expect(refused.exitCode).toBe(1);
    expect(refused.json()).toMatchObject({ error: { code: "PORT_TAKEN" } });
    expect(refused.stderr).toContain(`port ${port} is taken by pid ${process.pid} (`);
    expect(refused.stderr).toMatch(/lab:up --name NAME/);
    expect(pidsOf(other)).toEqual([]);
    expect((await go(`status --name ${other}`)).exitCode).toBe(4);
  });

  it("says so of a port that another lab has", async () => {
    await mustGo(`up ${lab}`);
    const port = (await status()).connectionString.split(/[:,]/)[1];
    const refused = await go(`up --name ${other} --ports ${port}`);
    expect(refused.stderr).toContain(`port ${port} is taken by pid `);
    expect(refused.stderr).toContain(`(server 1 of the lab "${name}" in ${folder()})`);
  });

  it("takes everything back on Ctrl-C, whenever it comes", async () => {
    for (const moment of ["starting server 2", "waiting for a leader"]) {
      const controller = new AbortController();
      const ended = await go(`up --name ${other} --json`, {
        signal: controller.signal,
        onLine: (line) => {
          if (line.startsWith(moment)) controller.abort(new Interruption("SIGINT"));
        },
      });
      expect(ended.exitCode).toBe(130);
      expect(ended.json()).toMatchObject({ error: { code: "INTERRUPTED" } });
      if (moment !== "starting server 2")
        expect(ended.stderr).toContain("stopping what was started: server 1, 2, 3");
      expect(pidsOf(other)).toEqual([]);
      expect((await go(`status --name ${other}`)).exitCode).toBe(4);
    }
  });

  it("stops on Ctrl-C only what it has started when it was repairing", async () => {
    await mustGo(`up --name ${other}`);
    await mustGo(`kill 2 --name ${other}`);
    const before = pidsOf(other);
    const controller = new AbortController();
    const ended = await go(`up --name ${other}`, {
      signal: controller.signal,
      onLine: (line) => {
        if (line.startsWith("waiting for a leader")) controller.abort(new Interruption("SIGTERM"));
      },
    });
    expect(ended.exitCode).toBe(143);
    expect(ended.stderr).toContain("stopping what was started: server 2");
    expect(pidsOf(other)).toEqual(before);
  });

  it("says what is missing and exits 69 without Java or without a release", async () => {
    const noJava = await go(`up --name ${other} --json`, { env: { ZK_LAB_JAVA: join(home, "no-java") } });
    expect(noJava.exitCode).toBe(69);
    expect(noJava.json()).toMatchObject({ error: { code: "NO_JAVA" } });
    const nowhere = {
      XDG_CACHE_HOME: join(home, "empty"),
      ZK_LAB_OFFLINE: "1",
      ZK_LAB_HOME: join(home, "nothing"),
    };
    const noRelease = await go(`up --name ${other}`, { env: nowhere });
    expect(noRelease.exitCode).toBe(69);
    expect(noRelease.stderr).toMatch(/ZK_LAB_HOME/);
    const doctor = await go(`doctor --name ${other} --json`, { env: { ZK_LAB_JAVA: join(home, "no-java") } });
    expect(doctor.exitCode).toBe(69);
    expect(doctor.json()).toMatchObject({ canBringUp: false });
  });

  it("does not touch a state file that it cannot read", async () => {
    const path = join(home, ".lab", other, "state.json");
    await mustGo(`up --name ${other}`);
    const good = await readFile(path, "utf8");
    for (const [text, why] of [
      ["{", /it is no JSON/],
      ['{"schema":99}', /its schema is 99, this lab reads 1/],
      ['{"schema":1}', /parts of it are missing/],
    ] as const) {
      await writeFile(path, text);
      for (const word of ["status", "up", "down", "kill 1"]) {
        const refused = await go(`${word} --name ${other}`);
        expect(refused.exitCode).toBe(1);
        expect(refused.stderr).toMatch(why);
      }
    }
    await writeFile(path, good);
    expect(pidsOf(other)).toHaveLength(3);
  });
});

describe("words and options", () => {
  it.each([
    ["", 2, /Usage: lab/],
    ["upp", 2, /unknown command 'upp'\n\(Did you mean up\?\)/],
    ["kil leader", 2, /Did you mean kill\?/],
    ["up --nmae x", 2, /unknown option '--nmae'\n\(Did you mean --name\?\)/],
    ["up --servers many", 2, /It must be a whole number/],
    ["up --servers 0", 2, /It must be a whole number/],
    ["up --servers 12", 2, /servers must be a whole number from 1 to 9; it is 12/],
    ["up --ports a,b", 2, /It must be a whole number/],
    ["up --wait soon", 2, /It must be a number of seconds/],
    ["up --ports 70000", 2, /ports must be numbers from 1 to 65535/],
    ["up --ports 4000,4001 --servers 3", 2, /ports must be one client port for each of 3 servers/],
    ["up --version newest", 2, /"newest" is not an exact ZooKeeper version/],
    ["up --name ../x", 2, /Option name must be/],
    ["status stray", 2, /too many arguments/],
    ["kill", 2, /missing required argument 'server'/],
    ["status --name nobody", 4, /^$/],
    ["kill 1 --name nobody", 4, /The lab "nobody" is not up in .*Bring it up: .*lab:up --name nobody/],
    ["env --name nobody", 4, /is not up/],
    ["logs --name nobody", 4, /is not up/],
    ["start --name nobody", 4, /is not up/],
    ["down --name nobody", 0, /^$/],
    ["--help", 0, /^$/],
    ["up --help", 0, /^$/],
  ])("lab %s ends with %d", async (words, exitCode, message) => {
    const result = await go(words);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toMatch(message);
  });

  it("keeps stdout for JSON, errors too", async () => {
    expect((await go("upp --json")).json()).toEqual({
      error: { code: "USAGE", message: expect.stringContaining("unknown command"), details: {} },
    });
    expect((await go("kill 1 --name nobody --json")).json()).toMatchObject({ error: { code: "NO_LAB" } });
  });

  it("names a server that is not there", async () => {
    await mustGo(`up ${lab}`);
    const unknown = await go(`kill 9 ${lab}`);
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr: "error: There is no server 9; this ensemble has 1, 2, 3.\n",
    });
    expect((await go(`pause boss ${lab}`)).stderr).toBe(
      'error: "boss" is no server: say its number, or leader, or follower.\n',
    );
    await mustGo(`kill 1 ${lab}`);
    expect(await go(`pause 1 ${lab}`)).toMatchObject({
      exitCode: 1,
      stderr: "error: Server 1 cannot be paused: it does not run: start it first.\n",
    });
  });

  it("is coloured for a terminal, unless told not to", async () => {
    const controlCode = String.fromCharCode(27);
    const colours = async (isTTY: boolean, env: Record<string, string> = {}): Promise<boolean> =>
      (await go("status --name nobody", { isTTY, env })).stdout.includes(controlCode);
    expect(await colours(true)).toBe(true);
    expect(await colours(false)).toBe(false);
    expect(await colours(true, { NO_COLOR: "1" })).toBe(false);
    expect(await colours(true, { TERM: "dumb" })).toBe(false);
    expect(await colours(false, { FORCE_COLOR: "1" })).toBe(true);
    expect(await colours(false, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
  });

  it("says what a lab stands on", async () => {
    const json = await mustGo(`doctor ${lab} --json`);
    const diagnosis = json.json<{ checks: { topic: string }[]; releaseChain: { step: string }[] }>();
    expect(diagnosis).toMatchObject({ version: "3.4.6", canBringUp: true });
    expect(new Set(diagnosis.checks.map(({ topic }) => topic))).toEqual(
      new Set(["system", "java", "maven", "release", "ports", "disk", "lab", "strays"]),
    );
    expect(diagnosis.releaseChain.map(({ step }) => step)).toEqual([
      "home",
      "cache",
      "archive",
      "maven",
      "asf-archive",
    ]);
    const text = await mustGo(`doctor ${lab}`);
    expect(text.stdout).toMatch(/^ok {4}java {5}Java \d+/m);
    expect(text.stdout).toMatch(/A lab can be brought up \(ZooKeeper 3\.4\.6\)\.\n$/);
  });
});

describe("another folder, another release", () => {
  it("holds three servers of 3.9.3 as well, and one alone", async () => {
    // A folder with a blank in its name, as a home folder may have.
    const dir = join(home, "else where");
    const at = (words: string): Promise<Run> =>
      run([...words.split(" "), "--name", "modern", "--dir", dir], { home });
    const up = await at("up --version 3.9.3 --json");
    expect(up).toMatchObject({ exitCode: 0 });
    const result = up.json<UpResult>();
    expect(result.status).toMatchObject({ version: "3.9.3", state: "up" });
    expect(result.status.servers.map(({ version }) => version)).toEqual(["3.9.3", "3.9.3", "3.9.3"]);
    expect((await at("down --wipe")).exitCode).toBe(0);
    expect((await at("up --servers 1 --json")).json<UpResult>().status.servers).toMatchObject([
      { mode: "standalone" },
    ]);
    expect((await at("kill leader")).exitCode).toBe(0);
    expect((await at("down --wipe")).exitCode).toBe(0);
    await waitForNoServers("modern", 1_000);
  });
});
