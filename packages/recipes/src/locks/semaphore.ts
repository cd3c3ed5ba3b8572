/**
 * Permits, of which there are so many among all clients: as many holds of one permit each, or fewer of several, at a time. They
 * are given out in the order in which they were asked for; who asks for several gets them all at once, and whoever comes behind
 * waits until then. So two who want 2 of 2 do not block each other.
 *
 * What it does not promise: see {@link Hold}, for each permit. When the number of permits is lowered nobody loses one; new ones
 * are given out when enough have come back.
 *
 * Layout: `semaphore-layout.ts`. The permits of one hold are made, and the turn at the door is given up, in one transaction that
 * goes through only while the turn is ours. A Curator process waits with its permit already made, and ours without; both count
 * what is there. Curator's InterProcessSemaphoreMutex is a semaphore of one permit.
 *
 * The token of each permit is the czxid of its znode. It orders what was given out; holders overlap, so a resource that is shared
 * by them cannot tell by it who is the only one.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import { Bell } from "../core/bell.js";
import { checkDialect, checkInteger, checkRecipe } from "../core/checks.js";
import { contend, counted } from "../core/contention.js";
import { baseOf, type Dialect } from "../core/dialects.js";
import { makeDirectory } from "../core/directories.js";
import type { HoldOptions } from "../core/hold.js";
import { removeWhenMade, whileConnected } from "../core/janitor.js";
import { type Entry, Line } from "../core/line.js";
import { childPath, nameOf } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import type { AcquireOptions } from "./lock.js";
import { SemaphoreAgreement } from "./semaphore-agreement.js";
import { Lease, SemaphoreHold } from "./semaphore-hold.js";
import { decodeWish, encodeWish, freeSlots, layoutOf, type SemaphoreLayout } from "./semaphore-layout.js";
import { type MaxPermits, readCount, writeCount } from "./semaphore-max.js";
import { type Made, makePermits } from "./semaphore-permits.js";

const RECIPE = "Semaphore";

/** Permits taken at once at most: they are made by one request, and servers take about a megabyte. */
export const PERMITS_AT_ONCE_MAX = 1000;

/** Options of {@link Semaphore}. */
export interface SemaphoreOptions extends HoldOptions {
  /**
   * How many permits there are. A number has to be the same for everybody; a znode that says it (as a SharedCount of Curator's)
   * is watched by all, and changed by {@link Semaphore.resize}.
   */
  readonly max: MaxPermits;
  /** What our permits say of us, for people to read. Default: empty. */
  readonly identity?: string;
  /** Whose layout we write, and so with whom the semaphore is shared. Default `curator`. */
  readonly dialect?: Dialect;
  /** Gives each permit the smallest number from 0 that no other of ours has. Not in the dialect of kazoo. Default false. */
  readonly slots?: boolean;
  /** Of our znodes, and of the directories if they are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link Semaphore.acquire}. */
export interface PermitOptions extends AcquireOptions {
  /** How many, all at once or none. Default 1. */
  readonly permits?: number;
}

/** See the head of this file. */
export class Semaphore {
  /** The directory of the semaphore. It belongs to the semaphore alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: SemaphoreOptions;
  readonly #layout: SemaphoreLayout;
  readonly #door: Line;
  readonly #agreement: SemaphoreAgreement;
  readonly #about: {
    readonly recipe: string;
    readonly path: string;
    readonly acl: readonly Acl[] | undefined;
  };

  /**
   * @param path the semaphore's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const semaphore = new Semaphore(client, "/semaphores/uploads", { max: 3 });
   * await using permit = await semaphore.acquire({ timeoutMs: 5_000 });
   * ```
   */
  constructor(client: Client, path: string, options: SemaphoreOptions) {
    checkRecipe(client, RECIPE, path, options ?? null);
    checkDialect(RECIPE, path, options.dialect);
    this.path = path;
    this.#client = client;
    this.#options = options;
    const { max, dialect = "curator", acl } = options;
    this.#about = { recipe: RECIPE, path, acl };
    const number = typeof max === "number" ? max : max?.initial;
    checkInteger(this.#about, "max", number, { min: typeof max === "number" ? 1 : 0, max: 2 ** 31 - 1 });
    if (typeof max !== "number") checkRecipe(client, RECIPE, max.path);
    if (dialect === "kazoo" && (options.slots === true || typeof max !== "number")) {
      const message = "kazoo has neither slots nor a number of permits that changes";
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...this.#about });
    }
    this.#layout = layoutOf(dialect, path);
    this.#door = new Line(client, {
      recipe: RECIPE,
      directory: this.#layout.door,
      dialect,
      bases: [baseOf(dialect, "lock")],
      acl,
    });
    this.#agreement = new SemaphoreAgreement(client, this.#layout, { ...this.#about, max, dialect });
  }

  /**
   * Waits for permits. When the session ends meanwhile it goes on at the end of the line in the next one.
   *
   * @throws RecipeError REFUSED for more permits than there ever are; CONFLICT when somebody who holds a permit believes in
   *   another number of them; CORRUPTED; ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED. ZkError NO_AUTH and the like. Nothing of ours
   *   is left then.
   */
  async acquire(options: PermitOptions = {}): Promise<SemaphoreHold> {
    const permits = this.#checkPermits(options);
    using patience = new Patience(this.#client, this.#about, options);
    return await counted(this.#client, this.#about, async () => {
      for (;;) {
        const made = await this.#turn(permits, options, patience);
        const hold = made === undefined ? undefined : this.#hold(made);
        if (hold !== undefined && hold.state !== "lost") return hold;
        telemetryOf(this.#client).metrics.reentries += 1;
      }
    });
  }

  /**
   * Takes permits if they are free and nobody who came before wants them, and does not wait for any to be given back.
   *
   * @returns null when they are not to be had; nothing of ours is left then
   * @throws as {@link Semaphore.acquire}
   */
  async tryAcquire(options: Omit<PermitOptions, "failOnExpiry"> = {}): Promise<SemaphoreHold | null> {
    const permits = this.#checkPermits(options);
    using patience = new Patience(this.#client, this.#about, options);
    return await counted(this.#client, { ...this.#about, isTry: true }, async () => {
      for (;;) {
        const made = await this.#try(permits, patience);
        if (made === null) return null;
        const hold = made === undefined ? undefined : this.#hold(made);
        if (hold !== undefined && hold.state !== "lost") return hold;
        telemetryOf(this.#client).metrics.reentries += 1;
      }
    });
  }

  /**
   * Holds permits while the function runs.
   * @param work gets the hold; it should give up when the hold's signal aborts
   * @throws as {@link Semaphore.acquire}, and what the function throws
   */
  async run<T>(work: (hold: SemaphoreHold) => Promise<T> | T, options: PermitOptions = {}): Promise<T> {
    await using hold = await this.acquire(options);
    return await work(hold);
  }

  /**
   * How many permits there are now.
   * @throws RecipeError CORRUPTED, ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
   */
  async max(options: WaitOptions = {}): Promise<number> {
    using patience = new Patience(this.#client, this.#about, options);
    using bell = new Bell(this.#client);
    return await this.#max(patience, bell);
  }

  /**
   * Changes the number of permits for everybody. Nobody loses one by it.
   *
   * @throws RecipeError INVALID_ARGUMENT; REFUSED when the number is not kept in a znode; ABORTED, WAIT_TIMEOUT. ZkError for what
   *   a server refuses.
   */
  async resize(max: number, options: WaitOptions = {}): Promise<void> {
    checkInteger(this.#about, "max", max, { min: 0, max: 2 ** 31 - 1 });
    const { max: from, acl } = this.#options;
    if (typeof from === "number") {
      const message = "its number of permits is fixed; make it with the path of a znode that says it";
      throw new RecipeError({ code: "REFUSED", message, ...this.#about });
    }
    using patience = new Patience(this.#client, this.#about, options);
    await writeCount(this.#client, from.path, max, acl, patience);
  }

  /** One turn at the door, until the permits are ours; undefined when the turn was lost, and with it everything. */
  async #turn(
    permits: number,
    options: PermitOptions,
    patience: Patience,
  ): Promise<readonly Made[] | undefined> {
    const failOnExpiry = options.failOnExpiry === true;
    const data = encodeWish(this.#identity, permits);
    const entry = await contend(this.#door, { role: "lock", data, failOnExpiry, isPart: true }, patience);
    const made = await this.#behindTheDoor(entry, failOnExpiry, patience, async () => {
      for (;;) {
        using bell = new Bell(this.#client);
        const free = await this.#free(patience, bell);
        if (free.count >= permits) return await this.#take(entry, permits, free, patience);
        await patience.race(bell.rung);
        telemetryOf(this.#client).metrics.wakeUps += 1;
        if (this.#client.sessionId !== entry.sessionId) return undefined;
      }
    });
    return made ?? undefined;
  }

  /** As {@link Semaphore.#turn}; null as soon as it is known that those who came before leave nothing to take. */
  async #try(permits: number, patience: Patience): Promise<readonly Made[] | null | undefined> {
    const entry = await this.#door.enter("lock", encodeWish(this.#identity, permits), patience);
    return await this.#behindTheDoor(entry, false, patience, async () => {
      for (;;) {
        using bell = new Bell(this.#client);
        const { contenders } = await this.#door.list(patience);
        const own = contenders.findIndex(({ name }) => name === entry.name);
        if (own < 0 || this.#client.sessionId !== entry.sessionId) return undefined;
        const ahead = contenders.slice(0, own).map(({ name }) => childPath(this.#layout.door, name));
        const free = await this.#free(patience, bell);
        let wanted = permits;
        for (const path of ahead) wanted += await this.#wish(path, patience, bell);
        if (free.count < wanted) return null;
        if (ahead.length === 0) return await this.#take(entry, permits, free, patience);
        // They only pass through, and will be gone in a moment.
        await patience.race(bell.rung);
      }
    });
  }

  /** Whatever happens, no turn is left behind that is not ours any more. */
  async #behindTheDoor<T>(
    entry: Entry,
    failOnExpiry: boolean,
    patience: Patience,
    work: () => Promise<T | null | undefined>,
  ): Promise<T | null | undefined> {
    try {
      const result = await work();
      // The transaction that made the permits took the turn along.
      if (result === null || result === undefined) await this.#door.leave(entry);
      return result;
    } catch (error) {
      if (!isSessionOver(error)) {
        await this.#door.leave(entry);
        throw error;
      }
      if (failOnExpiry) {
        const message = "the session ended meanwhile";
        throw new RecipeError({ code: "SESSION_EXPIRED", message, ...this.#about });
      }
      await sessionAgain(this.#client, patience, this.#about);
      return undefined;
    }
  }

  /** How many permits are free, and which slots are not. */
  async #free(
    patience: Patience,
    bell: Bell,
  ): Promise<{ readonly count: number; readonly max: number; readonly taken: ReadonlySet<number> }> {
    const max = await this.#max(patience, bell);
    const leases = await this.#leases(patience, bell);
    await this.#agreement.check(leases, patience);
    const taken = this.#options.slots === true ? await this.#agreement.slots(leases, patience) : NO_SLOTS;
    return { count: max - leases.length, max, taken };
  }

  async #max(patience: Patience, bell: Bell): Promise<number> {
    const { max } = this.#options;
    if (typeof max === "number") return max;
    return await readCount(this.#client, max, this.#about, patience, bell);
  }

  async #leases(patience: Patience, bell: Bell): Promise<readonly string[]> {
    const { leases: directory } = this.#layout;
    for (;;) {
      try {
        const names = await patience.read((call) =>
          this.#client.getChildren(directory, { ...call, watch: bell.at(directory) }),
        );
        const { leases, foreign } = this.#layout.sort(names);
        const { recipe } = this.#about;
        telemetryOf(this.#client).tellForeign({
          type: "foreignChildren",
          recipe,
          path: directory,
          names: foreign,
        });
        return leases;
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
        await this.#makeLeases(patience);
      }
    }
  }

  async #makeLeases(patience: Patience): Promise<void> {
    const { leases } = this.#layout;
    await patience.read((call) => makeDirectory(this.#client, leases, this.#options.acl, call));
  }

  async #wish(path: string, patience: Patience, bell: Bell): Promise<number> {
    try {
      const { data } = await patience.read((call) =>
        this.#client.getData(path, { ...call, watch: bell.at(path) }),
      );
      return decodeWish(data);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
      // It has passed: who is next is seen by looking again.
      bell.ring();
      return 0;
    }
  }

  /** Makes the permits and gives up the turn, in one; undefined when the turn was not ours any more. */
  async #take(
    entry: Entry,
    permits: number,
    { max, taken }: { readonly max: number; readonly taken: ReadonlySet<number> },
    patience: Patience,
  ): Promise<readonly Made[] | undefined> {
    const client = this.#client;
    const layout = this.#layout;
    const slots = this.#options.slots === true ? freeSlots(taken, permits) : [];
    const wanted = Array.from({ length: permits }, (_, index) => {
      const slot = slots[index];
      const data = layout.encode(this.#agreement.announce(this.#identity, max, slot));
      return { path: layout.freshPath(client.randomness.uuid()), data, slot };
    });
    const making = makePermits(client, { entry, layout, acl: this.#options.acl, wanted });
    try {
      return await patience.race(making);
    } catch (error) {
      if (patience.signal.aborted) {
        await whileConnected(client, removeWhenMade(client, making), client.sessionTimeoutMs / 3);
        throw error;
      }
      if (!isZkError(error, "NO_NODE")) throw error;
      // Somebody removed our contender at the door, or the directory of the permits; the turn begins anew either way.
      if (error.path !== entry.path) await this.#makeLeases(patience);
      return undefined;
    }
  }

  #hold(made: readonly Made[]): SemaphoreHold {
    const onSuspended = this.#options.onSuspended ?? "abort";
    return new SemaphoreHold(
      made.map(({ path, token, sessionId, slot }) => {
        this.#agreement.know(nameOf(path), slot);
        return new Lease({ client: this.#client, recipe: RECIPE, path, token, sessionId, onSuspended }, slot);
      }),
    );
  }

  get #identity(): string {
    return this.#options.identity ?? "";
  }

  #checkPermits({ permits = 1 }: PermitOptions): number {
    const { max } = this.#options;
    checkInteger(this.#about, "permits", permits, { min: 1, max: PERMITS_AT_ONCE_MAX });
    if (typeof max === "number" && permits > max) {
      const message = `${permits} permits are more than the ${max} that there are`;
      throw new RecipeError({ code: "REFUSED", message, ...this.#about });
    }
    return permits;
  }
}

const NO_SLOTS: ReadonlySet<number> = new Set();
