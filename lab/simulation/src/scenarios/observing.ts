/** Those who look who leads, or observe it, without standing for election themselves: what they are told was so. */
import type { Candidate, WaitOptions } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { LineOfTruth, type Span } from "./inspection-truth.js";
import { impatienceOf, orGiveUp } from "./manners.js";
import type { Stage } from "./scenario.js";

/** What can be observed: elections, and latches. */
export interface Observable {
  leader(options: WaitOptions): Promise<Candidate | null>;
  candidates(options: WaitOptions): Promise<readonly Candidate[]>;
  observe(options: WaitOptions): AsyncGenerator<Candidate | null, void, undefined>;
}

/** See the head of this file. */
export class Observing {
  readonly #stage: Stage;
  readonly #directory: string;
  readonly #truth: LineOfTruth;

  constructor(stage: Stage, directory: string) {
    this.#stage = stage;
    this.#directory = directory;
    this.#truth = new LineOfTruth(stage.ledger);
  }

  /** Looks who leads and who wants to, or observes it for a while. */
  async watch(player: Player, candidacy: Observable): Promise<void> {
    const { chance, client } = player;
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: chance.pick([100, 1000, 3000]) };
    await orGiveUp(this.#stage, player, async () => {
      if (chance.is(0.5)) return await this.observe(player, candidacy, wait, () => {});
      const from = client.lastZxid;
      if (chance.is(0.5)) return this.#checkLeader(player, await candidacy.leader(wait), from);
      const candidates = await candidacy.candidates(wait);
      const wrong = this.#truth.wrongLine(this.#directory, candidates, this.#spanFrom(from));
      player.demand(wrong === undefined, () => `of the candidates is told what was not so: ${wrong}`);
    });
  }

  /** Observes until the wait ends. @throws what ends it */
  async observe(
    player: Player,
    candidacy: Observable,
    wait: WaitOptions,
    tell: (leader: Candidate | null) => void,
  ): Promise<void> {
    let newest = 0n;
    let from = player.client.lastZxid;
    for await (const leader of candidacy.observe(wait)) {
      this.#checkLeader(player, leader, from);
      from = player.client.lastZxid;
      if (leader !== null) {
        const { token } = leader;
        player.demand(token > newest, () => `${token} leads after ${newest}`);
        newest = token;
      }
      tell(leader);
    }
  }

  #checkLeader(player: Player, leader: Candidate | null, from: bigint): void {
    const { ledger } = this.#stage;
    const { to } = this.#spanFrom(from);
    const times = [from, ...ledger.changesAfter(this.#directory, from).map(({ zxid }) => zxid)];
    const wasSo = times.some((zxid) => {
      const first = this.#truth.firstAt(this.#directory, zxid);
      return zxid <= to && first === leader?.path;
    });
    player.demand(wasSo, () => `${leader?.path ?? "nobody"} is told to lead, and never did`);
    if (leader === null) return;
    const made = ledger.at(leader.path, leader.token);
    player.demand(
      made?.czxid === leader.token && made.owner === leader.sessionId,
      () => `${leader.path} is not of ${leader.token}, in session ${leader.sessionId}`,
    );
  }

  /** A new epoch counts before anything has happened in it. */
  #spanFrom(from: bigint): Span {
    const { lastZxid } = this.#stage.ledger;
    return { from, to: lastZxid < from ? from : lastZxid };
  }
}
