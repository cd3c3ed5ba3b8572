/** The scripts with a real Java and a real 3.4.6: what a stand-in cannot show. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { endProcess, eventually, isAlive, startBystander, startListener } from "./support/processes.js";
import { realServerFor, startLimitSeconds } from "./support/real-server.js";

it("a server is started, asked, found running, restarted and stopped", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  const start = await server.start();
  expect(start).toMatchObject({ stdout: "Starting zookeeper ... STARTED\n", exitCode: 0 });
  const pid = await server.pid();
  expect(isAlive(pid)).toBe(true);
  expect(await server.zkServer(["status"])).toMatchObject({ stdout: "Mode: standalone\n", exitCode: 0 });
  expect(await server.zkServer(["start"])).toMatchObject({
    stdout: `Starting zookeeper ... already running as process ${pid}.\n`,
    exitCode: 0,
  });
  const restart = await server.zkServer(["restart", "--wait", String(startLimitSeconds)]);
  expect(restart).toMatchObject({
    stdout: "Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n",
    exitCode: 0,
  });
  expect(restart.stderr).toContain(`Process ${pid} ended on TERM.\n`);
  expect(isAlive(pid)).toBe(false);
  expect(await server.zkServer(["status"])).toMatchObject({ exitCode: 0 });
  const last = await server.pid();
  expect(await server.zkServer(["stop"])).toMatchObject({
    stdout: "Stopping zookeeper ... STOPPED\n",
    exitCode: 0,
  });
  expect(isAlive(last)).toBe(false);
  expect(existsSync(server.pidFile)).toBe(false);
  expect(await server.zkServer(["status"])).toMatchObject({ exitCode: 1 });
});

it("a paused server is told as such within 3 s, and can be stopped", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  await server.start();
  const pid = await server.pid();
  process.kill(pid, "SIGSTOP");
  const status = await server.zkServer(["status"]);
  expect(status.stdout).toBe("Error contacting service. It is running but not serving.\n");
  expect(status.stderr).toContain(`Process ${pid} is paused (SIGSTOP)`);
  expect(status.exitCode).toBe(3);
  expect(status.elapsedMs).toBeLessThan(3_000);
  expect(await server.zkServer(["stop"])).toMatchObject({
    stdout: "Stopping zookeeper ... STOPPED\n",
    exitCode: 0,
  });
  expect(isAlive(pid)).toBe(false);
});

it("killed with KILL it is down, and starts again with its data", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  await server.start();
  expect(await server.zkCli(["create", "/kept", "data"])).toMatchObject({ exitCode: 0 });
  const pid = await server.pid();
  await endProcess(pid, server.root);
  expect(await server.zkServer(["status"])).toMatchObject({ exitCode: 1 });
  expect(await server.start()).toMatchObject({ stdout: "Starting zookeeper ... STARTED\n", exitCode: 0 });
  expect(await server.pid()).not.toBe(pid);
  const kept = await server.zkCli(["get", "/kept"]);
  expect(kept.stdout.split("\n")).toContain("data");
  expect(kept.exitCode).toBe(0);
});

it("a foreign process on the client port is the reason that start gives", async (context) => {
  const port = await freePort();
  const server = await realServerFor(context, { port });
  const listener = await startListener(server.root, port, "");
  server.own(listener.pid);
  const start = await server.start();
  expect(start.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
  expect(start.stderr).toContain(`The client port 127.0.0.1:${port} is taken by process ${listener.pid} (`);
  expect(start.exitCode).toBe(1);
  expect(isAlive(listener.pid)).toBe(true);
});

it("stop leaves a process alone that a stale pid file names", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  const bystander = await startBystander(server.root);
  server.own(bystander.pid);
  await writeFile(server.pidFile, String(bystander.pid));
  const stop = await server.zkServer(["stop"]);
  expect(stop.stdout).toContain("was stale)");
  expect(stop.exitCode).toBe(0);
  expect(isAlive(bystander.pid)).toBe(true);
});

it("a configuration that the server refuses is the reason that start gives", async (context) => {
  const server = await realServerFor(context, {
    port: await freePort(),
    // Nobody can have made it.
    config: "dataLogDir=/proc/nonexistent\n",
  });
  const start = await server.start();
  expect(start.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
  expect(start.stderr).toContain("ended with 2: it found its configuration or arguments wrong.");
  expect(start.stderr).toContain("Invalid config, exiting abnormally");
  expect(start.exitCode).toBe(1);
  expect(existsSync(server.pidFile)).toBe(false);
});

it("the printed command line runs the server", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  const { stdout } = await server.zkServer(["print-cmd"]);
  const shell = spawn("/bin/sh", ["-c", `mkdir -p "$ZOO_LOG_DIR"; exec ${stdout}`], {
    env: { PATH: process.env["PATH"], ZOO_LOG_DIR: join(server.root, "logs") },
    stdio: "ignore",
  });
  server.own(shell.pid ?? 0);
  await eventually(
    "the server to serve",
    async () => (await server.zkServer(["status"])).exitCode === 0,
    startLimitSeconds * 1000,
  );
  expect(await readFile(join(server.root, "logs", "zookeeper.out"), "utf8")).toContain("binding to port");
});

it("start-foreground is the server itself: it ends on TERM", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  const running = server.run("zkServer.sh", ["start-foreground"]);
  await eventually(
    "the server to serve",
    async () => (await server.zkServer(["status"])).exitCode === 0,
    startLimitSeconds * 1000,
  );
  const { stderr } = await server.zkServer(["stop"]);
  const pid = server.own(Number(/To end it: kill ([0-9]+)/.exec(stderr)?.[1]));
  process.kill(pid, "SIGTERM");
  const { exitCode, stdout } = await running;
  expect(exitCode).toBe(143);
  expect(stdout).toContain("binding to port");
});

it("Ctrl-C and the end of the session end the script that waits, and not the server", async (context) => {
  const [port, ...peers] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()]);
  const config = `server.1=127.0.0.1:${peers[0]}:${peers[1]}\nserver.2=127.0.0.1:${peers[2]}:${peers[3]}\n`;
  const server = await realServerFor(context, { port, id: 1, config });
  const script = server.spawn("zkServer.sh", ["start", "--wait", String(startLimitSeconds)]);
  const ended = new Promise((resolve) => script.once("exit", (_code, signal) => resolve(signal)));
  await eventually(
    "the server to accept clients",
    async () => (await server.zkServer(["status"])).stderr.includes("says that it is not serving requests"),
    startLimitSeconds * 1000,
  );
  const pid = await server.pid();
  // To the whole group, as a terminal does it.
  for (const signal of ["SIGHUP", "SIGINT"] as const) process.kill(-(script.pid ?? Number.NaN), signal);
  expect(await ended).toMatch(/^SIG(HUP|INT)$/);
  const status = await server.zkServer(["status"]);
  expect(status.stderr).toContain(`Process ${pid} says that it is not serving requests`);
  expect(status.exitCode).toBe(3);
  expect(await server.zkServer(["stop"])).toMatchObject({ exitCode: 0 });
});

it("three servers: started without each waiting for a quorum, told apart by status", async (context) => {
  const ports: number[] = [];
  for (let index = 0; index < 9; index++) ports.push(await freePort());
  const lines = [1, 2, 3].map((id) => `server.${id}=127.0.0.1:${ports[id + 2]}:${ports[id + 5]}\n`).join("");
  const servers = await Promise.all(
    [1, 2, 3].map((id) => realServerFor(context, { port: ports[id - 1] ?? 0, id, config: lines })),
  );
  const [first, ...others] = servers;
  if (first === undefined) throw new Error("no servers");

  expect(await first.start("--until", "port")).toMatchObject({
    stdout: "Starting zookeeper ... STARTED\n",
    exitCode: 0,
  });
  const alone = await first.zkServer(["status"]);
  expect(alone.stderr).toContain("says that it is not serving requests: it is starting, or has no quorum.");
  expect(alone.exitCode).toBe(3);

  const started = await Promise.all(others.map((server) => server.start()));
  for (const run of started)
    expect(run).toMatchObject({ stdout: "Starting zookeeper ... STARTED\n", exitCode: 0 });
  await eventually("the first to serve", async () => (await first.zkServer(["status"])).exitCode === 0);
  const modes = await Promise.all(servers.map(async (server) => (await server.zkServer(["status"])).stdout));
  expect(modes.sort()).toEqual(["Mode: follower\n", "Mode: follower\n", "Mode: leader\n"]);

  for (const server of others) await endProcess(await server.pid(), server.root);
  await eventually(
    "the last one to say that it does not serve",
    async () => (await first.zkServer(["status"])).exitCode === 3,
  );
  const lonely = await first.zkServer(["restart", "--wait", "3"]);
  expect(lonely.stdout).toMatch(
    /^Stopping zookeeper \.\.\. STOPPED\nStarting zookeeper \.\.\. STARTED, but not serving after 3 s\n$/,
  );
  expect(lonely.exitCode).toBe(3);
  expect(
    await Promise.all(servers.map(async (server) => (await server.zkServer(["stop"])).exitCode)),
  ).toEqual([0, 0, 0]);
});

it("zkCli.sh runs a command and fails when the server says no; as 3.4.6 has it, it does neither", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  await server.start();
  expect(await server.zkCli(["create", "/a", "one"])).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("Created /a\n"),
  });
  const get = await server.zkCli(["get", "/a"]);
  expect(get.stdout.split("\n")).toContain("one");
  expect(get.exitCode).toBe(0);
  for (const [words, reason] of [
    [["create", "/a", "two"], "Node already exists: /a"],
    [["get", "/none"], "Node does not exist: /none"],
    [["delete", "/a", "7"], "version No is not valid : /a"],
    [["ls", "a"], "Command failed: java.lang.IllegalArgumentException"],
    [["bogus"], "ZooKeeper -server host:port cmd args"],
  ] as const) {
    expect(await server.zkCli(words)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(reason) });
  }
  const quirk = await server.zkCli(["create", "/b", "never"], { mode: "3.4.6" });
  expect(quirk.stdout).toContain("Connecting to");
  expect(quirk.exitCode).toBe(0);
  expect(await server.zkCli(["get", "/b"])).toMatchObject({ exitCode: 1 });

  await server.zkServer(["stop"]);
  expect(await server.zkCli(["get", "/a"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("ConnectionLoss"),
  });
});

it("the mode of 3.4.6 starts, asks by a JVM and kills", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  // Its way of reading the configuration knows no blanks.
  await writeFile(server.config, `tickTime=500\ndataDir=${server.dataDir}\nclientPort=${server.port}\n`);
  const compat = { mode: "3.4.6" } as const;
  expect(await server.zkServer(["start"], compat)).toMatchObject({
    stdout: "Starting zookeeper ... STARTED\n",
    exitCode: 0,
  });
  const pid = await server.pid();
  await eventually(
    "the server to answer",
    async () => {
      return (await server.zkServer(["status"], compat)).stdout === "Mode: standalone\n";
    },
    startLimitSeconds * 1000,
  );
  expect(await server.zkServer(["stop"], compat)).toMatchObject({
    stdout: "Stopping zookeeper ... STOPPED\n",
    exitCode: 0,
  });
  await eventually("the server to be gone", () => !isAlive(pid));
});

it("zkCleanup.sh removes old snapshots, of a stopped server", async (context) => {
  const server = await realServerFor(context, { port: await freePort() });
  await server.start();
  const running = await server.run("zkCleanup.sh", ["-n", "3"]);
  expect(running.stderr).toContain(
    "is running. The purge of this release can take files that it needs: stop it first.",
  );
  expect(running.exitCode).toBe(1);
  await server.zkServer(["stop"]);
  const folder = join(server.dataDir, "version-2");
  const snapshots = ["snapshot.10", "snapshot.20", "snapshot.30", "snapshot.40"];
  for (const name of snapshots) await writeFile(join(folder, name), "");
  expect(await server.run("zkCleanup.sh", ["-n", "3"])).toMatchObject({ exitCode: 0 });
  const left = (await readdir(folder)).filter((name) => name.startsWith("snapshot."));
  expect(left.sort()).toEqual(snapshots.slice(1));
  const wrong = await server.run("zkCleanup.sh", []);
  expect(wrong.stdout).toContain("PurgeTxnLog dataLogDir [snapDir] -n count");
  expect(wrong.exitCode).toBe(1);
});
