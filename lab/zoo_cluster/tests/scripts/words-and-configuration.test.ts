/** Strict mode: words, environment and configuration files, seen through words that change nothing. */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { releaseFor, type TestRelease } from "./support/test-release.js";

const usage = (release: TestRelease): string =>
  `Usage: ${release.binDir}/zkServer.sh {start|start-foreground|stop|restart|status|upgrade|print-cmd}\n`;

describe.concurrent("words", () => {
  const wrong: { readonly words: readonly string[]; readonly reason: string }[] = [
    { words: [], reason: "" },
    { words: ["bogus"], reason: "There is no word bogus.\n" },
    { words: ["Start"], reason: "There is no word Start.\n" },
    { words: ["start", "--wait"], reason: "--wait needs a number of seconds.\n" },
    { words: ["start", "--wait", "soon"], reason: "--wait needs a number of seconds.\n" },
    { words: ["start", "--wait=-1"], reason: "--wait needs a number of seconds.\n" },
    { words: ["start", "--until", "tomorrow"], reason: "--until needs one of process, port, serving.\n" },
    { words: ["start", "--config", "x"], reason: "There is no option --config.\n" },
    { words: ["stop", "--no-wait"], reason: "stop takes no option --no-wait.\n" },
    { words: ["start", "a.cfg", "b.cfg"], reason: "One configuration file is enough: a.cfg, b.cfg.\n" },
  ];
  for (const { words, reason } of wrong) {
    it(`${JSON.stringify(words)} is answered with the usage and 2, and does nothing`, async (context) => {
      const release = await releaseFor(context);
      await writeFile(release.path("conf", "java.env"), `touch '${release.root}/was-read'\n`);
      const run = await release.run("zkServer.sh", words, {
        env: { ZOO_LOG_DIR: join(release.root, "logs") },
      });
      context.expect(run.stdout).toBe("");
      context.expect(run.stderr).toBe(reason + usage(release));
      context.expect(run.exitCode).toBe(2);
      context.expect(await release.calls()).toEqual([]);
      for (const path of [release.dataDir, join(release.root, "logs"), join(release.root, "was-read")]) {
        context.expect(existsSync(path)).toBe(false);
      }
    });
  }

  it("--help tells the words on standard output, with 0", async (context) => {
    const release = await releaseFor(context);
    const run = await release.run("zkServer.sh", ["--help"]);
    context.expect(run.stdout.startsWith(usage(release))).toBe(true);
    context.expect(run.stdout).toContain("--until port");
    context.expect(run.stderr).toBe("");
    context.expect(run.exitCode).toBe(0);
  });

  it("an unknown ZKLAB_COMPAT is refused", async (context) => {
    const release = await releaseFor(context);
    const run = await release.run("zkServer.sh", ["status"], { env: { ZKLAB_COMPAT: "3.5" } });
    context.expect(run.stderr).toContain('ZKLAB_COMPAT is "3.5"; it may be 3.4.6, strict or unset.\n');
    context.expect(run.exitCode).toBe(2);
  });

  it("upgrade passes its words on and ends as the converter did", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ output: "converting\n", exitCode: 3 });
    const failed = await release.run("zkServer.sh", ["upgrade", "my logs", "snapshots"]);
    context.expect(failed.stdout).toBe("upgrading the servers to 3.*\nconverting\n");
    context.expect(failed.stderr).toBe("JMX enabled by default\nUpgrading ... FAILED (java ended with 3)\n");
    context.expect(failed.exitCode).toBe(1);
    context
      .expect((await release.lastCall()).words.slice(-3))
      .toEqual(["org.apache.zookeeper.server.upgrade.UpgradeMain", "my logs", "snapshots"]);
    await release.behave({ exitCode: 0 });
    const done = await release.run("zkServer.sh", ["upgrade", "logs", "snapshots"]);
    context.expect(done.stdout).toBe("upgrading the servers to 3.*\nUpgrading ... DONE\n");
    context.expect(done.exitCode).toBe(0);
  });
});

describe.concurrent("environment", () => {
  /** What would be run: the words that a shell reads from print-cmd's line. */
  async function printed(
    release: TestRelease,
    env: Readonly<Record<string, string>> = {},
    words: readonly string[] = [],
  ) {
    const run = await release.run("zkServer.sh", ["print-cmd", ...words], { env });
    return { ...run, line: run.stdout.replaceAll(release.root, "ROOT") };
  }

  it("print-cmd prints the line of 3.4.6, without the class path's holes", async (context) => {
    const release = await releaseFor(context);
    const { stdout, exitCode } = await printed(release);
    context
      .expect(stdout)
      .toBe(
        `"java" -Dzookeeper.log.dir="." -Dzookeeper.root.logger="INFO,CONSOLE" -cp "${release.strictClassPath}" -Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=false org.apache.zookeeper.server.quorum.QuorumPeerMain "${release.spelledConfig}" > "./zookeeper.out" 2>&1 < /dev/null\n`,
      );
    context.expect(exitCode).toBe(0);
    context.expect(existsSync(release.dataDir)).toBe(false);
  });

  it("the line of print-cmd, run by a shell, calls java with the words that start uses", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    const env = {
      JVMFLAGS: `-Dstar=* -Ddollar=$HOME -Dquote="a`,
      ZOO_LOG_DIR: join(release.root, 'log`s" $HOME \\'),
      CLASSPATH: "/it's.jar",
    };
    // A file that the flag would match, were it a pattern.
    await writeFile(join(release.cwd, "-Dstar=file"), "");
    await release.run("zkServer.sh", ["start"], { env });
    await release.run("zkServer.sh", ["stop"], { env });
    const { stdout } = await printed(release, env);
    await release.behave({ server: "dies", exitCode: 0 });
    const again = await release.runFile("sh", ["-c", stdout]);
    context.expect(again.exitCode).toBe(0);
    const [first, second] = await release.calls();
    context.expect(second?.words).toEqual(first?.words);
    context.expect(first?.words).toContain("-Dstar=*");
    context.expect(first?.words).toContain(`-Dquote="a`);
    context.expect(first?.words).toContain(`-Dzookeeper.log.dir=${env.ZOO_LOG_DIR}`);
  });

  it("server flags first, then common ones, the client's not at all", async (context) => {
    const release = await releaseFor(context);
    const { line } = await printed(release, {
      SERVER_JVMFLAGS: "-Ds",
      JVMFLAGS: " -Da   -Db ",
      CLIENT_JVMFLAGS: "-Dc",
      JMXDISABLE: "1",
      CLASSPATH: "/mine.jar",
    });
    context
      .expect(line)
      .toContain(`/conf:/mine.jar" -Ds -Da -Db org.apache.zookeeper.server.quorum.QuorumPeerMain `);
  });

  for (const [value, isOn] of [
    ["", true],
    ["false", true],
    ["true", false],
    ["1", false],
  ] as const) {
    it(`JMXDISABLE=${value} means ${isOn ? "on" : "off"}`, async (context) => {
      const release = await releaseFor(context);
      const { line, stderr } = await printed(release, { JMXDISABLE: value, JMXLOCALONLY: "true" });
      context
        .expect(
          line.includes("-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=true "),
        )
        .toBe(isOn);
      context
        .expect(stderr.startsWith(isOn ? "JMX enabled by default\n" : "JMX disabled by user request\n"))
        .toBe(true);
    });
  }

  it("java.env may set flags and JMXDISABLE, in the language of bash", async (context) => {
    const release = await releaseFor(context);
    const text = 'if [[ -n $JVMFLAGS ]]; then JVMFLAGS+=" -Dx=1"; fi\ndeclare JMXDISABLE=yes\n';
    await writeFile(release.path("conf", "java.env"), text);
    const { line, stderr } = await printed(release, { JVMFLAGS: "-Dz=3" });
    context.expect(line).toContain('" -Dz=3 -Dx=1 org.apache.zookeeper.server.quorum.QuorumPeerMain ');
    context.expect(stderr).toContain("JMX disabled by user request\n");
  });

  it("zookeeper-env.sh may choose the configuration, java.env no longer", async (context) => {
    const release = await releaseFor(context);
    await writeFile(
      release.path("conf", "zookeeper-env.sh"),
      "ZOOCFG=alt.cfg\nZOO_LOG4J_PROP=WARN,ROLLINGFILE\n",
    );
    await release.writeConfig(`dataDir=${release.dataDir}\n`, release.path("conf", "alt.cfg"));
    const { line, stderr } = await printed(release);
    context.expect(stderr).toContain(`Using config: ${release.binDir}/../conf/alt.cfg\n`);
    context.expect(line).toContain('-Dzookeeper.root.logger="WARN,ROLLINGFILE" ');
  });

  it("JAVA_HOME chooses the java", async (context) => {
    const release = await releaseFor(context);
    const { line } = await printed(release, { JAVA_HOME: release.javaHome, PATH: release.toolsDir });
    context.expect(line.startsWith('"ROOT/java home/bin/java" ')).toBe(true);
  });

  it("what java gets from the environment is what the caller set", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"], { env: { MINE: "a b", LANG: "C" } });
    const { env } = await release.lastCall();
    context.expect(env["MINE"]).toBe("a b");
    context.expect(env["ZKLAB_SHELL_CHOSEN"]).toBeUndefined();
    context.expect(Object.keys(env).filter((name) => name.startsWith("zoo_"))).toEqual([]);
  });

  const places: {
    readonly name: string;
    readonly words?: readonly string[];
    readonly env?: (release: TestRelease) => Record<string, string>;
    readonly config: (release: TestRelease) => string;
  }[] = [
    { name: "a bare name", words: ["other.cfg"], config: (release) => `${release.binDir}/../conf/other.cfg` },
    { name: "a relative path", words: ["./here.cfg"], config: () => "./here.cfg" },
    { name: "an empty word", words: [""], config: (release) => release.spelledConfig },
    {
      name: "ZOOCFG",
      env: () => ({ ZOOCFG: "other.cfg" }),
      config: (release) => `${release.binDir}/../conf/other.cfg`,
    },
    {
      name: "ZOOCFG with a folder",
      env: () => ({ ZOOCFG: "sub/other.cfg" }),
      config: (release) => `${release.binDir}/../conf/sub/other.cfg`,
    },
    {
      name: "an absolute ZOOCFG",
      env: (release) => ({ ZOOCFG: join(release.cwd, "here.cfg") }),
      config: (release) => join(release.cwd, "here.cfg"),
    },
    {
      name: "ZOOCFGDIR",
      env: (release) => ({ ZOOCFGDIR: release.path("conf", "sub"), ZOOCFG: "other.cfg" }),
      config: (release) => release.path("conf", "sub", "other.cfg"),
    },
    {
      name: "ZOOBINDIR, which counts for nothing",
      env: () => ({ ZOOBINDIR: "/nonexistent" }),
      config: (release) => release.spelledConfig,
    },
  ];
  for (const { name, words = [], env, config } of places) {
    it(`the configuration by ${name}`, async (context) => {
      const release = await releaseFor(context);
      await mkdir(release.path("conf", "sub"));
      for (const file of [
        release.path("conf", "other.cfg"),
        release.path("conf", "sub", "other.cfg"),
        join(release.cwd, "here.cfg"),
      ]) {
        await cp(release.config, file);
      }
      const { stdout, stderr } = await printed(release, env?.(release), words);
      context.expect(stderr).toContain(`Using config: ${config(release)}\n`);
      context
        .expect(stdout)
        .toContain(` org.apache.zookeeper.server.quorum.QuorumPeerMain "${config(release)}" > `);
    });
  }

  it("a link to the script is followed when zkEnv.sh is not beside the link", async (context) => {
    const release = await releaseFor(context);
    await symlink(
      join("..", `zookeeper-${release.version}`, "bin", "zkServer.sh"),
      join(release.cwd, "first"),
    );
    await symlink("first", join(release.cwd, "second"));
    const run = await release.runFile(join(release.cwd, "second"), ["print-cmd"]);
    context.expect(run.exitCode).toBe(0);
    context.expect(run.stdout).toContain(`${release.binDir}/../conf/zoo.cfg`);
  });

  it("zkEnv.sh is looked for in libexec first, and missed aloud", async (context) => {
    const release = await releaseFor(context);
    await mkdir(release.path("libexec"));
    await rename(join(release.binDir, "zkEnv.sh"), release.path("libexec", "zkEnv.sh"));
    context.expect((await printed(release)).exitCode).toBe(0);
    await rename(release.path("libexec", "zkEnv.sh"), join(release.root, "zkEnv.sh"));
    const without = await printed(release);
    context.expect(without.stderr).toBe(`There is no zkEnv.sh beside ${release.binDir}/zkServer.sh.\n`);
    context.expect(without.exitCode).toBe(1);
  });

  it("newer releases: the server's jar and its libraries, nothing else", async (context) => {
    const release = await releaseFor(context, { version: "3.9.3" });
    for (const jar of ["zookeeper-jute-3.9.3.jar", "logback-classic-1.2.13.jar"])
      await writeFile(release.path("lib", jar), "");
    const { stdout } = await printed(release);
    const entries = [
      "lib/zookeeper-jute-3.9.3.jar",
      "lib/logback-classic-1.2.13.jar",
      "lib/b.jar",
      "lib/a.jar",
      "zookeeper-3.9.3.jar",
      "conf",
    ];
    context
      .expect(stdout)
      .toContain(` -cp "${entries.map((entry) => `${release.binDir}/../${entry}`).join(":")}" `);
  });
});

describe.concurrent("the configuration file is read as Java reads it", () => {
  // The folder that each text names; the message of `stop` tells it.
  const texts: { readonly name: string; readonly text: string; readonly dir: string }[] = [
    { name: "plain", text: "dataDir=/a/b", dir: "/a/b" },
    { name: "blanks all round", text: " \t dataDir \t = \t /a/b \t ", dir: "/a/b" },
    { name: "blanks inside", text: "dataDir=/a b/c  d", dir: "/a b/c  d" },
    { name: "a colon", text: "dataDir:/a/b", dir: "/a/b" },
    { name: "only a blank between", text: "dataDir /a/b", dir: "/a/b" },
    { name: "= and : in the value", text: "dataDir=/a=b:c", dir: "/a=b:c" },
    { name: "a second separator belongs to the value", text: "dataDir==/a", dir: "=/a" },
    { name: "CRLF", text: "tickTime=1\r\ndataDir=/a/b\r\nclientPort=1\r\n", dir: "/a/b" },
    { name: "CR alone", text: "tickTime=1\rdataDir=/a/b\rclientPort=1\r", dir: "/a/b" },
    { name: "a continued line", text: "dataDir=/a/\\\n   b/\\\n\tc", dir: "/a/b/c" },
    { name: "a continued line, CRLF", text: "dataDir=/a/\\\r\n   b\r\n", dir: "/a/b" },
    { name: "a continued key", text: "data\\\n   Dir=/a", dir: "/a" },
    { name: "a continuation that looks like a comment", text: "dataDir=/a\\\n#b", dir: "/a#b" },
    {
      name: "an even number of backslashes does not continue",
      text: "dataDir=/a\\\\\ndataDirX=/b",
      dir: "/a\\",
    },
    {
      name: "comments",
      text: "#dataDir=/x\n  ! dataDir=/y\ndataDir=/a # b\n#dataDir=/z \\\ndataLogDir=/q",
      dir: "/a # b",
    },
    { name: "escapes", text: "dataDir=/a\\ b\\:c\\=d\\q", dir: "/a b:c=dq" },
    {
      name: "unicode escapes",
      text: "dataDir=/\\u0061\\u00e9\\u20AC\\ud83d\\ude00\\u0025\\u005c",
      dir: "/aé€😀%\\",
    },
    { name: "an escaped key", text: "data\\u0044ir=/a", dir: "/a" },
    { name: "bytes beyond ASCII as they are", text: "dataDir=/dé/€", dir: "/dé/€" },
    { name: "percent signs and dollars", text: "dataDir=/a%s$HOME`id`", dir: "/a%s$HOME`id`" },
    { name: "the last one counts", text: "dataDir=/a\ndataDir=/b", dir: "/b" },
    {
      name: "keys that begin alike do not",
      text: "dataDirX=/x\ndataDir=/a\nmydataDir=/y\ndataLogDir=/z",
      dir: "/a",
    },
    { name: "no newline at the end, but a backslash", text: "dataDir=/a\\", dir: "/a" },
  ];
  for (const { name, text, dir } of texts) {
    it(name, async (context) => {
      const release = await releaseFor(context);
      await release.writeConfig(text);
      const { stdout } = await release.run("zkServer.sh", ["stop"]);
      context
        .expect(stdout)
        .toBe(
          `Stopping zookeeper ... no zookeeper to stop (could not find file ${dir}/zookeeper_server.pid)\n`,
        );
    });
  }

  it("a file whose name looks like an assignment, in a folder with odd characters", async (context) => {
    const release = await releaseFor(context);
    const config = join(release.cwd, "it's=a 'test' $x.cfg");
    await release.writeConfig(`dataDir=${release.dataDir}\n`, config);
    const { stdout, exitCode } = await release.run("zkServer.sh", ["stop", config]);
    context.expect(stdout).toContain(`(could not find file ${release.pidFile})`);
    context.expect(exitCode).toBe(0);
  });

  it("a folder in place of the file", async (context) => {
    const release = await releaseFor(context);
    const run = await release.run("zkServer.sh", ["stop", release.cwd]);
    context.expect(run.stderr).toContain(`The configuration file ${release.cwd} cannot be read.`);
    context.expect(run.exitCode).toBe(1);
    context.expect(await readdir(release.cwd)).toEqual([]);
  });
});
