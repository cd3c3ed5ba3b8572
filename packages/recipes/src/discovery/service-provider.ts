/**
 * One instance of a service at a time, for whoever wants to call it.
 *
 * What it does not promise: that the instance is alive. A process that has died is registered until its session ends; that is what
 * {@link ServiceProvider.use} and its other tries are for.
 */
import type { Client } from "@zk/client";
import { checkInteger } from "../core/checks.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { DownInstances, type DownPolicy } from "./down-instances.js";
import type { ServiceInstance } from "./instance.js";
import { DISCOVERY_RECIPE } from "./registration.js";
import type { ServiceCache } from "./service-cache.js";
import { type PickContext, type ProviderStrategy, roundRobin } from "./strategies.js";

/** Options of `ServiceDiscovery.provider`. */
export interface ProviderOptions<Payload> {
  /** Which instance is next. Default: round robin. */
  readonly strategy?: ProviderStrategy<Payload>;
  /** Only instances that pass all of these are used. That one is enabled is always asked. */
  readonly filters?: readonly ((instance: ServiceInstance<Payload>) => boolean)[];
  /** When an instance that fails is left alone for a while. */
  readonly down?: DownPolicy;
  /** What to do while all are left alone: use `none`, or `any` of them all the same. Default `none`. */
  readonly whenAllDown?: "none" | "any";
}

/** Options of {@link ServiceProvider.use}. */
export interface UseOptions extends WaitOptions {
  /** Instances that are tried at most. Default 3. */
  readonly attempts?: number;
  /** Whether an error says that the instance failed, and another one may do. One that does not is thrown at once. Default: all do. */
  readonly isFailure?: (error: unknown) => boolean;
}

/** Made by `ServiceDiscovery.provider`. */
export class ServiceProvider<Payload = unknown> implements Disposable, AsyncDisposable {
  /** All instances. */
  readonly cache: ServiceCache<Payload>;
  readonly #client: Client;
  readonly #options: ProviderOptions<Payload>;
  readonly #strategy: ProviderStrategy<Payload>;
  readonly #down: DownInstances;
  readonly #context: PickContext;

  constructor(client: Client, cache: ServiceCache<Payload>, options: ProviderOptions<Payload>) {
    this.#client = client;
    this.cache = cache;
    this.#options = options;
    this.#strategy = options.strategy ?? roundRobin();
    this.#down = new DownInstances(options.down);
    this.#context = {
      random: () => (client.randomness.seed() >>> 0) / 2 ** 32,
      failedAtMs: (instance) => {
        const key = this.#keyOf(instance as ServiceInstance<Payload>);
        return key === undefined ? undefined : this.#down.failedAtMs(key, client.clock.nowMs());
      },
    };
    cache.onChange(({ type }) => {
      if (type !== "added") this.#down.keep(new Set(cache.instances.map((each) => this.#keyOf(each) ?? "")));
    });
  }

  /** Resolves when everything was read once. Rejects when it cannot be read. */
  get ready(): Promise<void> {
    return this.cache.ready;
  }

  /** The instances that may be used now. */
  get available(): readonly ServiceInstance<Payload>[] {
    const { filters = [], whenAllDown = "none" } = this.#options;
    const wanted = this.cache.instances.filter(
      (instance) => instance.enabled && filters.every((filter) => filter(instance)),
    );
    const nowMs = this.#client.clock.nowMs();
    const up = wanted.filter((instance) => !this.#down.isDown(this.#keyOf(instance) ?? "", nowMs));
    return up.length === 0 && whenAllDown === "any" ? wanted : up;
  }

  /** The next instance; undefined when there is none that may be used. */
  pick(): ServiceInstance<Payload> | undefined {
    return this.#pickFrom(this.available);
  }

  /**
   * The next instance, as soon as there is one.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED when it is closed; whatever the reading fails with
   */
  async get(options: WaitOptions = {}): Promise<ServiceInstance<Payload>> {
    const about = { recipe: DISCOVERY_RECIPE, path: this.cache.name };
    using patience = new Patience(this.#client, about, options);
    let picked: ServiceInstance<Payload> | undefined;
    while (picked === undefined) {
      patience.check();
      // Whoever is left alone comes back by the time alone, of which no watch tells.
      const { clock } = this.#client;
      const recovery = new AbortController();
      const inMs = this.#down.recoversInMs(clock.nowMs());
      const cancelTimer = Number.isFinite(inMs)
        ? clock.setTimer(inMs, () => recovery.abort())
        : (): void => {};
      try {
        const signal = AbortSignal.any([patience.signal, recovery.signal]);
        await this.cache.until(
          () => {
            picked = this.pick();
            return picked !== undefined;
          },
          { signal },
        );
      } catch (error) {
        patience.check();
        if (!recovery.signal.aborted) throw error;
      } finally {
        cancelTimer();
      }
    }
    return picked;
  }

  /** Says that a use of the instance failed. */
  failed(instance: ServiceInstance<Payload>): void {
    const key = this.#keyOf(instance);
    if (key !== undefined) this.#down.failed(key, this.#client.clock.nowMs());
  }

  /** Says that a use of the instance went well: what failed before is forgotten. */
  succeeded(instance: ServiceInstance<Payload>): void {
    const key = this.#keyOf(instance);
    if (key !== undefined) this.#down.succeeded(key);
  }

  /**
   * Calls the function with an instance, and when it fails with another one, and remembers who failed. The function must be one that
   * may be called more than once.
   *
   * @returns what the function gave
   * @throws RecipeError UNAVAILABLE when there is no instance, or each that was tried failed: its cause is an AggregateError of what
   *   they threw. ABORTED, WAIT_TIMEOUT. What the function throws, if `isFailure` says that it is none
   * @example
   * ```ts
   * const answer = await provider.use((instance, signal) => fetch(discovery.uriOf(instance), { signal }), { timeoutMs: 5_000 });
   * ```
   */
  async use<T>(
    work: (instance: ServiceInstance<Payload>, signal: AbortSignal) => Promise<T> | T,
    options: UseOptions = {},
  ): Promise<T> {
    const about = { recipe: DISCOVERY_RECIPE, path: this.cache.name };
    const { attempts = 3, isFailure = () => true } = options;
    checkInteger(about, "attempts", attempts, { min: 1, max: 1000 });
    using patience = new Patience(this.#client, about, options);
    await patience.race(this.cache.ready);
    const tried = new Set<string | undefined>();
    const errors: unknown[] = [];
    while (errors.length < attempts) {
      patience.check();
      const instance = this.#pickFrom(this.available.filter((each) => !tried.has(this.#keyOf(each))));
      if (instance === undefined) break;
      try {
        const value = await patience.race(Promise.resolve(work(instance, patience.signal)));
        this.succeeded(instance);
        return value;
      } catch (error) {
        // Who gives up says nothing of the instance.
        patience.check();
        if (!isFailure(error)) throw error;
        this.failed(instance);
        tried.add(this.#keyOf(instance));
        errors.push(error);
      }
    }
    const message =
      errors.length === 0
        ? "there is no instance that may be used"
        : `each of ${errors.length} instances failed`;
    const cause = errors.length === 0 ? undefined : new AggregateError(errors, message);
    throw new RecipeError({ code: "UNAVAILABLE", message, ...about, cause });
  }

  /** Ends it, and its cache. */
  close(): void {
    this.cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #pickFrom(instances: readonly ServiceInstance<Payload>[]): ServiceInstance<Payload> | undefined {
    return instances.length === 0 ? undefined : this.#strategy(instances, this.#context);
  }

  #keyOf(instance: ServiceInstance<Payload>): string | undefined {
    return this.cache.keyOf(instance);
  }
}
