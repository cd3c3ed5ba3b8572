/**
 * Services, and who offers them: registered by each instance itself, and found by those who want to use them.
 *
 * What it promises:
 * - A `DYNAMIC` instance is registered as long as its process lives, and again after a lost session, as it was last updated. A lost
 *   connection alone changes nothing: nobody sees it go and come.
 * - What others wrote that means nothing is left out, one by one, and told.
 *
 * What it does not promise: that whoever is registered can be reached.
 *
 * Layout: `<base>/<service>/<id>` with the JSON of an instance, as Apache Curator's service discovery has it; ephemeral for `DYNAMIC`,
 * persistent for `STATIC` and `PERMANENT`, which closing does not remove.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { hostAddress } from "../io/host.js";
import { wallClockMs } from "../io/wall-clock.js";
import { decodeInstance, type ServiceInstance, type ServiceType } from "./instance.js";
import { DISCOVERY_RECIPE, ServiceRegistration } from "./registration.js";
import { ServiceCache } from "./service-cache.js";
import { type ProviderOptions, ServiceProvider } from "./service-provider.js";
import { fillUriSpec, parseUriSpec } from "./uri-spec.js";

/** Options of {@link ServiceDiscovery}. */
export interface DiscoveryOptions<Payload> {
  /** Looks at the payload of an instance, and gives it as the type that it has, or throws. Default: it is believed. */
  readonly payload?: (payload: unknown) => Payload;
  /**
   * Write the field `enabled` always (`true`), or never (`false`), which Curator 2 and 3 need. Default: only when it is false.
   */
  readonly writesEnabled?: boolean;
  /** Of the instances, and of what is above them if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** What is registered. */
export interface NewInstance<Payload> {
  /** Of the service. */
  readonly name: string;
  /** Default: a UUID. */
  readonly id?: string;
  /** Default: the first address of this machine that others can reach. */
  readonly address?: string | null;
  readonly port?: number;
  readonly sslPort?: number;
  readonly payload?: Payload;
  /** The Java class to name in an object as payload, for readers in Java; `java.util.LinkedHashMap` is safe for maps. */
  readonly javaClass?: string;
  /** Default `DYNAMIC`. */
  readonly serviceType?: ServiceType;
  /** A template such as `{scheme}://{address}:{port}`. */
  readonly uriSpec?: string;
  /** Default true. */
  readonly enabled?: boolean;
  /** Milliseconds since 1970. Default: now. */
  readonly registrationTimeUTC?: number;
}

/** Options of {@link ServiceDiscovery.register}. */
export interface RegisterOptions extends WaitOptions {
  /** What to do when somebody else has registered the id, `DYNAMIC` only; as of `PersistentNode`. Default `wait`. */
  readonly onTaken?: "wait" | "fail" | "takeOver";
}

/** See the head of this file. */
export class ServiceDiscovery<Payload = unknown> implements AsyncDisposable {
  /** The directory of all services. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: DiscoveryOptions<Payload>;
  readonly #registrations = new Set<ServiceRegistration<Payload>>();
  readonly #caches = new Set<ServiceCache<Payload>>();
  #isClosed = false;

  /**
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using discovery = new ServiceDiscovery(client, "/services");
   * await discovery.register({ name: "shop", port: 8080, uriSpec: "{scheme}://{address}:{port}" });
   * using provider = discovery.provider("shop");
   * const instance = await provider.get();
   * ```
   */
  constructor(client: Client, path: string, options: DiscoveryOptions<Payload> = {}) {
    checkRecipe(client, DISCOVERY_RECIPE, path, options);
    this.#client = client;
    this.path = path;
    this.#options = options;
  }

  /**
   * Registers an instance, and resolves when the server has it.
   *
   * @throws RecipeError INVALID_ARGUMENT, REFUSED (`DYNAMIC_SEQUENTIAL`), RELEASED, CONFLICT (with `onTaken: "fail"`), ABORTED,
   *   WAIT_TIMEOUT, SESSION_EXPIRED; ZkError for what a server refuses
   */
  async register(
    newInstance: NewInstance<Payload>,
    options: RegisterOptions = {},
  ): Promise<ServiceRegistration<Payload>> {
    this.#refuseIfClosed();
    const instance = this.#complete(newInstance);
    const path = childPath(this.#pathOf(instance.name), checkName("id", instance.id));
    const { acl, writesEnabled } = this.#options;
    const registration: ServiceRegistration<Payload> = new ServiceRegistration({
      client: this.#client,
      path,
      instance,
      writesEnabled,
      acl,
      onTaken: options.onTaken ?? "wait",
      ended: () => this.#registrations.delete(registration),
    });
    this.#registrations.add(registration);
    try {
      await registration.start(options);
    } catch (error) {
      this.#registrations.delete(registration);
      throw error;
    }
    return registration;
  }

  /**
   * The names of all services.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError of a read
   */
  async names(options: WaitOptions = {}): Promise<readonly string[]> {
    return await this.#childrenOf(this.path, options);
  }

  /**
   * The instances of a service, read now. What cannot be read is left out and told to `observeRecipes`.
   * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT; ZkError of a read
   */
  async instances(name: string, options: WaitOptions = {}): Promise<readonly ServiceInstance<Payload>[]> {
    const path = this.#pathOf(name);
    const ids = await this.#childrenOf(path, options);
    const found = await Promise.all(ids.map((id) => this.#read(childPath(path, id), options)));
    return found.filter((instance) => instance !== undefined);
  }

  /**
   * One instance, read now; undefined when there is none that can be read.
   * @throws as {@link ServiceDiscovery.instances}
   */
  async instance(
    name: string,
    id: string,
    options: WaitOptions = {},
  ): Promise<ServiceInstance<Payload> | undefined> {
    return await this.#read(childPath(this.#pathOf(name), checkName("id", id)), options);
  }

  /** The instances of a service, kept in this process. It need not exist. @throws RecipeError INVALID_ARGUMENT, RELEASED */
  watch(name: string): ServiceCache<Payload> {
    this.#refuseIfClosed();
    const cache: ServiceCache<Payload> = new ServiceCache(
      this.#client,
      this.#pathOf(name),
      (data) => this.#decode(data),
      () => this.#caches.delete(cache),
    );
    this.#caches.add(cache);
    return cache;
  }

  /** One instance of a service at a time. @throws RecipeError INVALID_ARGUMENT, RELEASED */
  provider(name: string, options: ProviderOptions<Payload> = {}): ServiceProvider<Payload> {
    return new ServiceProvider(this.#client, this.watch(name), options);
  }

  /**
   * The URI of an instance by its template, or by `{scheme}://{address}:{port}` if it has none.
   * @param variables come before what the instance says
   * @throws RecipeError INVALID_ARGUMENT for a template whose braces do not match
   */
  uriOf(
    instance: ServiceInstance<Payload>,
    variables: Readonly<Record<string, string | number>> = {},
  ): string {
    const standard = `{scheme}://{address}:{${instance.sslPort === null ? "port" : "ssl-port"}}`;
    return fillUriSpec(instance.uriSpec ?? standard, instance, variables);
  }

  /**
   * Ends all that was begun here: dynamic instances are unregistered, static and permanent ones stay; caches and providers are closed.
   * @throws AggregateError of those that could not be unregistered
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const cache of [...this.#caches]) cache.close();
    const ended = await Promise.allSettled(
      [...this.#registrations].map((registration) => registration[Symbol.asyncDispose]()),
    );
    const errors = ended.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} instances could not be unregistered`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pathOf(name: string): string {
    return childPath(this.path, checkName("name", name));
  }

  #complete(given: NewInstance<Payload>): ServiceInstance<Payload> {
    const { serviceType = "DYNAMIC", uriSpec = null } = given;
    if (serviceType === "DYNAMIC_SEQUENTIAL") {
      const message =
        "an instance with a number behind its id is found again by nobody, not even by Curator: use DYNAMIC";
      throw new RecipeError({ code: "REFUSED", message, recipe: DISCOVERY_RECIPE, path: this.path });
    }
    if (uriSpec !== null) parseUriSpec(uriSpec);
    return {
      name: given.name,
      id: given.id ?? this.#client.randomness.uuid(),
      address: given.address === undefined ? hostAddress() : given.address,
      port: given.port ?? null,
      sslPort: given.sslPort ?? null,
      payload: given.payload ?? null,
      javaClass: given.javaClass,
      registrationTimeUTC: given.registrationTimeUTC ?? wallClockMs(),
      serviceType,
      uriSpec,
      enabled: given.enabled ?? true,
    };
  }

  #decode(data: Uint8Array | null): ServiceInstance<Payload> {
    const instance = decodeInstance(data);
    const { payload: check } = this.#options;
    const payload = check === undefined ? (instance.payload as Payload | null) : check(instance.payload);
    return { ...instance, payload };
  }

  async #childrenOf(path: string, options: WaitOptions): Promise<readonly string[]> {
    using patience = new Patience(this.#client, { recipe: DISCOVERY_RECIPE, path }, options);
    try {
      return await patience.read((call) => this.#client.getChildren(path, call));
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  async #read(path: string, options: WaitOptions): Promise<ServiceInstance<Payload> | undefined> {
    const found = await this.#dataAt(path, options);
    if (found === undefined) return undefined;
    try {
      return this.#decode(found.data);
    } catch (error) {
      const { data } = found;
      telemetryOf(this.#client).tell({ type: "badData", recipe: DISCOVERY_RECIPE, path, data, error });
      return undefined;
    }
  }

  async #dataAt(
    path: string,
    options: WaitOptions,
  ): Promise<{ readonly data: Uint8Array | null } | undefined> {
    using patience = new Patience(this.#client, { recipe: DISCOVERY_RECIPE, path }, options);
    try {
      return await patience.read((call) => this.#client.getData(path, call));
    } catch (error) {
      // It went since it was listed.
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #refuseIfClosed(): void {
    if (!this.#isClosed) return;
    const about = { recipe: DISCOVERY_RECIPE, path: this.path };
    throw new RecipeError({ code: "RELEASED", message: "it was closed", ...about });
  }
}

/** @throws RecipeError INVALID_ARGUMENT for what cannot be one part of a path */
function checkName(what: string, name: string): string {
  if (typeof name === "string" && name !== "" && !name.includes("/") && name !== "." && name !== "..")
    return name;
  throw new RecipeError({
    code: "INVALID_ARGUMENT",
    message: `the ${what} of a service must be a name without slashes, not ${JSON.stringify(name)}`,
    recipe: DISCOVERY_RECIPE,
  });
}
