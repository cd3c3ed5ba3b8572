/**
 * Candidates in the background: latches that are kept, lead for a while, are closed, and lose their terms. What must hold:
 * - Nobody is called leader while the client says that it is not connected, and whoever is had nobody ahead of it in line. One
 *   that is to wait may lead while the connection is lost, for as long as its session may live.
 * - Whoever listens is told of every stretch that begins and of its end, at once, with the reason, and of nothing behind the end.
 * - Who observes is told of leaders who did lead, later ones only.
 * - Where nobody may stand in line a latch says that it is refused, and tries on; it leaves nothing.
 * - Guarded writes of leaders never go back to an older term (see {@link GuardedLog}).
 * - When nothing is wrong any more one leads, everybody gets its turn when those before it have closed, whoever observes hears
 *   of it, and nothing is left.
 */
import { isZkError } from "@zk/client";
import type { Candidate, LeaderLatch, LeaderLatchEvent, Leadership } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import {
  checkBelief,
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  timeoutOf,
} from "./manners.js";
import { Observing } from "./observing.js";
import { isRefused, makeClosed } from "./refusals.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/latch";
const LOG = "/terms";
const CLOSED = "/closed";
const LOOK_MS = 20;

/** See the head of this file. */
export const latch: Scenario = {
  name: "latch",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Latching(stage),
};

/** A latch of a player's, and what it has told. */
interface Kept {
  readonly latch: LeaderLatch;
  readonly onSuspended: "abort" | "wait";
  /** The stretch that it has told of, and not yet of its end. */
  told: Leadership | undefined;
  /** Ends the telling. */
  forget: () => void;
}

class Latching implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #observing: Observing;
  readonly #kept = new Map<Player, Kept>();
  /** Whether some latches wait when the connection is lost. */
  readonly #hasPatient: boolean;
  readonly #isObserved: boolean;
  /** Whether there is a latch besides that nobody may be a candidate of. */
  readonly #hasClosed: boolean;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, LOG);
    this.#observing = new Observing(stage, DIRECTORY);
    // A stream of their own: the other choices stay what they are.
    const more = stage.chance.fork("more");
    this.#hasPatient = more.is(0.4);
    this.#isObserved = more.is(0.4);
    this.#hasClosed = more.is(0.3);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, LOG);
    if (this.#hasClosed) await makeClosed(player, CLOSED);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const mine = this.#latchOf(player);
    if (chance.is(0.15)) {
      const path = mine.leadership?.path;
      await this.#close(player);
      this.#checkGone(player, path);
      return;
    }
    if (this.#isObserved && chance.is(0.3))
      return await this.#observing.watch(player, this.#newLatch(player));
    if (this.#hasClosed && chance.is(0.1)) return void (await this.#isRefused(player));
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const leadership = await orGiveUp(this.#stage, player, () => mine.leading(wait));
    if (leadership === null) return;
    const writes = chance.below(4);
    for (let write = 0; write < writes && !leadership.signal.aborted; write += 1) {
      try {
        await leadership.guard((tx) => tx.setData(LOG, `${leadership.token} ${leadership.path}`));
      } catch (error) {
        if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      }
      await player.sleep(chance.wait(200));
    }
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    if (this.#hasClosed)
      player.demand(await this.#isRefused(player), () => "nothing is wrong, and yet no server refused it");
    const until = new AbortController();
    let seen: Candidate | null | undefined;
    const observing = this.#observing
      .observe(player, this.#newLatch(player), { signal: until.signal }, (leader) => {
        seen = leader;
      })
      .catch((error: unknown) => {
        if (!this.#stage.recipes.isRecipeError(error, "ABORTED")) throw error;
      });
    const mine = this.#latchOf(player);
    // Whoever leads leads on, until it closes.
    const leadership = await mine.leading({ timeoutMs: TURN_MS_MAX });
    await leadership.guard((tx) => tx.setData(LOG, `${leadership.token} ${leadership.path}`));
    const [first] = await mine.candidates({ timeoutMs: TURN_MS_MAX });
    player.demand(
      first?.path === leadership.path,
      () => `leads with ${leadership.path}, behind ${first?.path}`,
    );
    await player.sleep(player.chance.wait(100));
    while (seen?.token !== leadership.token) await player.sleep(LOOK_MS);
    until.abort(new Error("has led"));
    await observing;
    player.demand(mine.isLeader, () => "nothing is wrong, and yet it does not lead any more");
    await this.#close(player);
    this.#checkGone(player, leadership.path);
    player.afterTurn = () => this.#checkLog(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#log.look();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  #newLatch({ client, name }: Player, path: string = DIRECTORY): LeaderLatch {
    return new this.#stage.recipes.LeaderLatch(client, path, { identity: name });
  }

  #latchOf(player: Player): LeaderLatch {
    const mine = this.#kept.get(player);
    if (mine !== undefined && mine.latch.state !== "failed") return mine.latch;
    const onSuspended = this.#hasPatient && player.chance.is(0.5) ? "wait" : "abort";
    const { client, name } = player;
    const latch = new this.#stage.recipes.LeaderLatch(client, DIRECTORY, { identity: name, onSuspended });
    const kept: Kept = { latch, onSuspended, told: undefined, forget: () => {} };
    kept.forget = latch.onEvent((event) => this.#hear(player, kept, event));
    this.#kept.set(player, kept);
    latch.start();
    player.afterTurn = () => this.#checkBelief(player);
    return latch;
  }

  /** Every beginning and every end, in turn. */
  #hear(player: Player, kept: Kept, event: LeaderLatchEvent): void {
    const { latch, told, onSuspended } = kept;
    const isKept = this.#kept.get(player) === kept;
    player.demand(isKept, () => `a latch that is over, or not listened to, tells of ${event.type}`);
    if (event.type === "leader") {
      player.demand(told === undefined, () => `leads with ${event.leadership.path}, and did already`);
      kept.told = event.leadership;
    } else if (event.type === "notLeader") {
      player.demand(told?.signal.aborted === true, () => `leads no longer, and did not or still may`);
      const codes = ["HOLD_LOST", "RELEASED", ...(onSuspended === "abort" ? ["HOLD_SUSPECT"] : [])];
      const { code } = event.reason;
      player.demand(codes.includes(code), () => `is to ${onSuspended}, and leads no longer for ${code}`);
      kept.told = undefined;
    } else if (event.type === "failed") {
      player.demand(latch.state === "failed", () => `has failed, and is ${latch.state}`);
    }
  }

  /** Closes the latch, whose listener hears of the end first. */
  async #close(player: Player): Promise<void> {
    const kept = this.#kept.get(player);
    if (kept === undefined) return;
    const { latch } = kept;
    const closing = latch.close();
    player.demand(
      kept.told === undefined && latch.leadership === undefined,
      () => `is closed, and leads with ${kept.told?.path}`,
    );
    kept.forget();
    this.#kept.delete(player);
    await closing;
    player.demand(
      latch.state === "closed" || latch.state === "failed",
      () => `is closed, and ${latch.state}`,
    );
  }

  /** Stands where nobody may: it is told so, whoever waits is, and nothing is left. */
  async #isRefused(player: Player): Promise<boolean> {
    await using latch = this.#newLatch(player, CLOSED);
    let wasTold = false;
    latch.onEvent((event) => {
      wasTold ||= event.type === "refused" && isZkError(event.error, "NO_AUTH") && event.retryMs > 0;
    });
    latch.start();
    const refused = await isRefused(this.#stage, player, [CLOSED], (wait) => latch.leading(wait));
    player.demand(
      !refused || (wasTold && latch.state === "waiting"),
      () => `was refused, was ${wasTold ? "" : "not "}told so, and is ${latch.state}`,
    );
    return refused;
  }

  #checkBelief(player: Player): void {
    this.#checkLog(player);
    const kept = this.#kept.get(player);
    const leadership = kept?.latch.leadership;
    if (kept !== undefined)
      player.demand(
        kept.told === leadership,
        () => `leads with ${leadership?.path}, and told of ${kept.told?.path}`,
      );
    if (kept === undefined || leadership === undefined) return;
    const { client } = player;
    const { onSuspended } = kept;
    player.demand(
      client.state === "connected" || onSuspended === "wait",
      () => `leads while the client is ${client.state}`,
    );
    const { signal, sessionId } = leadership;
    player.demand(!signal.aborted, () => `leads with ${leadership.path}, whose signal has aborted`);
    const state = kept.latch.state === "leading" ? "held" : "suspect";
    checkBelief(player, leadership.path, { state, signal, sessionId }, onSuspended);
    const { ledger, recipes } = this.#stage;
    if (ledger.now(leadership.path) === null) return;
    const ahead = recipes.sortContenders(ledger.now(DIRECTORY)?.children ?? [])[0];
    player.demand(
      leadership.path === `${DIRECTORY}/${ahead?.name}`,
      () => `leads with ${leadership.path}, behind ${ahead?.name}`,
    );
  }

  /** Of an earlier session nothing is ours any more. */
  #checkGone(player: Player, path: string | undefined): void {
    const { client } = player;
    if (path === undefined || client.state !== "connected") return;
    if (this.#stage.recipes.recipeMetrics(client).janitorPending > 0) return;
    const owner = this.#stage.ledger.now(path)?.owner;
    player.demand(owner !== client.sessionId, () => `is closed, and ${path} is there`);
  }

  #checkLog(player: Player): void {
    const wrong = this.#log.look();
    player.demand(wrong === undefined, () => `two lead: ${wrong}`);
  }
}
