/**
 * A scenario: a program of several clients, with promises of its own, run in the world of a seed. What it is made of, and
 * how one is written, stands in `docs/simulation.md`.
 */
import type { ClientOptions } from "@zk/client";
import type * as Recipes from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Ledger } from "../checks/ledger.js";
import type { Chance } from "../world/chance.js";

/** What all players of one run share. */
export interface Stage {
  readonly chance: Chance;
  /** The package @zk/recipes, or one with a fault planted. Recipes are taken from here alone. */
  readonly recipes: typeof Recipes;
  /** What the servers have, and had at every moment: the truth. */
  readonly ledger: Ledger;
  /** Virtual milliseconds; no client's clock, which may jump. */
  readonly nowMs: number;
  /** What the servers' clocks show: milliseconds since 1970, as in a Stat. */
  readonly serverMs: number;
  /** A promise is broken. Ends the run. */
  report(message: string): void;
}

/** One run of a scenario. Each function runs in the program of the player that it is given. */
export interface Play {
  /**
   * Makes what everybody needs, before any harm is done. Called for the first player, and again until it succeeds.
   * Default: nothing.
   */
  prepare?(player: Player): Promise<void>;
  /**
   * One round of what every player does. Called again and again while harm is done; has to end soon after
   * {@link Player.resting} aborts. A `ZkError`, the reason of `resting` and what {@link Scenario.expects} end the round;
   * everything else that it throws is a finding.
   */
  perform(player: Player): Promise<void>;
  /** A player died in the middle of its round, which will never go on. Another takes its place. Default: nothing. */
  died?(player: Player): void;
  /** All is mended and every round has ended: whatever this throws is a finding. For all players at once. Default: nothing. */
  inspect?(player: Player): Promise<void>;
  /** All clients are closed. Default: nothing. */
  finish?(): void;
}

/** See the head of this file. */
export interface Scenario {
  /** As `pnpm sim --scenario` names it. */
  readonly name: string;
  /** How many clients, from and to. */
  readonly clients: readonly [min: number, max: number];
  /** Whether players die now and then, without a word to anybody. Default: false. */
  readonly deaths?: boolean;
  /** Options of each new client. Ports and the listening to its history are the simulation's. Default: none. */
  options?(chance: Chance): ClientOptions;
  /** Errors, other than those of the client, that a round may end with under harm. Default: none. */
  expects?(error: unknown): boolean;
  /** Begins a run: what is remembered over it belongs into the play. */
  play(stage: Stage): Play;
}
