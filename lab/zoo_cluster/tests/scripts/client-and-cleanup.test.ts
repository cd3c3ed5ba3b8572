/** zkCli.sh and zkCleanup.sh in strict mode. */
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { freePort } from "./support/free-port.js";
import { releaseFor, type TestRelease } from "./support/test-release.js";

const client = "org.apache.zookeeper.ZooKeeperMain";

async function clientWords(release: TestRelease): Promise<readonly string[]> {
  const { words } = await release.lastCall();
  return words.slice(words.indexOf(client) + 1);
}

describe.concurrent("zkCli.sh with 3.4.6", () => {
  it("runs a command that stands after the options, by way of standard input", async (context) => {
    const release = await releaseFor(context);
    await writeFile(release.path("lib", "jline-0.9.94.jar"), "");
    await release.behave({ readsStdin: true, output: "WATCHER::\n", errorOutput: "Created /a\n" });
    const run = await release.run(
      "zkCli.sh",
      ["-server", "h:1", "-r", "-timeout", "5000", "create", "-e", "/a", "b"],
      {
        env: { CLIENT_JVMFLAGS: "-Dc", JVMFLAGS: "-Dj=*", SERVER_JVMFLAGS: "-Ds" },
      },
    );
    context.expect(run).toMatchObject({ stdout: "WATCHER::\n", stderr: "Created /a\n", exitCode: 0 });
    const call = await release.lastCall();
    context.expect(call.stdin).toBe("create -e /a b\nquit\n");
    context.expect(call.words).toEqual([
      "-Dzookeeper.log.dir=.",
      "-Dzookeeper.root.logger=INFO,CONSOLE",
      "-cp",
      release.strictClassPath, // without jline, which would look for a terminal
      "-Dc",
      "-Dj=*",
      client,
      "-server",
      "h:1",
      "-r",
      "-timeout",
      "5000",
    ]);
  });

  const failures = [
    "Node does not exist: /a",
    "Node already exists: /a",
    "Node not empty: /a",
    "Ephemerals cannot have children: /a/b",
    "Not a read-only call: /a",
    "Acl is not valid : /a",
    "Authentication is not valid : /a",
    "Arguments are not valid : /",
    "version No is not valid : /a",
    "Command failed: java.lang.IllegalArgumentException: Path must start with / character",
    'Exception in thread "main" org.apache.zookeeper.KeeperException$ConnectionLossException',
    "quota for /a does not exist.",
    "ZooKeeper -server host:port cmd args\n\tstat path [watch]",
  ];
  for (const failure of failures) {
    it(`fails when the client says: ${failure.slice(0, 40)}`, async (context) => {
      const release = await releaseFor(context);
      await release.behave({ errorOutput: `${failure}\n` });
      const run = await release.run("zkCli.sh", ["get", "/a"]);
      context.expect(run.stderr).toBe(`${failure}\n`);
      context.expect(run.exitCode).toBe(1);
    });
  }

  it("data that reads like an error is none: it comes on standard output", async (context) => {
    const release = await releaseFor(context);
    await release.behave({
      output: "Node does not exist: /a\n",
      errorOutput: "cZxid = 0x1\nfrom: Node does not exist: /a\n",
    });
    const run = await release.run("zkCli.sh", ["get", "/a"]);
    context.expect(run.exitCode).toBe(0);
  });

  it("the client's own exit code is kept", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ exitCode: 5 });
    context.expect((await release.run("zkCli.sh", ["get", "/a"])).exitCode).toBe(5);
  });

  for (const [words, reason] of [
    [["create", "/a", "two words"], 'cannot take the word "two words"'],
    [["create", "/a", ""], 'cannot take the word ""'],
    [["create", "/a", "b\nquit"], "cannot take the word"],
    [["create", "/a"], "create needs 3 words or more in ZooKeeper 3.4; here are 2."],
    [["get"], "get needs 2 words or more"],
    [["-server"], "-server needs a value."],
  ] as const) {
    it(`${JSON.stringify(words)} cannot be passed on: 2`, async (context) => {
      const release = await releaseFor(context);
      const run = await release.run("zkCli.sh", words);
      context.expect(run.stderr).toContain(reason);
      context.expect(run.exitCode).toBe(2);
      context.expect(await release.calls()).toEqual([]);
    });
  }

  it("without a command it is the client itself, with our standard input", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ readsStdin: true, errorOutput: "Node does not exist: /a\n", exitCode: 0 });
    const run = await release.run("zkCli.sh", ["-server", "h:1"], { stdin: "get /a\n" });
    context.expect(run.exitCode).toBe(0);
    context.expect(await clientWords(release)).toEqual(["-server", "h:1"]);
    context.expect((await release.lastCall()).stdin).toBe("get /a\n");
  });

  it("without Java: 127", async (context) => {
    const release = await releaseFor(context);
    const run = await release.run("zkCli.sh", ["ls", "/"], { env: { JAVA_HOME: "/nonexistent" } });
    context.expect(run.stderr).toContain("No Java: JAVA_HOME is /nonexistent");
    context.expect(run.exitCode).toBe(127);
  });

  it("by a link, in a folder with blanks", async (context) => {
    const release = await releaseFor(context);
    await symlink(join(release.binDir, "zkCli.sh"), join(release.cwd, "my client"));
    await release.behave({ readsStdin: true });
    const run = await release.runFile(join(release.cwd, "my client"), ["ls", "/"]);
    context.expect(run.exitCode).toBe(0);
    context.expect((await release.lastCall()).stdin).toBe("ls /\nquit\n");
  });
});

describe.concurrent("zkCli.sh with other releases", () => {
  it("3.4.14 runs the command itself, but does not tell of failure", async (context) => {
    const release = await releaseFor(context, { version: "3.4.14" });
    await release.behave({ errorOutput: "Node does not exist: /a\n" });
    const run = await release.run("zkCli.sh", ["-server", "h:1", "get", "/a b"]);
    context.expect(await clientWords(release)).toEqual(["-server", "h:1", "get", "/a b"]);
    context.expect(run.exitCode).toBe(1);
  });

  for (const version of ["3.5.10", "3.9.3"]) {
    it(`${version} does both`, async (context) => {
      const release = await releaseFor(context, { version });
      await release.behave({ errorOutput: "Node does not exist: /a\n", exitCode: 1 });
      const run = await release.run("zkCli.sh", ["-waitforconnection", "create", "/a"]);
      context.expect(await clientWords(release)).toEqual(["-waitforconnection", "create", "/a"]);
      context.expect(run.exitCode).toBe(1);
    });
  }
});

describe.concurrent("zkCleanup.sh", () => {
  const purged = async (release: TestRelease): Promise<readonly string[]> => {
    const { words } = await release.lastCall();
    return words.slice(words.indexOf("org.apache.zookeeper.server.PurgeTxnLog") + 1);
  };

  it("puts the folders of the configuration in front of its words, and ends as the purge does", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.behave({ output: "Usage:\n", exitCode: 1 });
    const run = await release.run("zkCleanup.sh", ["-n", "3"]);
    context.expect(run).toMatchObject({ stdout: "Usage:\n", stderr: "", exitCode: 1 });
    context.expect(await purged(release)).toEqual([release.dataDir, "-n", "3"]);
    await release.writeConfig(
      `dataDir = ${release.dataDir}\ndataLogDir : /my logs\nclientPort=${release.port}\n`,
    );
    await release.run("zkCleanup.sh", ["-n", "4"]);
    context.expect(await purged(release)).toEqual(["/my logs", release.dataDir, "-n", "4"]);
  });

  it("refuses while a server of 3.4 runs, whose files it could take", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.run("zkServer.sh", ["start"]);
    const run = await release.run("zkCleanup.sh", ["-n", "3"]);
    context
      .expect(run.stderr)
      .toContain("is running. The purge of this release can take files that it needs: stop it first.");
    context.expect(run.exitCode).toBe(1);
    context.expect(await release.calls()).toHaveLength(1);
    await release.run("zkServer.sh", ["stop"]);
    await release.run("zkCleanup.sh", ["-n", "3"]);
    context.expect(await purged(release)).toEqual([release.dataDir, "-n", "3"]);
  });

  it("does not with later releases", async (context) => {
    const release = await releaseFor(context, { port: await freePort(), version: "3.8.4" });
    await release.run("zkServer.sh", ["start"]);
    await release.run("zkCleanup.sh", ["-n", "3"]);
    context.expect(await purged(release)).toEqual([release.dataDir, "-n", "3"]);
  });

  it("names a configuration that is not there or names no folder", async (context) => {
    const release = await releaseFor(context);
    const missing = await release.run("zkCleanup.sh", ["-n", "3"], { env: { ZOOCFG: "none.cfg" } });
    context.expect(missing.stderr).toContain("conf/none.cfg cannot be read.");
    context.expect(missing.exitCode).toBe(1);
    await release.writeConfig("clientPort=1\n");
    const empty = await release.run("zkCleanup.sh", ["-n", "3"]);
    context.expect(empty.stderr).toContain("has no dataDir.");
    context.expect(empty.exitCode).toBe(1);
    context.expect(await release.calls()).toEqual([]);
  });
});
