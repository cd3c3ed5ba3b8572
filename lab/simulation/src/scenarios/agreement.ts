/**
 * Two-phase commits that whoever comes begins, votes in, decides, gives up and removes, and places where values are left. What must hold:
 * - Of each transaction there is one decision, for ever: committed only of votes of all sites for it; no vote is behind it, nor twice.
 * - Nobody decides against it without a vote against it, unless asked to, or when the time is over.
 * - Who asks is told what was decided. What was refused was to be refused; what is told not to be done is not, and never will be.
 * - A place is filled once; who waits gets what is there. Whoever gives up leaves no watch and no listener.
 * - When nothing is wrong any more everybody comes to a decision, and all can be removed.
 */
import { isZkError } from "@zk/client";
import type { RecipeErrorCode, Rendezvous, TwoPhaseCommit, TwoPhaseVote } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { AgreementBook, isFilled } from "./agreement-book.js";
import {
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const TRANSACTIONS = "/transactions";
/** Of each player, when nothing is wrong any more. */
const LAST = `${TRANSACTIONS}/last-`;
const PLACES = "/places";
const SITES = ["bank", "shop", "post"];
/** So many at once, that several come to each. */
const OPEN_MAX = 4;
const PLACES_COUNT = 3;
/** How a wait may end that has its time and its signal. */
const ENDS: readonly RecipeErrorCode[] = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED"];

type Wait = { readonly signal?: AbortSignal; readonly timeoutMs: number };
type Ending = { readonly value?: unknown; readonly code?: string };

/** See the head of this file. */
export const agreement: Scenario = {
  name: "agreement",
  clients: [3, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Agreeing(stage),
};

class Agreeing implements Play {
  readonly #stage: Stage;
  readonly #book: AgreementBook;
  /** Who may decide against what without a vote against it. */
  readonly #mayAbort = new Set<string>();
  #count = 0;
  #values = 0;
  #stillAgreeing = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#book = new AgreementBook(stage.ledger, (message) => stage.report(message));
    this.#book.mayAbort = (who, path) => this.#mayAbort.has(`${who} ${path}`);
    for (let place = 0; place < PLACES_COUNT; place += 1) this.#book.watchPlace(`${PLACES}/${place}`);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, PLACES);
  }

  async perform(player: Player): Promise<void> {
    const { chance, client } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.demand(
      client.load.watches === 0,
      () => `${client.load.watches} watches are left of earlier waits`,
    );
    this.#attend(player);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    if (chance.is(0.25)) return await this.#meet(player, wait);
    const { open } = this.#book;
    if (open.length === 0 || (open.length < OPEN_MAX && chance.is(0.2)))
      return await this.#begin(player, wait);
    const path = chance.pick(open);
    if (chance.is(0.1)) return await this.#view(player, path, wait);
    if (chance.is(0.25)) return await this.#coordinate(player, path, wait);
    await this.#vote(player, path, wait);
    if (chance.is(0.4)) await this.#learn(player, path, wait);
  }

  async inspect(player: Player): Promise<void> {
    this.#attend(player);
    this.#stillAgreeing += 1;
    const wait = { timeoutMs: TURN_MS_MAX };
    const path = `${LAST}${player.name}`;
    this.#book.watchTransaction(path, SITES);
    await this.#certainly(player, "begin", () => this.#beginAt(player, path, wait));
    const decided = this.#decide(player, path, Number.POSITIVE_INFINITY, wait);
    for (const site of SITES)
      await this.#certainly(player, "vote", () => this.#voteOf(player, path, site, "commit", wait));
    const { value } = await decided;
    player.demand(value === "committed", () => `all voted for it, and it is ${String(value)}`);
    for (const each of this.#book.open) if (!each.startsWith(LAST)) await this.#abort(player, each, wait);
    const meeting = `${PLACES}/${player.name}`;
    this.#book.watchPlace(meeting);
    const got = this.#await(player, meeting, wait);
    await this.#certainly(player, "fill", () => this.#fill(player, meeting, `of ${player.name}`, wait));
    await this.#certainly(player, "wait", () => got);
    this.#stillAgreeing -= 1;
    while (this.#stillAgreeing > 0) await player.sleep(100);
    for (const each of this.#book.open)
      await this.#certainly(player, "remove", () => this.#remove(player, each, wait));
    player.demand(player.client.load.watches === 0, () => "watches are left behind the last wait");
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    this.#book.finish();
    checkEmpty(this.#stage, [TRANSACTIONS]);
  }

  /** Takes in what the servers have done, behind each turn, and whose sessions there are. */
  #attend(player: Player): void {
    player.afterTurn = () => {
      this.#book.meet(player.name, player.client.sessionId);
      this.#book.take();
    };
    this.#book.meet(player.name, player.client.sessionId);
  }

  async #certainly(player: Player, what: string, work: () => Promise<Ending>): Promise<void> {
    const { code } = await work();
    player.demand(code === undefined, () => `nothing is wrong, and yet a ${what} ends with ${code}`);
  }

  async #begin(player: Player, wait: Wait): Promise<void> {
    const { chance } = player;
    if (this.#book.open.length > 0 && chance.is(0.2))
      return void (await this.#beginAt(player, chance.pick(this.#book.open), wait));
    this.#count += 1;
    const path = `${TRANSACTIONS}/${this.#count}`;
    this.#book.watchTransaction(path, SITES.slice(0, 1 + chance.below(SITES.length)));
    await this.#beginAt(player, path, wait);
    if (chance.is(0.4)) await this.#coordinate(player, path, wait);
  }

  async #beginAt(player: Player, path: string, wait: Wait): Promise<Ending> {
    const { ledger } = this.#stage;
    const what = `begin ${path}`;
    const ending = await this.#write(player, [what], ["CONFLICT"], () =>
      this.#at(player, path)
        .begin(this.#book.sitesOf(path), wait)
        .then(() => true),
    );
    const isThere = ledger.now(path) !== null || this.#book.wasRemoved(path);
    player.demand(
      ending.code === "WAIT" || isThere,
      () => `${path}: begun, by the words ${ending.code ?? "none"}, and not there`,
    );
    player.demand(
      ending.value === undefined || this.#book.hasDone(player.name, what),
      () => `${path} is told to be begun by ${player.name}, and was by another`,
    );
    return ending;
  }

  /** Decides, one way or the other, and removes what is decided. */
  async #coordinate(player: Player, path: string, wait: Wait): Promise<void> {
    const { chance } = player;
    if (chance.is(0.15)) await this.#abort(player, path, wait);
    else await this.#decide(player, path, chance.pick([0, 200, 2000, Number.POSITIVE_INFINITY]), wait);
    // A path is for one transaction: somebody who may still begin it would begin it anew.
    if (chance.is(0.5) && !this.#book.isAsked(`begin ${path}`)) await this.#remove(player, path, wait);
  }

  async #decide(player: Player, path: string, abortAfterMs: number, wait: Wait): Promise<Ending> {
    if (abortAfterMs < Number.POSITIVE_INFINITY) this.#mayAbort.add(`${player.name} ${path}`);
    return await this.#write(player, [`decide ${path}`], ["REFUSED"], (from) =>
      this.#told(player, path, from, () => this.#at(player, path).decide({ abortAfterMs, ...wait })),
    );
  }

  #abort(player: Player, path: string, wait: Wait): Promise<Ending> {
    this.#mayAbort.add(`${player.name} ${path}`);
    return this.#write(player, [`decide ${path}`], ["REFUSED"], (from) =>
      this.#told(player, path, from, () => this.#at(player, path).abort(wait)),
    );
  }

  async #learn(player: Player, path: string, wait: Wait): Promise<void> {
    await this.#write(player, [], ["REFUSED"], (from) =>
      this.#told(player, path, from, () => this.#at(player, path).outcome(wait)),
    );
  }

  /** What is decided, and nothing else, is told to whoever asks. */
  async #told(player: Player, path: string, from: bigint, ask: () => Promise<string>): Promise<string> {
    try {
      const told = await ask();
      this.#book.take();
      const is = this.#book.decisionOf(path);
      player.demand(told === is, () => `is told that ${path} is ${told}, and it is ${is}`);
      return told;
    } catch (error) {
      if (this.#stage.recipes.isRecipeError(error, "REFUSED")) this.#checkGone(player, path, from);
      throw error;
    }
  }

  async #vote(player: Player, path: string, wait: Wait): Promise<void> {
    const { chance } = player;
    const { ledger } = this.#stage;
    const sites = this.#book.sitesOf(path);
    const silent = sites.filter((site) => !isFilled(ledger.now(`${path}/${site}`)));
    const site = chance.is(0.05)
      ? "nobody"
      : chance.pick(silent.length > 0 && chance.is(0.8) ? silent : sites);
    await this.#voteOf(player, path, site, chance.is(0.9) ? "commit" : "abort", wait);
  }

  #voteOf(player: Player, path: string, site: string, vote: TwoPhaseVote, wait: Wait): Promise<Ending> {
    const { isRecipeError } = this.#stage.recipes;
    const place = `${path}/${site}`;
    return this.#write(player, [`vote ${place} ${vote}`], ["CONFLICT", "REFUSED"], async (from) => {
      try {
        await this.#at(player, path).vote(site, vote, wait);
        const said = this.#voteAt(place);
        player.demand(said === vote, () => `${place} has voted ${vote}, and there is ${said}`);
      } catch (error) {
        const said = this.#voteAt(place);
        if (isRecipeError(error, "CONFLICT"))
          player.demand(
            said !== undefined && said !== vote,
            () => `${place} is told to have voted before: ${said}`,
          );
        if (isRecipeError(error, "REFUSED") && site !== "nobody" && this.#book.decisionOf(path) === undefined)
          this.#checkGone(player, path, from);
        throw error;
      }
    });
  }

  /** What a site has ever said. */
  #voteAt(place: string): string | undefined {
    const { ledger } = this.#stage;
    this.#book.take();
    const wrote = ledger.changesAfter(place, 0n).find(({ kind }) => kind === "data");
    return wrote === undefined ? undefined : textOf(ledger.at(place, wrote.zxid)?.data);
  }

  async #view(player: Player, path: string, wait: Wait): Promise<void> {
    const { ledger } = this.#stage;
    await this.#write(player, [], [], async (from) => {
      const view = await this.#at(player, path).view(wait);
      if (view === undefined) return this.#checkGone(player, path, from);
      const { decision, votes } = view;
      player.demand(
        decision === undefined || decision === this.#book.decisionOf(path),
        () => `${path} is shown as ${decision}, and it is ${this.#book.decisionOf(path)}`,
      );
      for (const site of this.#book.sitesOf(path)) {
        const place = `${path}/${site}`;
        const [shown, said] = [votes.get(site), this.#voteAt(place)];
        const mustBeShown = isFilled(ledger.at(place, from)) || decision === "committed";
        player.demand(
          shown === said || (shown === undefined && !mustBeShown),
          () => `${place} is shown with ${shown}, and has voted ${said}`,
        );
      }
    });
  }

  #remove(player: Player, path: string, wait: Wait): Promise<Ending> {
    return this.#write(player, [`remove ${path}`], ["REFUSED"], async (from) => {
      try {
        await this.#at(player, path).remove(wait);
        this.#checkGone(player, path, from);
      } catch (error) {
        if (this.#stage.recipes.isRecipeError(error, "REFUSED"))
          player.demand(
            this.#stage.ledger.at(path, from)?.version !== 1,
            () => `${path} was decided, and could not be removed: ${error.message}`,
          );
        throw error;
      }
    });
  }

  /** It is told not to be there: it was not when that was asked, or is not any more. */
  #checkGone(player: Player, path: string, from: bigint): void {
    const { ledger } = this.#stage;
    player.demand(
      ledger.at(path, from) === null || ledger.now(path) === null,
      () => `${path} is told not to be there, and was all the time`,
    );
  }

  /** At a place where one waits for what another leaves. */
  async #meet(player: Player, wait: Wait): Promise<void> {
    const { chance, client } = player;
    const path = `${PLACES}/${chance.below(PLACES_COUNT)}`;
    const is = this.#stage.ledger.now(path);
    if (chance.is(0.5)) return void (await this.#await(player, path, wait));
    if (is === null && chance.is(0.2)) return void (await client.create(path, ""));
    if (isFilled(is) && chance.is(0.6)) return await client.remove(path, { version: is?.version ?? 0 });
    this.#values += 1;
    const isSame = isFilled(is) && chance.is(0.3);
    await this.#fill(player, path, isSame ? textOf(is?.data) : `value ${this.#values}`, wait);
  }

  #fill(player: Player, path: string, value: string, wait: Wait): Promise<Ending> {
    return this.#write(player, [`fill ${path} ${value}`], ["CONFLICT"], async (from) => {
      await this.#placeOf(player, path).fill(value, wait);
      player.demand(
        this.#were(path, from).has(value),
        () => `${value} was left at ${path}, and is not there`,
      );
    });
  }

  #await(player: Player, path: string, wait: Wait): Promise<Ending> {
    return this.#write(player, [], [], async (from) => {
      const value = await this.#placeOf(player, path).wait(wait);
      player.demand(this.#were(path, from).has(value), () => `${path} gave ${value}, which was not there`);
    });
  }

  /** What was at a place since then. */
  #were(path: string, from: bigint): ReadonlySet<string> {
    const { ledger } = this.#stage;
    const zxids = [from, ...ledger.changesAfter(path, from).map(({ zxid }) => zxid)];
    const states = zxids.map((zxid) => ledger.at(path, zxid));
    return new Set(states.filter(isFilled).map((state) => textOf(state?.data)));
  }

  #at({ client }: Player, path: string): TwoPhaseCommit {
    return new this.#stage.recipes.TwoPhaseCommit(client, path);
  }

  #placeOf({ client }: Player, path: string): Rendezvous<string> {
    const { Rendezvous, textCodec } = this.#stage.recipes;
    return new Rendezvous(client, path, { codec: textCodec });
  }

  /**
   * Asks for something, and notes what is told of it.
   * @param work gets the last transaction that its client knew of before
   * @returns what it was told; `WAIT` for one that did not go on to its end
   */
  async #write(
    player: Player,
    what: readonly string[],
    refusals: readonly RecipeErrorCode[],
    work: (from: bigint) => Promise<unknown>,
  ): Promise<Ending> {
    const { isRecipeError } = this.#stage.recipes;
    const asked = this.#book.ask(player.name, ...what);
    try {
      const value = await work(player.client.lastZxid);
      this.#book.settle(asked, "done");
      return { value };
    } catch (error) {
      if (!isRecipeError(error) && !isZkError(error)) throw error;
      player.note(`${what.join()} ends with ${error.code}, applied: ${error.applied}`);
      this.#book.settle(asked, error.applied === "no" ? "no" : "maybe");
      if (!isRecipeError(error)) return { code: "WAIT" };
      const isRefusal = refusals.includes(error.code);
      player.demand(
        isRefusal || ENDS.includes(error.code),
        () => `${what.join()} ends with ${String(error)}`,
      );
      return { code: isRefusal ? error.code : "WAIT" };
    }
  }
}
