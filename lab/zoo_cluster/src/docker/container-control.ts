/**
 * One server as a container: found, started, stopped and signalled through the engine.
 *
 * Rules:
 * - A container lives through many runs of its server, so that the engine keeps the output of all of them. It is made when
 *   it is first needed, and again when what it would be made from has changed. What the server stores is in a volume.
 * - Its name names it. The engine is asked each time; what it answered a moment ago is not believed.
 * - Changes of one server happen one after another.
 */
import { createHash } from "node:crypto";
import type { Control } from "../ensemble/control.js";
import { tailOf } from "../ensemble/control.js";
import type { ScriptResult } from "../ensemble/control-script.js";
import type { EnsembleSpec, ServerSpec } from "../ensemble/layout.js";
import { isLabError, LabError } from "../errors.js";
import { describePortOwner } from "../ports/port-owner.js";
import { isPortFree } from "../ports/port-test.js";
import type { ProcessIdentity, ProcessSnapshot } from "../process/process-table.js";
import { pause, timeScale, waitFor } from "../wait.js";
import type { ContainerNetwork } from "./container-network.js";
import { ContainerOutput } from "./container-output.js";
import {
  containerData,
  containerHome,
  containerPlan,
  containerPorts,
  stopGraceSeconds,
} from "./container-plan.js";
import { asking, askingFor, askingToEnd, type Engine } from "./engine.js";
import { containerName, labels, volumeName } from "./names.js";
import { removeContainer, removeVolume } from "./sweep.js";

/** Limits in milliseconds: for a container to be gone or frozen, to end by itself, and for its script to answer. */
export const engineEffectTimeoutMs = 10_000;
export const containerTermTimeoutMs = 15_000;
export const statusTimeoutMs = 5_000;

/** What the controls of an ensemble share. */
export interface ContainersContext {
  readonly engine: Engine;
  readonly spec: EnsembleSpec;
  /** For everything that is made: whose it is. */
  readonly labels: Readonly<Record<string, string>>;
  /** The image; made when a container has to be, so who only looks never waits for it. */
  readonly image: () => Promise<string>;
  readonly network: () => Promise<ContainerNetwork>;
}

/** One control for each server of an ensemble. */
export function createContainerControls(context: ContainersContext): ContainerControl[] {
  return context.spec.servers.map((server) => new ContainerControl(server, context));
}

interface Inspected {
  readonly id: string;
  readonly isRunning: boolean;
  readonly isPaused: boolean;
  readonly pid: number;
  readonly startedAt: string;
  readonly exitCode: number;
  readonly problem: string;
  readonly plan: string | undefined;
  readonly networkId: string | undefined;
}

/** See the rules above. */
export class ContainerControl implements Control {
  readonly server: ServerSpec;
  readonly output: ContainerOutput;
  readonly container: string;
  readonly volume: string;
  readonly #context: ContainersContext;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(server: ServerSpec, context: ContainersContext) {
    const key = context.spec.docker?.key ?? context.spec.name;
    this.server = server;
    this.container = containerName(key, server.id);
    this.volume = volumeName(context.spec, server.id);
    this.output = new ContainerOutput(context.engine.docker, this.container);
    this.#context = context;
  }

  async find(): Promise<ProcessSnapshot | null> {
    return snapshotOf(await this.#inspect());
  }

  findAnywhere(): Promise<ProcessSnapshot | null> {
    return this.find();
  }

  /**
   * Makes the container run: starts it when stopped, resumes it when paused, leaves it when it runs.
   *
   * @throws LabError `PORT_TAKEN`, `SERVER_EXITED`, `NO_IMAGE`, `ENGINE_FAILED` and its like
   */
  start(mayStart: () => void = () => {}): Promise<ProcessIdentity> {
    return this.#oneAtATime(async () => {
      mayStart();
      const found = await this.#inspect();
      if (found?.isRunning === true) {
        if (found.isPaused) await this.#resume();
        return identityOf(found);
      }
      await this.#checkPort();
      await this.#ensureContainer(found);
      mayStart();
      await asking(`the start of server ${this.server.id}`, () => this.#handle.start()).catch(
        withServer(this.server),
      );
      const started = await this.#inspect();
      if (started?.isRunning === true) return identityOf(started);
      throw new LabError(
        "SERVER_EXITED",
        `Server ${this.server.id} did not start: its container ended with ${started?.exitCode ?? "nothing"}. ${started?.problem ?? ""}\n${await tailOf(this)}`,
        { details: { server: this.server.id, exitCode: started?.exitCode ?? null } },
      );
    });
  }

  /** SIGTERM, after some seconds SIGKILL. Nothing to do when it does not run. */
  stop(): Promise<void> {
    return this.#oneAtATime(async () => {
      const found = await this.#inspect();
      if (found?.isRunning !== true) return;
      if (found.isPaused) await this.#resume();
      const seconds = Math.ceil(stopGraceSeconds * timeScale());
      await askingToEnd(`the stop of server ${this.server.id}`, () => this.#handle.stop({ t: seconds }));
      await this.#waitGone(found, "a stop", engineEffectTimeoutMs);
    });
  }

  kill(): Promise<ProcessIdentity | null> {
    return this.#end("SIGKILL", engineEffectTimeoutMs);
  }

  term(): Promise<ProcessIdentity | null> {
    return this.#end("SIGTERM", containerTermTimeoutMs);
  }

  /** By the engine, which freezes every process of the container. */
  pause(): Promise<void> {
    return this.#oneAtATime(async () => {
      if ((await this.#mustRun("paused")).isPaused) return;
      await asking(`the pause of server ${this.server.id}`, () => this.#handle.pause());
    });
  }

  resume(): Promise<void> {
    return this.#oneAtATime(async () => {
      if ((await this.#mustRun("resumed")).isPaused) await this.#resume();
    });
  }

  /** `zkServer.sh status` in the container, or null when it did not end in time. */
  async askScript(): Promise<ScriptResult | null> {
    const { client } = this.#context.engine;
    const words = [`${containerHome}/bin/zkServer.sh`, "status", `${containerHome}/conf/zoo.cfg`];
    const limit = new AbortController();
    try {
      const asked = client.container.exec(this.#handle, words, {
        env: { ZOO_LOG_DIR: `${containerHome}/logs` },
      });
      const late = pause(statusTimeoutMs * timeScale(), limit.signal).then(() => null);
      const result = await Promise.race([asked, late]);
      if (result === null) return null;
      return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr, timedOut: false };
    } catch {
      // A status tells what is there: a container that has just ended is asked in vain, and its state says so already.
      return null;
    } finally {
      limit.abort();
    }
  }

  /** As the engine accounts for the container's processes, without what the system keeps of files for them. */
  async residentBytes(): Promise<number | null> {
    try {
      const stats = await this.#handle.stats({ stream: false, "one-shot": true } as { stream: false });
      const { rss, anon } = (stats.memory_stats?.stats ?? {}) as {
        readonly rss?: number;
        readonly anon?: number;
      };
      return rss ?? anon ?? null;
    } catch {
      // Not there, or an engine that does not account for memory.
      return null;
    }
  }

  /** Takes the container away, and what the server has stored when that is to go too. */
  async remove({ withData }: { readonly withData: boolean }): Promise<void> {
    const { engine } = this.#context;
    await this.#oneAtATime(async () => {
      await removeContainer(engine, this.container);
      if (withData) await removeVolume(engine, this.volume);
    });
  }

  get #handle(): ReturnType<Engine["docker"]["getContainer"]> {
    return this.#context.engine.docker.getContainer(this.container);
  }

  async #inspect(): Promise<Inspected | null> {
    const found = await askingFor(`a look at server ${this.server.id}`, () => this.#handle.inspect());
    if (found === null) return null;
    const { State: state, Config: config, NetworkSettings: settings, HostConfig: host } = found;
    return {
      id: found.Id,
      isRunning: state.Running,
      isPaused: state.Paused,
      pid: state.Pid,
      startedAt: state.StartedAt,
      exitCode: state.ExitCode,
      problem: state.Error,
      plan: config.Labels[labels.plan],
      networkId: settings.Networks[host.NetworkMode ?? ""]?.NetworkID,
    };
  }

  async #ensureContainer(found: Inspected | null): Promise<void> {
    const { engine, spec, image, network } = this.#context;
    const [imageName, net] = await Promise.all([image(), network()]);
    const plan = containerPlan(spec, this.server, net.addresses);
    const digest = createHash("sha256")
      .update(JSON.stringify([plan, imageName, net.id]))
      .digest("hex")
      .slice(0, 16);
    if (found !== null && found.plan === digest) return;
    if (found !== null) await removeContainer(engine, this.container);
    const port = `${containerPorts.client}/tcp`;
    const own = { ...this.#context.labels, [labels.server]: String(this.server.id) };
    const keeper = spec.docker?.keeper;
    await asking(`a volume for server ${this.server.id}`, () =>
      engine.docker.createVolume({
        Name: this.volume,
        Labels: { ...own, ...(keeper ? { [labels.keeper]: keeper } : {}) },
      }),
    );
    await asking(`a container for server ${this.server.id}`, () =>
      engine.client.container.create({
        name: this.container,
        Image: imageName,
        Hostname: plan.hostname,
        Env: Object.entries(plan.environment).map(([key, value]) => `${key}=${value}`),
        Labels: { ...own, [labels.plan]: digest },
        ExposedPorts: { [port]: {} },
        StopTimeout: stopGraceSeconds,
        ...(spec.docker?.isHealthChecked ? {} : { Healthcheck: { Test: ["NONE"] } }),
        HostConfig: {
          NetworkMode: net.name,
          PortBindings: { [port]: [{ HostIp: this.server.host, HostPort: String(plan.publishedPort) }] },
          Mounts: [{ Type: "volume", Source: this.volume, Target: containerData }],
          ExtraHosts: Object.entries(plan.hosts).map(([name, address]) => `${name}:${address}`),
          // The server runs as nobody in particular and needs no right of root.
          CapDrop: ["ALL"],
          SecurityOpt: ["no-new-privileges"],
          LogConfig: { Type: "json-file", Config: { "max-size": "50m", "max-file": "2" } },
        },
        NetworkingConfig: {
          EndpointsConfig: {
            [net.name]: { IPAMConfig: { IPv4Address: plan.address }, Aliases: [plan.hostname] },
          },
        },
      }),
    );
  }

  #end(signal: "SIGKILL" | "SIGTERM", timeoutMs: number): Promise<ProcessIdentity | null> {
    return this.#oneAtATime(async () => {
      const found = await this.#inspect();
      if (found?.isRunning !== true) return null;
      // Frozen processes obey neither: SIGTERM would wait, and an engine may refuse to kill what it has paused.
      if (found.isPaused && signal === "SIGTERM") await this.#resume();
      await askingToEnd(`${signal} for server ${this.server.id}`, () => this.#handle.kill({ signal }));
      await this.#waitGone(found, signal, timeoutMs);
      return identityOf(found);
    });
  }

  #resume(): Promise<void> {
    return askingToEnd(`the resuming of server ${this.server.id}`, () => this.#handle.unpause());
  }

  async #waitGone(found: Inspected, after: string, timeoutMs: number): Promise<void> {
    await waitFor({
      what: `server ${this.server.id} (container ${this.container}) to end after ${after}`,
      timeoutMs,
      intervalMs: 5,
      code: "WRONG_STATE",
      look: async () => {
        const now = await this.#inspect();
        return now?.isRunning !== true || now.startedAt !== found.startedAt ? true : undefined;
      },
      describe: () => tailOf(this),
    });
  }

  async #mustRun(verb: string): Promise<Inspected> {
    const found = await this.#inspect();
    if (found?.isRunning === true) return found;
    throw new LabError(
      "WRONG_STATE",
      `Server ${this.server.id} cannot be ${verb}: it does not run: start it first.`,
      { details: { server: this.server.id } },
    );
  }

  /** Before the engine finds out, which would leave a container behind and name nobody. */
  async #checkPort(): Promise<void> {
    const { id, clientPort } = this.server;
    const deadline = performance.now() + 1_000;
    while (!(await isPortFree(clientPort))) {
      if (performance.now() < deadline) {
        await pause(20);
        continue;
      }
      const owner = describePortOwner(clientPort);
      throw new LabError(
        "PORT_TAKEN",
        `The client port ${clientPort} of server ${id} is taken by ${owner}. End that process, or give the ensemble other ports (--name NAME leases free ones).`,
        { details: { server: id, port: clientPort, owner } },
      );
    }
  }

  #oneAtATime<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(change, change);
    // The next one waits for this one's end, whatever it is; its failure belongs to its own caller.
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

function snapshotOf(found: Inspected | null): ProcessSnapshot | null {
  return found?.isRunning === true ? { ...identityOf(found), isPaused: found.isPaused, args: [] } : null;
}

/** A container that is started again has another start time; one that is made again, another id. */
function identityOf({ id, pid, startedAt }: Inspected): ProcessIdentity {
  return { pid, startTime: `${id}@${startedAt}` };
}

function withServer({ id, clientPort }: ServerSpec): (error: unknown) => never {
  return (error) => {
    if (!isLabError(error, "PORT_TAKEN")) throw error;
    const details = { server: id, port: clientPort };
    throw new LabError("PORT_TAKEN", `Server ${id}: ${error.message}`, { cause: error, details });
  };
}
