/**
 * One ensemble for all tests of a file, whole again before each; a chroot of its own for each test; and after each a look
 * whether anything was left behind: connections, timers, processes, promises that nobody waited for.
 */
import { randomBytes } from "node:crypto";
import type { ClientOptions } from "@zk/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFailed } from "vitest";
import {
  type Ensemble,
  type EnsembleOptions,
  type EnsembleServer,
  startEnsemble,
} from "../../../src/index.js";
import { timeScale } from "../../../src/wait.js";
import { ChildClient, type ChildOptions } from "./child-client.js";
import { CuttingProxy } from "./cutting-proxy.js";
import { TestClient } from "./test-client.js";
import { until, within } from "./wait.js";

/** Milliseconds of a tick: small, so that sessions can be short; grows with the limits on slow machines. */
export const tickTimeMs: number = Math.round(250 * timeScale());
/** The longest session that such servers grant. Most tests are not about expiry and want none. */
export const longSessionMs: number = 20 * tickTimeMs;

/** `pnpm test:failover --backend docker` runs the suite on containers. */
const backend = process.env["ZK_FAILOVER_BACKEND"] === "docker" ? "docker" : "process";

/** How a client is made; everything of {@link ClientOptions} but the ports, which are watched. */
export interface TestClientOptions extends ClientOptions {
  /** Server to sit on at first. */
  readonly on?: number;
  /** Default: the test's chroot. */
  readonly chroot?: string;
  /** Default: the ensemble's own. */
  readonly servers?: string;
}

/** See the head of this file. */
export interface Cluster {
  readonly ensemble: Ensemble;
  /** Fresh for each test, and there. */
  readonly chroot: string;
  /** A client that is not connected; closed at the end of the test. */
  makeClient(options?: TestClientOptions): TestClient;
  /** A connected client. */
  client(options?: TestClientOptions): Promise<TestClient>;
  /** A client in a process of its own, with a session and an ephemeral znode; killed at the end of the test. */
  child(options: Omit<ChildOptions, "servers">): Promise<ChildClient>;
  /** A proxy in front of every server; gone at the end of the test. */
  proxy(): Promise<CuttingProxy>;
  server(id: number): EnsembleServer;
  /** The server that a client sits on. */
  serverOf(client: TestClient): number;
  /** Makes servers that are stopped or paused run again, all at once, and waits until the ensemble is ready. */
  heal(): Promise<void>;
}

/** Call it at the top of a test file. */
export function useCluster(options: EnsembleOptions = {}): Cluster {
  let ensemble: Ensemble | undefined;
  let chroot = "";
  let clients: TestClient[] = [];
  let children: ChildClient[] = [];
  let proxies: CuttingProxy[] = [];
  const accidents: unknown[] = [];
  const accident = (error: unknown): void => {
    accidents.push(error);
  };
  let before = resources();

  const running = (): Ensemble => {
    if (ensemble === undefined) throw new Error("the ensemble has not started");
    return ensemble;
  };
  const cluster: Cluster = {
    get ensemble() {
      return running();
    },
    get chroot() {
      return chroot;
    },
    makeClient({ on: _, chroot: folder = chroot, servers, ...more } = {}) {
      const client = new TestClient(`${servers ?? running().connectionString}${folder}`, {
        sessionTimeoutMs: longSessionMs,
        connectTimeoutMs: 30_000,
        ...more,
      });
      clients.push(client);
      return client;
    },
    async client(clientOptions = {}) {
      const client = cluster.makeClient(clientOptions);
      const { on } = clientOptions;
      await client.connectTo(on === undefined ? undefined : cluster.server(on).clientPort);
      return client;
    },
    async child(childOptions) {
      const servers = `${running().connectionString}${chroot}`;
      const child = new ChildClient({ servers, ...childOptions });
      children.push(child);
      await child.ready();
      return child;
    },
    async proxy() {
      const proxy = await CuttingProxy.start(running().servers);
      proxies.push(proxy);
      return proxy;
    },
    server(id) {
      const server = running().servers.find((one) => one.id === id);
      if (server === undefined) throw new Error(`there is no server ${id}`);
      return server;
    },
    serverOf({ port }) {
      const server = running().servers.find(({ clientPort }) => clientPort === port);
      if (server === undefined) throw new Error("the client sits on no server");
      return server.id;
    },
    async heal() {
      await Promise.all(running().servers.map(({ id }) => running().start(id, { wait: "process" })));
      await running().ready();
    },
  };

  beforeAll(async () => {
    process.on("unhandledRejection", accident);
    process.on("uncaughtException", accident);
    ensemble = await startEnsemble({ tickTimeMs, backend, ...options });
  });
  afterAll(async () => {
    process.off("unhandledRejection", accident);
    process.off("uncaughtException", accident);
    await ensemble?.stop();
  });

  beforeEach(async () => {
    onTestFailed(async () => console.log(await tellLogs(running())));
    await cluster.heal();
    chroot = `/failover-${randomBytes(6).toString("hex")}`;
    const maker = new TestClient(running().connectionString, {});
    await maker.zk.connect();
    await maker.zk.create(chroot);
    await maker.zk.close();
    before = resources();
  });
  afterEach(async () => {
    const [ours, theirs, doors] = [clients, children, proxies];
    [clients, children, proxies] = [[], [], []];
    await Promise.all(theirs.map((child) => child.end()));
    await within("closing all clients", 20_000, Promise.all(ours.map(({ zk }) => zk.close())));
    await Promise.all(doors.map((proxy) => proxy.stop()));
    for (const client of ours) {
      expect(client.tracked.connections, "connections left open by a closed client").toBe(0);
      expect(client.tracked.timers, "timers left running by a closed client").toBe(0);
      expect(client.zk.load, "what a closed client still holds").toEqual({
        queued: 0,
        inFlight: 0,
        bytes: 0,
        watches: 0,
      });
    }
    await until("sockets and timers of the process to be as many as before the test", nothingLeft, {
      describe: () => `before ${JSON.stringify(before)}, now ${JSON.stringify(resources())}`,
    });
    expect(accidents.splice(0), "unhandled rejections and exceptions").toEqual([]);
    for (const child of theirs) expect(child.accidents, "what went wrong in a child").toEqual([]);
  });

  const nothingLeft = (): boolean => {
    const now = resources();
    return now.sockets <= before.sockets && now.timers <= before.timers;
  };
  return cluster;
}

interface Resources {
  readonly sockets: number;
  readonly timers: number;
}

function resources(): Resources {
  const all = process.getActiveResourcesInfo();
  return {
    sockets: all.filter((name) => name.startsWith("TCP")).length,
    timers: all.filter((name) => name === "Timeout").length,
  };
}

async function tellLogs(ensemble: Ensemble): Promise<string> {
  const logs = await ensemble.logs();
  return logs
    .map(({ id, text }) => `── end of server ${id}'s log ──\n${text.split("\n").slice(-40).join("\n")}`)
    .join("\n");
}
