/** `status` in strict mode: it asks over a socket itself, within 2 s, and tells serving, down and alive apart. */

import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { endProcess, eventually, isAlive, startListener } from "./support/processes.js";
import {
  findCommand,
  notServingAnswer,
  releaseFor,
  standaloneAnswer,
  type TestRelease,
} from "./support/test-release.js";

const banner = "JMX enabled by default\nUsing config: ROOT/zookeeper-3.4.6/bin/../conf/zoo.cfg\n";
/** 2 s and what a very busy machine adds; without a limit it would be forever. */
const boundedMs = 20_000;
const down = "Error contacting service. It is probably not running.\n";
const alive = "Error contacting service. It is running but not serving.\n";

/** A stand-in that listens, started by the script itself. */
async function started(release: TestRelease, answers: Readonly<Record<string, string>>): Promise<number> {
  await release.behave({ server: "answers", answers });
  await release.run("zkServer.sh", ["start", "--until", "port"]);
  return await release.serverPid();
}

async function ask(release: TestRelease, env: Readonly<Record<string, string>> = {}) {
  const run = await release.run("zkServer.sh", ["status"], { env });
  return { ...run, stderr: await release.golden(run.stderr) };
}

describe.concurrent("status of a server on record", () => {
  for (const mode of ["standalone", "leader", "follower", "observer", "read-only"]) {
    it(`${mode}: 0`, async (context) => {
      const release = await releaseFor(context, { port: await freePort() });
      await started(release, { srvr: standaloneAnswer.replace("standalone", mode) });
      const { stdout, stderr, exitCode } = await ask(release);
      context.expect(stdout).toBe(`Mode: ${mode}\n`);
      context.expect(stderr).toBe(banner);
      context.expect(exitCode).toBe(0);
      context.expect(await release.calls()).toHaveLength(1); // no JVM to ask
    });
  }

  it("without a quorum: 3", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await started(release, { srvr: notServingAnswer });
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(alive);
    context
      .expect(stderr)
      .toBe(`${banner}Process PID says that it is not serving requests: it is starting, or has no quorum.\n`);
    context.expect(exitCode).toBe(3);
  });

  it("paused: 3, at once", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const pid = await started(release, { srvr: standaloneAnswer });
    process.kill(pid, "SIGSTOP");
    const { stdout, stderr, exitCode, elapsedMs } = await ask(release);
    context.expect(stdout).toBe(alive);
    context
      .expect(stderr)
      .toBe(`${banner}Process PID is paused (SIGSTOP); it goes on with: kill -CONT PID.\n`);
    context.expect(exitCode).toBe(3);
    context.expect(elapsedMs).toBeLessThan(3_000);
  });

  it("accepting and silent: 3, within its 2 s", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "accepts" });
    await release.run("zkServer.sh", ["start", "--until", "port"]);
    const { stdout, stderr, exitCode, elapsedMs } = await ask(release);
    context.expect(stdout).toBe(alive);
    context
      .expect(stderr)
      .toContain(
        `Process PID accepts connections on 127.0.0.1:${release.port}, but did not answer within 2 s.`,
      );
    context.expect(exitCode).toBe(3);
    context.expect(elapsedMs).toBeGreaterThan(1_900);
    context.expect(elapsedMs).toBeLessThan(boundedMs);
  });

  it("alive without its port: 3", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "idles" });
    await release.run("zkServer.sh", ["start", "--no-wait"]);
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(alive);
    context.expect(stderr).toContain(`Process PID does not accept connections on 127.0.0.1:${release.port}`);
    context.expect(exitCode).toBe(3);
  });

  for (const answer of ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0", "Mode:\n", "x".repeat(100_000)]) {
    it(`answering ${JSON.stringify(answer.slice(0, 10))}, which is not ZooKeeper: 3`, async (context) => {
      const release = await releaseFor(context, { port: await freePort() });
      await started(release, { srvr: answer });
      const { stdout, exitCode, elapsedMs } = await ask(release);
      context.expect(stdout).toBe(alive);
      context.expect(exitCode).toBe(3);
      context.expect(elapsedMs).toBeLessThan(boundedMs);
    });
  }

  it("with a white list: asks the words that may be asked", async (context) => {
    const refused = (word: string): string => `${word} is not executed because it is not in the whitelist.\n`;
    const release = await releaseFor(context, { port: await freePort() });
    const pid = await started(release, {
      srvr: refused("srvr"),
      stat: refused("stat"),
      mntr: "zk_version\t3.5.10\nzk_server_state\tleader\n",
    });
    const mntr = await ask(release);
    context.expect(mntr.stdout).toBe("Mode: leader\n");
    context.expect(mntr.exitCode).toBe(0);
    await endProcess(pid, release.root);
    await started(release, { srvr: refused("srvr"), stat: refused("stat"), mntr: refused("mntr") });
    const none = await ask(release);
    context.expect(none.stdout).toBe(alive);
    context
      .expect(none.stderr)
      .toContain("Process PID cannot be asked: its configuration allows none of the words srvr, stat, mntr.");
    context.expect(none.exitCode).toBe(3);
  });

  it("terminal control in an answer goes nowhere", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await started(release, { srvr: "Mode: lea\u001b[31mder\n" });
    const { stdout } = await ask(release);
    context.expect(stdout).toBe("Mode: lea\n");
  });
});

describe.concurrent("status without a server on record", () => {
  it("nothing there: 1", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(down);
    context
      .expect(stderr)
      .toBe(
        `${banner}There is no pid file ROOT/data/zookeeper_server.pid.\nNobody accepts connections on 127.0.0.1:${release.port}.\n`,
      );
    context.expect(exitCode).toBe(1);
  });

  it("killed: 1, and the pid file is told to be old", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const pid = await started(release, { srvr: standaloneAnswer });
    await endProcess(pid, release.root);
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(down);
    context.expect(stderr).toContain("Process PID, named by ROOT/data/zookeeper_server.pid, is gone.\n");
    context.expect(exitCode).toBe(1);
  });

  it("a process that has ended but was not collected counts as gone: 1", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    // What it becomes collects no children, as in a container whose first process is no init.
    const parent = spawn("/bin/sh", ["-c", "true & echo $!; exec tail -f /dev/null", release.root], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    context.onTestFinished(() => void parent.kill("SIGKILL"));
    const pid = await new Promise<string>((resolve) =>
      parent.stdout.once("data", (data) => resolve(String(data).trim())),
    );
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, pid);
    for (const env of (await findCommand("ps")) === null ? [{}] : [{}, { ZKLAB_PROC: "/nonexistent" }]) {
      await eventually("the process to end and stay", async () => {
        return (await ask(release, env)).stderr.includes(
          "Process PID, named by ROOT/data/zookeeper_server.pid, is gone.",
        );
      });
      context.expect((await ask(release, env)).exitCode).toBe(1);
    }
  });

  it("the pid was given to another process: 1", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const other = await releaseFor(context, { port: await freePort() });
    const pid = await started(other, { srvr: standaloneAnswer });
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, String(pid));
    // As after a reboot: the same pid, another beginning.
    await writeFile(`${release.pidFile}.started`, `${pid} proc:00000000-0000-0000-0000-000000000000:1\n`);
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(down);
    context
      .expect(stderr)
      .toContain(
        `is stale: it names process PID (a ZooKeeper server with configuration ${other.spelledConfig})`,
      );
    context.expect(exitCode).toBe(1);
  });

  it("lost its pid file: what it is counts, and that no file says so is told", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await started(release, { srvr: standaloneAnswer });
    await rm(release.pidFile);
    const serving = await ask(release);
    context.expect(serving.stdout).toBe("Mode: standalone\n");
    context
      .expect(serving.stderr)
      .toContain(`Process PID runs this server, though ROOT/data/zookeeper_server.pid does not say so.\n`);
    context.expect(serving.exitCode).toBe(0);
    // Its port need not be open yet.
    await release.writeConfig(`dataDir=${release.dataDir}\nclientPort=${await freePort()}\n`);
    context.expect((await ask(release)).exitCode).toBe(3);
  });

  it("another program has the port and says nothing: 1, and it is named", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    const listener = await startListener(release.root, port, "");
    release.own(listener.pid);
    const { stdout, stderr, exitCode, elapsedMs } = await ask(release);
    context.expect(stdout).toBe(down);
    context
      .expect(stderr)
      .toContain(`This server is not running: 127.0.0.1:${port} is taken by process ${listener.pid} (`);
    context.expect(exitCode).toBe(1);
    context.expect(elapsedMs).toBeLessThan(boundedMs);
  });

  it("another program has the port and speaks something else: 1", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    const listener = await startListener(
      release.root,
      port,
      'socket.end("HTTP/1.1 400 Bad Request\\r\\n\\r\\n");',
    );
    release.own(listener.pid);
    const { stderr, exitCode } = await ask(release);
    context
      .expect(stderr)
      .toContain(`Not ZooKeeper: 127.0.0.1:${port} is answered by process ${listener.pid} (`);
    context.expect(exitCode).toBe(1);
  });

  it("another ZooKeeper server has the port: 1, it does not speak for this one", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    const other = await releaseFor(context, { port });
    const pid = await started(other, { srvr: standaloneAnswer });
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe(down);
    context
      .expect(stderr)
      .toContain(`is taken by process ${pid} (a ZooKeeper server with configuration ${other.spelledConfig})`);
    context.expect(exitCode).toBe(1);
  });

  it("in the foreground: 0, with a word that no pid file says so", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const script = spawn(join(release.binDir, "zkServer.sh"), ["start-foreground"], {
      cwd: release.cwd,
      env: { PATH: release.searchPath },
      stdio: "ignore",
    });
    release.own(script.pid ?? 0);
    await eventually("the server to answer", async () => (await ask(release)).exitCode === 0);
    const { stdout, stderr } = await ask(release);
    context.expect(stdout).toBe("Mode: standalone\n");
    context
      .expect(stderr)
      .toContain(`Process PID runs this server, though ROOT/data/zookeeper_server.pid does not say so.\n`);
    // The record of a run before may be there too; a paused server counts as alive all the same.
    process.kill(script.pid ?? 0, "SIGSTOP");
    context.expect((await ask(release)).exitCode).toBe(3);
  });

  it("behind a forwarder: 0, and who answers is named", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    const listener = await startListener(
      release.root,
      port,
      `socket.end(${JSON.stringify(standaloneAnswer)});`,
    );
    release.own(listener.pid);
    const { stdout, stderr, exitCode } = await ask(release);
    context.expect(stdout).toBe("Mode: standalone\n");
    context
      .expect(stderr)
      .toContain(`The answer at 127.0.0.1:${port} comes through process ${listener.pid} (`);
    context.expect(exitCode).toBe(0);
  });

  it("makes no folders", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await ask(release, { ZOO_LOG_DIR: join(release.root, "logs") });
    await context.expect(rm(release.dataDir, { recursive: true })).rejects.toThrow("ENOENT");
    await context.expect(rm(join(release.root, "logs"), { recursive: true })).rejects.toThrow("ENOENT");
  });
});

describe.concurrent("where status asks", () => {
  const cases: { readonly name: string; readonly config: (port: number) => string }[] = [
    { name: "clientPort with blanks", config: (port) => `  clientPort  =  ${port}  \n` },
    { name: "clientPort after a colon", config: (port) => `clientPort:${port}\n` },
    { name: "clientPort after a blank", config: (port) => `clientPort ${port}\r\n` },
    { name: "the last of two", config: (port) => `clientPort=1\nclientPort=${port}\n` },
    { name: "clientPortAddress", config: (port) => `clientPort=${port}\nclientPortAddress=localhost\n` },
    { name: "all interfaces", config: (port) => `clientPort=${port}\nclientPortAddress=0.0.0.0\n` },
    { name: "all interfaces of IPv6", config: (port) => `clientPort=${port}\nclientPortAddress=[::]\n` },
    {
      name: "the server's own line, 3.5 and later",
      config: (port) => `server.1=127.0.0.1:1:2:participant;${port}\n`,
    },
    { name: "its own line with an address", config: (port) => `server.1=127.0.0.1:1:2;127.0.0.1:${port}\n` },
  ];
  for (const { name, config } of cases) {
    it(name, async (context) => {
      const port = await freePort();
      const release = await releaseFor(context, { port });
      await mkdir(release.dataDir);
      await writeFile(join(release.dataDir, "myid"), "1\n");
      await release.writeConfig(`dataDir=${release.dataDir}\n${config(port)}`);
      await started(release, { srvr: standaloneAnswer });
      const { stdout, exitCode } = await ask(release);
      context.expect(stdout).toBe("Mode: standalone\n");
      context.expect(exitCode).toBe(0);
    });
  }

  it("a dynamic configuration file", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    await mkdir(release.dataDir);
    await writeFile(join(release.dataDir, "myid"), "3");
    const dynamic = join(release.root, "zoo.cfg.dynamic");
    await writeFile(
      dynamic,
      `server.2=127.0.0.1:1:2;3\nserver.3=127.0.0.1:1:2:participant;0.0.0.0:${port}\n`,
    );
    await release.writeConfig(`dataDir=${release.dataDir}\ndynamicConfigFile=${dynamic}\n`);
    await started(release, { srvr: standaloneAnswer });
    context.expect((await ask(release)).stdout).toBe("Mode: standalone\n");
  });

  it("IPv6 alone", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "answers", answers: { srvr: standaloneAnswer }, host: "::1" });
    const start = await release.run("zkServer.sh", ["start", "--wait", "5"]);
    if (start.exitCode !== 0) return context.skip("this machine has no IPv6");
    context.expect((await ask(release)).stdout).toBe("Mode: standalone\n");
  });

  it("nowhere, when there is no plain client port: alive is all that can be told", async (context) => {
    const release = await releaseFor(context);
    await release.writeConfig(`dataDir=${release.dataDir}\nsecureClientPort=2281\n`);
    await release.behave({ server: "idles" });
    const start = await release.run("zkServer.sh", ["start"]);
    context.expect(start.stdout).toBe("Starting zookeeper ... STARTED, but not seen to serve\n");
    context.expect(start.exitCode).toBe(3);
    const status = await ask(release);
    context
      .expect(status.stderr)
      .toContain(
        "Process PID cannot be asked: ROOT/zookeeper-3.4.6/bin/../conf/zoo.cfg names no plain client port.",
      );
    context.expect(status.exitCode).toBe(3);
    context.expect(isAlive(await release.serverPid())).toBe(true);
    context.expect((await release.run("zkServer.sh", ["stop"])).exitCode).toBe(0);
    context.expect((await ask(release)).exitCode).toBe(1);
  });
});
