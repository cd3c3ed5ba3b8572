/**
 * Changes of the tree that every deployment needs once, in order: what a schema migration is to a database.
 *
 * What it promises: the migrations of a set that were not applied yet are applied together, by one transaction, which also records
 * them. Whatever dies or is lost, all of them are applied or none, and the next run finds out which. However many processes run it at
 * once, each is applied once. What was applied before must still be what it was then: a set in which it was changed, left out or
 * moved is refused.
 *
 * What it does not promise: to undo anything; and to apply more than fits into one transaction, about 1 MiB. That is refused, never
 * split: apply a part of the set first, by a run of its own.
 *
 * Layout: `<path>/<id>/meta-<position, ten digits>`, whose data is JSON: `{"format":1,"id":"…","run":"…","sha256":"…"}`, the last one
 * of the operations as canonical JSON ({@link fingerprintOf}); and `<path>/<id>/lock`, the directory of a {@link Lock}. It is not the layout of
 * Curator's migrations, whose hashes come of how Java prints an operation.
 */
import {
  type Acl,
  type Client,
  isZkError,
  type Transaction,
  type TransactionResult,
  ZkError,
} from "@zk/client";
import { isLost } from "../core/lost.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { inAnySession } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { inDoubt } from "../core/until-told.js";
import { isRecipeError, RecipeError } from "../errors.js";
import { Lock } from "../locks/lock.js";
import type { LockHold } from "../locks/lock-hold.js";
import { addOperation, type MigrationOperation, weightOf } from "./operations.js";
import {
  directoryOfSet,
  MIGRATE,
  type MigrationSet,
  type PendingMigration,
  pendingOf,
  resolveMigrations,
} from "./plan.js";
import { encodeRecord, LOCK, type MigrationRecord, readRecords, recordPath } from "./records.js";

/**
 * Bytes that the operations of one run and their records may take, about: servers take a request of 1 048 575 bytes (`jute.maxbuffer`),
 * and the rest is for its head, the check of the lock, and the client's chroot.
 */
export const MIGRATION_BYTES_MAX: number = 1_048_575 - 1024;

/** Options of {@link migrate}. */
export interface MigrateOptions extends WaitOptions {
  /** Of the records, the lock and their directory. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
  /** What the lock says of us, for people. Default: empty. */
  readonly identity?: string;
}

/** What {@link migrate} did. */
export interface Migrated {
  /** The ids of those that this call applied, in order; empty when there was nothing to do. */
  readonly applied: readonly string[];
  /** The transaction that applied them; undefined when there was nothing to do. */
  readonly zxid: bigint | undefined;
}

/** What {@link planMigrations} found. */
export interface MigrationPlan {
  /** What was applied, in order. */
  readonly applied: readonly Pick<MigrationRecord, "id" | "sha256" | "zxid">[];
  /** What a run would apply, in order. */
  readonly pending: readonly PendingMigration[];
}

/**
 * Applies what was not applied yet. With nothing to do it reads, and neither waits for anybody nor writes.
 *
 * @throws RecipeError REFUSED, a {@link MigrationMismatch}, when what was applied is not what is given; CAPACITY when what is to be done does
 *   not fit into one transaction; CORRUPTED when the records are none; INVALID_ARGUMENT; ABORTED, WAIT_TIMEOUT and SESSION_EXPIRED,
 *   whose `applied` says `maybe` if an answer was lost: the next run finds out. ZkError for what a server refuses: of an operation it
 *   has the code and the path, its message names the migration, and its `operationIndex` counts within that one. Nothing was applied.
 * @example
 * ```ts
 * await migrate(client, {
 *   id: "shop",
 *   path: "/migrations",
 *   migrations: [
 *     { id: "orders", operations: (steps) => steps.create("/shop").create("/shop/orders") },
 *     { id: "currency", operations: [{ type: "setData", path: "/shop", data: "EUR" }] },
 *   ],
 * });
 * ```
 */
export async function migrate(
  client: Client,
  set: MigrationSet,
  options: MigrateOptions = {},
): Promise<Migrated> {
  const about = { recipe: MIGRATE, path: directoryOfSet(client, set, options) };
  const given = resolveMigrations(client, set);
  using patience = new Patience(client, about, options);
  patience.check();
  return await new Run(client, about, given, options, patience).end();
}

/**
 * What {@link migrate} would do now. It reads, and writes nothing.
 * @throws as {@link migrate}, whatever that would refuse before it writes
 */
export async function planMigrations(
  client: Client,
  set: MigrationSet,
  options: WaitOptions = {},
): Promise<MigrationPlan> {
  const about = { recipe: MIGRATE, path: directoryOfSet(client, set, options) };
  const given = resolveMigrations(client, set);
  using patience = new Patience(client, about, options);
  patience.check();
  const records = await inAnySession(client, patience, about, async () => {
    await patience.read((call) => client.sync(about.path, call));
    return await readRecords(client, about, patience);
  });
  const pending = pendingOf(about.path, given, records);
  checkWeight(pending, about.path);
  return { applied: records.map(({ id, sha256, zxid }) => ({ id, sha256, zxid })), pending };
}

/** One call. Every step can be done again: what is recorded decides. */
class Run {
  readonly #client: Client;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #given: readonly PendingMigration[];
  readonly #acl: readonly Acl[] | undefined;
  readonly #patience: Patience;
  readonly #lock: Lock;
  readonly #id: string;
  /** Where the records of a transaction would stand whose answer was lost, until it is found out what became of it. */
  #doubtfulAt: number | undefined;

  constructor(
    client: Client,
    about: { readonly recipe: string; readonly path: string },
    given: readonly PendingMigration[],
    { acl, identity }: MigrateOptions,
    patience: Patience,
  ) {
    this.#client = client;
    this.#about = about;
    this.#given = given;
    this.#acl = acl;
    this.#patience = patience;
    this.#id = client.randomness.uuid();
    this.#lock = new Lock(client, childPath(about.path, LOCK), {
      ...(acl === undefined ? {} : { acl }),
      ...(identity === undefined ? {} : { identity }),
    });
  }

  async end(): Promise<Migrated> {
    try {
      return await inAnySession(this.#client, this.#patience, this.#about, () => this.#attempt());
    } catch (error) {
      throw this.#doubtfulAt === undefined ? error : inDoubt(this.#about, error);
    }
  }

  async #attempt(): Promise<Migrated> {
    for (;;) {
      // A record that is there stays: with all of them nobody needs the lock.
      const ended = this.#ended(await this.#records());
      if (ended !== undefined) return ended;
      const done = await this.#underLock();
      if (done !== undefined) return done;
      this.#patience.check();
    }
  }

  /** @returns undefined when it is to be looked at again */
  async #underLock(): Promise<Migrated | undefined> {
    await using hold = await this.#lock.acquire({ signal: this.#patience.signal });
    // Our place in line came behind all that this session sent before, and of earlier sessions nothing comes any more.
    const records = await this.#records();
    this.#doubtfulAt = undefined;
    return this.#ended(records) ?? (await this.#apply(hold, records.length));
  }

  #records(): Promise<readonly MigrationRecord[]> {
    return readRecords(this.#client, this.#about, this.#patience);
  }

  /** @returns undefined while something is pending. @throws MigrationMismatch; RecipeError CAPACITY */
  #ended(records: readonly MigrationRecord[]): Migrated | undefined {
    const ours = records.filter(({ run }) => run === this.#id);
    // Whatever others have added since: when ours were applied, the set was as it is given.
    if (ours.length > 0) return { applied: ours.map(({ id }) => id), zxid: ours[0]?.zxid };
    // Somebody else's stand where ours would, which never can be applied then.
    if (this.#doubtfulAt !== undefined && records.length > this.#doubtfulAt) this.#doubtfulAt = undefined;
    const pending = pendingOf(this.#about.path, this.#given, records);
    checkWeight(pending, this.#about.path);
    return pending.length === 0 ? { applied: [], zxid: undefined } : undefined;
  }

  async #apply(hold: LockHold, position: number): Promise<Migrated | undefined> {
    const pending = this.#given.slice(position);
    const build = (transaction: Transaction): never => {
      // The records come first: somebody else's are noticed before what they did.
      pending.forEach(({ id, sha256 }, index) => {
        const data = encodeRecord({ id, run: this.#id, sha256 });
        const acl = this.#acl;
        transaction.create(
          recordPath(this.#about.path, position + index),
          data,
          acl === undefined ? {} : { acl },
        );
      });
      for (const { operations } of pending)
        for (const operation of operations) addOperation(transaction, operation);
      return transaction as never;
    };
    try {
      const results: readonly TransactionResult[] = await hold.guard(build, {
        ...this.#patience.call,
        retry: "none",
      });
      return { applied: pending.map(({ id }) => id), zxid: results[0]?.zxid };
    } catch (error) {
      await this.#failed(error, pending, position);
      return undefined;
    }
  }

  /** Resolves when it is worth another look. */
  async #failed(error: unknown, pending: readonly PendingMigration[], position: number): Promise<void> {
    // Nothing was written; the lock is to be had again.
    if (isRecipeError(error, "HOLD_LOST")) return;
    if (!isZkError(error)) throw error;
    const { metrics } = telemetryOf(this.#client);
    if (error.applied === "maybe") {
      metrics.ambiguous += 1;
      this.#doubtfulAt = position;
      return;
    }
    this.#patience.check();
    const index = error.operationIndex;
    if (index !== undefined && index < pending.length) {
      // Somebody who has lost the lock was quicker, or took the directory away.
      if (error.code !== "NODE_EXISTS" && error.code !== "NO_NODE") throw error;
      metrics.conflicts += 1;
    } else if (index !== undefined) throw refused(error, pending, index - pending.length);
    else if (error.code === "REQUEST_TOO_LARGE") throw tooLarge(pending, this.#about.path, error);
    else if (error.code === "QUEUE_FULL") await this.#patience.race(this.#client.drained());
    else if (!isLost(error)) throw error;
  }
}

/** The refusal of one operation, as the author of the migration counts. */
function refused(error: ZkError, pending: readonly PendingMigration[], index: number): ZkError {
  let rest = index;
  for (const { id, operations } of pending) {
    const operation = operations[rest];
    if (operation === undefined) {
      rest -= operations.length;
      continue;
    }
    return new ZkError({
      code: error.code,
      message: `operation ${rest} (${operation.type} ${operation.path}) of the migration "${id}" failed, so nothing was applied`,
      operation: error.operation,
      path: error.path,
      server: error.server,
      serverCode: error.serverCode,
      operationIndex: rest,
      cause: error,
    });
  }
  return error;
}

/** @throws RecipeError CAPACITY */
function checkWeight(pending: readonly PendingMigration[], directory: string): void {
  if (weightOfAll(pending, directory) > MIGRATION_BYTES_MAX) throw tooLarge(pending, directory);
}

function weightOfAll(pending: readonly PendingMigration[], directory: string): number {
  const sum = (operations: readonly MigrationOperation[]): number =>
    operations.reduce((bytes, operation) => bytes + weightOf(operation), 0);
  const record = { type: "create", path: recordPath(directory, 0) } as const;
  return pending.reduce((bytes, { id, sha256, operations }) => {
    const data = encodeRecord({ id, run: UUID_LIKE, sha256 });
    return bytes + sum(operations) + weightOf({ ...record, data });
  }, 0);
}

const UUID_LIKE = "00000000-0000-4000-8000-000000000000";

function tooLarge(pending: readonly PendingMigration[], directory: string, cause?: unknown): RecipeError {
  const bytes = weightOfAll(pending, directory);
  const names = pending.map(({ id }) => `"${id}"`).join(", ");
  return new RecipeError({
    code: "CAPACITY",
    message:
      `the pending migrations ${names} take about ${bytes} bytes, and one transaction takes ${MIGRATION_BYTES_MAX} at most; ` +
      "they are never split: run a part of the set first",
    recipe: MIGRATE,
    path: directory,
    cause,
  });
}
