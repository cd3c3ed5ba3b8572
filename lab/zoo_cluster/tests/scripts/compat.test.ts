/**
 * ZKLAB_COMPAT=3.4.6: what the script of that release does, quirks included, on standard output, standard error, in
 * exit code, pid file and arguments. Source: ZooKeeper 3.4.6, bin/zkServer.sh and bin/zkEnv.sh, their behaviour.
 *
 * Stays whole: it is one table, read beside that release's script from top to bottom.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { idleReleaseFor, jmxOn, runCompat, serverWords, using } from "./support/compat.js";
import { eventually, isAlive, startBystander } from "./support/processes.js";

describe.concurrent("start, as 3.4.6 does it", () => {
  it("writes the pid without a newline, waits a second, and says STARTED", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout, stderr, exitCode, elapsedMs } = await runCompat(release, ["start"]);
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
    context.expect(exitCode).toBe(0);
    context.expect(elapsedMs).toBeGreaterThan(950);
    const call = await release.lastCall();
    context.expect(await readFile(release.pidFile, "utf8")).toBe(String(call.pid));
    context.expect(call.words).toEqual(serverWords(release));
    context.expect(call.cwd).toBe(release.cwd);
    const output = "a line on standard output\na line on standard error\n";
    await eventually("both streams of the server in its output file", async () => {
      return (await readFile(join(release.cwd, "zookeeper.out"), "utf8")) === output;
    });
    context.expect(existsSync(`${release.pidFile}.started`)).toBe(false);
  });

  it("truncates the output file of the run before", async (context) => {
    const release = await idleReleaseFor(context);
    await writeFile(join(release.cwd, "zookeeper.out"), "old\n".repeat(1000));
    await runCompat(release, ["start"]);
    context.expect(await readFile(join(release.cwd, "zookeeper.out"), "utf8")).not.toContain("old");
  });

  it("says already running, with 0, while the process lives", async (context) => {
    const release = await idleReleaseFor(context);
    await runCompat(release, ["start"]);
    const { stdout, exitCode } = await runCompat(release, ["start"]);
    context
      .expect(await release.golden(stdout))
      .toBe("Starting zookeeper ... already running as process PID.\n");
    context.expect(exitCode).toBe(0);
    context.expect(await release.calls()).toHaveLength(1);
  });

  it("believes a stale pid file that names somebody else", async (context) => {
    const release = await idleReleaseFor(context);
    const bystander = await startBystander(release.root);
    release.own(bystander.pid);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, String(bystander.pid));
    const { stdout, exitCode } = await runCompat(release, ["start"]);
    context.expect(stdout).toBe(`Starting zookeeper ... already running as process ${bystander.pid}.\n`);
    context.expect(exitCode).toBe(0);
  });

  it("starts over a pid file of a dead process, and over one with no pid", async (context) => {
    const release = await idleReleaseFor(context);
    await mkdir(release.dataDir);
    for (const [index, content] of ["999999999", "junk\n"].entries()) {
      await writeFile(release.pidFile, content);
      const { stdout } = await runCompat(release, ["start"]);
      context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
      const { pid } = await release.lastCall(index + 1);
      context.expect(await readFile(release.pidFile, "utf8")).toBe(String(pid));
      process.kill(pid, "SIGKILL");
      await eventually("the end of the stand-in", () => !isAlive(pid));
    }
  });

  it("claims success when the process died", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ server: "dies", exitCode: 2 });
    const { stdout, exitCode } = await runCompat(release, ["start"]);
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(true);
  });

  it("claims success without Java", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout, exitCode } = await runCompat(release, ["start"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(exitCode).toBe(0);
    context
      .expect(await readFile(join(release.cwd, "zookeeper.out"), "utf8"))
      .toContain("/nonexistent/bin/java");
    context.expect(isAlive(await release.serverPid())).toBe(false);
  });

  it("leaves the server running when the pid cannot be written", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout, exitCode } = await runCompat(release, ["start"], { env: { ZOOPIDFILE: release.cwd } });
    context.expect(stdout).toBe("Starting zookeeper ... FAILED TO WRITE PID\n");
    context.expect(exitCode).toBe(1);
    context.expect(isAlive((await release.lastCall()).pid)).toBe(true);
  });

  it("goes on with no configuration at all, and leaves its judgement to the server", async (context) => {
    const release = await idleReleaseFor(context);
    const pidFile = join(release.root, "x.pid"); // without it the pid would go to the root of the file system
    const { stdout, stderr, exitCode } = await runCompat(release, ["start", "none.cfg"], {
      env: { ZOOPIDFILE: pidFile },
    });
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../conf/none.cfg`));
    context.expect(exitCode).toBe(0);
    context.expect((await release.lastCall()).words.at(-1)).toBe(`${release.binDir}/../conf/none.cfg`);
  });
});

describe.concurrent("start-foreground, as 3.4.6 does it", () => {
  it("becomes java, without pid file and output file, with its exit code", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ server: "dies", exitCode: 7 });
    const { stdout, stderr, exitCode } = await runCompat(release, ["start-foreground"]);
    context.expect(stdout).toBe("a line on standard output\n");
    context
      .expect(stderr)
      .toBe(
        `${jmxOn}${using(release.spelledConfig)}a line on standard error\nInvalid config, exiting abnormally\n`,
      );
    context.expect(exitCode).toBe(7);
    context.expect((await release.lastCall()).words).toEqual(serverWords(release));
    context.expect(existsSync(release.pidFile)).toBe(false);
    context.expect(existsSync(join(release.cwd, "zookeeper.out"))).toBe(false);
  });

  it("stays a shell with ZOO_NOEXEC, with the same exit code", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ server: "dies", exitCode: 7 });
    const { exitCode } = await runCompat(release, ["start-foreground"], { env: { ZOO_NOEXEC: "1" } });
    context.expect(exitCode).toBe(7);
  });

  it("ends with 127 without Java", async (context) => {
    const release = await idleReleaseFor(context);
    const { exitCode } = await runCompat(release, ["start-foreground"], {
      env: { JAVA_HOME: "/nonexistent" },
    });
    context.expect(exitCode).toBe(127);
  });
});

describe.concurrent("stop and restart, as 3.4.6 does them", () => {
  it("kills at once, with KILL, and removes the file", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ server: "idles", ignoresTerm: true });
    await runCompat(release, ["start"]);
    const { pid } = await release.lastCall();
    const { stdout, stderr, exitCode } = await runCompat(release, ["stop"]);
    context.expect(stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
    await eventually("the end of the stand-in", () => !isAlive(pid));
  });

  it("without a pid file there is nothing to stop, with 0", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout, exitCode } = await runCompat(release, ["stop"]);
    context
      .expect(stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\n`);
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.dataDir)).toBe(true);
  });

  it("says STOPPED of a process that is gone, with the shell's complaint", async (context) => {
    const release = await idleReleaseFor(context);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, "999999999");
    const { stdout, stderr, exitCode } = await runCompat(release, ["stop"]);
    context.expect(stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(stderr).toMatch(/kill: .*999999999/);
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
  });

  it("restart runs itself for stop and for start, three seconds apart", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout, stderr, exitCode, elapsedMs } = await runCompat(release, ["restart"]);
    context
      .expect(stdout)
      .toBe(
        `Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\nStarting zookeeper ... STARTED\n`,
      );
    context.expect(stderr).toBe((jmxOn + using(release.spelledConfig)).repeat(3));
    context.expect(exitCode).toBe(0);
    context.expect(elapsedMs).toBeGreaterThan(3_900);
  });
});

describe.concurrent("status and the rest, as 3.4.6 does them", () => {
  it("asks by a JVM, with clientPortAddress or localhost, and keeps the line with Mode", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ output: "Zookeeper version: x\nMode: follower\nNode count: 4\n" });
    for (const [setting, host] of [
      ["", "localhost"],
      ["clientPortAddress=10.1.2.3\n", "10.1.2.3"],
    ] as const) {
      await release.writeConfig(`dataDir=${release.dataDir}\n clientPort = 4711 \nclientPortX=1\n${setting}`);
      const { stdout, stderr, exitCode } = await runCompat(release, ["status"]);
      context.expect(stdout).toBe("Mode: follower\n");
      context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
      context.expect(exitCode).toBe(0);
      context
        .expect((await release.lastCall()).words)
        .toEqual([
          "-Dzookeeper.log.dir=.",
          "-Dzookeeper.root.logger=INFO,CONSOLE",
          "-cp",
          release.compatClassPath,
          "org.apache.zookeeper.client.FourLetterWordMain",
          host,
          "4711",
          "srvr",
        ]);
    }
  });

  it("says that it is probably not running, with 1", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ output: "nothing of use\n", errorOutput: "java.net.ConnectException\n" });
    const { stdout, stderr, exitCode } = await runCompat(release, ["status"]);
    context.expect(stdout).toBe("Error contacting service. It is probably not running.\n");
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
    context.expect(exitCode).toBe(1);
  });

  it("upgrade passes its words on, takes the first for a configuration, and ends with 0", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ output: "converting\n", exitCode: 1 });
    const { stdout, exitCode } = await runCompat(release, ["upgrade", "logs", "snapshots"], {
      env: { ZOOPIDFILE: join(release.root, "x.pid") },
    });
    context.expect(stdout).toBe("upgrading the servers to 3.*\nconverting\nUpgrading ... \n");
    context.expect(exitCode).toBe(0);
    context
      .expect((await release.lastCall()).words.slice(-3))
      .toEqual(["org.apache.zookeeper.server.upgrade.UpgradeMain", "logs", "snapshots"]);
  });

  for (const words of [[], ["bogus"]]) {
    it(`usage for ${JSON.stringify(words)}: on standard error, with 0, and folders are made`, async (context) => {
      const release = await idleReleaseFor(context);
      const logDir = join(release.root, "logs");
      const { stdout, stderr, exitCode } = await runCompat(release, words, { env: { ZOO_LOG_DIR: logDir } });
      context.expect(stdout).toBe("");
      context
        .expect(stderr)
        .toBe(
          `${jmxOn}${using(release.spelledConfig)}Usage: ${release.binDir}/zkServer.sh {start|start-foreground|stop|restart|status|upgrade|print-cmd}\n`,
        );
      context.expect(exitCode).toBe(0);
      context.expect(existsSync(release.dataDir)).toBe(true);
      context.expect(existsSync(logDir)).toBe(true);
    });
  }
});

describe.concurrent("zkCli.sh and zkCleanup.sh, as 3.4.6 has them", () => {
  it("zkCli.sh passes all words and the exit code on, and quotes nothing away", async (context) => {
    const release = await idleReleaseFor(context);
    await release.behave({ output: "Connecting to\n", exitCode: 0 });
    const { stdout, exitCode } = await release.run("zkCli.sh", ["-server", "h:1", "create", "/a", "b c"], {
      mode: "3.4.6",
      env: { CLIENT_JVMFLAGS: "-Dc", JVMFLAGS: "-Dj", SERVER_JVMFLAGS: "-Ds" },
    });
    context.expect(stdout).toBe("Connecting to\n");
    context.expect(exitCode).toBe(0);
    context
      .expect((await release.lastCall()).words)
      .toEqual([
        "-Dzookeeper.log.dir=.",
        "-Dzookeeper.root.logger=INFO,CONSOLE",
        "-cp",
        release.compatClassPath,
        "-Dc",
        "-Dj",
        "org.apache.zookeeper.ZooKeeperMain",
        "-server",
        "h:1",
        "create",
        "/a",
        "b c",
      ]);
  });

  it("zkCleanup.sh puts the folders first, and does not see one with a blank before the =", async (context) => {
    const release = await idleReleaseFor(context);
    const purge = async (): Promise<readonly string[]> => {
      await release.run("zkCleanup.sh", ["-n", "3"], { mode: "3.4.6" });
      const { words } = await release.lastCall();
      return words.slice(words.indexOf("org.apache.zookeeper.server.PurgeTxnLog") + 1);
    };
    context.expect(await purge()).toEqual([release.dataDir, "-n", "3"]);
    await release.writeConfig("dataDir=/data\ndataLogDir=/logs\n");
    context.expect(await purge()).toEqual(["/logs", "/data", "-n", "3"]);
    await release.writeConfig("dataDir =/data\ndataLogDir=/logs\n");
    context.expect(await purge()).toEqual(["/logs", "-n", "3"]);
  });
});
