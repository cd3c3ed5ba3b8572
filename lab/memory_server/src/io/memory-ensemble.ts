/** The methods of {@link MemoryEnsemble} over one model and its driver. */
import type { EnsembleModel } from "../model/ensemble-model.js";
import type { ModelDriver } from "./driver.js";
import type {
  MemoryEnsemble,
  MemoryEnsembleStatus,
  MemoryReadyOptions,
  MemoryServer,
  MemoryServerLog,
  MemorySessionHolder,
  MemoryStartOptions,
} from "./ensemble-types.js";
import { MemoryServerError } from "./errors.js";
import { expireSession } from "./expire-session.js";
import type { LogBook } from "./log-book.js";
import type { MemoryTransport } from "./memory-transport.js";
import { defaultReadyTimeoutMs, modelVersion } from "./options.js";
import { probe } from "./sessions.js";
import type { TcpFront } from "./tcp.js";
import {
  describeSeen,
  findProblem,
  followersAmong,
  leaderAmong,
  lookAtAll,
  readStatus,
  type Seen,
} from "./views.js";
import { formatSeconds, nextRound, type SetLimit, type WaitOptions, waitFor, withLimit } from "./wait.js";

/** Milliseconds to wait for a leader or a server unless told. */
export const defaultWaitMs = 30_000;

/** What an ensemble is made of. */
export interface EnsembleParts {
  readonly name: string;
  readonly dir: string;
  readonly model: EnsembleModel;
  readonly driver: ModelDriver;
  readonly servers: readonly MemoryServer[];
  /** By place; empty without sockets. */
  readonly fronts: readonly TcpFront[];
  readonly transport: MemoryTransport;
  readonly logBook: LogBook;
  readonly logPaths: ReadonlyMap<number, string>;
  readonly setLimit: SetLimit;
  /** Run once, when the servers are down. */
  readonly end: () => Promise<void>;
}

/** See {@link MemoryEnsemble}. */
export class ModelEnsemble implements MemoryEnsemble {
  readonly #parts: EnsembleParts;
  #stopping: Promise<void> | null = null;
  #probes = 0;

  constructor(parts: EnsembleParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  get version(): string {
    return modelVersion;
  }

  get dir(): string {
    return this.#parts.dir;
  }

  get tickTimeMs(): number {
    return this.#parts.model.tickTimeMs;
  }

  get connectionString(): string {
    return this.servers.map(({ host, clientPort }) => `${host}:${clientPort}`).join(",");
  }

  get servers(): readonly MemoryServer[] {
    return this.#parts.servers;
  }

  get model(): EnsembleModel {
    return this.#parts.model;
  }

  get driver(): ModelDriver {
    return this.#parts.driver;
  }

  get transport(): MemoryTransport {
    return this.#parts.transport;
  }

  async leader(options: WaitOptions = {}): Promise<number> {
    this.#mustBeUp();
    return await this.#wait("exactly one leader", "NO_LEADER", options, defaultWaitMs, () => {
      this.#mustBeUp();
      return leaderAmong(this.#look()) ?? undefined;
    });
  }

  async followers(): Promise<number[]> {
    this.#mustBeUp();
    return followersAmong(this.#look());
  }

  async status(): Promise<MemoryEnsembleStatus> {
    return await readStatus(this, this.model, this.driver, this.servers);
  }

  async ready(options: MemoryReadyOptions = {}): Promise<void> {
    this.#mustBeUp();
    const ids = options.servers ?? this.servers.map(({ id }) => id);
    for (const id of ids) this.#find(id);
    const timeoutMs = options.timeoutMs ?? defaultReadyTimeoutMs;
    await withLimit(
      async (signal) => {
        await this.serving({ servers: ids, timeoutMs, signal });
        await Promise.all(ids.map((id) => this.#probeUntil(id, signal)));
      },
      {
        setLimit: this.#parts.setLimit,
        timeoutMs,
        signal: options.signal,
        late: () =>
          new MemoryServerError(
            "NOT_READY",
            `Waited ${formatSeconds(timeoutMs)} for a write, a sync and a read to pass through servers ${ids.join(", ")}. ${this.#describe()}`,
          ),
      },
    );
  }

  /** What `ready` waits for, but for the proof by a write: a model that has just been made needs none. */
  async serving(options: MemoryReadyOptions): Promise<void> {
    const ids = options.servers ?? this.servers.map(({ id }) => id);
    const what = `servers ${ids.join(", ")} to be ready`;
    await this.#wait(what, "NOT_READY", options, defaultReadyTimeoutMs, () => this.#lookReady(ids));
    await Promise.all(ids.map((id) => this.#parts.fronts[id - 1]?.settled()));
  }

  async kill(id: number): Promise<void> {
    this.#find(id);
    this.driver.control({ kind: "kill", server: id });
  }

  async term(id: number): Promise<void> {
    await this.kill(id);
  }

  async wipe(id: number): Promise<void> {
    this.#find(id);
    this.driver.control({ kind: "kill", server: id, wipe: true });
  }

  async pause(id: number): Promise<void> {
    this.#mustRun(id, "paused");
    if (!this.model.server(id).isPaused) this.driver.control({ kind: "pause", server: id });
  }

  async resume(id: number): Promise<void> {
    this.#mustRun(id, "resumed");
    if (this.model.server(id).isPaused) this.driver.control({ kind: "resume", server: id });
  }

  async partition(groups: readonly (readonly number[])[]): Promise<void> {
    this.#mustBeUp();
    for (const id of groups.flat()) this.#find(id);
    this.driver.control({ kind: "partition", groups });
  }

  async start(id: number, options: MemoryStartOptions = {}): Promise<void> {
    this.#find(id);
    options.signal?.throwIfAborted();
    this.#startNow(id);
    await this.#parts.fronts[id - 1]?.settled();
    const wait = options.wait ?? "serving";
    if (wait === "process") return;
    const what = wait === "serving" ? "serve" : "answer";
    await this.#wait(`server ${id} to ${what}`, "NOT_READY", options, defaultWaitMs, () => {
      this.#mustLive(id);
      const mode = this.#look().find(({ server }) => server.id === id)?.mode;
      if (mode === undefined || mode === "silent") return undefined;
      return wait === "serving" && mode === "not-serving" ? undefined : true;
    });
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
      throw new MemoryServerError(
        "WRONG_STATE",
        "No server follows the leader, so there is no follower to kill.",
      );
    }
    await this.kill(id);
    return id;
  }

  async restartAll(options: WaitOptions & { readonly rolling?: boolean } = {}): Promise<void> {
    this.#mustBeUp();
    options.signal?.throwIfAborted();
    const all = this.servers.map(({ id }) => id);
    if (options.rolling !== true) {
      for (const id of all) await this.kill(id);
      for (const id of all) this.#startNow(id);
      await this.ready(options);
      return;
    }
    // Taking a server away is safe only while all the others are there.
    for (const id of all) this.#startNow(id);
    await this.ready(options);
    const leader = leaderAmong(this.#look());
    for (const id of [...all.filter((one) => one !== leader), ...(leader === null ? [] : [leader])]) {
      await this.kill(id);
      this.#startNow(id);
      await this.ready(options);
    }
  }

  async expireSession(client: MemorySessionHolder, options: WaitOptions = {}): Promise<void> {
    this.#mustBeUp();
    await expireSession(this.#parts, client, options);
  }

  async serverOf(client: { readonly sessionId: bigint }): Promise<number | null> {
    this.#mustBeUp();
    const wanted = BigInt.asIntN(64, client.sessionId);
    if (wanted === 0n) return null;
    const holders = this.#look().flatMap(({ server, process }) => {
      const connection = process === "running" ? this.model.server(server.id).holds(wanted) : undefined;
      return connection === undefined ? [] : [{ id: server.id, connection }];
    });
    // A session that moved may still be held where it was: the youngest connection counts.
    return holders.sort((a, b) => b.connection - a.connection)[0]?.id ?? null;
  }

  async logs(id?: number): Promise<MemoryServerLog[]> {
    const chosen = id === undefined ? this.servers : [this.#known(id)];
    return chosen.map((server) => ({
      id: server.id,
      path: this.#parts.logPaths.get(server.id) ?? `${server.dir}/server.log`,
      text: this.#parts.logBook.text(server.id),
    }));
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stopAll(): Promise<void> {
    const { driver, fronts, end } = this.#parts;
    for (const { id } of this.servers) driver.control({ kind: "kill", server: id });
    await Promise.all(fronts.map((front) => front.close()));
    driver.stop();
    await end();
  }

  #startNow(id: number): void {
    const { role, isPaused } = this.model.server(id);
    if (role === "down") this.driver.control({ kind: "start", server: id });
    else if (isPaused) this.driver.control({ kind: "resume", server: id });
  }

  #lookReady(ids: readonly number[]): true | undefined {
    for (const id of ids) this.#mustLive(id);
    const seen = this.#look().filter(({ server }) => ids.includes(server.id));
    return findProblem(seen) === null ? true : undefined;
  }

  async #probeUntil(id: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#mustLive(id);
      this.#probes += 1;
      try {
        return await probe(this.driver, id, `/zk-lab-probe-${this.name}-${id}-${this.#probes}`, signal);
      } catch {
        // It may just have lost its leader; the limit decides when that is too long.
        await nextRound(this.driver, signal);
      }
    }
  }

  #wait<T>(
    what: string,
    code: "NOT_READY" | "NO_LEADER",
    options: WaitOptions,
    timeoutMs: number,
    look: () => T | undefined,
  ): Promise<T> {
    return waitFor({
      driver: this.driver,
      setLimit: this.#parts.setLimit,
      what,
      code,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      signal: options.signal,
      look,
      describe: () => this.#describe(),
    });
  }

  #describe(): string {
    const tails = this.servers.map(({ id }) => this.#parts.logBook.tail(id));
    return `Last seen: ${describeSeen(this.#look())}.\n${tails.join("\n")}`;
  }

  #look(): Seen[] {
    return lookAtAll(this.model, this.servers);
  }

  #find(id: number): MemoryServer {
    this.#mustBeUp();
    return this.#known(id);
  }

  #known(id: number): MemoryServer {
    const found = this.servers.find((server) => server.id === id);
    if (found !== undefined) return found;
    const known = this.servers.map((server) => server.id).join(", ");
    throw new MemoryServerError("UNKNOWN_SERVER", `There is no server ${id}; this ensemble has ${known}.`, {
      details: { server: id, servers: this.servers.map((server) => server.id) },
    });
  }

  #mustRun(id: number, verb: string): void {
    this.#find(id);
    if (this.model.server(id).role !== "down") return;
    throw new MemoryServerError(
      "WRONG_STATE",
      `Server ${id} cannot be ${verb}: it does not run: start it first.`,
      { details: { server: id } },
    );
  }

  #mustLive(id: number): void {
    this.#mustBeUp();
    if (this.model.server(id).role !== "down") return;
    throw new MemoryServerError(
      "SERVER_EXITED",
      `Server ${id} does not run: it was killed, or never started. ${this.#parts.logBook.tail(id)}`,
      { details: { server: id } },
    );
  }

  #mustBeUp(): void {
    if (this.#stopping === null) return;
    throw new MemoryServerError("STOPPED", `The ensemble ${this.name} has been stopped; start another one.`);
  }
}
