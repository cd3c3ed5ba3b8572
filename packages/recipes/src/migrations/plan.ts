/** Which migrations are to be applied: what is given, compared with what is recorded. */
import type { Client } from "@zk/client";
import { checkRecipe, checkZnodePath, invalid } from "../core/checks.js";
import { childPath } from "../core/paths.js";
import { RecipeError } from "../errors.js";
import { checkOperation, fingerprintOf, type MigrationOperation, MigrationSteps } from "./operations.js";
import type { MigrationRecord } from "./records.js";

export const MIGRATE = "migrate";

/** One step from what the tree was to what it is to be. */
export interface Migration {
  /** Its name among the others of the set; never to be used for another. */
  readonly id: string;
  /** What it does. A function is called once for each run, and must say the same each time. */
  readonly operations: readonly MigrationOperation[] | ((steps: MigrationSteps) => unknown);
}

/** Migrations that follow each other. */
export interface MigrationSet {
  /** The name of the set: one part of a path. */
  readonly id: string;
  /** Where sets are recorded; this one in `<path>/<id>`, which belongs to it alone. */
  readonly path: string;
  /** All that there ever were, oldest first. New ones belong at the end. */
  readonly migrations: readonly Migration[];
}

/** A migration whose operations are known. */
export interface PendingMigration {
  readonly id: string;
  /** Of its operations. */
  readonly sha256: string;
  readonly operations: readonly MigrationOperation[];
}

/** What was applied is not what is given. `code` is REFUSED, and nothing was done. */
export class MigrationMismatch extends RecipeError {
  /** The id of the first one that differs. */
  readonly migration: string;
  /**
   * `changed`: it does something else than it did. `missing`: it was applied, and is not in the set any more. `reordered`: it stands at
   * another place than the one at which it was applied.
   */
  readonly difference: "changed" | "missing" | "reordered";

  constructor(
    directory: string,
    migration: string,
    difference: MigrationMismatch["difference"],
    message: string,
  ) {
    super({ code: "REFUSED", message, recipe: MIGRATE, path: directory });
    this.migration = migration;
    this.difference = difference;
  }
}

/** Where the set is recorded. @throws RecipeError INVALID_ARGUMENT */
export function directoryOfSet(client: Client, set: MigrationSet, options: object | null = {}): string {
  const { id, path } = (set ?? {}) as MigrationSet;
  checkRecipe(client, MIGRATE, path, options);
  const directory = childPath(path, id);
  if (typeof id !== "string" || id === "" || id.includes("/")) {
    const message = `the id of a set must be one part of a path, not ${JSON.stringify(id)}`;
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, recipe: MIGRATE, path });
  }
  checkZnodePath(client, MIGRATE, directory);
  return directory;
}

/** What the migrations of a set do. @throws RecipeError INVALID_ARGUMENT; what their functions throw */
export function resolveMigrations(client: Client, set: MigrationSet): readonly PendingMigration[] {
  const directory = directoryOfSet(client, set);
  const about = { recipe: MIGRATE, path: directory };
  const seen = new Set<string>();
  if (!Array.isArray(set.migrations)) throw invalid(about, "migrations", "a list", set.migrations);
  return (set.migrations as readonly Migration[]).map((migration) => {
    const refuse = (message: string): never => {
      throw new RecipeError({ code: "INVALID_ARGUMENT", message, ...about });
    };
    const { id, operations: given } = (migration ?? {}) as Migration;
    if (typeof id !== "string" || id === "")
      refuse(`the id of a migration must be a text, not ${JSON.stringify(id)}`);
    if (seen.has(id)) refuse(`two migrations are called "${id}"`);
    seen.add(id);
    if (typeof given !== "function" && !Array.isArray(given))
      throw invalid(about, `operations of migration "${id}"`, "a list or a function", given);
    const operations = collect(given, () =>
      refuse(`migration "${id}" must not be async: it only says what is to be done`),
    );
    operations.forEach((operation, index) => {
      checkOperation(
        client,
        operation,
        { ...about, what: `migration "${id}", operation ${index}` },
        directory,
      );
    });
    return { id, sha256: fingerprintOf(operations), operations };
  });
}

function collect(given: Migration["operations"], refuseAsync: () => never): readonly MigrationOperation[] {
  if (typeof given !== "function") return [...given];
  const steps = new MigrationSteps();
  const returned = given(steps);
  if (returned instanceof Promise) {
    returned.catch(() => {});
    refuseAsync();
  }
  return steps.operations;
}

/** Those that were not applied yet. @throws MigrationMismatch */
export function pendingOf(
  directory: string,
  given: readonly PendingMigration[],
  records: readonly MigrationRecord[],
): readonly PendingMigration[] {
  records.forEach(({ id, sha256 }, position) => {
    const place = given.findIndex((each) => each.id === id);
    const number = position + 1;
    if (place < 0) {
      const message = `migration "${id}" was applied as number ${number}, and is not in the set: has it been renamed, or is this program older than the one that applied it?`;
      throw new MigrationMismatch(directory, id, "missing", message);
    }
    if (place !== position) {
      const message = `migration "${id}" was applied as number ${number}, and is number ${place + 1} of the set: new ones belong at the end`;
      throw new MigrationMismatch(directory, id, "reordered", message);
    }
    const is = (given[place] as PendingMigration).sha256;
    if (is === sha256) return;
    const message = `migration "${id}" was applied, and does something else now (SHA-256 ${is}, not ${sha256}): what was applied stays as it is, a change belongs into a new one`;
    throw new MigrationMismatch(directory, id, "changed", message);
  });
  return given.slice(records.length);
}
