/** The instances of one service, kept in this process. */
import type { Client } from "@zk/client";
import type { CacheState } from "../caches/cache.js";
import { type ChildrenCache, watchChildren } from "../caches/children-cache.js";
import type { CacheChange, CachedNode } from "../caches/types.js";
import { Listeners } from "../core/listeners.js";
import { nameOf } from "../core/paths.js";
import type { WaitOptions } from "../core/patience.js";
import { telemetryOf } from "../core/telemetry.js";
import type { ServiceInstance } from "./instance.js";
import { DISCOVERY_RECIPE } from "./registration.js";

/** What happened to an instance. */
export type ServiceChange<Payload = unknown> =
  | { readonly type: "added"; readonly instance: ServiceInstance<Payload> }
  | {
      readonly type: "updated";
      readonly instance: ServiceInstance<Payload>;
      readonly previous: ServiceInstance<Payload>;
    }
  | { readonly type: "removed"; readonly previous: ServiceInstance<Payload> };

/** Reads what is registered. @throws anything when it means nothing */
export type DecodeInstance<Payload> = (data: Uint8Array | null) => ServiceInstance<Payload>;

/** Made by `ServiceDiscovery.watch`. What cannot be read is left out, one by one, and told to `observeRecipes` as `badData`. */
export class ServiceCache<Payload = unknown> implements Disposable, AsyncDisposable {
  /** Of the service. */
  readonly name: string;
  readonly #client: Client;
  readonly #cache: ChildrenCache;
  readonly #decode: DecodeInstance<Payload>;
  readonly #ended: () => void;
  readonly #instances = new Map<string, ServiceInstance<Payload>>();
  readonly #keys = new WeakMap<ServiceInstance, string>();
  readonly #listeners: Listeners<ServiceChange<Payload>>;
  #sorted: readonly ServiceInstance<Payload>[] | undefined;

  constructor(client: Client, path: string, decode: DecodeInstance<Payload>, ended: () => void = () => {}) {
    this.name = nameOf(path);
    this.#client = client;
    this.#decode = decode;
    this.#ended = ended;
    this.#listeners = new Listeners((error) => {
      telemetryOf(client).tell({ type: "listenerFailed", recipe: DISCOVERY_RECIPE, path, error });
    });
    this.#cache = watchChildren(client, path);
    this.#cache.onChange((change) => this.#changed(change));
  }

  /** Resolves when everything was read once. Rejects when it cannot be read. */
  get ready(): Promise<void> {
    return this.#cache.ready;
  }

  get state(): CacheState {
    return this.#cache.state;
  }

  /** How old what is shown may be, in milliseconds. While it cannot be refreshed, the instances are those of before. */
  get stalenessMs(): number {
    return this.#cache.stalenessMs;
  }

  /** The instances, sorted by id; those that are not enabled too. */
  get instances(): readonly ServiceInstance<Payload>[] {
    this.#sorted ??= [...this.#instances.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    return this.#sorted;
  }

  /** Hears of every change. What it throws is told to `observeRecipes`. @returns what ends it */
  onChange(listener: (change: ServiceChange<Payload>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Resolves when everything that was registered before the call is seen here.
   * @throws as `ZnodeCache.sync`
   */
  async sync(options: WaitOptions = {}): Promise<void> {
    await this.#cache.sync(options);
  }

  /**
   * Resolves when the condition holds for the instances.
   * @throws as `ZnodeCache.until`
   */
  async until(
    condition: (instances: readonly ServiceInstance<Payload>[]) => boolean,
    options: WaitOptions = {},
  ): Promise<void> {
    await this.#cache.until(() => condition(this.instances), options);
  }

  /** What an instance is remembered by: another one for each time that it was registered. */
  keyOf(instance: ServiceInstance<Payload>): string | undefined {
    return this.#keys.get(instance);
  }

  /** Ends it. What it shows stays. */
  close(): void {
    this.#cache.close();
    this.#ended();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #changed(change: CacheChange): void {
    if (change.type === "deleted") this.#take(change.path, undefined);
    else if ("node" in change) this.#take(change.path, this.#read(change.node));
  }

  #read({ path, data, stat }: CachedNode): ServiceInstance<Payload> | undefined {
    try {
      const instance = this.#decode(data);
      this.#keys.set(instance, `${path} ${stat.czxid}`);
      return instance;
    } catch (error) {
      telemetryOf(this.#client).tell({ type: "badData", recipe: DISCOVERY_RECIPE, path, data, error });
      return undefined;
    }
  }

  #take(path: string, instance: ServiceInstance<Payload> | undefined): void {
    const previous = this.#instances.get(path);
    this.#sorted = undefined;
    if (instance === undefined) {
      if (this.#instances.delete(path) && previous !== undefined)
        this.#listeners.tell({ type: "removed", previous });
      return;
    }
    this.#instances.set(path, instance);
    if (previous === undefined) this.#listeners.tell({ type: "added", instance });
    else this.#listeners.tell({ type: "updated", instance, previous });
  }
}
