// What servers remember in a folder: over an orderly end, over a killed process, and over damage.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@zk/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MemoryEnsemble, startMemoryEnsemble } from "../src/index.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "zk-memory-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function code(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => "fulfilled",
    (error: { code?: unknown }) => error.code ?? error,
  );
}

async function create(ensemble: MemoryEnsemble, ...paths: readonly string[]): Promise<void> {
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  for (const path of paths) await client.create(path, path);
}

async function has(ensemble: MemoryEnsemble, path: string): Promise<boolean> {
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  return (await client.exists(path)) !== null;
}

async function smallest(files: readonly string[]): Promise<number> {
  const sizes = files.map((file) =>
    readFile(file).then(
      ({ length }) => length,
      () => 0,
    ),
  );
  return Math.min(...(await Promise.all(sizes)));
}

describe("a folder", () => {
  it("keeps everything over an orderly end, zxids and all", async () => {
    const first = await startMemoryEnsemble({ dir });
    await create(first, "/a", "/a/b");
    const before = (await first.status()).servers.map(({ zxid }) => zxid ?? 0n);
    await first.stop();
    expect(await readFile(join(dir, "zookeeper1", "disk.zk"))).not.toHaveLength(0);
    expect((await readdir(join(dir, "zookeeper1"))).sort()).toEqual(["disk.zk", "server.log"]);
    await using second = await startMemoryEnsemble({ dir });
    expect(await has(second, "/a/b")).toBe(true);
    const after = (await second.status()).servers.map(({ zxid }) => zxid ?? 0n);
    // Another leader, another epoch.
    for (const [index, zxid] of after.entries())
      expect(zxid >> 32n).toBeGreaterThan((before[index] ?? 0n) >> 32n);
  });

  it("keeps what one server has, and lets the leader tell the others", async () => {
    const first = await startMemoryEnsemble({ dir });
    await create(first, "/a");
    await first.stop();
    await rm(join(dir, "zookeeper2"), { recursive: true });
    await using second = await startMemoryEnsemble({ dir });
    expect(await has(second, "/a")).toBe(true);
    await second.stop();
    expect(await readFile(join(dir, "zookeeper2", "disk.zk"))).not.toHaveLength(0);
  });

  it("belongs to one ensemble at a time", async () => {
    const first = await startMemoryEnsemble({ dir, servers: 1 });
    expect(await code(startMemoryEnsemble({ dir, servers: 1 }))).toBe("WRONG_STATE");
    await create(first, "/a");
    await first.stop();
    await using second = await startMemoryEnsemble({ dir, servers: 1 });
    expect(await has(second, "/a")).toBe(true);
  });

  it("is given back when the start fails", async () => {
    await using blocker = await startMemoryEnsemble({ servers: 1 });
    const ports = blocker.servers.map(({ clientPort }) => clientPort);
    expect(await code(startMemoryEnsemble({ dir, ports }))).toBe("PORT_TAKEN");
    await using ensemble = await startMemoryEnsemble({ dir, servers: 1 });
    expect(await ensemble.leader()).toBe(1);
  });

  it("says so when what it holds is damaged", async () => {
    const first = await startMemoryEnsemble({ dir, servers: 1 });
    await create(first, "/a");
    await first.stop();
    const file = join(dir, "zookeeper1", "disk.zk");
    const good = await readFile(file);
    for (const bad of [Buffer.from("no disk at all"), good.subarray(0, good.length - 3), Buffer.alloc(0)]) {
      await writeFile(file, bad);
      expect(await code(startMemoryEnsemble({ dir, servers: 1 }))).toBe("STATE_UNREADABLE");
    }
    await writeFile(file, good);
    await using second = await startMemoryEnsemble({ dir, servers: 1 });
    expect(await has(second, "/a")).toBe(true);
  });

  it("is whole after its process was killed, and keeps all but the last moments", async () => {
    const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const build = fileURLToPath(new URL("../../../tools/build.mjs", import.meta.url));
    const builder = spawn(process.execPath, [build, "lab/memory_server"], { stdio: "ignore" });
    expect(await once(builder, "close")).toEqual([0, null]);
    const program = `const { startMemoryEnsemble } = await import(${JSON.stringify(index)});
      const ensemble = await startMemoryEnsemble({ dir: ${JSON.stringify(dir)}, keepAlive: true });
      console.log(ensemble.connectionString);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(child.stdout, "data");
      await using client = createClient(String(line).trim(), { closeTimeoutMs: 100 });
      await client.connect();
      await client.create("/early", "x");
      // Busy until the end, so that the kill finds files being written.
      const files = [1, 2, 3].map((id) => join(dir, `zookeeper${id}`, "disk.zk"));
      const until = performance.now() + 20_000;
      for (let count = 0; (await smallest(files)) < 4_000; count += 1) {
        if (performance.now() > until) throw new Error("the files do not grow");
        await client.create(`/n${count}`, "x".repeat(100));
      }
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    await using ensemble = await startMemoryEnsemble({ dir });
    expect(await has(ensemble, "/early")).toBe(true);
    expect(await has(ensemble, "/n0")).toBe(true);
  });
});
