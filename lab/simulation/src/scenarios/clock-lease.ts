/**
 * A lease by the servers' clock that several clients take, renew, give back, let run out, and die with; beside them, in some
 * worlds, one who does as kazoo does. What must hold:
 * - Nobody takes it before the time of whoever had it is over, by the servers' clock and with the skew, unless it was given back.
 * - Who is told `null` found that somebody else had it.
 * - A term that is called `held` has not ended, and nobody else has the lease; also behind a stall, or a jump of the clock.
 * - A guarded write goes through only while nobody has taken the lease since; behind kazoo, until somebody has it after kazoo.
 * - What a later version wrote is left alone. A give-back that has succeeded was one.
 * - A wait that was given up leaves nothing in line.
 * - When nothing is wrong any more, who gives it back lets the next one have it at once.
 */
import { isZkError } from "@zk/client";
import type { ClockLease, ClockTerm } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { NodeVersion } from "../checks/ledger.js";
import {
  checkNothingLeft,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/lease";
const HOLDER = "lease_holder";
const LOG = "/log";
const KAZOO = "kazoo";
const LATER = '{"version": 2}';
/** For how long it is taken when nothing is wrong: longer than everybody's turns may take together. */
const LONG_MS = TURN_MS_MAX;
const DURATIONS_MS = [1500, 3000, 6000];

/** What a lease says; null for a later version. */
type Said = { readonly holder: string; readonly endMs: number } | null;

/** See the head of this file. */
export const clockLease: Scenario = {
  name: "clock-lease",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Leasing(stage),
};

class Leasing implements Play {
  readonly #stage: Stage;
  readonly #skewMs: number;
  readonly #slots: number | undefined;
  readonly #hasKazoo: boolean;
  readonly #places: readonly string[];
  readonly #kept = new Map<Player, ClockTerm>();
  readonly #seen = new Map<string, bigint>();
  #written = 0n;

  constructor(stage: Stage) {
    const { chance } = stage;
    this.#stage = stage;
    this.#skewMs = chance.pick([0, 200, 1000]);
    this.#slots = chance.is(0.3) ? 2 : undefined;
    this.#hasKazoo = this.#slots === undefined && chance.is(0.4);
    const places = this.#slots === undefined ? [DIRECTORY] : [`${DIRECTORY}/0`, `${DIRECTORY}/1`];
    this.#places = places.map((place) => `${place}/${HOLDER}`);
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, LOG);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    if (this.#hasKazoo && chance.is(0.25)) return this.#asKazoo(player);
    const mine = this.#leaseOf(player, chance.pick(DURATIONS_MS));
    let term = await this.#take(player, mine);
    if (term === null) return;
    await this.#use(player, term);
    if (chance.is(0.3)) {
      term = (await this.#take(player, mine)) ?? term;
      await this.#use(player, term);
    }
    // Some let it run out.
    if (chance.is(0.6)) await this.#giveBack(player, term);
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  /** Everybody has it in turn, for longer than all of them may wait, and gives it back. */
  async inspect(player: Player): Promise<void> {
    this.#kept.delete(player);
    await this.#takeOutLater(player);
    for (let turn = 0; turn < 3; turn += 1) {
      const term = await this.#leaseOf(player, LONG_MS).obtain({ timeoutMs: TURN_MS_MAX });
      this.#kept.set(player, term);
      player.demand(term.state === "held", () => `nothing is wrong, and yet it is ${term.state}`);
      await this.#write(term);
      await player.sleep(player.chance.wait(50));
      await term.release();
      this.#kept.delete(player);
      this.#checkGivenBack(player, term);
    }
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    const left = ledger.below(DIRECTORY).filter((path) => /[0-9]{10}$/.test(path));
    if (left.length > 0) report(`left in line: ${left.join(", ")}`);
    const wrong = this.#wrong();
    if (wrong !== undefined) report(wrong);
  }

  #leaseOf(player: Player, durationMs: number): ClockLease {
    return new this.#stage.recipes.ClockLease(player.client, DIRECTORY, {
      holder: holderOf(player),
      durationMs,
      skewMs: this.#skewMs,
      ...(this.#slots === undefined ? {} : { slots: this.#slots }),
    });
  }

  /** Takes it, or takes it anew. A term that was had before is believed in until there is another. */
  async #take(player: Player, mine: ClockLease): Promise<ClockTerm | null> {
    const { ledger, serverMs } = this.#stage;
    const { chance } = player;
    const from = ledger.lastZxid;
    const isTry = chance.is(0.5);
    let isAnswered = false;
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const term = await orGiveUp(this.#stage, player, async () => {
      const taken = isTry ? await mine.tryObtain(wait) : await mine.obtain(wait);
      isAnswered = true;
      return taken;
    });
    if (term !== null) {
      const before = this.#kept.get(player);
      this.#kept.set(player, term);
      player.demand(
        before === undefined || before.token < term.token,
        () => `${term.token} came after ${before?.token}`,
      );
      player.note(`has ${term.path} as ${term.token} until ${term.endMs}`);
      return term;
    }
    checkNothingLeft(this.#stage, player, [DIRECTORY]);
    const free = this.#places.find((path) => !this.#wasTaken(path, from, serverMs, holderOf(player)));
    player.demand(!isAnswered || free === undefined, () => `was told null, and nobody else had ${free}`);
    return null;
  }

  /** Whether anybody else had it at any time since. */
  #wasTaken(path: string, from: bigint, fromMs: number, holder: string): boolean {
    const { ledger } = this.#stage;
    const times = [from, ...ledger.changesAfter(path, from).map(({ zxid }) => zxid)];
    return times.some((zxid) => {
      const said = saidIn(ledger.at(path, zxid));
      if (said === null) return true;
      return said !== undefined && said.holder !== holder && said.endMs + this.#skewMs > fromMs;
    });
  }

  async #use(player: Player, term: ClockTerm): Promise<void> {
    const { chance } = player;
    const writes = chance.below(4);
    for (let write = 0; write < writes && !term.signal.aborted; write += 1) {
      try {
        await this.#write(term);
      } catch (error) {
        if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) throw error;
      }
      await player.sleep(chance.wait(chance.pick([50, 500])));
    }
  }

  async #write(term: ClockTerm): Promise<void> {
    await term.guard((tx) => tx.setData(LOG, `${term.token} ${term.path}`));
  }

  /** Once it has said so it is given back; before that one may try again. */
  async #giveBack(player: Player, term: ClockTerm): Promise<void> {
    for (let tries = 0; tries < 3; tries += 1) {
      try {
        await term.release({ timeoutMs: player.chance.pick([100, 2000]) });
        player.demand(term.state === "released", () => `was given back, and is ${term.state}`);
        this.#checkGivenBack(player, term);
        return;
      } catch (error) {
        if (!isZkError(error)) throw error;
        player.note(`could not give back: ${error.code}`);
      }
    }
  }

  #checkGivenBack(player: Player, term: ClockTerm): void {
    const isThere = this.#stage.ledger.now(term.path)?.mzxid === term.token;
    player.demand(!isThere, () => `${term.token} was given back, and still stands in ${term.path}`);
  }

  /** Behind its lock it makes the znode anew, if the time of whoever had it is over; now and then one of a later version. */
  async #asKazoo(player: Player): Promise<void> {
    const { chance, client } = player;
    const { recipes } = this.#stage;
    const lock = new recipes.Lock(client, DIRECTORY, { dialect: "kazoo", identity: KAZOO });
    const hold = await orGiveUp(this.#stage, player, () =>
      lock.acquire({ signal: player.resting, timeoutMs: 3000 }),
    );
    if (hold === null) return;
    const [path = ""] = this.#places;
    try {
      const found = await client.getData(path).catch((error: unknown) => {
        if (!isZkError(error, "NO_NODE")) throw error;
        return undefined;
      });
      const said = found === undefined ? undefined : saidOf(textOf(found.data));
      const nowMs = this.#stage.serverMs;
      if (said !== null && said !== undefined && said.holder !== KAZOO && said.endMs > nowMs) return;
      const endMs = Math.ceil((nowMs + chance.pick([500, 2000])) / 1000) * 1000;
      const end = new Date(endMs).toISOString().slice(0, 19);
      const text = chance.is(0.1) ? LATER : `{"version": 1, "holder": "${KAZOO}", "end": "${end}"}`;
      await hold.guard((tx) =>
        found === undefined
          ? (tx.create(path, text) as never)
          : (tx.remove(path, { version: found.stat.version }).create(path, text) as never),
      );
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error, "HOLD_LOST")) throw error;
    } finally {
      await hold.release();
    }
  }

  /** The program of a later version is through with it. */
  async #takeOutLater({ client }: Player): Promise<void> {
    for (const path of this.#places) {
      if (saidIn(this.#stage.ledger.now(path)) !== null) continue;
      await client.remove(path, { retry: "always" }).catch((error: unknown) => {
        if (!isZkError(error, "NO_NODE")) throw error;
      });
    }
  }

  #look(player: Player): void {
    const wrong = this.#wrong();
    player.demand(wrong === undefined, () => wrong as string);
    const term = this.#kept.get(player);
    if (term === undefined) return;
    const { ledger, serverMs } = this.#stage;
    const { state } = term;
    player.demand(
      state !== "ended" || term.signal.aborted,
      () => "its time is over and its signal says nothing",
    );
    if (state !== "held") return;
    player.demand(
      serverMs < term.endMs,
      () => `${term.token} is called held ${serverMs - term.endMs} ms after its end`,
    );
    const said = saidIn(ledger.now(term.path));
    player.demand(
      said?.holder === holderOf(player),
      () => `${term.token} is called held, and ${term.path} is of ${said?.holder || "nobody"}`,
    );
  }

  #wrong(): string | undefined {
    for (const path of this.#places) {
      const wrong = this.#wrongTurns(path);
      if (wrong !== undefined) return wrong;
    }
    return this.#wrongWrites();
  }

  /** Whoever took it, took it when it was free. */
  #wrongTurns(path: string): string | undefined {
    const { ledger } = this.#stage;
    for (const { zxid } of ledger.changesAfter(path, this.#seen.get(path) ?? 0n)) {
      this.#seen.set(path, zxid);
      const now = ledger.at(path, zxid);
      const said = saidIn(now);
      if (now === null || said === null || said === undefined || said.holder === KAZOO) continue;
      const before = saidIn(ledger.at(path, zxid - 1n));
      if (before === null) return `${said.holder} wrote over a later version in ${path}`;
      const isFree = before === undefined || before.holder === "" || before.holder === said.holder;
      const leftMs = (before?.endMs ?? 0) + this.#skewMs - now.mtimeMs;
      if (said.holder !== "" && !isFree && leftMs > 0)
        return `${said.holder} took ${path} of ${before.holder} ${leftMs} ms before its time`;
      if (said.endMs > Math.ceil((now.mtimeMs + LONG_MS) / 1000) * 1000)
        return `${said.holder} took ${path} for longer than it may, until ${said.endMs}`;
    }
    return undefined;
  }

  #wrongWrites(): string | undefined {
    const { ledger } = this.#stage;
    for (const { zxid, kind } of ledger.changesAfter(LOG, this.#written)) {
      this.#written = zxid;
      if (kind !== "data") continue;
      const [text = "", path = ""] = textOf(ledger.at(LOG, zxid)?.data).split(" ");
      const token = BigInt(text);
      const isRemade = ledger
        .changesAfter(path, token)
        .some((change) => change.kind === "created" && change.zxid <= zxid);
      const newest = ledger.at(path, zxid)?.mzxid;
      if (newest !== token && !isRemade) return `${token} wrote when ${path} was ${newest}'s`;
    }
    return undefined;
  }
}

/** Whoever takes the place of one that died is the same holder. */
function holderOf({ name }: Player): string {
  return name.split(".")[0] as string;
}

/** Undefined when there is none. */
function saidIn(node: NodeVersion | null): Said | undefined {
  return node === null ? undefined : saidOf(textOf(node.data));
}

function saidOf(text: string): Said {
  const { version, holder, end } = JSON.parse(text) as Record<string, unknown>;
  return version === 1 ? { holder: String(holder), endMs: Date.parse(`${String(end)}Z`) } : null;
}
