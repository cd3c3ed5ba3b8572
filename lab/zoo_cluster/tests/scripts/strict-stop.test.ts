/** `stop` and `restart` in strict mode: TERM, then KILL, and only for the process that is known to be this server. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { endProcess, eventually, isAlive, processState, startBystander } from "./support/processes.js";
import { releaseFor, standaloneAnswer } from "./support/test-release.js";

const banner = "JMX enabled by default\nUsing config: ROOT/zookeeper-3.4.6/bin/../conf/zoo.cfg\n";
const serving = { server: "answers", answers: { srvr: standaloneAnswer } } as const;

describe.concurrent("stop", () => {
  it("ends the server with TERM and returns when it is gone", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const { pid } = await release.lastCall();
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(isAlive(pid)).toBe(false);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(await release.golden(run.stderr)).toBe(`${banner}Process PID ended on TERM.\n`);
    context.expect(run.exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
    context.expect(existsSync(`${release.pidFile}.started`)).toBe(false);
  });

  it("takes KILL after 10 s when TERM does nothing, and says so", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ ...serving, ignoresTerm: true });
    await release.run("zkServer.sh", ["start"]);
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context
      .expect(await release.golden(run.stderr))
      .toBe(`${banner}Process PID did not end within 10 s of TERM and was ended by KILL.\n`);
    context.expect(run.exitCode).toBe(0);
    context.expect(run.elapsedMs).toBeGreaterThan(10_000);
    context.expect(isAlive((await release.lastCall()).pid)).toBe(false);
  });

  it("continues a paused server so that it can end by itself", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const { pid } = await release.lastCall();
    process.kill(pid, "SIGSTOP");
    await eventually("the server to be paused", () => processState(pid) === "T");
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context
      .expect(await release.golden(run.stderr))
      .toBe(
        `${banner}Process PID was paused (SIGSTOP) and has been continued so that it could end.\nProcess PID ended on TERM.\n`,
      );
    context.expect(run.elapsedMs).toBeLessThan(9_000);
  });

  it("stops what the script of 3.4.6 started", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"], { mode: "3.4.6" });
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(isAlive((await release.lastCall()).pid)).toBe(false);
  });

  it("stops a server whose java shows nothing of itself, for it is on record", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    // A wrapper that reads its arguments elsewhere: the class is not in its command line.
    await writeFile(
      join(release.javaBin, "java"),
      `#!/bin/sh\nexec '${process.execPath}' -e 'setInterval(() => {}, 1000)' '${release.root}'\n`,
    );
    const start = await release.run("zkServer.sh", ["start", "--no-wait"]);
    context.expect(start.stdout).toBe("Starting zookeeper ... STARTED\n");
    const pid = release.own(await release.serverPid());
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(isAlive(pid)).toBe(false);
  });

  it("without a pid file there is nothing to stop, and nothing is made", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["stop"]);
    context
      .expect(run.stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\n`);
    context.expect(run.exitCode).toBe(0);
    context.expect(existsSync(release.dataDir)).toBe(false);
  });

  it("tidies up after a server that is gone", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    await endProcess(await release.serverPid(), release.root);
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(await release.golden(run.stderr)).toBe(`${banner}Process PID was already gone.\n`);
    context.expect(run.exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
    context.expect(existsSync(`${release.pidFile}.started`)).toBe(false);
  });

  it("leaves a foreign process alone that a stale pid file names, and removes the file", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const bystander = await startBystander(release.root);
    release.own(bystander.pid);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, String(bystander.pid));
    const run = await release.run("zkServer.sh", ["stop"]);
    context
      .expect(run.stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (${release.pidFile} was stale)\n`);
    context.expect(run.stderr).toContain(`It named process ${bystander.pid} (`);
    context.expect(run.stderr).toContain("which is left alone.\n");
    context.expect(run.exitCode).toBe(0);
    context.expect(isAlive(bystander.pid)).toBe(true);
    context.expect(existsSync(release.pidFile)).toBe(false);
  });

  it("leaves alone what got the same pid later", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "idles" });
    await release.run("zkServer.sh", ["start", "--no-wait"]);
    const pid = await release.serverPid();
    const record = await readFile(`${release.pidFile}.started`, "utf8");
    await writeFile(
      `${release.pidFile}.started`,
      record.replace(/[0-9]\n$/, (digit) => (digit === "1\n" ? "2\n" : "1\n")),
    );
    const run = await release.run("zkServer.sh", ["stop"]);
    // It runs this configuration, but it is not what was started here.
    context.expect(run.stdout).toBe("Stopping zookeeper ... NOT STOPPED\n");
    context.expect(run.stderr).toContain(`To end it: kill ${pid}\n`);
    context.expect(run.exitCode).toBe(1);
    context.expect(isAlive(pid)).toBe(true);
  });

  it("says that it cannot stop a server that runs in the foreground", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const script = spawn(join(release.binDir, "zkServer.sh"), ["start-foreground"], {
      cwd: release.cwd,
      env: { PATH: release.searchPath },
      stdio: "ignore",
    });
    const pid = release.own(script.pid ?? 0);
    await eventually(
      "the server to answer",
      async () => (await release.run("zkServer.sh", ["status"])).exitCode === 0,
    );
    const run = await release.run("zkServer.sh", ["stop"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... NOT STOPPED\n");
    context.expect(run.stderr).toContain(`To end it: kill ${pid}\n`);
    context.expect(run.exitCode).toBe(1);
    context.expect(isAlive(pid)).toBe(true);
  });
});

describe.concurrent("restart", () => {
  it("stops and starts, with the options of start", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const before = await release.serverPid();
    const run = await release.run("zkServer.sh", ["restart", "--wait", "20", "zoo.cfg"]);
    context.expect(run.stdout).toBe("Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n");
    context
      .expect(run.stderr.replaceAll(release.root, "ROOT"))
      .toBe(`${banner}Process ${before} ended on TERM.\n`);
    context.expect(run.exitCode).toBe(0);
    context.expect(await release.serverPid()).not.toBe(before);
    const [first, second] = await release.calls();
    context.expect(second?.words).toEqual(first?.words);
  });

  it("starts what did not run", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["restart"]);
    context
      .expect(run.stdout)
      .toBe(
        `Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\nStarting zookeeper ... STARTED\n`,
      );
    context.expect(run.exitCode).toBe(0);
  });

  it("does not stop a server that could not be started again", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const run = await release.run("zkServer.sh", ["restart"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(run.exitCode).toBe(1);
    context.expect(run.stderr).toContain("No Java");
    context.expect(isAlive(await release.serverPid())).toBe(true);
  });

  it("ends with 1 when the start fails", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    await release.behave({ server: "dies", exitCode: 1 });
    const run = await release.run("zkServer.sh", ["restart"]);
    context
      .expect(run.stdout)
      .toBe("Stopping zookeeper ... STOPPED\nStarting zookeeper ... FAILED TO START\n");
    context.expect(run.exitCode).toBe(1);
  });
});
