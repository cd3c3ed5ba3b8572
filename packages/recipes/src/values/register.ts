/**
 * A znode that many replace: what is read is replaced only if nobody else has replaced it meanwhile, exactly once.
 *
 * Rules:
 * - The version that was read is demanded, and a marker in the same transaction decides when the answer is lost: to compare what
 *   is there afterwards with what was written cannot tell our write from an equal one.
 * - -1 as a demanded version means any. A version that has wrapped to -1 would make a blind write of ours, so it is passed
 *   over by a second write in the same transaction, and refused where others have left it.
 * - Who is too late again and again may take a lock first: others who do so are then out of the way.
 */
import { type Acl, type Client, isZkError, type Stat, type Transaction } from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { makeDirectory } from "../core/directories.js";
import { commitOnce } from "../core/exactly-once.js";
import { directoryOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { Lock } from "../locks/lock.js";
import type { LockHold } from "../locks/lock-hold.js";

/** What a register is made from. */
export interface RegisterOptions {
  readonly recipe: string;
  readonly path: string;
  readonly acl: readonly Acl[] | undefined;
  /** The lock to take after so many conflicts. */
  readonly promotion?: { readonly lock: string; readonly afterConflicts: number } | undefined;
}

/** What was read. */
export interface Seen {
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

/** What was written, or left as it is. */
export interface Replaced {
  /** Before; undefined when there was no znode. */
  readonly seen: Seen | undefined;
  /** Whether it was written. */
  readonly isWritten: boolean;
  readonly version: number;
  /** The transaction that wrote it. */
  readonly mzxid: bigint;
  readonly tries: number;
  readonly promoted: boolean;
}

/** See the head of this file. */
export class Register {
  readonly #client: Client;
  readonly #options: RegisterOptions;

  constructor(client: Client, options: RegisterOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The znode; undefined when there is none. */
  async read(patience: Patience): Promise<Seen | undefined> {
    const { path } = this.#options;
    for (;;) {
      try {
        return await patience.read((call) => this.#client.getData(path, call));
      } catch (error) {
        if (isZkError(error, "NO_NODE")) return undefined;
        if (!isSessionOver(error)) throw error;
        await sessionAgain(this.#client, patience, this.#options);
      }
    }
  }

  /**
   * Replaces what is there.
   *
   * @param next gives what is to be written instead of what was read, or undefined to leave it as it is; may be called again
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, with `applied: "maybe"` when it is not known whether it was written;
   *   AMBIGUOUS; REFUSED; what `next` throws; ZkError for what a server refuses
   */
  async replace(
    next: (seen: Seen | undefined) => Uint8Array | undefined,
    patience: Patience,
  ): Promise<Replaced> {
    const backoff = new Backoff(this.#client, { firstMs: 2, maxMs: 200 });
    const { promotion } = this.#options;
    let lock: LockHold | undefined;
    try {
      for (let tries = 1; ; tries += 1) {
        const seen = await this.read(patience);
        const data = next(seen);
        const promoted = lock !== undefined;
        if (data === undefined) {
          const { version = -1, mzxid = 0n } = seen?.stat ?? {};
          return { seen, isWritten: false, version, mzxid, tries, promoted };
        }
        const written = await this.#write(seen, data, patience);
        if (written !== undefined) return { seen, isWritten: true, ...written, tries, promoted };
        telemetryOf(this.#client).metrics.conflicts += 1;
        if (promotion !== undefined && lock === undefined && tries >= promotion.afterConflicts)
          lock = await new Lock(this.#client, promotion.lock).acquire({ signal: patience.signal });
        else if (lock === undefined) await backoff.pause(patience);
      }
    } finally {
      await lock?.release();
    }
  }

  /** @returns undefined when somebody else was first */
  async #write(
    seen: Seen | undefined,
    data: Uint8Array,
    patience: Patience,
  ): Promise<{ readonly version: number; readonly mzxid: bigint } | undefined> {
    const { recipe, path, acl } = this.#options;
    const markers = `${path}-state/markers`;
    const build = (tx: Transaction): Transaction => {
      if (seen === undefined) tx.create(path, data, acl === undefined ? {} : { acl });
      else this.#replaceAt(tx, seen.stat.version, data);
      return tx;
    };
    try {
      const { zxid } = await commitOnce(this.#client, { recipe, path, markers, acl }, build, patience);
      return { version: seen === undefined ? 0 : versionAfter(seen.stat.version), mzxid: zxid };
    } catch (error) {
      if (isZkError(error, "BAD_VERSION") || isZkError(error, "NODE_EXISTS")) return undefined;
      if (!isZkError(error, "NO_NODE")) throw error;
      if (seen === undefined) await this.#makeParent(patience);
      return undefined;
    }
  }

  async #makeParent(patience: Patience): Promise<void> {
    const { path, acl } = this.#options;
    try {
      await patience.read((call) => makeDirectory(this.#client, directoryOf(path), acl, call));
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(this.#client, patience, this.#options);
    }
  }

  #replaceAt(tx: Transaction, version: number, data: Uint8Array): void {
    const { recipe, path } = this.#options;
    if (version === ANY) {
      const message =
        "the version of the znode has wrapped to -1, which a server takes for any; write it once by another way";
      throw new RecipeError({ code: "REFUSED", message, recipe, path });
    }
    tx.setData(path, data, { version });
    // Never left at -1: the second write goes to 0, and nobody can come in between.
    if (version === ANY - 1) tx.setData(path, data);
  }
}

const ANY = -1;

/** The version after a write of ours. */
export function versionAfter(version: number): number {
  return version === ANY - 1 ? 0 : (version + 1) | 0;
}
