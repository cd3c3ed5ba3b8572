/**
 * A ZooKeeper ensemble as a pure state machine: connections, bytes and misfortunes go in; bytes and endings come out. It
 * has no clock, no sockets and no chance of its own; the same seed and the same inputs give the same outputs.
 *
 * Servers behave as those of 3.4.6. What is simpler than there: votes of an election are not sent one by one, a follower
 * applies a transaction only when it is on its own disk, one that no leader takes in asks again every half tick only, and
 * latencies are 0 in all statistics.
 */
import type { DataTree } from "../tree/data-tree.js";
import { Disk } from "./disk.js";
import { Elections } from "./elections.js";
import type { Entry } from "./request.js";
import { Server } from "./server.js";
import { settingsOf } from "./settings.js";
import type { ModelInput, ModelOptions, ModelOutput, ServerRole } from "./types.js";
import { World } from "./world.js";

/** A server, to be looked at. */
export interface ServerView {
  readonly id: number;
  readonly role: ServerRole;
  /** Whether it takes frames of clients: it leads or follows with a quorum, stands alone, or serves read-only. */
  readonly isServing: boolean;
  readonly isPaused: boolean;
  readonly lastZxid: bigint;
  /** The last transaction on its disk, applied or not. */
  readonly loggedZxid: bigint;
  /** What the server has applied. Not to be changed. */
  readonly tree: DataTree;
  /** How many clients are connected. */
  readonly connections: number;
  /** The connection that serves a session here. */
  holds(sessionId: bigint): number | undefined;
  /** What is on its disk, for {@link ModelOptions.disks}. */
  disk(): Uint8Array;
}

/** See the head of this file. */
export class EnsembleModel {
  readonly #world: World;
  readonly #servers: Server[] = [];
  readonly #elections: Elections;
  readonly #serverOf = new Map<number, Server>();
  readonly #committed: Entry[] = [];

  /** @throws RangeError for options that make no ensemble; Error for disks that no model has written */
  constructor(options: ModelOptions) {
    const settings = settingsOf(options);
    const world = new World(settings, this.#servers);
    this.#world = world;
    this.#elections = new Elections(world, this.#servers);
    for (let id = 1; id <= settings.servers; id += 1) {
      const saved = options.disks?.[id - 1];
      this.#servers.push(new Server(world, id, saved === undefined ? new Disk() : Disk.restore(saved)));
    }
    if (settings.recordHistory) world.committed = this.#committed;
    for (const server of this.#servers) server.start();
    this.#run();
  }

  get size(): number {
    return this.#servers.length;
  }

  get tickTimeMs(): number {
    return this.#world.settings.tickTimeMs;
  }

  /** The server that leads with a quorum behind it; a standalone server while it runs. */
  get leaderId(): number | undefined {
    return this.#servers.find(
      ({ isRunning, isServing, role, isPaused }) =>
        isRunning && isServing && !isPaused && (role === "leading" || role === "standalone"),
    )?.id;
  }

  /** With {@link ModelOptions.recordHistory}: every transaction that became final, in order. */
  get committed(): readonly Entry[] {
    return this.#committed;
  }

  /** @throws RangeError for a number that no server has */
  server(id: number): ServerView {
    return viewOf(this.#get(id));
  }

  /** When to call `step` with a `time` input at the latest; calling early is harmless. */
  nextDeadlineMs(): number {
    return this.#world.schedule.nextMs();
  }

  /** Takes one input. @throws RangeError for a server that there is not */
  step(input: ModelInput): void {
    const world = this.#world;
    // What was due before comes before.
    this.#runUntil(input.nowMs);
    world.nowMs = Math.max(world.nowMs, input.nowMs);
    this.#take(input);
    this.#run();
  }

  /** All outputs since the last call, in order. */
  drain(): ModelOutput[] {
    const { outputs } = this.#world;
    this.#world.outputs = [];
    for (const server of this.#servers) server.drained();
    return outputs;
  }

  #take(input: ModelInput): void {
    switch (input.kind) {
      case "time":
        return;
      case "accept": {
        const { connection: number, address, port = 0 } = input;
        const server = this.#get(input.server);
        if (!server.isRunning) {
          this.#world.outputs.push({ kind: "end", connection: number, how: "reset" });
          return;
        }
        this.#serverOf.set(number, server);
        return server.whenAwake(() => server.accept({ number, address, port }));
      }
      case "received": {
        const server = this.#serverOf.get(input.connection);
        return server?.whenAwake(() => server.received(input.connection, input.bytes));
      }
      case "closed": {
        const server = this.#serverOf.get(input.connection);
        this.#serverOf.delete(input.connection);
        return server?.whenAwake(() => server.closed(input.connection));
      }
      case "kill":
        return this.#get(input.server).kill(input.wipe ?? false);
      case "start":
        return this.#get(input.server).start();
      case "pause":
        return this.#get(input.server).pause();
      case "resume":
        return this.#get(input.server).resume();
      case "partition":
        return this.#world.partition(input.groups);
      default:
        return input satisfies never;
    }
  }

  /** Lets happen what is due, each at its own time. */
  #runUntil(nowMs: number): void {
    const world = this.#world;
    for (let due = world.schedule.take(nowMs); due !== undefined; due = world.schedule.take(nowMs)) {
      world.nowMs = Math.max(world.nowMs, due.atMs);
      due.task();
      if (world.electionIsDue) this.#elections.consider();
    }
  }

  #run(): void {
    const world = this.#world;
    do {
      if (world.electionIsDue) this.#elections.consider();
      this.#runUntil(world.nowMs);
    } while (world.electionIsDue);
    for (const output of world.outputs) {
      if (output.kind === "end") this.#serverOf.delete(output.connection);
    }
  }

  #get(id: number): Server {
    const server = this.#servers[id - 1];
    if (server === undefined)
      throw new RangeError(`there is no server ${id}: they are 1 to ${this.#servers.length}`);
    return server;
  }
}

function viewOf(server: Server): ServerView {
  return {
    id: server.id,
    role: server.role,
    isServing: server.isServing,
    isPaused: server.isPaused,
    lastZxid: server.tree.lastZxid,
    loggedZxid: server.disk.loggedZxid,
    tree: server.tree,
    connections: server.connections.size,
    holds: (sessionId) => {
      const connection = server.connectionOf(sessionId);
      return connection?.isEstablished ? connection.number : undefined;
    },
    disk: () => server.disk.save(),
  };
}
