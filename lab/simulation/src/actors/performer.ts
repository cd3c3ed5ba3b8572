/** A place in a scenario: a player that performs round after round, and another one when it dies. */
import { type ClientOptions, type createClient, isZkError } from "@zk/client";
import type { Play, Scenario } from "../scenarios/scenario.js";
import type { Chance } from "../world/chance.js";
import type { World } from "../world/world.js";
import { Actor } from "./actor.js";
import { isServedForSure, type Part, retire } from "./part.js";
import { Player } from "./player.js";

const CLOSE_MS = 3000;
const RETRY_MS = 100;
const CONNECT_MS = 20_000;
const PAUSE_MS = 200;

/** What a place is made of. */
export interface PerformerOptions {
  readonly place: number;
  readonly scenario: Scenario;
  readonly play: Play;
  readonly createClient: typeof createClient;
  readonly sessionTimeoutMs: number;
}

/** See the head of this file. */
export class Performer implements Part {
  readonly former: Actor[] = [];
  readonly #world: World;
  readonly #about: PerformerOptions;
  readonly #chance: Chance;
  #player: Player;
  #generation = 0;
  #isStarted = false;
  #isEnding = false;
  #isInRound = false;

  constructor(world: World, about: PerformerOptions) {
    this.#world = world;
    this.#about = about;
    this.#chance = world.chance.fork(`p${about.place}`);
    this.#player = this.#make();
  }

  get actor(): Actor {
    return this.#player.actor;
  }

  begin(prepares: boolean, prepared: () => void): void {
    const player = this.#player;
    player.actor.program.post("user", () => {
      void player.actor.connect(CONNECT_MS);
      void this.#prepare(player, prepares).then(prepared);
    });
    this.#tend();
  }

  start(): void {
    this.#isStarted = true;
    const player = this.#player;
    player.actor.program.post("user", () => void this.#perform(player));
  }

  rest(): void {
    this.#isEnding = true;
    const player = this.#player;
    player.actor.spare();
    player.actor.program.post("user", () => player.rest());
  }

  get isQuiet(): boolean {
    return isServedForSure(this.actor) && !this.#isInRound && this.#player.resting.aborted;
  }

  inspect(done: () => void): void {
    const player = this.#player;
    player.actor.program.post("user", () => {
      const { play } = this.#about;
      const look = async (): Promise<void> => play.inspect?.(player);
      look()
        .catch((error: unknown) => {
          // Of two servers that a session came to in quick succession the leader of 3.4.6 may hear in the other order. It takes the
          // session for the first one's then, and the next write finds that out, however long after.
          if (!isZkError(error, "SESSION_MOVED")) throw error;
          return look();
        })
        .then(done, (error: unknown) => player.report(`nothing is wrong, and yet ${String(error)}`));
    });
  }

  end(closed: () => void): void {
    const player = this.#player;
    if (player.isListening) player.report("somebody still listens to the signal of a round that is over");
    retire(this.#world, player.actor, CLOSE_MS, closed);
  }

  async #prepare(player: Player, prepares: boolean): Promise<void> {
    while (prepares) {
      try {
        await this.#about.play.prepare?.(player);
        return;
      } catch (error) {
        if (!isZkError(error)) return player.report(`could not prepare: ${String(error)}`);
        await player.sleep(RETRY_MS);
      }
    }
  }

  /** Round after round, until there is no more harm. */
  async #perform(player: Player): Promise<void> {
    const { play } = this.#about;
    while (!player.resting.aborted) {
      this.#isInRound = true;
      await play.perform(player).catch((error: unknown) => this.#failed(player, error));
      this.#isInRound = false;
      if (player.resting.aborted) return;
      await player.sleep(player.chance.wait(PAUSE_MS), player.resting).catch(() => {});
    }
  }

  #failed(player: Player, error: unknown): void {
    const isExpected =
      isZkError(error) || error === player.resting.reason || this.#about.scenario.expects?.(error) === true;
    if (isExpected) player.note(`ends its round: ${isZkError(error) ? error.code : String(error)}`);
    else player.report(`failed with ${error instanceof Error ? error.stack : String(error)}`);
  }

  /** Connects again whose session is over; lets somebody die now and then. */
  #tend(): void {
    this.#world.timeline.after(this.#chance.wait(2 * PAUSE_MS), () => {
      const { actor } = this;
      actor.program.post("user", () => {
        if (!actor.isClosing && (actor.state === "idle" || actor.state === "expired"))
          void actor.connect(CONNECT_MS);
      });
      const { scenario } = this.#about;
      const mayDie = scenario.deaths === true && this.#isStarted && !this.#isEnding && !this.#world.isCalm;
      // In a turn of its own: of what it was just told nothing may run any more.
      if (mayDie && this.#chance.is(0.04)) this.#world.timeline.after(0, () => this.#die());
      this.#tend();
    });
  }

  #die(): void {
    const { actor } = this;
    actor.die(this.#chance.pick(["process", "machine"]));
    this.former.push(actor);
    this.#about.play.died?.(this.#player);
    this.#isInRound = false;
    this.#player = this.#make();
    void this.actor.connect(CONNECT_MS);
    this.start();
  }

  #make(): Player {
    const { place, scenario, sessionTimeoutMs } = this.#about;
    const chance = this.#chance.fork(`client ${this.#generation}`);
    this.#generation += 1;
    const name = `p${place}.${this.#generation}`;
    const options: ClientOptions = {
      sessionTimeoutMs,
      closeTimeoutMs: CLOSE_MS - 500,
      ...scenario.options?.(chance),
    };
    const actor = new Actor(this.#world, {
      name,
      seed: chance.below(4_294_967_296),
      address: `10.0.1.${place}`,
      createClient: this.#about.createClient,
      options,
      buffering: { roomBytes: Number.POSITIVE_INFINITY, copies: chance.is(0.7) },
      failpoints: this.#world.isCalm || chance.is(0.7) ? 0 : chance.pick([0.0005, 0.005, 0.03]),
      chroot: "",
      hasDeadAddresses: chance.is(0.2),
      frameBytesMax: options.limits?.requestBytesMax ?? 1_048_575,
    });
    this.#world.actors.add(actor);
    return new Player(this.#world, actor, chance.fork("work"));
  }
}
