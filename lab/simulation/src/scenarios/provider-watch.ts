/**
 * One provider of instances, and what its user may hold it to: what it offers is enabled and not left alone, and what it picks is
 * what its strategy says. Who failed, and since when it is left alone, is counted here anew.
 */
import type { ProviderStrategy, ServiceChange, ServiceInstance, ServiceProvider } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Stage } from "./scenario.js";
import type { Registered, Said, ServiceBook } from "./service-book.js";

export type Instance = ServiceInstance<Said>;

export const STRATEGIES = [
  "roundRobin",
  "random",
  "sticky",
  "weighted",
  "leastRecentlyFailed",
  "zoneAware",
] as const;
type StrategyName = (typeof STRATEGIES)[number];

/** Failures after which an instance is left alone, and for how many milliseconds they count. */
export const FAILURES_MAX = 2;
export const WINDOW_MS = 2000;
export const ZONE = "near";
/**
 * How much older than a cache says of itself what it shows may be, in virtual milliseconds: the server that it is at may be behind
 * the others, until it finds that it has lost its leader, and what was told is read again.
 */
const BEHIND_MS_MAX = 5000;

/** See the head of this file. */
export class ProviderWatch {
  readonly provider: ServiceProvider<Said>;
  readonly strategy: StrategyName;
  readonly #stage: Stage;
  readonly #player: Player;
  readonly #book: ServiceBook;
  readonly #whenAllDown: "none" | "any";
  /** When each failed, by its key. */
  readonly #failures = new Map<string, number[]>();
  /** The znode of each key, by the transaction that made it. */
  readonly #znodes = new Map<string, bigint>();
  readonly #told = new Map<string, Instance>();
  #last: string | undefined;

  constructor(
    stage: Stage,
    player: Player,
    book: ServiceBook,
    provide: (options: {
      readonly strategy: ProviderStrategy<Said>;
      readonly whenAllDown: "none" | "any";
      readonly down: { readonly failures: number; readonly windowMs: number };
    }) => ServiceProvider<Said>,
  ) {
    this.#stage = stage;
    this.#player = player;
    this.#book = book;
    this.strategy = player.chance.pick(STRATEGIES);
    this.#whenAllDown = player.chance.pick(["none", "none", "any"]);
    const { recipes } = stage;
    const strategy = {
      roundRobin: () => recipes.roundRobin<Said>(),
      random: () => recipes.randomStrategy<Said>(),
      sticky: () => recipes.sticky<Said>(),
      weighted: () => recipes.weighted<Said>(),
      leastRecentlyFailed: () => recipes.leastRecentlyFailed<Said>(),
      zoneAware: () => recipes.zoneAware<Said>({ zone: ZONE }),
    }[this.strategy]();
    this.provider = provide({
      strategy: (instances, context) => {
        const picked = strategy(instances, context);
        this.#checkPick(instances, picked);
        return picked;
      },
      whenAllDown: this.#whenAllDown,
      down: { failures: FAILURES_MAX, windowMs: WINDOW_MS },
    });
    this.provider.cache.onChange((change) => this.#heard(change));
  }

  /** What was registered as this instance says, the newest first. */
  registrationsOf({ id, payload }: Instance): readonly Registered[] {
    this.#book.look(this.#stage.nowMs);
    return this.#book.of(id, payload?.word ?? "");
  }

  /** Tells the provider that a use failed. */
  failed(instance: Instance): void {
    this.provider.failed(instance);
    this.noteFailure(instance);
  }

  /** The provider has noticed a failure itself. */
  noteFailure(instance: Instance): void {
    const key = this.#keyOf(instance);
    this.#failures.set(key, [...(this.#failures.get(key) ?? []), this.#nowMs]);
  }

  noteSuccess(instance: Instance): void {
    this.#failures.delete(this.#keyOf(instance));
  }

  /** What is shown and offered now. To be looked at behind every turn. */
  check(): void {
    const { provider } = this;
    const { instances, stalenessMs } = provider.cache;
    this.#book.look(this.#stage.nowMs);
    const notBeforeMs = this.#stage.nowMs - stalenessMs - BEHIND_MS_MAX;
    for (const instance of instances) this.#checkReal(instance, notBeforeMs);
    this.#demand(
      idsOf([...this.#told.values()]) === idsOf(instances),
      () => `${idsOf([...this.#told.values()])} were told of, and ${idsOf(instances)} are shown`,
    );
    const enabled = instances.filter((instance) => this.registrationsOf(instance)[0]?.said?.enabled === true);
    const up = enabled.filter((instance) => !this.#isDown(instance));
    const expected = up.length === 0 && this.#whenAllDown === "any" ? enabled : up;
    this.#demand(
      idsOf(provider.available) === idsOf(expected),
      () => `${idsOf(provider.available)} are offered, and ${idsOf(expected)} may be used`,
    );
  }

  /** Nothing is wrong: all that are registered are shown, and nothing else. */
  checkTruth(): void {
    const there = this.#book.now.filter(({ said }) => said !== undefined);
    const is = there.map(({ id, said }) => `${id} ${said?.word}`).toSorted();
    const shown = this.provider.cache.instances.map(({ id, payload }) => `${id} ${payload?.word}`);
    this.#demand(
      is.join() === shown.toSorted().join(),
      () => `shows ${shown.join(", ")}, and there are ${is.join(", ")}`,
    );
  }

  #heard(change: ServiceChange<Said>): void {
    const before = change.type === "added" ? undefined : this.#told.get(change.previous.id);
    this.#demand(
      change.type === "added" ? !this.#told.has(change.instance.id) : before === change.previous,
      () => `an instance is called ${change.type}, and was told of otherwise before`,
    );
    if (change.type !== "added") this.#forgetOthers();
    if (change.type === "removed") return void this.#told.delete(change.previous.id);
    const { instance } = change;
    this.#told.set(instance.id, instance);
    this.#checkKey(instance);
    const [is] = this.registrationsOf(instance);
    const was = before && this.registrationsOf(before).at(-1);
    this.#demand(
      was === undefined || (is !== undefined && is.mzxid > was.mzxid),
      () => `${instance.id} goes back from ${was?.said?.word} to ${is?.said?.word}`,
    );
  }

  /** Failures are those of one registration: whoever is registered anew has not failed. */
  #checkKey(instance: Instance): void {
    const czxids = new Set(this.registrationsOf(instance).map(({ czxid }) => czxid));
    const [czxid] = czxids;
    // Where the same words came again, nobody can tell which it is.
    if (czxid === undefined || czxids.size > 1) return;
    const key = this.#keyOf(instance);
    const known = this.#znodes.get(key) ?? czxid;
    this.#demand(known === czxid, () => `${instance.id} of ${czxid} is remembered as that of ${known}`);
    this.#znodes.set(key, czxid);
  }

  /** Those that are gone are remembered no longer. */
  #forgetOthers(): void {
    const keys = new Set(this.provider.cache.instances.map((instance) => this.#keyOf(instance)));
    for (const key of [...this.#failures.keys()]) if (!keys.has(key)) this.#failures.delete(key);
  }

  /** It was registered so, and not too long ago. */
  #checkReal(instance: Instance, notBeforeMs: number): void {
    const { id, payload, enabled } = instance;
    const [newest] = this.#book.of(id, payload?.word ?? "");
    this.#demand(
      newest?.said?.enabled === enabled && newest.said.weight === payload?.weight,
      () => `${id} is shown to say ${payload?.word}, and never was registered so`,
    );
    const pastMs = notBeforeMs - (newest?.untilMs ?? 0);
    this.#demand(
      pastMs <= 0,
      () =>
        `${id} is shown to say ${payload?.word}, which is over for ${Math.round(pastMs)} ms longer than it may be`,
    );
  }

  #checkPick(instances: readonly Instance[], picked: Instance | undefined): void {
    const last = this.#last;
    const ids = instances.map(({ id }) => id);
    const demandOf = (allowed: readonly string[], why: string): void =>
      this.#demand(
        allowed.length === 0 ? picked === undefined : picked !== undefined && allowed.includes(picked.id),
        () =>
          `of ${ids.join(", ")} ${this.strategy} picked ${picked?.id}, and not ${why}: ${allowed.join(", ")}`,
      );
    switch (this.strategy) {
      case "random":
        demandOf(ids, "one of them");
        break;
      case "roundRobin": {
        const behind = ids.filter((id) => last !== undefined && id > last);
        demandOf((behind.length > 0 ? behind : ids).toSorted().slice(0, 1), `the next one after ${last}`);
        break;
      }
      case "sticky":
        demandOf(last !== undefined && ids.includes(last) ? [last] : ids, "the one of before");
        break;
      case "weighted":
        demandOf(
          idsWhere(instances, ({ payload }) => (payload?.weight ?? 0) > 0),
          "one that has a weight",
        );
        break;
      case "leastRecentlyFailed": {
        const failedAt = (instance: Instance): number =>
          this.#recent(instance).at(-1) ?? Number.NEGATIVE_INFINITY;
        const oldest = Math.min(...instances.map(failedAt));
        demandOf(
          idsWhere(instances, (instance) => failedAt(instance) === oldest),
          "one that failed longest ago",
        );
        break;
      }
      case "zoneAware": {
        const near = idsWhere(instances, ({ payload }) => payload?.zone === ZONE);
        demandOf(near.length > 0 ? near : ids, "one of its zone");
        break;
      }
      default:
        this.strategy satisfies never;
    }
    this.#last = picked?.id;
  }

  #isDown(instance: Instance): boolean {
    return this.#recent(instance).length >= FAILURES_MAX;
  }

  #recent(instance: Instance): readonly number[] {
    const failures = this.#failures.get(this.#keyOf(instance)) ?? [];
    return failures.filter((atMs) => this.#nowMs < atMs + WINDOW_MS);
  }

  #keyOf(instance: Instance): string {
    return this.provider.cache.keyOf(instance) ?? "";
  }

  get #nowMs(): number {
    return this.#player.client.clock.nowMs();
  }

  #demand(holds: boolean, message: () => string): void {
    this.#player.demand(holds, message);
  }
}

function idsWhere(instances: readonly Instance[], holds: (instance: Instance) => boolean): readonly string[] {
  return instances.filter(holds).map(({ id }) => id);
}

function idsOf(instances: readonly Instance[]): string {
  return instances
    .map(({ id }) => id)
    .toSorted()
    .join();
}
