/** An ensemble on this machine, of whatever its servers are made: the methods of {@link Ensemble} over one control a server. */
import { LabError } from "../errors.js";
import { timeScale, type WaitOptions } from "../wait.js";
import type { Control } from "./control.js";
import { backendOf, connectionStringOf, type EnsembleSpec } from "./layout.js";
import { defaultReadyTimeoutMs } from "./options.js";
import {
  describeSeen,
  findProblem,
  followersAmong,
  leaderAmong,
  lookAtAll,
  pick,
  type Seen,
  waitForAnswer,
  waitForLeader,
  waitForReady,
  waitForServing,
} from "./readiness.js";
import { expireSession, serverOf } from "./session-control.js";
import type {
  Ensemble,
  EnsembleServer,
  EnsembleStatus,
  ReadyOptions,
  ServerLog,
  ServerStatus,
  SessionHolder,
  StartOptions,
} from "./types.js";

/** What an ensemble holds besides its servers. */
export interface EnsembleResources {
  /** Run once, before the servers. */
  begin(): Promise<void>;
  /** Run once, after the servers are down. */
  end(): Promise<void>;
}

/** See {@link Ensemble}. */
export class ProcessEnsemble implements Ensemble {
  readonly spec: EnsembleSpec;
  readonly controls: readonly Control[];
  readonly #resources: EnsembleResources;
  #stopping: Promise<void> | null = null;

  constructor(spec: EnsembleSpec, controls: readonly Control[], resources: EnsembleResources) {
    this.spec = spec;
    this.controls = controls;
    this.#resources = resources;
  }

  /** Readies what the servers need from this process. Before the first of them is started. */
  async begin(): Promise<void> {
    await this.#resources.begin();
  }

  get name(): string {
    return this.spec.name;
  }

  get version(): string {
    return this.spec.version;
  }

  get dir(): string {
    return this.spec.dir;
  }

  get tickTimeMs(): number {
    return this.spec.tickTimeMs;
  }

  get connectionString(): string {
    return connectionStringOf(this.spec.servers);
  }

  get servers(): readonly EnsembleServer[] {
    return this.spec.servers;
  }

  async leader(options?: WaitOptions): Promise<number> {
    this.#mustBeUp();
    return (await waitForLeader(this.controls, options)).server.id;
  }

  async followers(): Promise<number[]> {
    this.#mustBeUp();
    return followersAmong(await lookAtAll(this.controls)).map(({ server }) => server.id);
  }

  async status(): Promise<EnsembleStatus> {
    const seen = await lookAtAll(this.controls, 2_000);
    const servers = await Promise.all(seen.map(toServerStatus));
    const runs = servers.filter((server) => server.process !== "stopped").length;
    const problem = runs === 0 ? describeSeen(seen) : await findProblem(this.controls);
    const serving = servers.filter((server) => server.answer === "serving").length;
    return {
      name: this.name,
      backend: backendOf(this.spec),
      version: this.version,
      dir: this.dir,
      connectionString: this.connectionString,
      state: runs === 0 ? "down" : problem === null ? "up" : "partly-up",
      hasQuorum: serving > this.controls.length / 2,
      leader: leaderAmong(seen)?.server.id ?? null,
      problem,
      servers,
    };
  }

  async ready(options: ReadyOptions = {}): Promise<void> {
    this.#mustBeUp();
    const ids = options.servers ?? this.servers.map(({ id }) => id);
    const chosen = ids.map((id) => pick(this.controls, id));
    const timeoutMs = options.timeoutMs ?? defaultReadyTimeoutMs;
    await waitForReady(this.spec, chosen, { signal: options.signal, timeoutMs });
  }

  async kill(id: number): Promise<void> {
    await this.#control(id).kill();
  }

  async term(id: number): Promise<void> {
    await this.#control(id).term();
  }

  async pause(id: number): Promise<void> {
    await this.#control(id).pause();
  }

  async resume(id: number): Promise<void> {
    await this.#control(id).resume();
  }

  async start(id: number, options: StartOptions = {}): Promise<void> {
    const control = this.#control(id);
    options.signal?.throwIfAborted();
    // Asked again when it is this server's turn: a stop of the ensemble may have come in between.
    await control.start(() => this.#mustBeUp());
    const wait = options.wait ?? "serving";
    if (wait === "serving") await waitForServing(control, options);
    if (wait === "answering") await waitForAnswer(control, options);
  }

  async killLeader(options?: WaitOptions): Promise<number> {
    const id = await this.leader(options);
    await this.kill(id);
    return id;
  }

  async killFollower(options?: WaitOptions): Promise<number> {
    await this.leader(options);
    const [id] = await this.followers();
    if (id === undefined) {
      throw new LabError("WRONG_STATE", "No server follows the leader, so there is no follower to kill.");
    }
    await this.kill(id);
    return id;
  }

  async restartAll(options: WaitOptions & { readonly rolling?: boolean } = {}): Promise<void> {
    this.#mustBeUp();
    const timeoutMs = options.timeoutMs ?? defaultReadyTimeoutMs;
    const deadline = performance.now() + timeoutMs * timeScale();
    const restart = async (controls: readonly Control[]): Promise<void> => {
      options.signal?.throwIfAborted();
      await Promise.all(controls.map((control) => control.stop()));
      await Promise.all(controls.map((control) => control.start(() => this.#mustBeUp())));
    };
    const left = (): number => Math.max(1, (deadline - performance.now()) / timeScale());
    const allReady = (): Promise<void> =>
      waitForReady(this.spec, this.controls, { signal: options.signal, timeoutMs: left() });
    if (options.rolling !== true) {
      await restart(this.controls);
      await allReady();
      return;
    }
    // Taking a server away is safe only while all the others are there.
    await Promise.all(this.controls.map((control) => control.start(() => this.#mustBeUp())));
    await allReady();
    for (const control of await this.#leaderLast()) {
      await restart([control]);
      await allReady();
    }
  }

  async expireSession(client: SessionHolder, options?: WaitOptions): Promise<void> {
    this.#mustBeUp();
    await expireSession(this.controls, client, options);
  }

  async serverOf(client: { readonly sessionId: bigint }): Promise<number | null> {
    this.#mustBeUp();
    return await serverOf(this.controls, client);
  }

  async logs(id?: number): Promise<ServerLog[]> {
    const chosen = id === undefined ? this.controls : [pick(this.controls, id)];
    return await Promise.all(
      chosen.map(async ({ server, output }) => ({
        id: server.id,
        path: output.place(),
        text: await output.text(),
      })),
    );
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stopAll(): Promise<void> {
    const ends = await Promise.allSettled(this.controls.map((control) => control.stop()));
    await this.#resources.end();
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    if (failures.length > 0) {
      throw new LabError(
        "WRONG_STATE",
        `Not every server could be stopped: ${failures.map(String).join("\n")}`,
        {
          cause: new AggregateError(failures),
        },
      );
    }
  }

  async #leaderLast(): Promise<Control[]> {
    const leader = leaderAmong(await lookAtAll(this.controls));
    const others = this.controls.filter((control) => control !== leader);
    return leader === null ? others : [...others, leader];
  }

  #control(id: number): Control {
    this.#mustBeUp();
    return pick(this.controls, id);
  }

  #mustBeUp(): void {
    if (this.#stopping === null) return;
    throw new LabError("STOPPED", `The ensemble ${this.name} has been stopped; start another one.`);
  }
}

async function toServerStatus({ control, process, look }: Seen): Promise<ServerStatus> {
  const pid = (await control.find())?.pid ?? null;
  const view = typeof look === "string" ? null : look;
  const asked = process === "running" ? await control.askScript() : null;
  return {
    ...control.server,
    process,
    pid,
    answer: typeof look === "string" ? look : "serving",
    mode: view?.mode ?? null,
    version: view?.version ?? null,
    zxid: view?.zxid ?? null,
    connections: view?.connections ?? null,
    outstanding: view?.outstandingRequests ?? null,
    nodes: view?.nodeCount ?? null,
    residentBytes: await control.residentBytes(),
    script:
      asked === null || asked.exitCode === null
        ? null
        : { exitCode: asked.exitCode, text: asked.stdout.trim() },
  };
}
