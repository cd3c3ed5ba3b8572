// `startEnsemble({ backend: "memory" })`: the model behind the interface of real servers.
import { createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { describe, expect, it } from "vitest";
import { type Ensemble, type EnsembleOptions, isLabError, LabError, startEnsemble } from "../../src/index.js";

async function failure(work: Promise<unknown>): Promise<LabError> {
  try {
    await work;
  } catch (error) {
    if (isLabError(error)) return error;
    throw error;
  }
  throw new Error("it was expected to fail");
}

describe("the memory backend", () => {
  it("has the type of an ensemble, whoever starts it", async () => {
    const asEnsemble = (memory: MemoryEnsemble): Ensemble => memory;
    await using started = await startMemoryEnsemble({ servers: 1 });
    expect(await asEnsemble(started).leader()).toBe(1);
  });

  it("starts three servers that a client survives the death of", async () => {
    await using ensemble = await startEnsemble({ backend: "memory" });
    expect(ensemble.servers).toHaveLength(3);
    await using client = createClient(ensemble.connectionString);
    await client.connect();
    await client.create("/a", "x");
    const killed = await ensemble.killLeader();
    expect((await client.getData("/a")).stat.version).toBe(0);
    await ensemble.start(killed);
    await ensemble.ready();
    expect((await ensemble.status()).state).toBe("up");
  });

  it("takes the settings that the model knows, as configuration or as flags", async () => {
    const options: EnsembleOptions = {
      backend: "memory",
      servers: 1,
      tickTimeMs: 100,
      config: { minSessionTimeout: "321", maxSessionTimeout: "54321", autopurge_is_not: "x" },
    };
    expect((await failure(startEnsemble(options))).message).toMatch(/autopurge_is_not=x.*backend "memory"/);
    await using ensemble = await startEnsemble({
      ...options,
      config: { minSessionTimeout: "321", maxSessionTimeout: "54321", forceSync: "no" },
      javaFlags: ["-Djute.maxbuffer=2000", "-Dzookeeper.maxClientCnxns=2"],
      model: { seed: 7 },
    });
    await using client = createClient(ensemble.connectionString, { sessionTimeoutMs: 1_000_000 });
    await client.connect();
    expect(client.sessionTimeoutMs).toBe(54_321);
  });

  it.each<[name: string, options: EnsembleOptions, says: RegExp]>([
    ["another version", { backend: "memory", version: "3.9.3" }, /one of 3\.4\.6 alone/],
    ["a flag of Java", { backend: "memory", javaFlags: ["-Xmx1g"] }, /-Xmx1g.*there is no Java/],
    ["a word for a number", { backend: "memory", config: { syncLimit: "five" } }, /syncLimit=five/],
    ["numbers that make no ensemble", { backend: "memory", model: { linkMs: [2, 1] } }, /linkMs/],
    ["a seed of real servers", { model: { seed: 7 } }, /model.*left out/],
    ["a backend that is none", { backend: "paper" as "memory" }, /process, docker or memory/],
    ["a port below 1", { backend: "memory", ports: [0] }, /1 to 65535/],
  ])("refuses %s", async (_, options, says) => {
    const error = await failure(startEnsemble(options));
    expect(error).toBeInstanceOf(LabError);
    expect(error.code).toBe("BAD_OPTION");
    expect(error.message).toMatch(says);
  });

  it("says whose a port is that it cannot have", async () => {
    await using ensemble = await startEnsemble({ backend: "memory", servers: 1 });
    const [port = 0] = ensemble.servers.map(({ clientPort }) => clientPort);
    const error = await failure(startEnsemble({ backend: "memory", ports: [port] }));
    expect(error.code).toBe("PORT_TAKEN");
    expect(error.message).toContain(String(port));
  });

  it("is ready within milliseconds", async () => {
    const tookMs: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const begun = performance.now();
      await using ensemble = await startEnsemble({ backend: "memory" });
      tookMs.push(performance.now() - begun);
      expect(await ensemble.leader()).toBeGreaterThan(0);
    }
    // The best of nine, since this machine may be busy with something else: 2 ms where it is not.
    expect(Math.min(...tookMs)).toBeLessThan(20);
  });
});
