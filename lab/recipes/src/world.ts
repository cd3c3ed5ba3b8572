/**
 * Servers and clients in one virtual time, for tests about time: sessions that end, deadlines, stalls. Nothing sleeps; a
 * minute takes milliseconds.
 */
import { type Client, type ClientOptions, type Clock, createClient } from "@zk/client";
import { type DataTree, type MemoryEnsemble, startMemoryEnsemble, VirtualClock } from "@zk/memory-server";
import { Cable } from "./cable.js";
import { Chance } from "./chance.js";

/** How a client's process is got at: its cable, and its event loop. */
export interface Actor {
  readonly client: Client;
  readonly cable: Cable;
  /** Its event loop stands still until it is woken: no timer fires, no byte comes in or goes out. */
  fallAsleep(): void;
  wake(): void;
}

/** What may be said of the servers. */
export interface WorldOptions {
  /** Decides everything that is left to chance. Default 1. */
  readonly seed?: number;
  /** Milliseconds that a message between servers takes, and a write to a disk: from and to. Default 0 to 2. */
  readonly slownessMs?: readonly [number, number];
  /** Whether servers that are cut off from the others serve reads to clients that take it. Default false. */
  readonly readOnlyMode?: boolean;
}

/** See the head of this file. */
export class World implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ensemble: MemoryEnsemble;
  /** For the clients, and for the test. */
  readonly chance: Chance;
  readonly #clients: Client[] = [];

  private constructor(clock: VirtualClock, ensemble: MemoryEnsemble, chance: Chance) {
    this.clock = clock;
    this.ensemble = ensemble;
    this.chance = chance;
  }

  /** Three servers. */
  static async begin(options: WorldOptions = {}): Promise<World> {
    const { seed = 1, slownessMs = [0, 2], readOnlyMode = false } = options;
    const clock = new VirtualClock();
    const times = { linkMs: slownessMs, diskMs: slownessMs };
    const ensemble = await startMemoryEnsemble({
      clock,
      listen: false,
      wait: false,
      seed,
      ...times,
      maxClientCnxns: 0,
      readOnlyMode,
    });
    const world = new World(clock, ensemble, new Chance(seed));
    await world.let("the servers are ready", ensemble.ready());
    return world;
  }

  /** A connected client with a session of 4 seconds. */
  async actor(options: ClientOptions = {}): Promise<Actor> {
    const cable = new Cable(this.ensemble.transport);
    const process = new Process(this.clock, cable);
    const client = createClient(this.ensemble.connectionString, {
      sessionTimeoutMs: 4000,
      ...options,
      ports: {
        clock: process.clock,
        transport: cable.transport,
        randomness: new Chance(this.chance.seed()),
        ...options.ports,
      },
    });
    this.#clients.push(client);
    await this.let("a client connects", client.connect({ timeoutMs: 60_000 }));
    return {
      client,
      cable,
      fallAsleep: () => process.fallAsleep(),
      wake: () => process.wake(),
    };
  }

  /** Lets time pass until the promise is settled, and gives what it gives. */
  async let<T>(what: string, promise: Promise<T>, limitMs = 120_000): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.until(what, () => isSettled, limitMs);
    return await promise;
  }

  /** Lets time pass until it is so. */
  async until(what: string, isSo: () => boolean, limitMs = 120_000): Promise<void> {
    try {
      await this.clock.runUntil(isSo, limitMs);
    } catch (error) {
      throw new Error(`${limitMs} virtual ms in vain: ${what}`, { cause: error });
    }
  }

  /** Lets so much time pass. */
  async pass(forMs: number): Promise<void> {
    await this.clock.advance(forMs);
  }

  /** The znodes as the leader has them now, or the server furthest ahead when nobody leads. */
  get tree(): DataTree {
    const { model } = this.ensemble;
    const views = this.ensemble.servers.map(({ id }) => model.server(id));
    const leader = views.find(({ id }) => id === model.leaderId);
    return (leader ?? views.reduce((one, other) => (other.lastZxid > one.lastZxid ? other : one))).tree;
  }

  /** Names in a directory, as the leader has them now; none when there is no directory. */
  names(path: string): readonly string[] {
    return this.tree.children(path) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.let("all clients close", Promise.all(this.#clients.map((client) => client.close())));
    await this.ensemble.stop();
  }
}

/** An event loop that can stand still while the world goes on. When it runs again timers come first, then what lies in its sockets. */
class Process {
  readonly clock: Clock;
  readonly #cable: Cable;
  #due: (() => void)[] | undefined;

  constructor(clock: VirtualClock, cable: Cable) {
    this.#cable = cable;
    const awake = (callback: () => void) => (): void => {
      if (this.#due === undefined) callback();
      else this.#due.push(callback);
    };
    this.clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (delayMs, callback) => {
        let isCancelled = false;
        const cancel = clock.setTimer(
          delayMs,
          awake(() => {
            if (!isCancelled) callback();
          }),
        );
        return () => {
          isCancelled = true;
          cancel();
        };
      },
      afterContinuations: (callback) => clock.afterContinuations(awake(callback)),
      afterReads: (callback) => clock.afterReads(awake(callback)),
    };
  }

  fallAsleep(): void {
    this.#due ??= [];
    this.#cable.cut();
  }

  wake(): void {
    const due = this.#due ?? [];
    this.#due = undefined;
    for (const callback of due) callback();
    this.#cable.mend();
  }
}
