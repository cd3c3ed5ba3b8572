/** Makes the znode that is to be kept, under the name that it is to have, and again under the same name later on. */
import { type Acl, type Client, CreateMode, type Stat } from "@zk/client";
import { type Removal, removeWhenMade } from "../core/janitor.js";
import { childPath, directoryOf, nameOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { Claimant, type Claimed } from "./claimant.js";
import type { KeptData } from "./kept-data.js";

/** How a kept znode is named; see `PersistentNodeOptions.naming`. */
export type Naming = "plain" | "protected" | "sequential";

/** What a {@link NodeMaker} is made from. */
export interface NodeMakerDetails {
  readonly path: string;
  readonly naming: Naming;
  readonly data: KeptData;
  readonly acl: readonly Acl[] | undefined;
  /** As of {@link Claimant}. */
  readonly taken: (path: string, stat: Stat) => "wait" | "replace";
}

/** See the head of this file. */
export class NodeMaker {
  readonly #client: Client;
  readonly #details: NodeMakerDetails;
  /** From the first znode on it is its very path that is wanted. */
  #claimant: Claimant | undefined;

  constructor(client: Client, details: NodeMakerDetails) {
    this.#client = client;
    this.#details = details;
  }

  /**
   * Resolves when there is a znode of ours.
   *
   * @returns the removal instead, if the wait was given up while the znode was being made
   * @throws as {@link Claimant.claim}
   */
  async make(patience: Patience): Promise<Claimed | Removal> {
    if (this.#claimant !== undefined) return await this.#claimant.claim(patience);
    const { naming, path } = this.#details;
    if (naming === "plain") return await this.#claim(path).claim(patience);
    const prefix = `_c_${this.#client.randomness.uuid()}-`;
    if (naming === "sequential") return await this.#makeNumbered(prefix, patience);
    return await this.#claim(childPath(directoryOf(path), prefix + nameOf(path))).claim(patience);
  }

  /** Says that the znode is ours no longer. */
  forget(claimed: Claimed): void {
    this.#claimant?.forget(claimed);
  }

  /** As {@link Claimant.clear}. */
  async clear(): Promise<Removal> {
    return (await this.#claimant?.clear()) ?? { outcome: "removed" };
  }

  /** A number is not known before it is there, so the client looks for a lost one by its prefix. */
  async #makeNumbered(prefix: string, patience: Patience): Promise<Claimed | Removal> {
    const client = this.#client;
    const { path, data, acl } = this.#details;
    const making = client
      .create(path, data.take(), {
        mode: CreateMode.EPHEMERAL_SEQUENTIAL,
        protected: { prefix },
        createParents: true,
        timeoutMs: Number.POSITIVE_INFINITY,
        ...(acl === undefined ? {} : { acl }),
      })
      .then((created): Claimed => {
        return { path: created.path, czxid: created.zxid, sessionId: client.sessionId, adopted: false };
      });
    try {
      const made = await patience.race(making);
      this.#claim(made.path).knows(made);
      return made;
    } catch (error) {
      if (patience.signal.aborted) return await removeWhenMade(client, making);
      throw error;
    }
  }

  #claim(path: string): Claimant {
    const { data, acl, taken } = this.#details;
    this.#claimant = new Claimant(this.#client, {
      path,
      data: () => data.take(),
      acl,
      taken: (stat) => taken(path, stat),
    });
    return this.#claimant;
  }
}
