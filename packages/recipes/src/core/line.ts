/**
 * A directory in which contenders stand in line: how one gets in, how it learns that it is its turn, and how it gets out.
 *
 * Rules:
 * - A contender is created protected: a lost answer leaves neither a second znode nor one without an owner.
 * - It watches the one that blocks it and nobody else, by a read that leaves no watch when that one is gone (no herd effect).
 * - A wake-up says nothing: the line is listed again, and decides.
 * - A wait that ends takes its znode along, or hands it to the janitor.
 */
import { type Acl, type Client, CreateMode, isZkError, type ReadOptions, type Stat } from "@zk/client";
import { type Dialect, familyOf, freshName, type Lineup, lineUp, type Role } from "./dialects.js";
import { type Owned, removeOwned, removeWhenMade, whileConnected } from "./janitor.js";
import { childPath, nameOf } from "./paths.js";
import type { Patience } from "./patience.js";
import { type Contender, parseContender, placeOf } from "./sequence.js";
import { telemetryOf } from "./telemetry.js";

/** A directory and who may stand in it. */
export interface LineOptions {
  /** The recipe as its class is called. */
  readonly recipe: string;
  /** The path that belongs to the recipe. */
  readonly directory: string;
  /** Whose names we write. */
  readonly dialect: Dialect;
  /** Base names that take part; undefined lets everything take part that ends in a number. */
  readonly bases: readonly string[] | undefined;
  /** Of our own znodes and of the directory, if we make it. Default: anybody may do anything. */
  readonly acl?: readonly Acl[] | undefined;
  /** Whether it is made as a container where the servers have such. Default false. */
  readonly containers?: boolean | undefined;
  /** Other children that belong there, and are not complained of. */
  readonly expects?: readonly string[];
}

/** A contender of ours. */
export interface Entry extends Owned {
  /** The name without the directory. */
  readonly name: string;
  /** The transaction that created it: its fencing token. */
  readonly token: bigint;
  readonly serial: number;
}

/** How near to 2^31 the counter of a directory is complained of. */
export const WRAP_NEAR: number = 2 ** 31 - 2 ** 24;

/** See the head of this file. */
export class Line {
  readonly client: Client;
  readonly options: LineOptions;

  constructor(client: Client, options: LineOptions) {
    this.client = client;
    this.options = options;
  }

  /**
   * Creates a contender, and the directory if need be.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and SESSION_EXPIRED. Nothing of ours is
   *   left then, or the janitor has it.
   */
  async enter(role: Role, data: Uint8Array | string | null, patience: Patience): Promise<Entry> {
    const { client } = this;
    const { directory, dialect, acl, containers = false } = this.options;
    patience.check();
    const { prefix, base } = freshName(client, dialect, role);
    // The client is not told of the patience: what it has begun it shall end, so that we learn the name and can remove it.
    const making = client
      .create(childPath(directory, base), data, {
        mode: CreateMode.EPHEMERAL_SEQUENTIAL,
        createParents: containers ? "containers" : true,
        protected: { prefix },
        timeoutMs: Number.POSITIVE_INFINITY,
        ...(acl === undefined ? {} : { acl }),
      })
      .then(({ path, zxid }): Entry => {
        const name = nameOf(path);
        const serial = parseContender(name, base)?.serial;
        if (serial === undefined) throw new Error(`the server made ${name}, which does not end in a number`);
        return { path, name, token: zxid, serial, sessionId: client.sessionId };
      });
    let entry: Entry;
    try {
      entry = await patience.race(making);
    } catch (error) {
      if (patience.signal.aborted) await this.#leaveBehind(removeWhenMade(client, making));
      throw error;
    }
    if (entry.serial >= WRAP_NEAR) {
      const { recipe } = this.options;
      telemetryOf(client).tell({ type: "wrapNear", recipe, path: directory, serial: entry.serial });
    }
    return entry;
  }

  /** Takes a contender out again; resolves when it is gone, or when the janitor goes on alone. */
  async leave(entry: Owned): Promise<void> {
    await this.#leaveBehind(removeOwned(this.client, entry));
  }

  /**
   * Resolves when nobody blocks the contender.
   *
   * @param blocks whether somebody ahead blocks it; by default everybody does
   * @returns false when the contender is gone, or its session is: its turn will never come
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, and SESSION_EXPIRED
   */
  async turn(entry: Entry, patience: Patience, blocks?: (ahead: Contender) => boolean): Promise<boolean> {
    for (;;) {
      const place = placeOf((await this.list(patience)).contenders, entry.name, blocks);
      // In the next session a server may still show the contender of the one before.
      if (place === undefined || this.client.sessionId !== entry.sessionId) return false;
      if (place.blockedBy === undefined) return true;
      await this.awaitChange(place.blockedBy.name, patience);
      telemetryOf(this.client).metrics.wakeUps += 1;
    }
  }

  /** Who stands in line now; nobody if there is no directory. Complains of those who should not be there. */
  async list(patience: Patience): Promise<Lineup> {
    return await this.listWatched(patience, {});
  }

  /** {@link list} with a watch on the line, which is set only if there is a directory. */
  async listWatched(
    patience: Patience,
    options: Pick<ReadOptions, "watch">,
  ): Promise<Lineup & { readonly exists: boolean }> {
    const { directory, bases } = this.options;
    let names: readonly string[] | undefined;
    try {
      names = await patience.read((call) => this.client.getChildren(directory, { ...call, ...options }));
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
    const lineup = lineUp(names ?? [], bases);
    telemetryOf(this.client).measure("line", lineup.contenders.length);
    this.#complain(lineup);
    return { ...lineup, exists: names !== undefined };
  }

  /** Resolves when something happened to a contender: it changed, it went, or our session is over. */
  async awaitChange(name: string, patience: Patience): Promise<void> {
    const path = childPath(this.options.directory, name);
    let onEvent = (): void => {};
    const changed = new Promise<void>((resolve) => {
      onEvent = resolve;
    });
    try {
      // By getData and not by exists, which would leave a watch on a name that never comes again.
      await patience.read((call) => this.client.getData(path, { ...call, watch: onEvent }));
      await patience.race(changed);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    } finally {
      this.client.unwatch(path, onEvent);
    }
  }

  /** The stat of a contender of ours, if it is there and belongs to its session. */
  async verify(entry: Owned, patience: Patience): Promise<Stat | undefined> {
    const stat = await patience.read((call) => this.client.exists(entry.path, call));
    return stat?.ephemeralOwner === entry.sessionId ? stat : undefined;
  }

  #complain({ ignored, foreign: strange }: Lineup): void {
    const { recipe, directory: path, dialect, expects = [] } = this.options;
    const foreign = strange.filter((name) => !expects.includes(name));
    if (ignored.length === 0 && foreign.length === 0) return;
    const telemetry = telemetryOf(this.client);
    telemetry.tellForeign({ type: "foreignChildren", recipe, path, names: foreign });
    const incompatible = ignored.filter((each) => familyOf(each) !== undefined);
    const names = incompatible.map(({ name }) => name);
    telemetry.tellForeign({ type: "incompatibleContenders", recipe, path, names, dialect });
  }

  async #leaveBehind(removal: ReturnType<typeof removeOwned>): Promise<void> {
    await whileConnected(this.client, removal, this.client.sessionTimeoutMs / 3);
  }
}
