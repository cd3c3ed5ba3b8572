/**
 * The scripts on other systems: without bash (dash, busybox), without /proc (macOS, by way of ps), and with each of the
 * tools that can ask a server.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it, type TestContext } from "vitest";
import { freePort } from "./support/free-port.js";
import { eventually, isAlive, startBystander } from "./support/processes.js";
import {
  findCommand,
  notServingAnswer,
  releaseFor,
  standaloneAnswer,
  type TestRelease,
} from "./support/test-release.js";

/** A release in a system that has no bash, but one of these. */
async function without(
  context: TestContext,
  options: { readonly asker?: string } = {},
): Promise<TestRelease> {
  const release = await releaseFor(context, { port: await freePort() });
  await release.removeTool("bash");
  const asker = options.asker ?? (await firstOf(["perl", "python3", "nc"]));
  if (asker === null || !(await release.addTool(asker)))
    context.skip(`this machine has no ${options.asker ?? "perl, python3 or nc"}`);
  return release;
}

async function firstOf(names: readonly string[]): Promise<string | null> {
  for (const name of names) if ((await findCommand(name)) !== null) return name;
  return null;
}

async function lifeOfAServer(
  context: TestContext,
  release: TestRelease,
  shell: string,
  env: Readonly<Record<string, string>> = {},
) {
  const run = (words: readonly string[]) => release.run("zkServer.sh", words, { env, shell });
  await release.behave({ server: "answers", answers: { srvr: standaloneAnswer }, delayMs: 300 });
  const start = await run(["start"]);
  context.expect(start.stderr).toMatch(/^JMX enabled by default\nUsing config: .*\n$/);
  context.expect(start.stdout).toBe("Starting zookeeper ... STARTED\n");
  const pid = await release.serverPid();
  context.expect(pid).toBe((await release.lastCall()).pid);
  context
    .expect((await run(["start"])).stdout)
    .toBe(`Starting zookeeper ... already running as process ${pid}.\n`);
  context.expect((await run(["status"])).stdout).toBe("Mode: standalone\n");
  process.kill(pid, "SIGSTOP");
  const paused = await run(["status"]);
  context.expect(paused.exitCode).toBe(3);
  context.expect(paused.stderr).toContain(`Process ${pid} is paused (SIGSTOP)`);
  context.expect((await run(["stop"])).stdout).toBe("Stopping zookeeper ... STOPPED\n");
  context.expect(isAlive(pid)).toBe(false);
  context.expect((await run(["status"])).exitCode).toBe(1);

  const bystander = await startBystander(release.root);
  release.own(bystander.pid);
  await writeFile(release.pidFile, String(bystander.pid));
  context.expect((await run(["stop"])).stdout).toContain("was stale)");
  context.expect(isAlive(bystander.pid)).toBe(true);

  await release.behave({ server: "dies", exitCode: 2 });
  const died = await run(["start"]);
  context.expect(died.stdout).toBe("Starting zookeeper ... FAILED TO START\n");
  context.expect(died.stderr).toContain("ended with 2: it found its configuration or arguments wrong.");
  context.expect(died.exitCode).toBe(1);
}

describe.concurrent("shells", () => {
  for (const shell of ["bash", "dash", "busybox"]) {
    it(`${shell}: the life of a server`, async (context) => {
      const path = await findCommand(shell);
      if (path === null) return context.skip(`this machine has no ${shell}`);
      const release =
        shell === "bash" ? await releaseFor(context, { port: await freePort() }) : await without(context);
      let interpreter = path;
      if (shell === "busybox") {
        // It looks at the name by which it is called.
        interpreter = join(release.root, "ash");
        await symlink(path, interpreter);
      }
      await lifeOfAServer(context, release, interpreter);
    });

    it(`${shell}: configuration, class path and the mode of 3.4.6`, async (context) => {
      const path = await findCommand(shell);
      if (path === null) return context.skip(`this machine has no ${shell}`);
      const release =
        shell === "bash" ? await releaseFor(context, { port: await freePort() }) : await without(context);
      let interpreter = path;
      if (shell === "busybox") {
        interpreter = join(release.root, "ash");
        await symlink(path, interpreter);
      }
      await release.writeConfig(`data\\u0044ir : ${release.root}/\\u00e9\\\n  b%s \nclientPort=1\n`);
      const stop = await release.run("zkServer.sh", ["stop"], { shell: interpreter });
      context
        .expect(stop.stdout)
        .toBe(
          `Stopping zookeeper ... no zookeeper to stop (could not find file ${release.root}/éb%s/zookeeper_server.pid)\n`,
        );
      const print = await release.run("zkServer.sh", ["print-cmd"], { shell: interpreter });
      context.expect(print.stdout).toContain(` -cp "${release.strictClassPath}" `);

      await release.writeConfig(`dataDir=${release.dataDir}\nclientPort=1\n`);
      await release.behave({ server: "idles" });
      const start = await release.run("zkServer.sh", ["start"], { shell: interpreter, mode: "3.4.6" });
      context.expect(start.stdout).toBe("Starting zookeeper ... STARTED\n");
      context.expect(await release.serverPid()).toBe((await release.lastCall()).pid);
      const again = await release.run("zkServer.sh", ["stop"], { shell: interpreter, mode: "3.4.6" });
      context.expect(again.stdout).toBe("Stopping zookeeper ... STOPPED\n");
    });
  }

  it("where bash is, other shells hand over to it", async (context) => {
    const release = await releaseFor(context);
    await writeFile(release.path("conf", "java.env"), '[[ -n $BASH_VERSION ]] && JVMFLAGS="-Dbash=yes"\n');
    const run = await release.run("zkServer.sh", ["print-cmd"], { shell: "/bin/sh" });
    context.expect(run.stdout).toContain(" -Dbash=yes ");
  });

  it("a thing called bash that is none is no endless loop", async (context) => {
    const release = await releaseFor(context);
    await release.removeTool("bash");
    await symlink("/bin/sh", join(release.toolsDir, "bash"));
    const run = await release.run("zkServer.sh", ["print-cmd"], { limitMs: 10_000 });
    context.expect(run.exitCode).toBe(0);
  });
});

describe.concurrent("without /proc", () => {
  it("the life of a server, by ps", async (context) => {
    if ((await findCommand("ps")) === null) return context.skip("this machine has no ps");
    const release = await releaseFor(context, { port: await freePort() });
    await lifeOfAServer(context, release, "/bin/sh", { ZKLAB_PROC: "/nonexistent" });
  });

  it("a server of the script of 3.4.6 is known by its command line", async (context) => {
    if ((await findCommand("ps")) === null) return context.skip("this machine has no ps");
    const release = await releaseFor(context, { port: await freePort() });
    const env = { ZKLAB_PROC: "/nonexistent" };
    await release.run("zkServer.sh", ["start"], { mode: "3.4.6" });
    const stop = await release.run("zkServer.sh", ["stop"], { env });
    context.expect(stop.stdout).toBe("Stopping zookeeper ... STOPPED\n");
  });
});

describe.concurrent("tools that ask", () => {
  for (const asker of ["perl", "python3", "nc"]) {
    it(`${asker}: serving, not serving, silent, nobody`, async (context) => {
      const release = await without(context, { asker });
      await release.behave({ server: "answers", answers: { srvr: standaloneAnswer } });
      const status = () => release.run("zkServer.sh", ["status"]);
      context.expect((await status()).exitCode).toBe(1);
      context
        .expect((await release.run("zkServer.sh", ["start"])).stdout)
        .toBe("Starting zookeeper ... STARTED\n");
      // On a very busy machine the tool itself may need longer than the 2 s.
      await eventually("an answer", async () => (await status()).stdout === "Mode: standalone\n");
      await release.run("zkServer.sh", ["stop"]);

      await release.behave({ server: "answers", answers: { srvr: notServingAnswer } });
      await release.run("zkServer.sh", ["start", "--until", "port"]);
      await eventually("an answer", async () => {
        const { stderr, exitCode } = await status();
        return exitCode === 3 && stderr.includes("says that it is not serving requests");
      });
      await release.run("zkServer.sh", ["stop"]);

      await release.behave({ server: "accepts" });
      await release.run("zkServer.sh", ["start", "--until", "port"]);
      const silent = await status();
      context.expect(silent.exitCode).toBe(3);
      context.expect(silent.elapsedMs).toBeLessThan(20_000);
      await release.run("zkServer.sh", ["stop"]);
    });
  }

  it("one that is there but does not work is passed over", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.removeTool("bash");
    // As the shims of version managers are where their manager is not.
    await writeFile(join(release.toolsDir, "perl"), "#!/nonexistent/bash\n", { mode: 0o755 });
    const names = ["python3", "nc"];
    const added = await Promise.all(names.map((name) => release.addTool(name)));
    if (!added.includes(true)) return context.skip("this machine has neither python3 nor nc");
    const start = await release.run("zkServer.sh", ["start"]);
    context.expect(start.stdout).toBe("Starting zookeeper ... STARTED\n");
    await eventually("an answer", async () => {
      return (await release.run("zkServer.sh", ["status"])).stdout === "Mode: standalone\n";
    });
  });

  it("none: it says so and claims nothing", async (context) => {
    const release = await releaseFor(context, { port: await freePort() });
    await release.removeTool("bash");
    const start = await release.run("zkServer.sh", ["start"]);
    context.expect(start.stdout).toBe("Starting zookeeper ... STARTED, but not seen to serve\n");
    context
      .expect(start.stderr)
      .toContain("whether it serves cannot be asked: this machine has none of bash, perl, python3, nc.");
    context.expect(start.exitCode).toBe(3);
    const status = await release.run("zkServer.sh", ["status"]);
    context.expect(status.exitCode).toBe(3);
    context.expect((await release.run("zkServer.sh", ["stop"])).exitCode).toBe(0);
  });
});

it("shellcheck finds nothing", async (context) => {
  const shellcheck = await findCommand("shellcheck");
  if (shellcheck === null) return context.skip("this machine has no shellcheck");
  const folder = fileURLToPath(new URL("../../scripts/", import.meta.url));
  const scripts = ["zkServer.sh", "zkEnv.sh", "zkCli.sh", "zkCleanup.sh"].map((name) => join(folder, name));
  context.expect(scripts.every((script) => existsSync(script))).toBe(true);
  context.expect(execFileSync(shellcheck, scripts, { encoding: "utf8" })).toBe("");
});
