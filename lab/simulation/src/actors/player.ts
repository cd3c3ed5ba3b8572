/** Who performs a scenario: one client, from its making to its end, and what its user may ask of the world. */
import type { Client } from "@zk/client";
import type { Chance } from "../world/chance.js";
import type { World } from "../world/world.js";
import type { Actor } from "./actor.js";

/** See the head of this file. */
export class Player {
  readonly actor: Actor;
  /** Choices of its own. */
  readonly chance: Chance;
  readonly #world: World;
  readonly #rest = new AbortController();

  constructor(world: World, actor: Actor, chance: Chance) {
    this.#world = world;
    this.actor = actor;
    this.chance = chance;
  }

  /** `p1.1`, then `p1.2` for the one that takes its place. */
  get name(): string {
    return this.actor.name;
  }

  /** The client, on the model, under virtual time. */
  get client(): Client {
    return this.actor.client;
  }

  /** Aborts when no more harm is done: time to let go of everything. */
  get resting(): AbortSignal {
    return this.#rest.signal;
  }

  /**
   * Runs behind every turn of its program, when all continuations have run. What a user could believe at any time can be
   * compared with the servers here: a program that stands still believes nothing.
   */
  set afterTurn(look: () => void) {
    this.actor.afterStep = look;
  }

  /** Waits by the client's own clock. @throws the signal's reason when it aborts */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const aborted = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.client.clock.setTimer(delayMs, () => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      });
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  /** A line for the trace. */
  note(what: string): void {
    this.#world.trace.add(this.#world.timeline.nowMs, this.name, what);
  }

  /** A promise is broken. Ends the run. */
  report(message: string): void {
    this.#world.findings.report("scenario", `${this.name}: ${message}`);
  }

  /** Reports unless it holds. The message is made only when it is needed. */
  demand(holds: boolean, message: () => string): void {
    if (!holds) this.report(message());
  }

  /** No more harm is done. To be called in a turn of its program. */
  rest(): void {
    this.#rest.abort(new Error("no more harm is done"));
  }

  /** Whether anybody still listens for that. */
  get isListening(): boolean {
    return this.#world.abortListeners(this.resting) > 0;
  }
}
