/**
 * ZKLAB_COMPAT=3.4.6: configuration, command line and class path as that release's scripts put them together.
 * Source: ZooKeeper 3.4.6, bin/zkServer.sh and bin/zkEnv.sh, their behaviour.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { idleReleaseFor, jmxFlags, jmxOff, jmxOn, runCompat, serverClass, using } from "./support/compat.js";
import type { TestRelease } from "./support/test-release.js";

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
      const release = await idleReleaseFor(context);
      const { stdout, stderr, exitCode } = await runCompat(release, ["print-cmd", ...words], {
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
    const release = await idleReleaseFor(context);
    await mkdir(release.path("etc"));
    await rename(release.path("conf"), release.path("etc", "zookeeper"));
    const { stderr } = await runCompat(release, ["print-cmd"]);
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../etc/zookeeper/zoo.cfg`));
  });

  it("takes dataDir from the last = on, with its blanks, and makes the folder", async (context) => {
    const release = await idleReleaseFor(context);
    await release.writeConfig(`dataDir = ${release.dataDir}\nclientPort=1\n`);
    const { stdout } = await runCompat(release, ["start"]);
    context.expect(stdout).toBe("Starting zookeeper ... STARTED\n");
    // A relative path now, since it begins with a blank.
    const pidFile = join(release.cwd, ` ${release.dataDir}`, "zookeeper_server.pid");
    context.expect(await readFile(pidFile, "utf8")).toBe(String((await release.lastCall()).pid));
  });

  it("takes keys that only begin like dataDir too", async (context) => {
    const release = await idleReleaseFor(context);
    await release.writeConfig(`dataDirX=${release.dataDir}\nclientPort=1\n`);
    const { stdout } = await runCompat(release, ["stop"]);
    context
      .expect(stdout)
      .toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${release.pidFile})\n`);
    context.expect(existsSync(release.dataDir)).toBe(true);
  });

  it("makes the parent of ZOOPIDFILE, and not the dataDir then", async (context) => {
    const release = await idleReleaseFor(context);
    const pidFile = join(release.root, "run", "deep", "zk.pid");
    await runCompat(release, ["start"], { env: { ZOOPIDFILE: pidFile } });
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
    const release = await idleReleaseFor(context);
    const { stdout, stderr } = await runCompat(release, ["print-cmd"]);
    context.expect(stdout).toBe(printed(release));
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
  });

  for (const value of ["true", "false", "1"]) {
    it(`JMX off with JMXDISABLE=${value}`, async (context) => {
      const release = await idleReleaseFor(context);
      const { stdout, stderr } = await runCompat(release, ["print-cmd"], { env: { JMXDISABLE: value } });
      context.expect(stdout).toBe(printed(release, { jmx: "" }));
      context.expect(stderr).toBe(jmxOff + using(release.spelledConfig));
    });
  }

  it("JMX on for an empty JMXDISABLE, local with JMXLOCALONLY", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout } = await runCompat(release, ["print-cmd"], {
      env: { JMXDISABLE: "", JMXLOCALONLY: "true" },
    });
    const local = "-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=true ";
    context.expect(stdout).toBe(printed(release, { jmx: local }));
  });

  it("JMXDISABLE in java.env comes too late, its flags do not", async (context) => {
    const release = await idleReleaseFor(context);
    await writeFile(
      release.path("conf", "java.env"),
      'JMXDISABLE=true\nexport JVMFLAGS="-Dfrom=java.env $JVMFLAGS"\nZOOCFG=x.cfg\n',
    );
    const { stdout, stderr } = await runCompat(release, ["print-cmd"], { env: { JVMFLAGS: "-Da=1" } });
    context.expect(stderr).toContain(jmxOn);
    // ZOOCFG changes, too late to get its folder, and has no slash: nothing is left of it.
    context.expect(stdout).toContain('"java" ');
    context.expect(stdout).toContain(" -Dfrom=java.env -Da=1 -Dcom.sun.management.jmxremote ");
    context.expect(stdout).toContain(`${serverClass} "" > `);
  });

  it("zookeeper-env.sh chooses the configuration and the log folder", async (context) => {
    const release = await idleReleaseFor(context);
    const logDir = join(release.root, "env logs");
    await writeFile(release.path("conf", "zookeeper-env.sh"), `ZOOCFG=alt.cfg\nZOO_LOG_DIR="${logDir}"\n`);
    await release.writeConfig(`dataDir=${release.dataDir}\n`, release.path("conf", "alt.cfg"));
    const { stdout, stderr } = await runCompat(release, ["print-cmd"]);
    context.expect(stderr).toBe(jmxOn + using(`${release.binDir}/../conf/alt.cfg`));
    context.expect(stdout).toContain(`-Dzookeeper.log.dir="${logDir}" `);
    context.expect(stdout).toContain(` > "${logDir}/zookeeper.out" 2>&1`);
    context.expect(existsSync(logDir)).toBe(true);
  });

  it("JAVA_HOME, unchecked", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout } = await runCompat(release, ["print-cmd"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(stdout).toBe(printed(release, { java: "/nonexistent/bin/java" }));
  });

  it("SERVER_JVMFLAGS before JVMFLAGS, CLIENT_JVMFLAGS not at all, CLASSPATH last", async (context) => {
    const release = await idleReleaseFor(context);
    const { stdout } = await runCompat(release, ["print-cmd"], {
      env: { SERVER_JVMFLAGS: "-Ds", JVMFLAGS: "-Da -Db", CLIENT_JVMFLAGS: "-Dc", CLASSPATH: "/mine.jar" },
    });
    const flagged = printed(release, { flags: "-Ds -Da -Db" }).replace(`/../conf:"`, `/../conf:/mine.jar"`);
    context.expect(stdout).toBe(flagged);
  });
});

describe.concurrent("the class path, as 3.4.6 puts it together", () => {
  it("libraries in share/zookeeper when one server jar is there", async (context) => {
    const release = await idleReleaseFor(context);
    await mkdir(release.path("share", "zookeeper"), { recursive: true });
    for (const jar of ["zookeeper-3.4.6.jar", "x.jar"])
      await writeFile(release.path("share", "zookeeper", jar), "");
    const { stdout } = await runCompat(release, ["print-cmd"]);
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
    const release = await idleReleaseFor(context);
    await mkdir(release.path("build", "lib"), { recursive: true });
    await mkdir(release.path("src", "java", "lib"), { recursive: true });
    for (const jar of [
      ["build", "lib", "p.jar"],
      ["build", "lib", "q.jar"],
      ["src", "java", "lib", "r.jar"],
    ]) {
      await writeFile(release.path(...jar), "");
    }
    const { stdout } = await runCompat(release, ["print-cmd"]);
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
    const release = await idleReleaseFor(context);
    await mkdir(release.path("libexec"));
    await rename(join(release.binDir, "zkEnv.sh"), release.path("libexec", "zkEnv.sh"));
    const { exitCode } = await runCompat(release, ["print-cmd"]);
    context.expect(exitCode).toBe(0);
  });

  it("a link to the script is not resolved", async (context) => {
    const release = await idleReleaseFor(context);
    const link = join(release.root, "zkServer.sh");
    await symlink(join(release.binDir, "zkServer.sh"), link);
    const { exitCode, stderr } = await release.runFile(link, ["print-cmd"], { mode: "3.4.6" });
    context.expect(exitCode).toBe(1);
    context.expect(stderr).toBe(`${jmxOn}There is no zkEnv.sh beside ${link}.\n`);
  });

  it("ZOOBINDIR in the environment counts for nothing", async (context) => {
    const release = await idleReleaseFor(context);
    const { stderr } = await runCompat(release, ["print-cmd"], { env: { ZOOBINDIR: "/nonexistent" } });
    context.expect(stderr).toBe(jmxOn + using(release.spelledConfig));
  });
});
