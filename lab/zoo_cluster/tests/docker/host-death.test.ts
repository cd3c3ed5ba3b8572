// What is left on the engine by a process that is killed: nothing, as soon as its watchdog has seen it; and where that was
// killed too, nothing after the next start.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { connectEngine } from "../../src/docker/engine.js";
import { hostKey, labels } from "../../src/docker/names.js";
import { sweep } from "../../src/docker/sweep.js";
import { processTable } from "../../src/process/process-table.js";
import { waitFor } from "../../src/wait.js";
import { ofName, remains } from "./engine.js";

const fixture = fileURLToPath(new URL("./fixtures/hold.mjs", import.meta.url));
let hosts: ChildProcess[] = [];
afterEach(() => {
  for (const host of hosts) host.kill("SIGKILL");
  hosts = [];
});

/** A process that holds an ensemble of one server. */
async function hold(): Promise<{ readonly host: ChildProcess; readonly name: string }> {
  const name = `held-${randomBytes(4).toString("hex")}`;
  const host = spawn(process.execPath, [fixture, name], { stdio: ["ignore", "pipe", "inherit"] });
  hosts.push(host);
  const [line] = await once(createInterface({ input: host.stdout! }), "line");
  expect(line).toBe("ready");
  return { host, name };
}

/** Children of that process which are watchdogs. */
function watchdogsOf({ pid: parent }: ChildProcess): number[] {
  return processTable
    .list()
    .filter(({ args }) => args.some((word) => word.endsWith("container-watchdog.mjs")))
    .map(({ pid }) => pid)
    .filter((pid) => readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${parent}\n`));
}

async function nothingLeft(name: string): Promise<void> {
  let left: string[] = [];
  await waitFor({
    what: `nothing to be left of ${name}`,
    timeoutMs: 15_000,
    look: async () => {
      left = await remains(ofName(name));
      return left.length === 0 ? true : undefined;
    },
    describe: () => left.join(", "),
  });
}

describe("after kill -9 of the process", () => {
  it("its watchdog removes containers, network and volumes", async () => {
    const { host, name } = await hold();
    expect(await remains(ofName(name))).toHaveLength(3);
    host.kill("SIGKILL");
    await nothingLeft(name);
  });

  it("and of its watchdog, the next start does, and touches nothing that is alive", async () => {
    const dead = await hold();
    const alive = await hold();
    // Frozen, so that it cannot start another watchdog in place of the one that is killed.
    dead.host.kill("SIGSTOP");
    const watchdogs = watchdogsOf(dead.host);
    expect(watchdogs).toHaveLength(1);
    for (const pid of watchdogs) process.kill(pid, "SIGKILL");
    dead.host.kill("SIGKILL");
    await once(dead.host, "exit");
    expect(await remains(ofName(dead.name))).toHaveLength(3);
    const lines: string[] = [];
    const swept = await sweep(await connectEngine(), (line) => lines.push(line));
    expect(swept).toMatchObject({ containers: 1, networks: 1, volumes: 1 });
    expect(lines).toEqual(["removing what an earlier run has left: 1 containers, 1 networks, 1 volumes"]);
    expect(await remains(ofName(dead.name))).toEqual([]);
    expect(await remains(ofName(alive.name))).toHaveLength(3);
  });

  it("what belongs to another machine or user of the engine is left to them", async () => {
    const { docker } = await connectEngine();
    const name = `foreign-${randomBytes(4).toString("hex")}`;
    await docker.createVolume({
      Name: name,
      Labels: {
        [labels.name]: name,
        [labels.host]: `not-${hostKey()}`,
        [labels.owner]: "process 4194304 1@never",
      },
    });
    await sweep(await connectEngine(), () => {});
    expect(await remains(ofName(name))).toEqual([name]);
    await docker.getVolume(name).remove();
  });
});
