/**
 * Services that register, change, go and die, and providers that pick one of them by every strategy. What must hold:
 * - An instance that is shown was registered so, and is over for no longer than the cache says of itself that it may be behind.
 * - What is offered is enabled and not left alone for its failures; what is picked is what the strategy says (see {@link ProviderWatch}).
 * - What is read now, or behind a `sync`, is not older than that.
 * - A use tries another instance when one fails, none twice, and gives up only when there is no other.
 * - An instance that is not dynamic stays until it is taken out.
 * - When nothing is wrong any more providers show exactly what is registered; who was left alone comes back by the time alone.
 */
import { isZkError } from "@zk/client";
import type { RecipeErrorCode, ServiceDiscovery, ServiceRegistration } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkNothingUnderWay, impatienceOf, orGiveUp, TURN_MS_MAX, textOf, timeoutOf } from "./manners.js";
import { FAILURES_MAX, type Instance, ProviderWatch, WINDOW_MS, ZONE } from "./provider-watch.js";
import type { Play, Scenario, Stage } from "./scenario.js";
import { type Said, ServiceBook } from "./service-book.js";

const BASE = "/services";
const SERVICE = "shop";
const PATH = `${BASE}/${SERVICE}`;
/** Within it everybody has heard of a change once nothing is wrong: virtual milliseconds. */
const HEARD_MS_MAX = 3000;
/** Those who are in each other's way. */
const IDS = ["m0", "m1", "m2"];
const ATTEMPTS = 3;
/** Picks that show whether a strategy by chance is a fair one. */
const PICKS = 600;

/** What one client keeps. */
interface Kept {
  readonly discovery: ServiceDiscovery<Said>;
  readonly watch: ProviderWatch;
  readonly registrations: Set<ServiceRegistration<Said>>;
}

type Wait = { readonly signal?: AbortSignal; readonly timeoutMs: number };

/** See the head of this file. */
export const discovery: Scenario = {
  name: "discovery",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Discovering(stage),
};

class Discovering implements Play {
  readonly #stage: Stage;
  readonly #book: ServiceBook;
  readonly #kept = new Map<Player, Kept>();
  /** What static instances say, each written by one client only; undefined when that is in doubt, null for one that is out. */
  readonly #statics = new Map<string, string | null | undefined>();
  #words = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#book = new ServiceBook(stage.ledger, PATH);
  }

  async perform(player: Player): Promise<void> {
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    const kept = this.#keptOf(player);
    player.afterTurn = () => kept.watch.check();
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    await this.#round(player, kept, wait);
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const kept = this.#keptOf(player);
    const { watch } = kept;
    player.afterTurn = () => watch.check();
    const wait = { timeoutMs: TURN_MS_MAX };
    const word = this.#next(player);
    // Of two weights, and each enabled: there is something to pick from.
    const said = { ...word, weight: 1 + 2 * player.chance.below(2) };
    const instance = { name: SERVICE, id: `last-${player.name}`, address: null, payload: said };
    kept.registrations.add(await kept.discovery.register(instance, wait));
    await player.sleep(2 * HEARD_MS_MAX);
    watch.checkTruth();
    for (const path of this.#statics.keys()) this.#checkStatic(player, path);
    // Nobody goes or fails before everybody has looked.
    await player.sleep(HEARD_MS_MAX);
    this.#checkFair(player, watch);
    await this.#checkRecovery(player, watch);
    await player.sleep(HEARD_MS_MAX);
    await kept.discovery.close();
    player.demand(
      watch.provider.cache.state === "closed",
      () => "the provider goes on although all was closed",
    );
    for (const registration of kept.registrations) this.#checkOut(player, registration);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    this.#book.look(this.#stage.nowMs);
    for (const { id } of this.#book.now)
      if (!this.#statics.has(`${PATH}/${id}`)) this.#stage.report(`${id} is left`);
    for (const path of this.#statics.keys()) {
      const wrong = this.#wrongOfStatic(path);
      if (wrong !== undefined) this.#stage.report(wrong);
    }
  }

  #keptOf(player: Player): Kept {
    const known = this.#kept.get(player);
    if (known !== undefined) return known;
    const discovery = new this.#stage.recipes.ServiceDiscovery<Said>(player.client, BASE);
    const watch = new ProviderWatch(this.#stage, player, this.#book, (options) =>
      discovery.provider(SERVICE, options),
    );
    const kept = { discovery, watch, registrations: new Set<ServiceRegistration<Said>>() };
    this.#kept.set(player, kept);
    return kept;
  }

  #next({ chance }: Player): Said {
    this.#words += 1;
    return { word: `w${this.#words}`, weight: chance.below(3), zone: chance.pick([ZONE, "far"]) };
  }

  async #round(player: Player, kept: Kept, wait: Wait): Promise<void> {
    const { chance } = player;
    const work = chance.pick([
      "register",
      "register",
      "change",
      "change",
      "out",
      "use",
      "use",
      "look",
    ] as const);
    switch (work) {
      case "register":
        return this.#register(player, kept, wait);
      case "change":
        return this.#change(player, kept, wait);
      case "out":
        return this.#takeOut(player, kept, wait);
      case "use":
        for (let uses = chance.below(4); uses >= 0; uses -= 1) await this.#use(player, kept.watch, wait);
        return;
      case "look":
        return this.#lookNow(player, kept, wait);
      default:
        return work satisfies never;
    }
  }

  async #register(player: Player, { discovery, registrations }: Kept, wait: Wait): Promise<void> {
    const { chance } = player;
    if (registrations.size > 2) return;
    const payload = this.#next(player);
    const enabled = chance.is(0.7);
    if (chance.is(0.3)) {
      const id = `s-${player.name}`;
      const instance = { name: SERVICE, id, payload, enabled, serviceType: "STATIC" } as const;
      const registration = await this.#write(player, `${PATH}/${id}`, payload.word, () =>
        discovery.register({ ...instance, address: null }, wait),
      );
      if (registration !== null) registrations.add(registration);
      return;
    }
    const onTaken = chance.pick(["wait", "fail", "takeOver"] as const);
    const instance = { name: SERVICE, id: chance.pick(IDS), address: null, payload, enabled };
    const registration = await orGiveUp(
      this.#stage,
      player,
      () => discovery.register(instance, { ...wait, onTaken }),
      ENDS,
    );
    if (registration === null) return;
    registrations.add(registration);
    registration.onEvent(({ type }) => {
      if (type === "failed") registrations.delete(registration);
    });
  }

  async #change(player: Player, { registrations }: Kept, wait: Wait): Promise<void> {
    const { chance, client } = player;
    if (registrations.size === 0) return;
    const registration = chance.pick([...registrations]);
    const { path } = registration;
    if (!this.#statics.has(path)) {
      const changes = { payload: this.#next(player), enabled: chance.is(0.7) };
      await orGiveUp(this.#stage, player, () => registration.update(changes, wait), ENDS);
      return;
    }
    if (chance.is(0.2)) {
      // What nobody can read is left out, and all others are not.
      this.#statics.set(path, undefined);
      return void (await client.setData(path, "{"));
    }
    const payload = this.#next(player);
    await this.#write(player, path, payload.word, () =>
      registration.update({ payload, enabled: chance.is(0.7) }, wait),
    );
  }

  async #takeOut(player: Player, { registrations }: Kept, wait: Wait): Promise<void> {
    if (registrations.size === 0) return;
    const registration = player.chance.pick([...registrations]);
    const { path } = registration;
    if (this.#statics.has(path)) {
      registrations.delete(registration);
      return void (await this.#write(player, path, null, () => registration.unregister(wait)));
    }
    registrations.delete(registration);
    const { confirmed } = await registration.unregister();
    if (confirmed) this.#checkOut(player, registration);
  }

  /** Somebody else may have the id by now. */
  #checkOut(player: Player, { path, instance }: ServiceRegistration<Said>): void {
    const word = instance.payload?.word ?? "";
    const is = this.#stage.ledger.now(path);
    player.demand(
      this.#statics.has(path) || !textOf(is?.data).includes(`"${word}"`),
      () => `${path} was taken out, and is there and says ${word}`,
    );
  }

  /** A write of a static instance, which nobody else makes. */
  async #write<T>(
    player: Player,
    path: string,
    word: string | null,
    work: () => Promise<T>,
  ): Promise<T | null> {
    const before = this.#statics.get(path);
    this.#statics.set(path, undefined);
    try {
      const value = await work();
      this.#statics.set(path, word);
      this.#checkStatic(player, path);
      return value;
    } catch (error) {
      if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`does not write ${path}: ${error.code}, applied: ${error.applied}`);
      if (error.applied === "no" && before !== undefined) this.#statics.set(path, before);
      return null;
    }
  }

  /** Uses an instance, or several when they fail. */
  async #use(player: Player, watch: ProviderWatch, wait: Wait): Promise<void> {
    const { chance } = player;
    const { provider } = watch;
    if (chance.is(0.3)) {
      const picked = chance.is(0.5)
        ? provider.pick()
        : await orGiveUp(this.#stage, player, () => provider.get(wait), [...ENDS, "RELEASED"]);
      if (picked !== null && picked !== undefined && chance.is(0.3)) watch.failed(picked);
      return;
    }
    const tried: Instance[] = [];
    // One that has changed meanwhile is the same one.
    const isTried = (instance: Instance): boolean =>
      tried.some((each) => provider.cache.keyOf(each) === provider.cache.keyOf(instance));
    const work = async (instance: Instance, signal: AbortSignal): Promise<number> => {
      player.demand(!isTried(instance), () => `${instance.id} is tried twice in one use`);
      tried.push(instance);
      await player.sleep(chance.wait(50));
      const isFailure = chance.is(0.4);
      if (!signal.aborted && isFailure) watch.noteFailure(instance);
      if (!signal.aborted && !isFailure) watch.noteSuccess(instance);
      if (isFailure) throw new Error("does not answer");
      return tried.length;
    };
    try {
      const times = await provider.use(work, { ...wait, attempts: ATTEMPTS });
      player.demand(times === tried.length, () => `${tried.length} were tried, and ${times} were told`);
    } catch (error) {
      if (!this.#stage.recipes.isRecipeError(error)) throw error;
      player.note(`a use fails: ${error.code}, ${tried.length} were tried`);
      const isOut = error.code === "UNAVAILABLE";
      player.demand(isOut || ENDS.includes(error.code), () => `a use ended with ${String(error)}`);
      const left = provider.available.filter((each) => !isTried(each));
      // Who has no weight is not picked.
      const isWeighted = watch.strategy === "weighted" && left.every(({ payload }) => payload?.weight === 0);
      player.demand(
        !isOut || tried.length === ATTEMPTS || left.length === 0 || isWeighted,
        () => `gave up after ${tried.length}, and there is ${left.map(({ id }) => id).join(", ")}`,
      );
    }
    player.demand(tried.length <= ATTEMPTS, () => `${tried.length} were tried`);
  }

  /** What is read now, or is shown behind a `sync`, is of now. */
  async #lookNow(player: Player, { discovery, watch }: Kept, wait: Wait): Promise<void> {
    const { ledger } = this.#stage;
    const isSync = player.chance.is(0.5);
    const { cache } = watch.provider;
    const sinceZxid = isSync ? ledger.lastZxid : player.client.lastZxid;
    const seen = await orGiveUp(
      this.#stage,
      player,
      async () => {
        if (!isSync) return await discovery.instances(SERVICE, wait);
        await cache.sync(wait);
        return cache.instances;
      },
      ENDS,
    );
    if (seen === null) return;
    for (const instance of seen) {
      const isNew = watch
        .registrationsOf(instance)
        .some(({ untilZxid }) => untilZxid === undefined || untilZxid > sinceZxid);
      player.demand(isNew, () => `${instance.id} is read to say ${instance.payload?.word}, which is over`);
    }
    const lasting = this.#book.now.filter(({ mzxid, said }) => mzxid <= sinceZxid && said !== undefined);
    for (const { id, said } of lasting) {
      const found = seen.find((each) => each.id === id);
      player.demand(
        found?.payload?.word === said?.word,
        () => `${id} says ${said?.word}, and is read to say ${found?.payload?.word}`,
      );
    }
  }

  /** Nobody comes, goes or fails: how often each is picked. */
  #checkFair(player: Player, { provider, strategy }: ProviderWatch): void {
    if (strategy !== "weighted" && strategy !== "random" && strategy !== "roundRobin") return;
    const { available } = provider;
    const weightOf = ({ payload }: Instance): number =>
      strategy === "weighted" ? (payload?.weight ?? 0) : 1;
    const sum = available.reduce((total, instance) => total + weightOf(instance), 0);
    const times = new Map<string, number>();
    for (let pick = 0; pick < PICKS; pick += 1) {
      const id = provider.pick()?.id ?? "";
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    for (const instance of available) {
      const share = (times.get(instance.id) ?? 0) / PICKS;
      const expected = weightOf(instance) / sum;
      // Six times what chance makes of it.
      player.demand(
        Math.abs(share - expected) < 0.13,
        () =>
          `${instance.id} is picked in ${share} of all cases by ${strategy}, and should be in ${expected}`,
      );
    }
  }

  /** All fail, are left alone, and come back by the time alone. */
  async #checkRecovery(player: Player, watch: ProviderWatch): Promise<void> {
    const { provider, strategy } = watch;
    // Our own comes last of all, so that there is one with a weight.
    for (const instance of provider.cache.instances)
      for (let times = 0; times < FAILURES_MAX; times += 1) watch.failed(instance);
    watch.check();
    const isAny = provider.available.length > 0;
    const sinceMs = this.#stage.nowMs;
    const got = await provider.get({ timeoutMs: TURN_MS_MAX });
    const forMs = this.#stage.nowMs - sinceMs;
    player.demand(
      isAny ? forMs < 100 : forMs >= WINDOW_MS - 1 && forMs < WINDOW_MS + 100,
      () => `${got.id} came back after ${Math.round(forMs)} ms, by ${strategy}`,
    );
  }

  #checkStatic(player: Player, path: string): void {
    const wrong = this.#wrongOfStatic(path);
    player.demand(wrong === undefined, () => `${wrong}`);
  }

  /** What is wrong with a static instance of which it is known what it says. */
  #wrongOfStatic(path: string): string | undefined {
    const word = this.#statics.get(path);
    if (word === undefined) return undefined;
    const is = this.#stage.ledger.now(path);
    const says = is === null ? null : textOf(is.data);
    const isRight = word === null ? says === null : says?.includes(`"${word}"`) === true;
    return isRight ? undefined : `${path} was told to say ${word}, and says ${says}`;
  }
}

const ENDS: readonly RecipeErrorCode[] = [
  "ABORTED",
  "WAIT_TIMEOUT",
  "SESSION_EXPIRED",
  "CONFLICT",
  "RELEASED",
  "AMBIGUOUS",
];
