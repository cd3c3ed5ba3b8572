/** One instance of ours that is registered. */
import type { Acl, Client } from "@zk/client";
import type { WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { PersistentNode, type PersistentNodeEvent } from "../nodes/persistent-node.js";
import { atomically } from "../stm/atomically.js";
import { decodeInstance, encodeInstance, type ServiceInstance } from "./instance.js";

/** How recipes of this family call themselves in errors. */
export const DISCOVERY_RECIPE = "ServiceDiscovery";

/** What a {@link ServiceRegistration} is made from. */
export interface RegistrationDetails<Payload> {
  readonly client: Client;
  readonly path: string;
  readonly instance: ServiceInstance<Payload>;
  readonly writesEnabled: boolean | undefined;
  readonly acl: readonly Acl[] | undefined;
  readonly onTaken: "wait" | "fail" | "takeOver";
  /** Called once, when it is registered no longer. */
  readonly ended: () => void;
}

/** What may be changed of a registered instance: everything but what it is called and how long it lasts. */
export type InstanceChanges<Payload> = Partial<
  Omit<ServiceInstance<Payload>, "name" | "id" | "serviceType" | "registrationTimeUTC">
>;

/** An instance of ours. Made by `ServiceDiscovery.register`. Leaving `await using` unregisters a `DYNAMIC` one, and only that. */
export class ServiceRegistration<Payload = unknown> implements AsyncDisposable {
  /** The znode. */
  readonly path: string;
  readonly #details: RegistrationDetails<Payload>;
  /** Of a dynamic one. */
  readonly #node: PersistentNode | undefined;
  #instance: ServiceInstance<Payload>;
  #isOver = false;

  constructor(details: RegistrationDetails<Payload>) {
    this.#details = details;
    this.#instance = details.instance;
    this.path = details.path;
    if (details.instance.serviceType !== "DYNAMIC") return;
    this.#node = new PersistentNode(details.client, details.path, {
      data: this.#encode(details.instance),
      onTaken: details.onTaken,
      recipe: DISCOVERY_RECIPE,
      ...(details.acl === undefined ? {} : { acl: details.acl }),
    });
  }

  /** The instance as it is registered, or will be as soon as there is a connection. */
  get instance(): ServiceInstance<Payload> {
    return this.#instance;
  }

  /** Whether the servers have it, as far as we know. */
  get isRegistered(): boolean {
    if (this.#isOver) return false;
    const state = this.#node?.state;
    return state === undefined || state === "established" || state === "suspect";
  }

  /** Hears of what happens to the znode of a dynamic one; others tell nothing. @returns what ends it */
  onEvent(listener: (event: PersistentNodeEvent) => void): () => void {
    return this.#node?.onEvent(listener) ?? (() => {});
  }

  /** Called by `ServiceDiscovery.register`. */
  async start(options: WaitOptions): Promise<void> {
    if (this.#node !== undefined) await this.#node.start(options);
    else await this.#write(options);
  }

  /**
   * Changes the instance in place: those who watch see it change, and not come and go. What is registered again in a later
   * session is the changed one.
   *
   * @throws RecipeError RELEASED, ABORTED, WAIT_TIMEOUT, INVALID_ARGUMENT; AMBIGUOUS for one that is not `DYNAMIC`; ZkError for what a
   *   server refuses
   */
  async update(changes: InstanceChanges<Payload>, options: WaitOptions = {}): Promise<void> {
    this.#refuseIfOver();
    const instance = { ...this.#instance, ...changes };
    const data = this.#encode(instance);
    this.#instance = instance;
    if (this.#node !== undefined) await this.#node.setData(data, options);
    else await this.#write(options);
  }

  /**
   * Takes it out. Resolves when the server has, or for a dynamic one when that cannot be had now: it goes on then.
   *
   * @returns whether it is known to be gone
   * @throws RecipeError REFUSED, ABORTED, WAIT_TIMEOUT, AMBIGUOUS; ZkError for what a server refuses
   */
  async unregister(options: WaitOptions = {}): Promise<{ readonly confirmed: boolean }> {
    // First of all it is ours no longer: nothing may register it again meanwhile.
    this.#end();
    if (this.#node !== undefined) {
      const { timeoutMs } = options;
      return await this.#node.close(timeoutMs === undefined ? {} : { timeoutMs });
    }
    await atomically(this.#details.client, (tx) => tx.remove(this.path), options);
    return { confirmed: true };
  }

  /** Takes out a dynamic one. Others stay: that is what they are for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#node !== undefined) await this.unregister();
    else this.#end();
  }

  async #write(options: WaitOptions): Promise<void> {
    const { client, acl } = this.#details;
    const data = this.#encode(this.#instance);
    await atomically(client, (tx) => tx.write(this.path, data, acl === undefined ? {} : { acl }), options);
  }

  #encode(instance: ServiceInstance<Payload>): Uint8Array {
    const data = encodeInstance(instance, { enabled: this.#details.writesEnabled });
    try {
      decodeInstance(data);
    } catch (cause) {
      const message = `an instance that nobody could read: ${(cause as Error).message}`;
      const about = { recipe: DISCOVERY_RECIPE, path: this.path };
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...about, cause });
    }
    return data;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#details.ended();
  }

  #refuseIfOver(): void {
    if (!this.#isOver) return;
    const about = { recipe: DISCOVERY_RECIPE, path: this.path };
    throw new RecipeError({ code: "RELEASED", message: "it was unregistered", ...about });
  }
}
