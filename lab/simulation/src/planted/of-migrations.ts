/** Faults in migrations. */
import { type Plant, plantsIn } from "./plant.js";

const inMigrations = plantsIn("migrations");

export const OF_MIGRATIONS: readonly Plant[] = [
  inMigrations(
    "lost-migration-believed",
    "migrations whose answer was lost are called applied",
    "migrations/migrate.ts",
    "      await this.#failed(error, pending, position);\n      return undefined;\n",
    "      await this.#failed(error, pending, position);\n      return { applied: pending.map(({ id }) => id), zxid: undefined };\n",
  ),
  inMigrations(
    "lost-migration-untold",
    "a run that ends before it is known what became of the migrations does not say so",
    "migrations/migrate.ts",
    "      throw this.#doubtfulAt === undefined ? error : inDoubt(this.#about, error);\n",
    "      throw error;\n",
  ),
  inMigrations(
    "last-migration-unrecorded",
    "the last of the migrations that are applied is not recorded",
    "migrations/migrate.ts",
    "      pending.forEach(({ id, sha256 }, index) => {\n",
    "      pending.slice(0, -1).forEach(({ id, sha256 }, index) => {\n",
  ),
  inMigrations(
    "migrations-of-others-told",
    "who waited for another to apply them is told to have applied them",
    "migrations/migrate.ts",
    "records.filter(({ run }) => run === this.#id)",
    "records",
  ),
  inMigrations(
    "changed-migration-accepted",
    "a migration that does something else than it did is taken for the one that was applied",
    "migrations/plan.ts",
    "    if (is === sha256) return;\n",
    "    if (is.length === sha256.length) return;\n",
  ),
  inMigrations(
    "moved-migration-accepted",
    "a migration that stands at another place than the one at which it was applied is taken for it",
    "migrations/plan.ts",
    "    if (place !== position) {\n",
    "    if (place < position) {\n",
  ),
];
