// The promises of an ensemble, kept by containers.
import { createClient } from "@zk/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../src/docker/engine.js";
import { type Ensemble, startEnsemble } from "../../src/index.js";
import { waitFor } from "../../src/wait.js";
import { ofName, remains } from "./engine.js";

let ensemble: Ensemble;
let engine: Engine;
beforeAll(async () => {
  engine = await connectEngine();
  ensemble = await startEnsemble({ backend: "docker" });
});
afterAll(async () => {
  await ensemble?.stop();
});
beforeEach(async () => {
  await Promise.all(ensemble.servers.map(({ id }) => ensemble.start(id, { wait: "process" })));
  await ensemble.ready();
});

async function containersOf(): Promise<Awaited<ReturnType<Engine["docker"]["listContainers"]>>> {
  return await engine.docker.listContainers({ all: true, filters: { label: [ofName(ensemble.name)] } });
}

describe("an ensemble in containers", () => {
  it("is three servers of 3.4.6, each in a container without rights, reachable from this machine alone", async () => {
    const status = await ensemble.status();
    expect(status).toMatchObject({ backend: "docker", state: "up", version: "3.4.6", problem: null });
    expect(status.servers.map(({ version }) => version)).toEqual(["3.4.6", "3.4.6", "3.4.6"]);
    expect(status.servers.every(({ residentBytes }) => (residentBytes ?? 0) > 1_000_000)).toBe(true);
    expect(status.servers.every(({ script }) => script?.exitCode === 0)).toBe(true);
    const containers = await containersOf();
    expect(containers).toHaveLength(3);
    for (const { Id, Ports } of containers) {
      expect(Ports.filter(({ PublicPort }) => PublicPort !== undefined).map(({ IP }) => IP)).toEqual([
        "127.0.0.1",
      ]);
      const { Config, HostConfig, NetworkSettings } = await engine.docker.getContainer(Id).inspect();
      expect(Config.User).toBe("10181:10181");
      expect(HostConfig.CapDrop).toEqual(["ALL"]);
      expect(HostConfig.SecurityOpt).toEqual(["no-new-privileges"]);
      expect(Object.keys(NetworkSettings.Networks)).toEqual([expect.stringContaining(ensemble.name)]);
      // Nobody but the tests writes.
      expect(Config.Healthcheck?.Test).toEqual(["NONE"]);
      const run = await engine.docker.getContainer(Id).top({ ps_args: "-o pid,args" });
      expect(run.Processes.join("\n")).toMatch(/QuorumPeerMain \/opt\/zookeeper\/conf\/zoo\.cfg/);
    }
  });

  it("goes on without its leader, and takes it back", async () => {
    const killed = await ensemble.killLeader();
    const server = (await ensemble.status()).servers.find(({ id }) => id === killed);
    expect(server).toMatchObject({ process: "stopped", pid: null, answer: "silent" });
    expect(await ensemble.leader()).not.toBe(killed);
    await ensemble.start(killed);
    await ensemble.ready();
  });

  it("freezes a server and lets it go on", async () => {
    await ensemble.pause(1);
    await ensemble.pause(1);
    expect((await ensemble.status()).servers[0]).toMatchObject({ process: "paused", answer: "silent" });
    await ensemble.resume(1);
    await ensemble.resume(1);
    await ensemble.ready();
  });

  it("ends a frozen server by either signal", async () => {
    await ensemble.pause(1);
    await ensemble.term(1);
    await ensemble.pause(2);
    await ensemble.kill(2);
    const states = (await ensemble.status()).servers.map(({ process }) => process);
    expect(states.slice(0, 2)).toEqual(["stopped", "stopped"]);
    await expect(ensemble.pause(1)).rejects.toMatchObject({ code: "WRONG_STATE" });
    await expect(ensemble.resume(2)).rejects.toMatchObject({ code: "WRONG_STATE" });
    await ensemble.kill(2);
    await ensemble.term(1);
  });

  it("knows which server a client sits on, and ends its session behind its back", async () => {
    const { host, clientPort } = ensemble.servers[1]!;
    const client = createClient(`${host}:${clientPort}`);
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    await client.connect();
    expect(await ensemble.serverOf(client)).toBe(2);
    await ensemble.expireSession(client);
    await waitFor({
      what: "the client to hear that its session is over",
      timeoutMs: 20_000,
      look: () => (states.includes("expired") ? true : undefined),
    });
    await client.close();
  });

  it("keeps what its servers have stored and said over their deaths", async () => {
    const client = createClient(ensemble.connectionString);
    await client.connect();
    await client.create("/kept", "over the death of all");
    await client.close();
    await Promise.all([1, 2, 3].map((id) => ensemble.kill(id)));
    await ensemble.restartAll();
    const again = createClient(ensemble.connectionString);
    await again.connect();
    expect((await again.getData("/kept")).data?.length).toBe(21);
    await again.remove("/kept");
    await again.close();
    const [log] = await ensemble.logs(1);
    expect(log?.path).toMatch(/^docker logs zk-/);
    expect(log?.text.match(/Starting quorum peer/g)?.length).toBeGreaterThan(1);
  });

  it("restarts one server after another", async () => {
    const before = (await ensemble.status()).servers.map(({ pid }) => pid);
    await ensemble.restartAll({ rolling: true });
    const after = (await ensemble.status()).servers.map(({ pid }) => pid);
    expect(after.every((pid, index) => pid !== null && pid !== before[index])).toBe(true);
  });
});

describe("the end of an ensemble in containers", () => {
  it("leaves nothing on the engine, and gives back its ports", async () => {
    const short = await startEnsemble({ backend: "docker", servers: 1, config: { maxClientCnxns: "7" } });
    expect(await short.leader()).toBe(1);
    expect(await remains(ofName(short.name), engine)).toHaveLength(3);
    await short.stop();
    expect(await remains(ofName(short.name), engine)).toEqual([]);
    await expect(short.start(1)).rejects.toMatchObject({ code: "STOPPED" });
  });

  it("says with the end of its log why a server did not stay, and leaves nothing running", async () => {
    const name = `bad${process.pid}`;
    const failed = startEnsemble({ backend: "docker", name, javaFlags: ["-Xnonsense"] });
    await expect(failed).rejects.toMatchObject({
      code: "SERVER_EXITED",
      message: expect.stringContaining("Unrecognized option: -Xnonsense"),
    });
    expect(await remains(ofName(name), engine)).toEqual([]);
  });

  it("says who has a port that was asked for", async () => {
    const { clientPort } = ensemble.servers[0]!;
    const failed = startEnsemble({ backend: "docker", servers: 1, ports: [clientPort] });
    await expect(failed).rejects.toMatchObject({ code: "PORT_TAKEN", details: { port: clientPort } });
  });
});
