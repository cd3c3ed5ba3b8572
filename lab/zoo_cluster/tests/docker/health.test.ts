// The health check of the image says what the lab's readiness says, server by server.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../src/docker/engine.js";
import { containerName, keyOf } from "../../src/docker/names.js";
import { askServer } from "../../src/ensemble/four-letter-client.js";
import { type Ensemble, startEnsemble } from "../../src/index.js";
import { waitFor } from "../../src/wait.js";

let engine: Engine;
let ensemble: Ensemble;
beforeAll(async () => {
  engine = await connectEngine();
  ensemble = await startEnsemble({ backend: "docker" });
});
afterAll(async () => {
  await ensemble?.stop();
});

/** Runs the check in a server's container, as the engine would. */
async function check(id: number): Promise<{ readonly healthy: boolean; readonly said: string }> {
  const container = engine.client.container.getById(containerName(keyOf(ensemble.name, ensemble.dir), id));
  const { exitCode, output } = await engine.client.container.exec(container, ["zk-health"]);
  return { healthy: exitCode === 0, said: output.trim() };
}

describe("the health check", () => {
  it("calls every server of a ensemble that is ready healthy, and leaves nothing behind", async () => {
    const leader = await ensemble.leader();
    for (const { id } of ensemble.servers) {
      const mode = id === leader ? "leader" : "follower";
      expect(await check(id)).toEqual({ healthy: true, said: `ready: ${mode}` });
    }
    const [{ nodes, connections } = {}] = (await ensemble.status()).servers;
    expect(nodes).toBe(4);
    expect(connections).toBe(1);
    const dump = await askServer(ensemble.servers[leader - 1]!, "dump");
    expect(dump).toContain("Sessions with Ephemerals (0)");
  });

  it("is not deceived by a server that says imok without a quorum", async () => {
    await ensemble.kill(2);
    await ensemble.kill(3);
    await waitFor({
      what: "server 1 to have lost its quorum",
      timeoutMs: 30_000,
      look: async () => ((await ensemble.status()).servers[0]?.answer === "not-serving" ? true : undefined),
    });
    expect(await askServer(ensemble.servers[0]!, "ruok")).toBe("imok");
    const { healthy, said } = await check(1);
    expect(healthy).toBe(false);
    expect(said).toMatch(
      /^not ready: it does not serve: This ZooKeeper instance is not currently serving requests/,
    );
  });

  it("calls two of three healthy, and all three when the last is back", async () => {
    await ensemble.start(2);
    await ensemble.ready({ servers: [1, 2] });
    expect([await check(1), await check(2)].map(({ healthy }) => healthy)).toEqual([true, true]);
    await ensemble.start(3);
    await ensemble.ready();
    expect((await check(3)).healthy).toBe(true);
  });
});
