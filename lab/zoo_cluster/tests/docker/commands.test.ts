// `lab up --docker` and its siblings.
import { describe, expect, it } from "vitest";
import { connectEngine } from "../../src/docker/engine.js";
import { waitFor } from "../../src/wait.js";
import { LabHome } from "../cli/lab-home.js";
import { remains } from "./engine.js";

const home = LabHome.forThisFile();
const lab = (): string => `--name ${home.name}`;

interface Up {
  readonly actions: readonly { readonly id: number; readonly action: string }[];
}

describe("the commands on a lab of containers", () => {
  it("bring it up, and find it well", async () => {
    const { stdout } = await home.mustGo(`up --docker ${lab()}`);
    expect(stdout).toMatch(/ZooKeeper 3\.4\.6 in containers · up · server \d leads/);
    expect((await home.mustGo(`up --docker ${lab()} --json`)).json<Up>().actions).toEqual([]);
    expect(await home.status()).toMatchObject({ backend: "docker", state: "up" });
  });

  it("refuse to take it for another kind of lab", async () => {
    const { exitCode, stderr } = await home.go(`up --memory ${lab()}`);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("has servers in containers, not a model of servers");
    expect((await home.go(`up --memory --docker ${lab()}`)).exitCode).toBe(2);
  });

  it("kill, freeze and repair it", async () => {
    const { leader } = await home.status();
    const killed = await home.mustGo(`kill leader ${lab()} --json`);
    expect(killed.json()).toMatchObject({ servers: [{ id: leader, was: "leader", process: "stopped" }] });
    const other = leader === 1 ? 2 : 1;
    await home.mustGo(`pause ${other} ${lab()}`);
    expect((await home.go(`status ${lab()}`)).exitCode).toBe(3);
    const repaired = (await home.mustGo(`up ${lab()} --json`)).json<Up>();
    expect(repaired.actions).toEqual(
      [
        { id: leader, action: "started" },
        { id: other, action: "resumed" },
      ].sort((a, b) => (a.id ?? 0) - (b.id ?? 0)),
    );
    await home.mustGo(`restart 2 ${lab()}`);
    expect((await home.mustGo(`start ${lab()}`)).stdout).toContain("every server runs");
  });

  it("show what the servers say", async () => {
    const { stdout } = await home.mustGo(`logs -n 5 ${lab()}`);
    expect(stdout).toMatch(/^zk1 \| /m);
    expect(stdout).toMatch(/^zk3 \| /m);
    const controller = new AbortController();
    const seen: string[] = [];
    const following = home.go(`logs 1 -f -n 1 ${lab()}`, {
      signal: controller.signal,
      onLine: (line) => {
        seen.push(line);
        if (/Processing srvr command/.test(line) && seen.length > 3) controller.abort();
      },
    });
    await waitFor({
      what: "the log to be followed",
      timeoutMs: 30_000,
      look: async () => {
        await home.status();
        return controller.signal.aborted ? true : undefined;
      },
    });
    expect((await following).exitCode).toBe(0);
    // Each line once: the engine gives the last one again with every look.
    const stamped = seen.filter((line) => /Processing srvr command from/.test(line));
    expect(new Set(stamped).size).toBe(stamped.length);
  });

  it("are told by the engine that the servers are healthy", async () => {
    const { docker } = await connectEngine();
    await waitFor({
      what: "three healthy containers",
      timeoutMs: 60_000,
      intervalMs: 500,
      look: async () => {
        const filters = { label: [`zk.lab.name=${home.name}`], health: ["healthy"] };
        return (await docker.listContainers({ filters })).length === 3 ? true : undefined;
      },
    });
  });

  it("tell what they stand on", async () => {
    const { exitCode, stdout } = await home.go(`doctor ${lab()}`, { env: { ZK_LAB_JAVA: "/no/java" } });
    expect(stdout).toMatch(/^miss +java/m);
    expect(stdout).toMatch(/^ok +engine +container engine \d/m);
    expect(exitCode).toBe(0);
  });

  it("keep what was stored over a down, and forget it when told so", async () => {
    const label = `zk.lab.name=${home.name}`;
    const before = (await home.status()).servers[0]?.zxid;
    await home.mustGo(`down ${lab()}`);
    expect(await remains(label)).toHaveLength(3);
    await home.mustGo(`up --docker ${lab()}`);
    const after = (await home.status()).servers[0]?.zxid;
    expect(Number(after)).toBeGreaterThan(Number(before));
    const { stdout } = await home.mustGo(`down --wipe ${lab()}`);
    expect(stdout).toMatch(/removed zk-data-/);
    expect(await remains(label)).toEqual([]);
  });
});
