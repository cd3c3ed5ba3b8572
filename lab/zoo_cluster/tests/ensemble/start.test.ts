import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLabError, type LabError, startEnsemble } from "../../src/index.js";
import { isPortFree } from "../../src/ports/port-test.js";
import { pidsOf, serverProcesses, waitForNoServers } from "./processes.js";
import { existsCode, openSession } from "./session.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zk-lab-start-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function failure(call: Promise<unknown>): Promise<LabError> {
  try {
    await call;
  } catch (error) {
    if (isLabError(error)) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

describe("several ensembles", () => {
  it("run at once without meeting", async () => {
    await using one = await startEnsemble();
    const [two, alone] = await Promise.all([startEnsemble({ servers: 2 }), startEnsemble({ servers: 1 })]);
    await using _two = two;
    await using _alone = alone;
    const ports = [one, two, alone].flatMap(({ servers }) =>
      servers.flatMap(({ clientPort, quorumPort, electionPort }) => [clientPort, quorumPort, electionPort]),
    );
    expect(new Set(ports).size).toBe(18);
    // What is written to one is not in another.
    const session = await openSession(one.servers[0]!);
    expect(await session?.createEphemeral("/only-here")).toBe(0);
    expect(await existsCode(one.servers[1]!, "/only-here")).toBe(0);
    expect(await existsCode(two.servers[0]!, "/only-here")).toBe(-101);
    expect(await existsCode(alone.servers[0]!, "/only-here")).toBe(-101);
    session?.leave();
  });

  it("may have one server, which stands alone and leads", async () => {
    await using alone = await startEnsemble({ servers: 1 });
    expect(await alone.leader()).toBe(1);
    expect(await alone.followers()).toEqual([]);
    expect((await alone.status()).servers).toMatchObject([{ mode: "standalone", answer: "serving" }]);
    expect(await alone.killLeader()).toBe(1);
    await alone.start(1);
    await alone.ready();
  });

  it("may have five servers, and serve with two of them dead", async () => {
    await using five = await startEnsemble({ servers: 5 });
    await Promise.all([five.kill(1), five.kill(2)]);
    await five.leader();
    await five.ready({ servers: [3, 4, 5] });
    expect(await five.status()).toMatchObject({ state: "partly-up", hasQuorum: true });
  });
});

describe("options", () => {
  it("puts servers on the ports, in the folder, with the flags and settings asked for", async () => {
    // A blank, a quote and letters beyond ASCII, as a home folder may have.
    const dir = join(folder, "Zoë's lab");
    await using ports = await startEnsemble({ servers: 3 });
    const wanted = ports.servers.map(({ clientPort }) => clientPort);
    await ports.stop();
    const ensemble = await startEnsemble({
      ports: wanted,
      dir,
      name: "chosen",
      tickTimeMs: 700,
      javaFlags: ["-Dlab.test=yes"],
      config: { syncLimit: "7", snapCount: "5000" },
      env: { ...process.env, LANG: "C", LC_ALL: "C" },
    });
    expect(ensemble.connectionString).toBe(wanted.map((port) => `127.0.0.1:${port}`).join(","));
    const servers = serverProcesses("chosen");
    expect(servers).toHaveLength(3);
    for (const { args } of servers) {
      expect(args).toContain("-Dlab.test=yes");
      expect(args).toContain("-Xmx128m");
    }
    const config = await readFile(join(dir, "zookeeper1/zookeeper-3.4.6/conf/zoo.cfg"), "utf8");
    for (const line of ["tickTime=700", "syncLimit=7", "snapCount=5000"])
      expect(config).toContain(`\n${line}\n`);
    const session = await openSession(ensemble.servers[0]!);
    expect(session).not.toBe(null);
    session?.leave();

    const inUse = await failure(startEnsemble({ dir }));
    expect(inUse).toMatchObject({
      code: "WRONG_STATE",
      message: expect.stringContaining("in use by the ensemble chosen"),
    });
    await ensemble.stop();

    // The folder stays, and what the servers have stored is used again.
    expect(existsSync(join(dir, "zookeeper1/zookeeper-3.4.6/data/version-2"))).toBe(true);
    await using again = await startEnsemble({ dir });
    const { servers: after } = await again.status();
    expect((after[0]?.zxid ?? 0n) >> 32n).toBeGreaterThan(1n);
  });

  it.each([
    [{ servers: 0 }, /servers must be a whole number from 1 to 9; it is 0/],
    [{ servers: 10 }, /servers/],
    [{ servers: 2.5 }, /servers/],
    [{ ports: [1, 1, 2] }, /ports must be different numbers/],
    [{ servers: 3, ports: [4000] }, /ports must be one client port for each of 3 servers/],
    [{ ports: [70_000] }, /ports must be numbers from 1 to 65535/],
    [{ name: "a/b" }, /name/],
    [{ name: "" }, /name/],
    [{ version: "latest" }, /version/],
    [{ version: "../3.4.6" }, /version/],
    [{ tickTimeMs: 0 }, /tickTimeMs/],
    [{ javaFlags: ["-Da=b c"] }, /javaFlags/],
    [{ javaFlags: ["$(id)"] }, /javaFlags/],
    [{ config: { clientPort: "1" } }, /config must be keys that the lab does not write itself/],
    [{ config: { "server.4": "x" } }, /config/],
    [{ config: { initLimit: "1\nserver.4=x" } }, /config must be values of one line/],
    [{ readyTimeoutMs: 0 }, /readyTimeoutMs/],
  ])("refuses %j", async (options, message) => {
    const error = await failure(startEnsemble(options));
    expect(error.code).toBe("BAD_OPTION");
    expect(error.message).toMatch(message);
  });
});

describe("the end of an ensemble", () => {
  it("is the same however often and at once it is asked for", async () => {
    const ensemble = await startEnsemble({ servers: 1 });
    const { name, dir } = ensemble;
    const port = ensemble.servers[0]!.clientPort;
    await ensemble.pause(1);
    await Promise.all([ensemble.stop(), ensemble.stop(), ensemble[Symbol.asyncDispose]()]);
    await ensemble.stop();
    expect(pidsOf(name)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
    expect(await isPortFree(port)).toBe(true);
    for (const call of [
      ensemble.start(1),
      ensemble.kill(1),
      ensemble.leader(),
      ensemble.ready(),
      ensemble.restartAll(),
    ]) {
      expect((await failure(call)).code).toBe("STOPPED");
    }
  });

  it("wins over changes that are under way", async () => {
    const ensemble = await startEnsemble({ servers: 3 });
    const changes = [
      ensemble.kill(1),
      ensemble.start(1),
      ensemble.restartAll({ rolling: true }),
      ensemble.pause(2),
    ];
    const ends = Promise.allSettled(changes);
    await ensemble.stop();
    expect(pidsOf(ensemble.name)).toEqual([]);
    for (const end of await ends) {
      if (end.status === "rejected") expect(isLabError(end.reason)).toBe(true);
    }
    expect(pidsOf(ensemble.name)).toEqual([]);
  });

  it("keeps the folder when ZK_LAB_KEEP says so", async () => {
    const ensemble = await startEnsemble({ servers: 1, env: { ...process.env, ZK_LAB_KEEP: "1" } });
    await ensemble.stop();
    expect(existsSync(join(ensemble.dir, "zookeeper1/zookeeper-3.4.6/conf/zoo.cfg"))).toBe(true);
    await rm(ensemble.dir, { recursive: true });
  });
});

describe("a start that fails", () => {
  it("names the port, the pid and the command of who has it, and leaves nothing running", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const error = await failure(startEnsemble({ servers: 1, ports: [port], name: "taken" }));
    other.close();
    expect(error.code).toBe("PORT_TAKEN");
    expect(error.message).toContain(`client port ${port} of server 1 is taken by pid ${process.pid} (`);
    expect(error.message).toContain(process.argv[0]!.split("/").at(-1)!);
    await waitForNoServers("taken", 1_000);
    await removeKept(error);
  });

  it("shows the end of the log when a server ends by itself, and keeps and names the folder", async () => {
    const error = await failure(startEnsemble({ servers: 3, name: "broken", config: { syncLimit: "none" } }));
    expect(error.code).toMatch(/SERVER_EXITED|SCRIPT_FAILED/);
    expect(error.message).toMatch(/NumberFormatException|Invalid config/);
    expect(error.message).toMatch(/files are kept in .*zk-lab-broken-/);
    await waitForNoServers("broken", 1_000);
    await removeKept(error);
  });

  it("says what it waited for when time is up", async () => {
    const error = await failure(startEnsemble({ servers: 3, name: "hasty", readyTimeoutMs: 1 }));
    expect(error.code).toBe("NOT_READY");
    expect(error.message).toMatch(
      /Waited 1 ms for one leader and 2 synced followers among servers 1, 2, 3 of 3\.\nLast seen: server 1 /,
    );
    await waitForNoServers("hasty", 1_000);
    await removeKept(error);
  });

  it("takes everything back when it is aborted, at any stage", async () => {
    const reason = new Error("changed my mind");
    await expect(startEnsemble({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const stage of ["starting", "waiting"]) {
      const controller = new AbortController();
      const name = `aborted-${stage}`;
      const onProgress = (line: string): void => {
        if (line.startsWith(stage)) controller.abort(reason);
      };
      await expect(startEnsemble({ name, signal: controller.signal, onProgress })).rejects.toBe(reason);
      expect(pidsOf(name)).toEqual([]);
      expect(readdirSync(tmpdir()).filter((entry) => entry.startsWith(`zk-lab-${name}`))).toEqual([]);
    }
  });

  it("never signals a process that the pid file names by accident", async () => {
    const dir = join(folder, "reused-pid");
    const pidFile = join(dir, "zookeeper1/zookeeper-3.4.6/data/zookeeper_server.pid");
    await mkdir(dirname(pidFile), { recursive: true });
    // As if this very test run had been given the number of a dead server.
    await writeFile(pidFile, String(process.pid));
    const ensemble = await startEnsemble({ dir, servers: 1 });
    expect(pidsOf(ensemble.name)).toHaveLength(1);
    await ensemble.kill(1);
    await writeFile(pidFile, String(process.pid));
    await ensemble.kill(1);
    await ensemble.term(1);
    expect((await ensemble.status()).servers[0]).toMatchObject({ process: "stopped", pid: null });
    await ensemble.start(1);
    await writeFile(pidFile, String(process.pid));
    await ensemble.stop();
    expect(pidsOf(ensemble.name)).toEqual([]);
  });
});

async function removeKept(error: LabError): Promise<void> {
  const { dir } = error.details;
  expect(existsSync(String(dir))).toBe(true);
  await rm(String(dir), { recursive: true });
}
