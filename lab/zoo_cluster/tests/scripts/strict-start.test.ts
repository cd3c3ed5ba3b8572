/** `start` in strict mode: it says STARTED only of a server that was seen to serve, and exits 1 with the reason if not. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { endProcess, isAlive, startBystander, startListener, startTicks } from "./support/processes.js";
import { notServingAnswer, releaseFor, standaloneAnswer } from "./support/test-release.js";

const serving = { server: "answers", answers: { srvr: standaloneAnswer } } as const;
const waiting = { server: "answers", answers: { srvr: notServingAnswer, ruok: "imok" } } as const;
const banner = "JMX enabled by default\nUsing config: ROOT/zookeeper-3.4.6/bin/../conf/zoo.cfg\n";

describe.concurrent("start that succeeds", () => {
  it("says STARTED once the server serves, and records its pid and when it began", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ ...serving, delayMs: 700 });
    const run = await release.run("zkServer.sh", ["start"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(await release.golden(run.stderr)).toBe(banner);
    context.expect(run.exitCode).toBe(0);
    context.expect(run.elapsedMs).toBeGreaterThan(700);

    const call = await release.lastCall();
    context.expect(await readFile(release.pidFile, "utf8")).toBe(String(call.pid));
    const record = await readFile(`${release.pidFile}.started`, "utf8");
    const ticks = startTicks(call.pid);
    context
      .expect(record)
      .toMatch(
        ticks === null
          ? new RegExp(`^${call.pid} ps:.+\n$`)
          : new RegExp(`^${call.pid} proc:[0-9a-f-]*:${ticks}\n$`),
      );
    context
      .expect(call.words)
      .toEqual([
        "-Dzookeeper.log.dir=.",
        "-Dzookeeper.root.logger=INFO,CONSOLE",
        "-cp",
        release.strictClassPath,
        "-Dcom.sun.management.jmxremote",
        "-Dcom.sun.management.jmxremote.local.only=false",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        release.spelledConfig,
      ]);
    context.expect(call.cwd).toBe(release.cwd);
    context
      .expect(await readFile(join(release.cwd, "zookeeper.out"), "utf8"))
      .toBe("a line on standard output\na line on standard error\n");
  });

  it("needs no quorum with --until port, nor a port with --no-wait", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ ...waiting, delayMs: 600 });
    const port = await release.run("zkServer.sh", ["start", "--until", "port"]);
    context.expect(port.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(port.exitCode).toBe(0);
    context.expect(port.elapsedMs).toBeGreaterThan(600);
    await release.run("zkServer.sh", ["stop"]);

    await release.behave({ server: "idles" });
    const process = await release.run("zkServer.sh", ["start", "--no-wait"]);
    context.expect(process.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(process.exitCode).toBe(0);
    context.expect(isAlive(await release.serverPid())).toBe(true);
  });

  it("takes options and the configuration in any order, and the wait with = or without", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["start", "--wait=20", "zoo.cfg", "--until=serving"]);
    context.expect(run.exitCode).toBe(0);
    context.expect((await release.lastCall()).words.at(-1)).toBe(release.spelledConfig);
  });

  it("knows the port of a server that java has started in its turn", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const real = join(release.root, "real-java");
    await release.writeJava(real);
    await writeFile(join(release.javaBin, "java"), `#!/bin/sh\n'${real}' "$@" &\nwait\n`);
    const run = await release.run("zkServer.sh", ["start"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(release.own(await release.serverPid())).not.toBe((await release.lastCall()).pid);
    context.expect((await release.run("zkServer.sh", ["status"])).stdout).toBe("Mode: standalone\n");
  });

  it("says already running, with 0, only of the process on record", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const again = await release.run("zkServer.sh", ["start"]);
    context
      .expect(await release.golden(again.stdout))
      .toBe("Starting zookeeper ... already running as process PID.\n");
    context.expect(again.exitCode).toBe(0);
    context.expect(await release.calls()).toHaveLength(1);
  });

  it("says so when the one that runs already is paused", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const { pid } = await release.lastCall();
    process.kill(pid, "SIGSTOP");
    const again = await release.run("zkServer.sh", ["start"]);
    context.expect(again.exitCode).toBe(0);
    context.expect(again.stderr).toContain(`It is paused (SIGSTOP); it goes on with: kill -CONT ${pid}`);
  });

  it("knows a server that the script of 3.4.6 started, by its configuration", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"], { mode: "3.4.6" });
    context.expect(existsSync(`${release.pidFile}.started`)).toBe(false);
    const again = await release.run("zkServer.sh", ["start", `${release.path("lib")}/../conf/zoo.cfg`]);
    context
      .expect(await release.golden(again.stdout))
      .toBe("Starting zookeeper ... already running as process PID.\n");
    context.expect(again.exitCode).toBe(0);
  });

  it("starts over what a dead server left", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const before = await release.serverPid();
    await endProcess(before, release.root);
    const again = await release.run("zkServer.sh", ["start"]);
    context.expect(again.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(await release.serverPid()).not.toBe(before);
  });

  for (const content of ["junk", "", "0", "-1", "12 34", "99999999999999999999"]) {
    it(`starts over a pid file that holds ${JSON.stringify(content)}`, async (context) => {
      const release = await releaseFor(context, { port: await freePort() });
      await mkdir(release.dataDir);
      await writeFile(release.pidFile, content);
      const run = await release.run("zkServer.sh", ["start"]);
      context.expect(run.stdout).toBe("Starting zookeeper ... STARTED\n");
      context.expect(await release.serverPid()).toBe((await release.lastCall()).pid);
    });
  }

  it("starts over a pid file that names a foreign process, and leaves that alone", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const bystander = await startBystander(release.root);
    release.own(bystander.pid);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, `${bystander.pid}\n`);
    const run = await release.run("zkServer.sh", ["start"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(run.stderr).toContain(`was stale: it named process ${bystander.pid} (`);
    context.expect(isAlive(bystander.pid)).toBe(true);
    context.expect(await release.serverPid()).toBe((await release.lastCall()).pid);
  });

  it("of three at the same moment one starts the server and the others find it", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "idles" });
    // All have looked at the pid file when they come to make the folders; there they wait for each other.
    await release.meetAt("mkdir", 3);
    const runs = await Promise.all([1, 2, 3].map(() => release.run("zkServer.sh", ["start", "--no-wait"])));
    context.expect(runs.map((run) => run.exitCode)).toEqual([0, 0, 0]);
    const said = runs.map((run) => run.stdout.replace(/[0-9]+/, "N")).sort();
    context
      .expect(said)
      .toEqual([
        "Starting zookeeper ... STARTED\n",
        "Starting zookeeper ... already running as process N.\n",
        "Starting zookeeper ... already running as process N.\n",
      ]);
    const { pid } = await release.lastCall();
    context.expect(await release.calls()).toHaveLength(1);
    context.expect(await release.serverPid()).toBe(pid);
    context.expect(isAlive(pid)).toBe(true);
  });

  it("killed in the middle it leaves a server that is on record", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ ...serving, delayMs: 1500 });
    const script = spawn(join(release.binDir, "zkServer.sh"), ["start"], {
      cwd: release.cwd,
      env: { PATH: release.searchPath },
      stdio: "ignore",
    });
    await release.lastCall();
    script.kill("SIGKILL");
    context.expect(await release.serverPid()).toBe((await release.lastCall()).pid);
    const again = await release.run("zkServer.sh", ["start"]);
    context
      .expect(await release.golden(again.stdout))
      .toBe("Starting zookeeper ... already running as process PID.\n");
    const stop = await release.run("zkServer.sh", ["stop"]);
    context.expect(stop.stdout).toBe("Stopping zookeeper ... STOPPED\n");
  });
});

describe.concurrent("start that does not succeed", () => {
  it("shows why the server died: its exit code and the end of its output", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "dies", exitCode: 2 });
    const run = await release.run("zkServer.sh", ["start"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context
      .expect(await release.golden(run.stderr))
      .toBe(
        `${banner}The server process PID ended with 2: it found its configuration or arguments wrong.\nThe end of ./zookeeper.out:\na line on standard output\na line on standard error\nInvalid config, exiting abnormally\n`,
      );
    context.expect(run.exitCode).toBe(1);
    context.expect(existsSync(release.pidFile)).toBe(false);
    context.expect(existsSync(`${release.pidFile}.started`)).toBe(false);
  });

  for (const words of [["start"], ["start", "--no-wait"], ["start", "--until", "port"]]) {
    it(`${words.join(" ")}: says so too when the server is killed while it waits`, async (context) => {
      const release = await releaseFor(context, { port: await freePort() });
      await release.behave({ server: "idles" });
      const running = release.run("zkServer.sh", words);
      const { pid } = await release.lastCall();
      process.kill(pid, "SIGKILL");
      const run = await running;
      context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
      context.expect(run.stderr).toContain(`The server process ${pid} ended with 137: signal 9.\n`);
      context.expect(run.exitCode).toBe(1);
      context.expect(existsSync(release.pidFile)).toBe(false);
    });
  }

  it("tells a server that lives but does not serve by exit code 3, and lets it live", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave(waiting);
    const run = await release.run("zkServer.sh", ["start", "--wait", "5"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... STARTED, but not serving after 5 s\n");
    context
      .expect(await release.golden(run.stderr))
      .toContain(
        "Process PID lives and goes on: it accepts clients but does not serve: no quorum yet.\nThe end of ./zookeeper.out:\n",
      );
    context.expect(run.exitCode).toBe(3);
    context.expect(run.elapsedMs).toBeGreaterThan(5_000);
    context.expect(isAlive(await release.serverPid())).toBe(true);
  });

  it("waits for a port no longer than it may", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ server: "idles" });
    const run = await release.run("zkServer.sh", ["start", "--until", "port", "--wait", "01"]);
    context
      .expect(run.stdout)
      .toBe("Starting zookeeper ... STARTED, but not accepting connections after 1 s\n");
    context.expect(run.stderr).toContain(`it does not accept connections on 127.0.0.1:${release.port}.`);
    context.expect(run.exitCode).toBe(3);
  });

  it("names a JAVA_HOME that holds no java", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["start"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context
      .expect(run.stderr)
      .toContain("No Java: JAVA_HOME is /nonexistent, but /nonexistent/bin/java is not a program.");
    context.expect(run.exitCode).toBe(1);
    context.expect(existsSync(release.dataDir)).toBe(false);
  });

  it("says that there is no java in PATH", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["start"], { env: { PATH: release.toolsDir } });
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context.expect(run.stderr).toContain("No Java: there is no java in PATH.");
    context.expect(run.exitCode).toBe(1);
  });

  it("names the process that has the client port, and starts nothing", async (context) => {
    const port = await freePort();
    const release = await releaseFor(context, { port });
    const listener = await startListener(release.root, port, "");
    release.own(listener.pid);
    const run = await release.run("zkServer.sh", ["start"]);
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context
      .expect(run.stderr)
      .toContain(`The client port 127.0.0.1:${port} is taken by process ${listener.pid} (`);
    context.expect(run.stderr).toContain(`Stop that, or choose another port in ${release.spelledConfig}.`);
    context.expect(run.exitCode).toBe(1);
    context.expect(await release.calls()).toEqual([]);
    context.expect(isAlive(listener.pid)).toBe(true);
  });

  for (const until of ["serving", "port"]) {
    it(`--until ${until}: is not taken in by another server that was quicker with the port`, async (context) => {
      const port = await freePort();
      const release = await releaseFor(context, { port });
      await release.behave({ server: "idles" });
      const running = release.run("zkServer.sh", ["start", "--until", until, "--wait", "8"]);
      const { pid } = await release.lastCall();
      const listener = await startListener(
        release.root,
        port,
        `socket.end(${JSON.stringify(standaloneAnswer)});`,
      );
      release.own(listener.pid);
      const run = await running;
      context.expect(run.stdout).toMatch(/^Starting zookeeper \.\.\. STARTED, but not .* after 8 s\n$/);
      context
        .expect(run.stderr)
        .toContain(
          `Process ${pid} lives and goes on: 127.0.0.1:${port} is answered by process ${listener.pid} (`,
        );
      context.expect(run.exitCode).toBe(3);
      const status = await release.run("zkServer.sh", ["status"]);
      context
        .expect(status.stderr)
        .toContain(`Process ${pid} lives, but 127.0.0.1:${port} is answered by process ${listener.pid} (`);
      context.expect(status.exitCode).toBe(3);
    });
  }

  it("names the process that has the port for its peers", async (context) => {
    const [port, quorumPort, electionPort] = [await freePort(), await freePort(), await freePort()];
    const release = await releaseFor(context, { port });
    await mkdir(release.dataDir);
    await writeFile(join(release.dataDir, "myid"), "2\r\n");
    await release.writeConfig(
      `dataDir=${release.dataDir}\nclientPort=${port}\nserver.1=127.0.0.1:1:1\nserver.2=127.0.0.1:${quorumPort}:${electionPort}\n`,
    );
    const listener = await startListener(release.root, electionPort, "");
    release.own(listener.pid);
    const run = await release.run("zkServer.sh", ["start"]);
    context
      .expect(run.stderr)
      .toContain(`The election port 127.0.0.1:${electionPort} is taken by process ${listener.pid} (`);
    context.expect(run.exitCode).toBe(1);
  });

  it("refuses a pid file that is another server's", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const other = await releaseFor(context, { port: await freePort() });
    const env = { ZOOPIDFILE: join(release.root, "shared.pid") };
    await other.run("zkServer.sh", ["start"], { mode: "3.4.6", env });
    const run = await release.run("zkServer.sh", ["start"], { env });
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context
      .expect(run.stderr)
      .toContain(
        `(a ZooKeeper server with configuration ${other.spelledConfig}). Two servers cannot share one.`,
      );
    context.expect(run.exitCode).toBe(1);
    const stop = await release.run("zkServer.sh", ["stop"], { env });
    context.expect(stop.stdout).toBe("Stopping zookeeper ... NOT STOPPED\n");
    context.expect(stop.exitCode).toBe(1);
    context.expect(isAlive((await other.lastCall()).pid)).toBe(true);
  });

  it("finds out before it starts that the pid cannot be written", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    for (const pidFile of [release.cwd, "/dev/null/x.pid"]) {
      const run = await release.run("zkServer.sh", ["start"], { env: { ZOOPIDFILE: pidFile } });
      context.expect(run.stdout).toMatch(/^Starting zookeeper \.\.\. FAILED TO (WRITE PID|START)\n$/);
      context.expect(run.exitCode).toBe(1);
    }
    context.expect(await release.calls()).toEqual([]);
  });

  it("finds out before it starts that there is no place for the output", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const run = await release.run("zkServer.sh", ["start"], {
      env: { ZOO_LOG_DIR: `${release.config}/logs` },
    });
    context.expect(run.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
    context.expect(run.stderr).toContain(`The folder ${release.config}/logs cannot be made.`);
    context.expect(run.exitCode).toBe(1);
    context.expect(await release.calls()).toEqual([]);
  });

  it("makes nothing when the configuration is not there or has no dataDir", async (context) => {
    const release = await releaseFor(context);
    const missing = await release.run("zkServer.sh", ["start", "none.cfg"]);
    context.expect(missing.stdout).toBe("");
    context
      .expect(missing.stderr)
      .toContain(`The configuration file ${release.binDir}/../conf/none.cfg cannot be read.`);
    context.expect(missing.exitCode).toBe(1);
    await release.writeConfig("clientPort=1\n");
    const empty = await release.run("zkServer.sh", ["start"]);
    context.expect(empty.stderr).toContain(`${release.spelledConfig} has no dataDir`);
    context.expect(empty.exitCode).toBe(1);
    context.expect(await release.calls()).toEqual([]);
  });
});
