/**
 * Several locks that are held together or not at all.
 *
 * They are taken one after another in the order of their paths, whatever the order in which they were named, so that two who
 * want the same locks do not wait for each other. The hold stands as long as all of them do: when one is lost, all are given up.
 *
 * What it does not promise: see {@link Hold}, for each of the locks. Locks of the same paths taken one by one elsewhere, in
 * another order, can still wait for these in a circle.
 *
 * Layout: that of {@link Lock} at each path.
 */
import type { Client } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { JointHold, releaseAll } from "../core/joint-hold.js";
import { Patience } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import { type AcquireOptions, Lock, type LockOptions } from "./lock.js";
import type { LockHold } from "./lock-hold.js";

const RECIPE = "MultiLock";

/** Several locks that are held. */
export class MultiLockHold extends JointHold<LockHold> {
  /** The hold of each lock, by the path of the lock. */
  readonly holds: ReadonlyMap<string, LockHold>;

  /** Made by {@link MultiLock}. */
  constructor(holds: ReadonlyMap<string, LockHold>) {
    super([...holds.values()]);
    this.holds = holds;
  }

  /** The fencing token of each lock, by the path of the lock. They are not comparable with each other. */
  get tokens(): ReadonlyMap<string, bigint> {
    return new Map([...this.holds].map(([path, { token }]) => [path, token]));
  }
}

/** See the head of this file. */
export class MultiLock {
  /** The paths of the locks, each once, in the order in which they are taken. */
  readonly paths: readonly string[];
  readonly #client: Client;
  readonly #locks: readonly Lock[];

  /**
   * @param paths of at least one lock
   * @throws RecipeError INVALID_ARGUMENT
   */
  constructor(client: Client, paths: readonly string[], options: LockOptions = {}) {
    if (!Array.isArray(paths) || paths.length === 0) {
      throw new RecipeError({
        code: "INVALID_ARGUMENT",
        message: "it needs a list of the paths of the locks, with one at least",
        recipe: RECIPE,
      });
    }
    // Each of them before they are sorted, for the errors to be of what was given.
    for (const path of paths) checkRecipe(client, RECIPE, path, options);
    this.#client = client;
    this.paths = [...new Set(paths)].sort();
    this.#locks = this.paths.map((path) => new Lock(client, path, options));
  }

  /**
   * Waits for all the locks; one time limit for all of them together. When one cannot be had, none is held.
   * @throws as {@link Lock.acquire} of the lock that could not be had
   */
  async acquire(options: AcquireOptions = {}): Promise<MultiLockHold> {
    const about = { recipe: RECIPE, path: this.paths.join(", ") };
    using patience = new Patience(this.#client, about, options);
    return await counted(this.#client, about, async () => {
      for (;;) {
        const hold = await this.#acquireAll({ ...options, signal: patience.signal }, patience);
        if (hold.state !== "lost") return hold;
        await hold.release();
      }
    });
  }

  async #acquireAll(options: AcquireOptions, patience: Patience): Promise<MultiLockHold> {
    const holds = new Map<string, LockHold>();
    const { timeoutMs: _, ...untimed } = options;
    try {
      for (const lock of this.#locks) holds.set(lock.path, await lock.acquire(untimed));
    } catch (error) {
      await releaseAll([...holds.values()]);
      // The time limit is the whole's, and so is the error of its end.
      patience.check();
      throw error;
    }
    return new MultiLockHold(holds);
  }
}
