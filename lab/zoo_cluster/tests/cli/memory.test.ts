// `lab up --memory`: a model in a process of its own, under the same commands as real servers.
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@zk/client";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { startEnsemble } from "../../src/index.js";
import { type HostRecord, readHost } from "../../src/lab/memory-host-file.js";
import { findSame } from "../../src/process/process-table.js";
import { installRecordName } from "../../src/release/install.js";
import { runCommand } from "../../src/release/run-command.js";
import { waitFor } from "../../src/wait.js";
import { LabHome, type StatusJson } from "./lab-home.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const home = LabHome.forThisFile();

beforeAll(async () => {
  // The host runs from what was built.
  const words = [join(root, "tools/build.mjs"), "lab/zoo_cluster"];
  expect(await runCommand(process.execPath, words, { env: process.env, timeoutMs: 120_000 })).toMatchObject({
    status: 0,
  });
});
afterEach(async () => {
  await home.mustGo(`down --wipe --name ${home.name}`);
});

async function up(more = ""): Promise<StatusJson> {
  const result = await home.mustGo(`up --memory --json --name ${home.name} ${more}`);
  return result.json<{ status: StatusJson }>().status;
}

function host(): HostRecord {
  const found = readHost(home.folder);
  if (found === null) throw new Error("there is no host");
  return found;
}

async function gone(record: HostRecord): Promise<void> {
  await waitFor({
    what: "the host to be gone",
    timeoutMs: 15_000,
    look: () => findSame(record) === null || undefined,
  });
}

async function withClient<T>(
  connectionString: string,
  use: (client: ReturnType<typeof createClient>) => Promise<T>,
): Promise<T> {
  await using client = createClient(connectionString);
  await client.connect();
  return await use(client);
}

describe("lab up --memory", () => {
  it("serves where there is no Java, says what it is, and tells who wants more", async () => {
    const env = { ZK_LAB_JAVA: "/nowhere" };
    const without = await home.go(`up --name ${home.name}`, { env });
    expect(without.exitCode).toBe(69);
    expect(without.stderr).toMatch(/lab:up --memory/);
    const result = await home.mustGo(`up --memory --name ${home.name}`, { env });
    expect(result.stdout).toMatch(/a model of ZooKeeper 3\.4\.6 · up · server \d leads/);
    expect(result.stdout).toMatch(/This is a model of ZooKeeper in one process, not ZooKeeper itself/);
    expect(await home.status()).toMatchObject({ state: "up", backend: "memory" });
  });

  it("is killed, frozen, looked at and repaired as real servers are", async () => {
    const first = await up();
    const { pid } = host();
    expect(first.servers.map((server) => server.pid)).toEqual([pid, pid, pid]);
    await withClient(first.connectionString, (client) => client.create("/kept", "x"));
    await home.mustGo(`kill leader --name ${home.name}`);
    const broken = await home.go(`status --json --name ${home.name}`);
    expect(broken.exitCode).toBe(3);
    expect(broken.json<StatusJson>().servers[(first.leader ?? 0) - 1]).toMatchObject({
      process: "stopped",
      pid: null,
    });
    await home.mustGo(`pause follower --name ${home.name}`);
    expect((await home.status()).servers.map((server) => server.process).sort()).toEqual([
      "paused",
      "running",
      "stopped",
    ]);
    const repaired = await up();
    expect(repaired.state).toBe("up");
    expect(host().pid).toBe(pid);
    await home.mustGo(`restart --rolling --name ${home.name}`);
    await withClient(first.connectionString, (client) => client.getData("/kept"));
    const logs = await home.mustGo(`logs --name ${home.name}`);
    expect(logs.stdout).toMatch(/zk1 \| .*LEADING|zk2 \| .*LEADING|zk3 \| .*LEADING/);
  });

  it("remembers over a down, and forgets when told so", async () => {
    const first = await up();
    const record = host();
    await withClient(first.connectionString, (client) => client.create("/kept", "x"));
    await home.mustGo(`down --name ${home.name}`);
    expect(findSame(record)).toBeNull();
    expect((await home.status()).state).toBe("down");
    const second = await up();
    await withClient(second.connectionString, (client) => client.getData("/kept"));
    const third = await up("--fresh");
    await withClient(third.connectionString, async (client) =>
      expect(await client.exists("/kept")).toBeNull(),
    );
  });

  it("forgets nothing that real servers have stored beside it, nor they what it has", async () => {
    const folder = join(home.folder, "zookeeper1", "zookeeper-3.4.6");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, installRecordName), "{}");
    await up("--fresh");
    const { wiped } = (await home.mustGo(`down --wipe --json --name ${home.name}`)).json<{
      wiped: string[];
    }>();
    expect(wiped).toEqual([join(home.folder, "memory")]);
    expect(existsSync(folder)).toBe(true);
    const rest = (await home.mustGo(`down --wipe --json --name ${home.name}`)).json<{ wiped: string[] }>();
    expect(rest.wiped).toEqual([join(home.folder, "zookeeper1")]);
  });

  it("comes back after its host was killed", async () => {
    const first = await up();
    const record = host();
    await withClient(first.connectionString, (client) => client.create("/kept", "x"));
    process.kill(record.pid, "SIGKILL");
    await gone(record);
    expect((await home.status()).state).toBe("down");
    const second = await up();
    expect(second.state).toBe("up");
    expect(host().pid).not.toBe(record.pid);
    expect(second.connectionString).toBe(first.connectionString);
  });

  it("leaves no host behind when somebody removes its folder", async () => {
    await up();
    const record = host();
    // The host may still write into it.
    await rm(home.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    await gone(record);
  });

  it("starts one host for two commands at once", async () => {
    const [one, other] = await Promise.all([up(), up()]);
    expect(one.servers.map(({ pid }) => pid)).toEqual(other.servers.map(({ pid }) => pid));
  });

  it("says that a port is taken, and leaves nothing", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const result = await home.go(`up --memory --name ${home.name} --ports ${port} --json`);
    expect(result.json<{ error: { code: string } }>().error.code).toBe("PORT_TAKEN");
    expect(readHost(home.folder)).toBeNull();
    await new Promise((resolve) => blocker.close(resolve));
  });

  it("keeps models and real servers apart", async () => {
    const asked = await home.go(`up --memory --version 3.9.3 --name ${home.name}`);
    expect(asked.exitCode).toBe(2);
    expect(asked.stderr).toMatch(/3\.4\.6 alone, not of 3\.9\.3/);
    const spec = { name: home.name, version: "3.4.6", dir: home.folder, servers: [], config: {} };
    await mkdir(home.folder, { recursive: true });
    await writeFile(join(home.folder, "state.json"), JSON.stringify({ schema: 1, spec, portBlocks: [] }));
    const mixed = await home.go(`up --memory --name ${home.name} --json`);
    expect(mixed.json<{ error: { code: string } }>().error.code).toBe("WRONG_STATE");
  });

  it("does not hand a folder in use to a library", async () => {
    const dir = join(home.path, "elsewhere");
    await home.mustGo(["up", "--memory", "--name", home.name, "--dir", dir]);
    await expect(startEnsemble({ dir })).rejects.toThrow(/is in use by the ensemble/);
    await home.mustGo(["down", "--name", home.name, "--dir", dir]);
  });
});
