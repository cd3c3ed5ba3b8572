/** The name service of one client: quick, slow, failing, silent, or with addresses where nobody lives. */
import type { Resolver } from "@zk/client";
import type { Chance } from "./chance.js";
import { addressOf } from "./network.js";
import type { Program } from "./program.js";
import type { Timeline } from "./timeline.js";

/** How names are answered. */
export type NameWeather = "quick" | "slow" | "failing" | "silent";

/** Names are `zk1` to `zkN`, with or without a dead address beside the living one. */
export class Names implements Resolver {
  weather: NameWeather = "quick";
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #program: Program;
  readonly #hasDeadAddresses: boolean;

  constructor(timeline: Timeline, chance: Chance, program: Program, hasDeadAddresses: boolean) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#program = program;
    this.#hasDeadAddresses = hasDeadAddresses;
  }

  /** @throws Error for a name while the service fails */
  resolve(host: string): Promise<readonly string[]> {
    const address = addressOf(Number(host.slice(2)));
    const answer = this.#hasDeadAddresses ? [address, "10.0.0.99"] : [address];
    return new Promise((resolve, reject) => {
      const later = (delayMs: number, done: () => void): void => {
        this.#timeline.after(delayMs, () => this.#program.post("io", done));
      };
      switch (this.weather) {
        case "quick":
          return later(0, () => resolve(answer));
        case "slow":
          return later(this.#chance.between(1, 3000), () => resolve(answer));
        case "failing":
          return later(1, () => reject(new Error(`EAI_AGAIN ${host}`)));
        case "silent":
          return;
        default:
          this.weather satisfies never;
      }
    });
  }
}
