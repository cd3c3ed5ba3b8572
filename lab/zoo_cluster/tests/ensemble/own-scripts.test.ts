// Releases that bring their own scripts are run through those. Old ones say that all went well whatever happened, and kill
// whatever the pid file names, so the lab looks for itself. Here with the lab's script in its 3.4.6 mode, which does
// as that release's script did, and with scripts that lie outright.
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EnsembleOptions, isLabError, provisionRelease, startEnsemble } from "../../src/index.js";
import { pidOf, pidsOf, waitForNoServers } from "./processes.js";

const scripts = fileURLToPath(new URL("../../scripts/", import.meta.url));
let folder: string;
/** An unpacked release with scripts of its own. */
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zk-lab-own-scripts-"));
  home = join(folder, "zookeeper-3.4.6");
  const release = await provisionRelease({ version: "3.4.6" });
  await cp(release.dir, home, { recursive: true });
  await mkdir(join(home, "bin"), { recursive: true });
  for (const name of ["zkEnv.sh", "zkCli.sh", "zkCleanup.sh"])
    await cp(join(scripts, name), join(home, "bin", name));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Puts a text in the place of the release's zkServer.sh. */
async function useScript(text: string): Promise<void> {
  const path = join(home, "bin", "zkServer.sh");
  await writeFile(path, text);
  await chmod(path, 0o755);
}

function start(options: EnsembleOptions = {}): ReturnType<typeof startEnsemble> {
  return startEnsemble({ ...options, env: { ...process.env, ZK_LAB_HOME: home } });
}

describe("a release with the scripts of 3.4.6", () => {
  beforeAll(async () => {
    const text = await readFile(join(scripts, "zkServer.sh"), "utf8");
    await useScript(text.replace(/^#!.*\n/, "#!/bin/bash\nexport ZKLAB_COMPAT=3.4.6\n"));
  });

  it("runs, is asked and is stopped through them", async () => {
    await using ensemble = await start();
    const installed = await readFile(join(ensemble.servers[0]!.dir, "bin/zkServer.sh"), "utf8");
    expect(installed).toContain("export ZKLAB_COMPAT=3.4.6");
    const status = await ensemble.status();
    expect(status).toMatchObject({ state: "up", version: "3.4.6" });
    for (const { script, mode } of status.servers)
      expect(script).toEqual({ exitCode: 0, text: `Mode: ${mode}` });
    const killed = await ensemble.killLeader();
    await ensemble.start(killed);
    await ensemble.restartAll({ rolling: true });
    await ensemble.pause(1);
    await ensemble.stop();
    expect(pidsOf(ensemble.name)).toEqual([]);
  });

  it("is not fooled by a pid file that names another process", async () => {
    await using ensemble = await start({ servers: 1 });
    const pidFile = join(ensemble.servers[0]!.dir, "data/zookeeper_server.pid");
    await ensemble.kill(1);
    // This script would call us "already running", and would then kill us at its stop.
    await writeFile(pidFile, String(process.pid));
    await ensemble.start(1);
    const pid = await pidOf(ensemble, 1);
    expect(pid).not.toBe(process.pid);
    await writeFile(pidFile, String(process.pid));
    await ensemble.stop();
    expect(pidsOf(ensemble.name)).toEqual([]);
  });

  it("is told apart from a success when the server dies at once", async () => {
    const failed = start({ servers: 1, name: "liar-346", javaFlags: ["-XX:NoSuchFlag"] });
    const error = await failed.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: "SERVER_EXITED" });
    expect(String(error)).toMatch(/Unrecognized VM option|Could not create the Java Virtual Machine/);
    await removeKept(error);
  });
});

describe("scripts that lie", () => {
  it.each([
    ["says STARTED and starts nothing", "echo STARTED", "SERVER_EXITED"],
    ["fails without a word", "exit 5", "SCRIPT_FAILED"],
  ])("are found out: %s", async (_, body, code) => {
    await useScript(`#!/bin/sh\n${body}\n`);
    const error = await start({ servers: 1, name: "liar" }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code });
    expect(String(error)).toMatch(
      /Server 1 did not start: zkServer\.sh start ended with \d( and said nothing|:\nSTARTED)/,
    );
    await waitForNoServers("liar", 1_000);
    await removeKept(error);
  });

  it("do not keep a server alive by a stop that does nothing", async () => {
    const real = await readFile(join(scripts, "zkServer.sh"), "utf8");
    await useScript(real.replace(/^#!.*\n/, '#!/bin/bash\n[ "$1" != stop ] || exit 0\n'));
    const ensemble = await start({ servers: 1 });
    await ensemble.stop();
    expect(pidsOf(ensemble.name)).toEqual([]);
  });
});

async function removeKept(error: unknown): Promise<void> {
  if (isLabError(error)) await rm(String(error.details["dir"]), { recursive: true, force: true });
}
