/**
 * ZKLAB_COMPAT=3.4.6: what the script of that release does, quirks included, on standard output, standard error, in
 * exit code, pid file and arguments. Source: ZooKeeper 3.4.6, bin/zkServer.sh and bin/zkEnv.sh, their behaviour.
 *
 * Stays whole: it is one table, read beside that release's script from top to bottom.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "vitest";
import { eventually, isAlive, startBystander } from "./support/processes.js";
import type { RunOptions, ScriptRun } from "./support/run-program.js";
import { releaseFor as createReleaseFor, type TestRelease } from "./support/test-release.js";

const jmxOn = "JMX enabled by default\n";
const jmxOff = "JMX disabled by user request\n";
const using = (config: string): string => `Using config: ${config}\n`;
const jmxFlags = ["-Dcom.sun.management.jmxremote", "-Dcom.sun.management.jmxremote.local.only=false"];
const serverClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

async function releaseFor(context: TestContext): Promise<TestRelease> {
  const release = await createReleaseFor(context);
  await release.behave({ server: "idles" });
  return release;
}

async function run(
  release: TestRelease,
  words: readonly string[],
  options: RunOptions = {},
): Promise<ScriptRun> {
  return await release.run("zkServer.sh", words, { mode: "3.4.6", ...options });
}

/** The arguments of the server, of a release that was not changed. */
function serverWords(
  release: TestRelease,
  change: { readonly logDir?: string; readonly flags?: readonly string[]; readonly config?: string } = {},
): string[] {
  return [
    `-Dzookeeper.log.dir=${change.logDir ?? "."}`,
    "-Dzookeeper.root.logger=INFO,CONSOLE",
    "-cp",
    release.compatClassPath,
    ...(change.flags ?? jmxFlags),
    serverClass,
    change.config ?? release.spelledConfig,
  ];
}

describe.concurrent("start, as 3.4.6 does it", () => {
  it("writes the pid without a newline, waits a second, and says STARTED", async (context) => {
    const release = await releaseFor(context);
    const { stdout, stderr, exitCode, elapsedMs } = await run(release, ["start"]);
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
    const release = await releaseFor(context);
    await writeFile(join(release.cwd, "zookeeper.out"), "old\n".repeat(1000));
    await run(release, ["start"]);
    context.expect(await readFile(join(release.cwd, "zookeeper.out"), "utf8")).not.toContain("old");
  });

  it("says already running, with 0, while the process lives", async (context) => {
    const release = await releaseFor(context);
    await run(release, ["start"]);
    const { stdout, exitCode } = await run(release, ["start"]);
    context
      .expect(await release.golden(stdout))
      .toBe("Starting zookeeper ... already running as process PID.\n");
    context.expect(exitCode).toBe(0);
    context.expect(await release.calls()).toHaveLength(1);
  });

  it("believes a stale pid file that names somebody else", async (context) => {
    const release = await releaseFor(context);
    const bystander = await startBystander(release.root);
    release.own(bystander.pid);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, String(bystander.pid));
    const { stdout, exitCode } = await run(release, ["start"]);
    context.expect(stdout).toBe(`Starting zookeeper ... already running as process ${bystander.pid}.\n`);
    context.expect(exitCode).toBe(0);
  });

  it("starts over a pid file of a dead process, and over one with no pid", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.dataDir);
    for (const [index, content] of ["999999999", "junk\n"].entries()) {
      await writeFile(release.pidFile, content);
      const { stdout } = await run(release, ["start"]);
      context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
      const { pid } = await release.lastCall(index + 1);
      context.expect(await readFile(release.pidFile, "utf8")).toBe(String(pid));
      process.kill(pid, "SIGKILL");
      await eventually("the end of the stand-in", () => !isAlive(pid));
    }
  });

  it("claims success when the process died", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ server: "dies", exitCode: 2 });
    const { stdout, exitCode } = await run(release, ["start"]);
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(true);
  });

  it("claims success without Java", async (context) => {
    const release = await releaseFor(context);
    const { stdout, exitCode } = await run(release, ["start"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(exitCode).toBe(0);
    context
      .expect(await readFile(join(release.cwd, "zookeeper.out"), "utf8"))
      .toContain("/nonexistent/bin/java");
    context.expect(isAlive(await release.serverPid())).toBe(false);
  });

  it("leaves the server running when the pid cannot be written", async (context) => {
    const release = await releaseFor(context);
    const { stdout, exitCode } = await run(release, ["start"], { env: { ZOOPIDFILE: release.cwd } });
    context.expect(stdout).toBe("Starting zookeeper ... FAILED TO WRITE PID\n");
    context.expect(exitCode).toBe(1);
    context.expect(isAlive((await release.lastCall()).pid)).toBe(true);
  });

  it("goes on with no configuration at all, and leaves its judgement to the server", async (context) => {
    const release = await releaseFor(context);
    const pidFile = join(release.root, "x.pid"); // without it the pid would go to the root of the file system
    const { stdout, stderr, exitCode } = await run(release, ["start", "none.cfg"], {
      env: { ZOOPIDFILE: pidFile },
    });
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../conf/none.cfg`));
    context.expect(exitCode).toBe(0);
    context.expect((await release.lastCall()).words.at(-1)).toBe(`${release.binDir}/../conf/none.cfg`);
  });
});

describe.concurrent("which configuration, as 3.4.6 finds it", () => {
  const cases: {
    readonly name: string;
    readonly words?: readonly string[];
    readonly env?: (release: TestRelease) => Record<string, string>;
    readonly config: (release: TestRelease) => string;
  }[] = [
    { name: "none named", config: (release) => release.spelledConfig },
    { name: "a bare name", words: ["other.cfg"], config: (release) => `${release.binDir}/../conf/other.cfg` },
    { name: "a relative path", words: ["./my.cfg"], config: () => "./my.cfg" },
    { name: "an absolute path", words: ["/nowhere/my.cfg"], config: () => "/nowhere/my.cfg" },
    {
      name: "ZOOCFG",
      env: () => ({ ZOOCFG: "named.cfg" }),
      config: (release) => `${release.binDir}/../conf/named.cfg`,
    },
    {
      name: "ZOOCFG with a slash: nothing is left",
      env: () => ({ ZOOCFG: "sub/named.cfg" }),
      config: () => "",
    },
    {
      name: "ZOOCFG with a slash and a word",
      words: ["./my.cfg"],
      env: () => ({ ZOOCFG: "sub/named.cfg" }),
      config: () => "./my.cfg",
    },
    {
      name: "ZOOCFGDIR",
      env: (release) => ({ ZOOCFGDIR: release.cwd }),
      config: (release) => `${release.cwd}/zoo.cfg`,
    },
  ];
  for (const { name, words = [], env, config } of cases) {
    it(name, async (context) => {
      const release = await releaseFor(context);
      const { stdout, stderr, exitCode } = await run(release, ["print-cmd", ...words], {
        env: { ZOOPIDFILE: join(release.root, "x.pid"), ...env?.(release) },
      });
      context.expect(stderr).toBe(jmxOn + using(config(release)));
      context
        .expect(stdout)
        .toContain(` ${serverClass} "${config(release)}" > "./zookeeper.out" 2>&1 < /dev/null\n`);
      context.expect(exitCode).toBe(0);
    });
  }

  it("falls back to etc/zookeeper", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.path("etc"));
    await rename(release.path("conf"), release.path("etc", "zookeeper"));
    const { stderr } = await run(release, ["print-cmd"]);
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../etc/zookeeper/zoo.cfg`));
  });

  it("takes dataDir from the last = on, with its blanks, and makes the folder", async (context) => {
    const release = await releaseFor(context);
    await release.writeConfig(`dataDir = ${release.dataDir}\nclientPort=1\n`);
    const { stdout } = await run(release, ["start"]);
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    // A relative path now, since it begins with a blank.
    const pidFile = join(release.cwd, ` ${release.dataDir}`, "zookeeper_server.pid");
    context.expect(await readFile(pidFile, "utf8")).toBe(String((await release.lastCall()).pid));
  });

  it("takes keys that only begin like dataDir too", async (context) => {
    const release = await releaseFor(context);
    await release.writeConfig(`dataDirX=${release.dataDir}\nclientPort=1\n`);
    const { stdout } = await run(release, ["stop"]);
    context
      .expect(stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\n`);
    context.expect(existsSync(release.dataDir)).toBe(true);
  });

  it("makes the parent of ZOOPIDFILE, and not the dataDir then", async (context) => {
    const release = await releaseFor(context);
    const pidFile = join(release.root, "run", "deep", "zk.pid");
    await run(release, ["start"], { env: { ZOOPIDFILE: pidFile } });
    context.expect(await readFile(pidFile, "utf8")).toBe(String((await release.lastCall()).pid));
    context.expect(existsSync(release.dataDir)).toBe(false);
  });
});

describe.concurrent("print-cmd, as 3.4.6 prints it", () => {
  const printed = (
    release: TestRelease,
    change: {
      readonly java?: string;
      readonly flags?: string;
      readonly jmx?: string;
      readonly log?: string;
    } = {},
  ): string =>
    `"${change.java ?? "java"}" -Dzookeeper.log.dir="${change.log ?? "."}" -Dzookeeper.root.logger="INFO,CONSOLE" -cp "${release.compatClassPath}" ${change.flags ?? ""} ${change.jmx ?? `${jmxFlags.join(" ")} `}${serverClass} "${release.spelledConfig}" > "${change.log ?? "."}/zookeeper.out" 2>&1 < /dev/null\n`;

  it("JMX on", async (context) => {
    const release = await releaseFor(context);
    const { stdout, stderr } = await run(release, ["print-cmd"]);
    context.expect(stdout).toBe(printed(release));
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
  });

  for (const value of ["true", "false", "1"]) {
    it(`JMX off with JMXDISABLE=${value}`, async (context) => {
      const release = await releaseFor(context);
      const { stdout, stderr } = await run(release, ["print-cmd"], { env: { JMXDISABLE: value } });
      context.expect(stdout).toBe(printed(release, { jmx: "" }));
      context.expect(stderr).toBe(jmxOff + using(release.spelledConfig));
    });
  }

  it("JMX on for an empty JMXDISABLE, local with JMXLOCALONLY", async (context) => {
    const release = await releaseFor(context);
    const { stdout } = await run(release, ["print-cmd"], { env: { JMXDISABLE: "", JMXLOCALONLY: "true" } });
    const local = "-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=true ";
    context.expect(stdout).toBe(printed(release, { jmx: local }));
  });

  it("JMXDISABLE in java.env comes too late, its flags do not", async (context) => {
    const release = await releaseFor(context);
    await writeFile(
      release.path("conf", "java.env"),
      'JMXDISABLE=true\nexport JVMFLAGS="-Dfrom=java.env $JVMFLAGS"\nZOOCFG=x.cfg\n',
    );
    const { stdout, stderr } = await run(release, ["print-cmd"], { env: { JVMFLAGS: "-Da=1" } });
    context.expect(stderr).toContain(jmxOn);
    // ZOOCFG changes, too late to get its folder, and has no slash: nothing is left of it.
    context.expect(stdout).toContain('"java" ');
    context.expect(stdout).toContain(" -Dfrom=java.env -Da=1 -Dcom.sun.management.jmxremote ");
    context.expect(stdout).toContain(`${serverClass} "" > `);
  });

  it("zookeeper-env.sh chooses the configuration and the log folder", async (context) => {
    const release = await releaseFor(context);
    const logDir = join(release.root, "env logs");
    await writeFile(release.path("conf", "zookeeper-env.sh"), `ZOOCFG=alt.cfg\nZOO_LOG_DIR="${logDir}"\n`);
    await release.writeConfig(`dataDir=${release.dataDir}\n`, release.path("conf", "alt.cfg"));
    const { stdout, stderr } = await run(release, ["print-cmd"]);
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../conf/alt.cfg`));
    context.expect(stdout).toContain(`-Dzookeeper.log.dir="${logDir}" `);
    context.expect(stdout).toContain(` > "${logDir}/zookeeper.out" 2>&1`);
    context.expect(existsSync(logDir)).toBe(true);
  });

  it("JAVA_HOME, unchecked", async (context) => {
    const release = await releaseFor(context);
    const { stdout } = await run(release, ["print-cmd"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(stdout).toBe(printed(release, { java: "/nonexistent/bin/java" }));
  });

  it("SERVER_JVMFLAGS before JVMFLAGS, CLIENT_JVMFLAGS not at all, CLASSPATH last", async (context) => {
    const release = await releaseFor(context);
    const { stdout } = await run(release, ["print-cmd"], {
      env: { SERVER_JVMFLAGS: "-Ds", JVMFLAGS: "-Da -Db", CLIENT_JVMFLAGS: "-Dc", CLASSPATH: "/mine.jar" },
    });
    const flagged = printed(release, { flags: "-Ds -Da -Db" }).replace(`/../conf:"`, `/../conf:/mine.jar"`);
    context.expect(stdout).toBe(flagged);
  });
});

describe.concurrent("start-foreground, as 3.4.6 does it", () => {
  it("becomes java, without pid file and output file, with its exit code", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ server: "dies", exitCode: 7 });
    const { stdout, stderr, exitCode } = await run(release, ["start-foreground"]);
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
    const release = await releaseFor(context);
    await release.behave({ server: "dies", exitCode: 7 });
    const { exitCode } = await run(release, ["start-foreground"], { env: { ZOO_NOEXEC: "1" } });
    context.expect(exitCode).toBe(7);
  });

  it("ends with 127 without Java", async (context) => {
    const release = await releaseFor(context);
    const { exitCode } = await run(release, ["start-foreground"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(exitCode).toBe(127);
  });
});

describe.concurrent("stop and restart, as 3.4.6 does them", () => {
  it("kills at once, with KILL, and removes the file", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ server: "idles", ignoresTerm: true });
    await run(release, ["start"]);
    const { pid } = await release.lastCall();
    const { stdout, stderr, exitCode } = await run(release, ["stop"]);
    context.expect(stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
    await eventually("the end of the stand-in", () => !isAlive(pid));
  });

  it("without a pid file there is nothing to stop, with 0", async (context) => {
    const release = await releaseFor(context);
    const { stdout, exitCode } = await run(release, ["stop"]);
    context
      .expect(stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\n`);
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.dataDir)).toBe(true);
  });

  it("says STOPPED of a process that is gone, with the shell's complaint", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.dataDir);
    await writeFile(release.pidFile, "999999999");
    const { stdout, stderr, exitCode } = await run(release, ["stop"]);
    context.expect(stdout).toBe("Stopping zookeeper ... STOPPED\n");
    context.expect(stderr).toMatch(/kill: .*999999999/);
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.pidFile)).toBe(false);
  });

  it("restart runs itself for stop and for start, three seconds apart", async (context) => {
    const release = await releaseFor(context);
    const { stdout, stderr, exitCode, elapsedMs } = await run(release, ["restart"]);
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
    const release = await releaseFor(context);
    await release.behave({ output: "Zookeeper version: x\nMode: follower\nNode count: 4\n" });
    for (const [setting, host] of [
      ["", "localhost"],
      ["clientPortAddress=10.1.2.3\n", "10.1.2.3"],
    ] as const) {
      await release.writeConfig(`dataDir=${release.dataDir}\n clientPort = 4711 \nclientPortX=1\n${setting}`);
      const { stdout, stderr, exitCode } = await run(release, ["status"]);
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
    const release = await releaseFor(context);
    await release.behave({ output: "nothing of use\n", errorOutput: "java.net.ConnectException\n" });
    const { stdout, stderr, exitCode } = await run(release, ["status"]);
    context.expect(stdout).toBe("Error contacting service. It is probably not running.\n");
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
    context.expect(exitCode).toBe(1);
  });

  it("upgrade passes its words on, takes the first for a configuration, and ends with 0", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ output: "converting\n", exitCode: 1 });
    const { stdout, exitCode } = await run(release, ["upgrade", "logs", "snapshots"], {
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
      const release = await releaseFor(context);
      const logDir = join(release.root, "logs");
      const { stdout, stderr, exitCode } = await run(release, words, { env: { ZOO_LOG_DIR: logDir } });
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

describe.concurrent("the class path, as 3.4.6 puts it together", () => {
  it("libraries in share/zookeeper when one server jar is there", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.path("share", "zookeeper"), { recursive: true });
    for (const jar of ["zookeeper-3.4.6.jar", "x.jar"])
      await writeFile(release.path("share", "zookeeper", jar), "");
    const { stdout } = await run(release, ["print-cmd"]);
    context
      .expect(stdout)
      .toContain(
        ":ROOT/share/zookeeper/zookeeper-3.4.6.jar:ROOT/share/zookeeper/x.jar:".replaceAll(
          "ROOT",
          `${release.binDir}/..`,
        ),
      );
    context.expect(stdout).not.toContain("/lib/a.jar");
  });

  it("what a build leaves comes first", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.path("build", "lib"), { recursive: true });
    await mkdir(release.path("src", "java", "lib"), { recursive: true });
    for (const jar of [
      ["build", "lib", "p.jar"],
      ["build", "lib", "q.jar"],
      ["src", "java", "lib", "r.jar"],
    ]) {
      await writeFile(release.path(...jar), "");
    }
    const { stdout } = await run(release, ["print-cmd"]);
    const entries = [
      "build/classes",
      "build/lib/q.jar",
      "build/lib/p.jar",
      "lib/b.jar",
      "lib/a.jar",
      "zookeeper-3.4.6.jar",
      "src/java/lib/r.jar",
      "conf",
    ];
    context
      .expect(stdout)
      .toContain(` -cp "${entries.map((entry) => `${release.binDir}/../${entry}:`).join("")}" `);
  });

  it("zkEnv.sh in libexec is preferred", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.path("libexec"));
    await rename(join(release.binDir, "zkEnv.sh"), release.path("libexec", "zkEnv.sh"));
    const { exitCode } = await run(release, ["print-cmd"]);
    context.expect(exitCode).toBe(0);
  });

  it("a link to the script is not resolved", async (context) => {
    const release = await releaseFor(context);
    const link = join(release.root, "zkServer.sh");
    await symlink(join(release.binDir, "zkServer.sh"), link);
    const { exitCode, stderr } = await release.runFile(link, ["print-cmd"], { mode: "3.4.6" });
    context.expect(exitCode).toBe(1);
    context.expect(stderr).toBe(`${jmxOn}There is no zkEnv.sh beside ${link}.\n`);
  });

  it("ZOOBINDIR in the environment counts for nothing", async (context) => {
    const release = await releaseFor(context);
    const { stderr } = await run(release, ["print-cmd"], { env: { ZOOBINDIR: "/nonexistent" } });
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
  });
});

describe.concurrent("zkCli.sh and zkCleanup.sh, as 3.4.6 has them", () => {
  it("zkCli.sh passes all words and the exit code on, and quotes nothing away", async (context) => {
    const release = await releaseFor(context);
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
    const release = await releaseFor(context);
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
