/**
 * A value that several clients replace and all of them see, and a configuration that is sometimes written badly. What must hold:
 * - A replacement that was told was made, once; one that was refused never was.
 * - What is shown was there, and never goes back.
 * - The configuration that is shown is always a good one; what changes it changes what was there.
 * - A default is written once, where there is nothing, and only if that is told.
 * - When nothing is wrong any more everybody comes to the value that the servers have, and to the last good configuration.
 */
import { isZkError } from "@zk/client";
import type {
  ConfigDefinition,
  ConfigUpdate,
  SharedValue,
  StandardSchema,
  VersionedValue,
  WatchedConfig,
} from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkNothingUnderWay, impatienceOf, orGiveUp, TURN_MS_MAX, textOf, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const VALUE = "/value";
const CONFIG = "/config";
/** Within it everybody has heard of a change once nothing is wrong: virtual milliseconds. A pause after a lost connection is part of it. */
const HEARD_MS_MAX = 3000;

interface Limits {
  readonly limit: number;
}

/** What one client keeps. */
interface Kept {
  readonly value: SharedValue<string>;
  readonly config: WatchedConfig<Limits>;
}

/** See the head of this file. */
export const shared: Scenario = {
  name: "shared",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Sharing(stage),
};

class Sharing implements Play {
  readonly #stage: Stage;
  readonly #definition: ConfigDefinition<Limits>;
  readonly #kept = new Map<Player, Kept>();
  /** Texts that were told to be written, and not to be. */
  readonly #made = new Set<string>();
  readonly #refused = new Set<string>();
  /** Defaults, and whether each was told to be written; undefined when that is not known. */
  readonly #defaults = new Map<string, boolean | undefined>();
  #count = 0;
  #gathered = 0;
  #written = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#definition = stage.recipes.defineConfig({ path: CONFIG, schema: LIMITS });
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    const kept = this.#keptOf(player);
    if (chance.is(0.05)) {
      kept.value.close();
      kept.config.close();
      this.#kept.delete(player);
      return;
    }
    if (chance.is(0.3)) return await this.#configure(player, kept);
    if (chance.is(0.1)) return void (await player.client.remove(VALUE));
    using impatience = impatienceOf(player);
    await this.#replace(player, kept.value, { signal: impatience.signal, timeoutMs: timeoutOf(player) });
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const kept = this.#keptOf(player);
    const wait = { timeoutMs: TURN_MS_MAX };
    this.#gathered += 1;
    await player.sleep(HEARD_MS_MAX);
    await this.#replace(player, kept.value, wait);
    await this.#stage.recipes.setConfig(player.client, this.#definition, { limit: this.#gathered }, wait);
    await player.sleep(2 * HEARD_MS_MAX);
    this.#checkValue(player, kept);
    this.#checkConfig(player, kept, { limit: this.#gathered });
    await player.sleep(HEARD_MS_MAX);
    // The last one writes what is no configuration.
    this.#written += 1;
    if (this.#written === this.#gathered) await player.client.setData(CONFIG, BAD);
    await player.sleep(2 * HEARD_MS_MAX);
    player.demand(
      kept.config.status === "bad",
      () => `bad data is there, and it is called ${kept.config.status}`,
    );
    this.#checkConfig(player, kept, { limit: this.#gathered });
    kept.value.close();
    kept.config.close();
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    const times = new Map<string, number>();
    for (const { zxid, kind } of ledger.changesAfter(VALUE, 0n)) {
      if (kind !== "data" && kind !== "created") continue;
      const text = textOf(ledger.at(VALUE, zxid)?.data);
      times.set(text, (times.get(text) ?? 0) + 1);
    }
    for (const [text, count] of times) {
      if (count > 1) report(`${text} was written ${count} times`);
      if (this.#refused.has(text)) report(`${text} was written, and told that it was not`);
    }
    for (const text of this.#made)
      if (!times.has(text)) report(`${text} was told to be written, and never was`);
    this.#checkDefaults();
  }

  #checkDefaults(): void {
    const { ledger, report } = this.#stage;
    const writes = ledger.changesAfter(CONFIG, 0n).map(({ zxid, kind }) => ({
      kind,
      text: textOf(ledger.at(CONFIG, zxid)?.data),
    }));
    for (const [text, isWritten] of this.#defaults) {
      const made = writes.filter((write) => write.text === text && write.kind === "created").length;
      if (writes.some((write) => write.text === text && write.kind === "data"))
        report(`the default ${text} has replaced a configuration`);
      if (made > 1 || (isWritten === true && made === 0) || (isWritten === false && made > 0))
        report(`the default ${text} was written ${made} times, and told to be: ${isWritten}`);
    }
  }

  #keptOf(player: Player): Kept {
    const known = this.#kept.get(player);
    if (known !== undefined) return known;
    const { recipes } = this.#stage;
    const { client } = player;
    const value = new recipes.SharedValue(client, VALUE, { codec: recipes.textCodec });
    let newest = -1n;
    value.onChange((now) => {
      if (now === undefined) return;
      player.demand(now.mzxid > newest, () => `the value goes from ${newest} to ${now.mzxid}`);
      newest = now.mzxid;
      this.#checkReal(player, now);
    });
    const config = recipes.watchConfig(client, this.#definition);
    let good = -1n;
    config.onEvent((event) => {
      if (event.type === "absent") return;
      const mzxid = event.type === "bad" ? event.mzxid : (event.reading.mzxid ?? -1n);
      player.demand(mzxid > good, () => `the configuration goes from ${good} to ${mzxid}`);
      good = mzxid;
    });
    player.afterTurn = () =>
      player.demand(
        config.reading === undefined || typeof config.reading.value.limit === "number",
        () => `the configuration is ${JSON.stringify(config.value)}`,
      );
    const kept = { value, config };
    this.#kept.set(player, kept);
    return kept;
  }

  async #replace(
    player: Player,
    value: SharedValue<string>,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    this.#count += 1;
    const text = `v${this.#count}`;
    const way = player.chance.pick(["set", "update", "compareAndSet"] as const);
    const expected = value.current;
    try {
      const now = await {
        set: () => value.set(text, wait),
        update: () => value.update(() => text, wait),
        compareAndSet: () => value.compareAndSet(expected, text, wait),
      }[way]();
      if (now === null || now === undefined) return void this.#refused.add(text);
      player.demand(now.value === text, () => `wrote ${text}, and was told ${now.value}`);
      this.#made.add(text);
      this.#checkReal(player, now);
      const before = this.#stage.ledger.at(VALUE, now.mzxid - 1n)?.mzxid;
      player.demand(
        way !== "compareAndSet" || before === expected?.mzxid,
        () => `${text} was to replace ${expected?.mzxid}, and has replaced ${before}`,
      );
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`does not write ${text}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no") this.#refused.add(text);
    }
  }

  async #configure(player: Player, { config }: Kept): Promise<void> {
    const { client, chance } = player;
    const { recipes } = this.#stage;
    if (chance.is(0.3)) {
      await client.setData(CONFIG, chance.pick([BAD, '{"limit":"many"}', ""]));
      return;
    }
    if (chance.is(0.1)) return void (await client.remove(CONFIG));
    if (chance.is(0.2)) return await this.#ensure(player);
    if (chance.is(0.5)) return await this.#change(player);
    this.#count += 1;
    const limits = { limit: this.#count };
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    await orGiveUp(
      this.#stage,
      player,
      async () => {
        await recipes.setConfig(client, this.#definition, limits, wait);
        await config.sync(wait);
      },
      ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "AMBIGUOUS"],
    );
  }

  /** Each has a default of its own, so that it can be told whose was written. */
  async #ensure(player: Player): Promise<void> {
    const { recipes } = this.#stage;
    this.#count += 1;
    // Nobody else writes what is below 0.
    const limits = { limit: -this.#count };
    const text = JSON.stringify(limits);
    const definition = recipes.defineConfig({ path: CONFIG, schema: LIMITS, default: limits });
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    this.#defaults.set(text, undefined);
    try {
      this.#defaults.set(text, await recipes.ensureConfig(player.client, definition, wait));
    } catch (error) {
      if (!isZkError(error) && !recipes.isRecipeError(error)) throw error;
      player.note(`does not ensure ${text}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no") this.#defaults.set(text, false);
    }
  }

  /** Nobody's change is lost: what was changed is what was there. */
  async #change(player: Player): Promise<void> {
    const { ledger, recipes } = this.#stage;
    this.#count += 1;
    const limits = { limit: this.#count };
    let seen: Limits | undefined;
    const change = async (stored: Limits | undefined): Promise<Limits> => {
      seen = stored;
      await player.sleep(player.chance.wait(20));
      return limits;
    };
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const update = (): Promise<ConfigUpdate<Limits, Limits>> =>
      recipes.updateConfig(player.client, this.#definition, change, wait);
    const ends = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "AMBIGUOUS", "CORRUPTED"] as const;
    const made = await orGiveUp(this.#stage, player, update, ends);
    if (made === null) return;
    const { zxid = 0n } = made;
    const [was, is] = [ledger.at(CONFIG, zxid - 1n), ledger.at(CONFIG, zxid)];
    player.demand(
      is?.mzxid === zxid && textOf(is.data) === JSON.stringify(limits),
      () =>
        `the configuration was told to be changed to ${limits.limit} by ${zxid}, and is ${textOf(is?.data)}`,
    );
    player.demand(
      textOf(was?.data) === (seen === undefined ? "" : JSON.stringify(seen)),
      () => `the configuration was changed from ${textOf(was?.data)}, and ${seen?.limit} was seen`,
    );
  }

  /** It was there: written by that transaction. */
  #checkReal(player: Player, { value, mzxid }: VersionedValue<string>): void {
    const was = this.#stage.ledger.at(VALUE, mzxid);
    player.demand(
      was?.mzxid === mzxid && textOf(was.data) === value,
      () => `${value} is shown as of ${mzxid}, when there was ${textOf(was?.data)} of ${was?.mzxid}`,
    );
  }

  #checkValue(player: Player, { value }: Kept): void {
    const is = this.#stage.ledger.now(VALUE);
    player.demand(
      is?.mzxid === value.current?.mzxid,
      () => `the value is of ${is?.mzxid}, and ${value.current?.mzxid} is shown`,
    );
  }

  #checkConfig(player: Player, { config }: Kept, limits: Limits): void {
    const shown = JSON.stringify(config.value);
    player.demand(
      shown === JSON.stringify(limits),
      () => `the configuration is ${shown}, not ${limits.limit}`,
    );
  }
}

const BAD = "{";

const LIMITS: StandardSchema<Limits> = {
  "~standard": {
    version: 1,
    vendor: "simulation",
    validate: (value) => {
      const isGood = typeof value === "object" && value !== null && "limit" in value;
      return isGood && typeof value.limit === "number"
        ? { value: value as Limits }
        : { issues: [{ message: "there is no limit" }] };
    },
  },
};
