/**
 * Migrations of a set that grows as new programs come, run by all, old programs and such with a changed history among them. What must hold:
 * - Each is applied once, with its record, by one transaction; and in order.
 * - Who is told to have applied one has, and nobody else is told so; one that nobody is told of was in doubt for somebody.
 * - A history that is not the recorded one is refused, and the error names the first that differs.
 * - When nothing is wrong any more everybody's run ends, and all is applied.
 */
import { CreateMode } from "@zk/client";
import type { Migrated, Migration, MigrationMismatch } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import {
  checkEmpty,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const SETS = "/migrations";
const DIRECTORY = `${SETS}/set`;
/** Below it each leaves a child with a number of its own: applied twice, there are two. */
const DID = "/did";
const RELEASES_MAX = 25;

/** See the head of this file. */
export const migrations: Scenario = {
  name: "migrations",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Migrating(stage),
};

/** What a history that is not the recorded one is refused with. */
type Refusal = Pick<MigrationMismatch, "difference" | "migration">;

class Migrating implements Play {
  readonly #stage: Stage;
  /** Migrations that there are by now. */
  #released = 1;
  readonly #told = new Set<string>();
  /** What may have been applied without anybody knowing. */
  readonly #doubtful = new Set<string>();
  readonly #underWay = new Map<Player, readonly string[]>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  prepare(player: Player): Promise<void> {
    return makeNode(player, DID);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    if (chance.is(0.5)) this.#released = Math.min(RELEASES_MAX, this.#released + 1 + chance.below(3));
    if (chance.is(0.2)) return await player.sleep(chance.wait(300));
    if (chance.is(0.2)) return await this.#plan(player);
    const recorded = this.#recorded;
    const { given, refusal } = this.#programOf(player, recorded);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const ended = await orGiveUp(this.#stage, player, () => this.#run(player, given, wait));
    if (ended === null) return;
    if (refusal !== undefined) this.#checkRefused(player, ended, refusal);
    else if (!("applied" in ended)) this.#checkOutrun(player, ended, given.length);
  }

  died(player: Player): void {
    for (const id of this.#underWay.get(player) ?? []) this.#doubtful.add(id);
    this.#underWay.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const ended = await this.#run(player, history(this.#released), { timeoutMs: TURN_MS_MAX });
    player.demand("applied" in ended, () => `the whole set is refused: ${String(ended)}`);
    player.demand(
      this.#recorded === this.#released,
      () => `${this.#recorded} of ${this.#released} are recorded when a run has ended`,
    );
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    const did = ledger.now(DID)?.children ?? [];
    for (let position = 0; position < this.#recorded; position += 1) {
      const id = idAt(position);
      const record = ledger.now(recordAt(position));
      if (!textOf(record?.data).includes(`"id":"${id}"`)) report(`${recordAt(position)} is not of ${id}`);
      const own = did.filter((name) => name.startsWith(`${id}-`));
      const czxids = own.map((name) => ledger.now(`${DID}/${name}`)?.czxid);
      if (czxids.length !== 1 || czxids[0] !== record?.czxid)
        report(`${id} is recorded by ${record?.czxid}, and was applied by ${czxids.join(", ") || "nobody"}`);
      if (!this.#told.has(id) && !this.#doubtful.has(id)) report(`nobody was told of ${id}, nor in doubt`);
    }
    if (did.length !== this.#recorded) report(`${did.length} were applied, ${this.#recorded} are recorded`);
    checkEmpty(this.#stage, [`${DIRECTORY}/lock`]);
  }

  get #recorded(): number {
    const children = this.#stage.ledger.now(DIRECTORY)?.children ?? [];
    return children.filter((name) => name.startsWith("meta-")).length;
  }

  /** A program: mostly one that goes on from what is recorded, now and then one that does not. */
  #programOf(
    { chance }: Player,
    recorded: number,
  ): {
    readonly given: readonly Migration[];
    readonly refusal?: Refusal;
  } {
    const given = history(recorded + chance.below(this.#released - recorded + 1));
    if (recorded === 0 || !chance.is(0.3)) return { given };
    const place = chance.below(recorded);
    const migration = idAt(place);
    switch (chance.below(4)) {
      case 0:
        return { given: given.slice(0, place), refusal: { difference: "missing", migration } };
      case 1:
        return { given: given.toSpliced(place, 1), refusal: { difference: "missing", migration } };
      case 2: {
        const other = migrationOf(migration, "otherwise");
        return { given: given.toSpliced(place, 1, other), refusal: { difference: "changed", migration } };
      }
      default: {
        const late = migrationOf("late", "late");
        return { given: given.toSpliced(place, 0, late), refusal: { difference: "reordered", migration } };
      }
    }
  }

  async #run(
    player: Player,
    given: readonly Migration[],
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<Migrated | MigrationMismatch> {
    const { recipes } = this.#stage;
    this.#underWay.set(
      player,
      given.map(({ id }) => id),
    );
    try {
      const set = { id: "set", path: SETS, migrations: given };
      const ended = await recipes.migrate(player.client, set, wait);
      this.#checkApplied(player, ended);
      return ended;
    } catch (error) {
      if (error instanceof recipes.MigrationMismatch) return error;
      if (recipes.isRecipeError(error) && error.applied === "maybe")
        for (const { id } of given) this.#doubtful.add(id);
      throw error;
    } finally {
      this.#underWay.delete(player);
    }
  }

  async #plan(player: Player): Promise<void> {
    const given = history(this.#released);
    const set = { id: "set", path: SETS, migrations: given };
    const wait = { signal: player.resting, timeoutMs: timeoutOf(player) };
    const plan = await orGiveUp(this.#stage, player, async () => {
      try {
        return await this.#stage.recipes.planMigrations(player.client, set, wait);
      } catch (error) {
        if (error instanceof this.#stage.recipes.MigrationMismatch) return error;
        throw error;
      }
    });
    if (plan === null) return;
    if ("difference" in plan) return this.#checkOutrun(player, plan, given.length);
    const all = [...plan.applied, ...plan.pending].map(({ id }) => id);
    player.demand(
      all.join() === given.map(({ id }) => id).join(),
      () => `a plan of ${given.length} tells of ${all.join(", ")}`,
    );
    plan.applied.forEach(({ zxid }, position) => {
      const is = this.#stage.ledger.now(recordAt(position))?.czxid;
      player.demand(is === zxid, () => `${idAt(position)} was applied by ${is}, and a plan says ${zxid}`);
    });
  }

  #checkApplied(player: Player, { applied, zxid }: Migrated): void {
    for (const id of applied) {
      const is = this.#stage.ledger.now(recordAt(Number(id.slice(1))))?.czxid;
      player.demand(is === zxid, () => `was told that ${id} was applied by ${zxid}; it was by ${is}`);
      player.demand(!this.#told.has(id), () => `was told to have applied ${id}, as another was`);
      this.#told.add(id);
    }
  }

  #checkRefused(player: Player, ended: Migrated | MigrationMismatch, refusal: Refusal): void {
    const { difference, migration } = refusal;
    player.demand(
      "difference" in ended && ended.difference === difference && ended.migration === migration,
      () => `a set in which ${migration} is ${difference} ends with ${JSON.stringify(ended, textOfBigint)}`,
    );
  }

  /** Somebody with a newer program was quicker. */
  #checkOutrun(player: Player, { difference, migration }: MigrationMismatch, count: number): void {
    const isOutrun = difference === "missing" && migration === idAt(count) && this.#recorded > count;
    player.demand(isOutrun, () => `the first ${count} are refused: ${migration} is ${difference}`);
  }
}

const textOfBigint = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? `${value}` : value;

const idAt = (position: number): string => `m${position}`;
const recordAt = (position: number): string => `${DIRECTORY}/meta-${String(position).padStart(10, "0")}`;

/** All that there were until then. */
function history(count: number): readonly Migration[] {
  return Array.from({ length: count }, (_, position) => migrationOf(idAt(position), idAt(position)));
}

function migrationOf(id: string, data: string): Migration {
  const mode = CreateMode.PERSISTENT_SEQUENTIAL;
  return { id, operations: (steps) => steps.create(`${DID}/${id}-`, data, { mode }) };
}
