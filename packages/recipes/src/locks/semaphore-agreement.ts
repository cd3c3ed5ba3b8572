/**
 * What those who hold permits of one semaphore have to agree on: how many permits there are. Ours say it in the data of their
 * permits, kazoo's in that of the directory. Whoever comes looks at one permit of ours: if each has looked at another that was
 * there before, all that are there agree.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import type { Dialect } from "../core/dialects.js";
import { makeDirectory } from "../core/directories.js";
import { childPath } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { announcement, decodeLease, type LeaseData, type SemaphoreLayout } from "./semaphore-layout.js";
import type { MaxPermits } from "./semaphore-max.js";

interface About {
  readonly recipe: string;
  readonly path: string;
  readonly acl: readonly Acl[] | undefined;
  readonly max: MaxPermits;
  readonly dialect: Dialect;
}

/** See the head of this file. */
export class SemaphoreAgreement {
  readonly #client: Client;
  readonly #layout: SemaphoreLayout;
  readonly #about: About;
  /** Permits that were looked at, by name; their data never changes. Undefined for those of other libraries. */
  readonly #known = new Map<string, LeaseData | undefined>();

  constructor(client: Client, layout: SemaphoreLayout, about: About) {
    this.#client = client;
    this.#layout = layout;
    this.#about = about;
  }

  /** What a new permit of ours says. */
  announce(identity: string, max: number, slot: number | undefined): LeaseData {
    const said = { identity, ...announcement(this.#about.max, max) };
    return slot === undefined ? said : { ...said, slot };
  }

  /** A permit of our own need not be read. */
  know(name: string, slot: number | undefined): void {
    const { max } = this.#about;
    this.#known.set(name, this.announce("", typeof max === "number" ? max : max.initial, slot));
  }

  /**
   * @param leases the names of all permits
   * @throws RecipeError CONFLICT when another believes in another number; ABORTED, WAIT_TIMEOUT
   */
  async check(leases: readonly string[], patience: Patience): Promise<void> {
    const live = new Set(leases);
    for (const name of this.#known.keys()) if (!live.has(name)) this.#known.delete(name);
    if (this.#about.dialect === "kazoo") return await this.#checkDirectory(patience);
    for (const name of leases.toReversed()) {
      const said = await this.#read(name, patience);
      if (said?.max === undefined) continue;
      this.#compare(said);
      return;
    }
  }

  /** The slots that are taken. */
  async slots(leases: readonly string[], patience: Patience): Promise<ReadonlySet<number>> {
    const taken = new Set<number>();
    for (const name of leases) {
      const slot = (await this.#read(name, patience))?.slot;
      if (slot !== undefined) taken.add(slot);
    }
    return taken;
  }

  async #read(name: string, patience: Patience): Promise<LeaseData | undefined> {
    if (this.#known.has(name)) return this.#known.get(name);
    try {
      const path = childPath(this.#layout.leases, name);
      const { data } = await patience.read((call) => this.#client.getData(path, call));
      const said = decodeLease(data);
      this.#known.set(name, said);
      return said;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #compare(said: LeaseData): void {
    const { max } = this.#about;
    if (typeof max === "number" ? said.maxFrom === undefined && said.max === max : said.maxFrom === max.path)
      return;
    const theirs =
      said.maxFrom === undefined ? `${said.max} permits` : `the permits that ${said.maxFrom} says`;
    const ours = typeof max === "number" ? `${max}` : `those that ${max.path} says`;
    throw this.#conflict(`somebody who holds a permit believes in ${theirs}, not in ${ours}`);
  }

  /** kazoo keeps the number in the directory, and refuses another one as well. */
  async #checkDirectory(patience: Patience): Promise<void> {
    const { path, max } = this.#about;
    const client = this.#client;
    for (;;) {
      let found: Awaited<ReturnType<Client["getData"]>>;
      try {
        found = await patience.read((call) => client.getData(path, call));
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
        // Empty directories may go at any time.
        await patience.read((call) => makeDirectory(client, path, this.#about.acl, call));
        continue;
      }
      const { data, stat } = found;
      const text = new TextDecoder().decode(data ?? new Uint8Array(0));
      if (/^\s*[+-]?\d+\s*$/.test(text)) {
        if (Number(text) === max) return;
        throw this.#conflict(`${path} says that there are ${text.trim()} permits, not ${String(max)}`);
      }
      // Anything else is there for another purpose, and kazoo does not mind it.
      if (text !== "") return;
      try {
        await patience.read((call) => client.setData(path, String(max), { ...call, version: stat.version }));
        return;
      } catch (error) {
        if (!isZkError(error, "BAD_VERSION") && !isZkError(error, "NO_NODE")) throw error;
      }
    }
  }

  #conflict(message: string): RecipeError {
    const { recipe, path } = this.#about;
    return new RecipeError({ code: "CONFLICT", message, recipe, path });
  }
}
