/**
 * A lock that several clients take for reading and for writing, downgrade, upgrade, give back and die with. What must hold:
 * - Whoever is told that it writes had nobody ahead of it in line; whoever reads, no writer.
 * - The same when a guarded write of theirs goes through, and writers never go back to an older one (see {@link GuardedLog}).
 * - A downgrade keeps the place in line, in one transaction.
 * - Who gives its hold back while it becomes another has neither, and leaves nothing.
 * - A wait that was given up leaves nothing; a hold is not believed in longer than may be. Where nobody may stand in line,
 *   whoever comes is refused and leaves nothing, and a hold that cannot become another stands as before.
 * - When nothing is wrong any more all read at the same time; of those who upgrade one gets it and the others are refused; and
 *   everybody writes, one after the other.
 */
import { type Acl, isZkError, OPEN_ACL_UNSAFE, Permission } from "@zk/client";
import type { ReadHold, ReadWriteLock, WaitOptions, WriteHold } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { GuardedLog } from "./guarded-log.js";
import {
  checkBelief,
  checkEmpty,
  checkNothingLeft,
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import { isRefused, makeClosed } from "./refusals.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/lock";
const WRITES = "/writes";
const READS = "/reads";
const CLOSED = "/closed";
/** Of a directory in which nobody may make anything, and those who are there may go. */
const NOTHING_NEW: readonly Acl[] = [
  { perms: Permission.READ | Permission.DELETE | Permission.ADMIN, id: { scheme: "world", id: "anyone" } },
];
/** How long a wait that is over may take to say so: virtual milliseconds. */
const END_MS_MAX = 1000;
/** How often one looks who waits for something: virtual milliseconds. */
const LOOK_MS = 20;
/** Within it all have begun to look at everything: virtual milliseconds. */
const GATHER_MS = 1000;

/** See the head of this file. */
export const readWrite: Scenario = {
  name: "read-write",
  clients: [2, 5],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new ReadingAndWriting(stage),
};

class ReadingAndWriting implements Play {
  readonly #stage: Stage;
  readonly #log: GuardedLog;
  readonly #dialect: "curator" | "kazoo";
  /** Whether some give back what is just becoming something else. */
  readonly #isHasty: boolean;
  /** Whether there is a lock besides that nobody may have. */
  readonly #hasClosed: boolean;
  #readsSeen = 0n;
  #hasGivenUp = false;
  #gathered = 0;
  #reading = 0;
  #upgraded = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#log = new GuardedLog(stage.ledger, WRITES);
    this.#dialect = stage.chance.pick(["curator", "curator", "kazoo"]);
    // A stream of their own: the other choices stay what they are.
    const more = stage.chance.fork("more");
    this.#isHasty = more.is(0.4);
    this.#hasClosed = more.is(0.3);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, WRITES);
    await makeNode(player, READS);
    if (this.#hasClosed) await makeClosed(player, CLOSED);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#look(player);
    const onSuspended = chance.pick(["abort", "abort", "wait"] as const);
    if (this.#hasClosed && chance.is(0.1)) return void (await this.#isRefused(player));
    const mine = this.#lockOf(player, onSuspended);
    let hold = await this.#take(player, mine);
    if (hold === null) return;
    try {
      await this.#use(player, hold, onSuspended);
      if (this.#isHasty && chance.is(0.4)) return await this.#convertInHaste(player, hold);
      if (chance.is(0.4)) {
        hold = (await this.#convert(player, hold)) ?? hold;
        await this.#use(player, hold, onSuspended);
      }
    } finally {
      await hold.release();
      player.afterTurn = () => this.#look(player);
    }
  }

  async inspect(player: Player): Promise<void> {
    const mine = this.#lockOf(player, "abort");
    this.#gathered += 1;
    await player.sleep(GATHER_MS);
    await this.#readTogether(player, mine);
    for (let turn = 0; turn < 2; turn += 1) {
      await using hold = await mine.write.acquire({ timeoutMs: TURN_MS_MAX });
      this.#checkAhead(player, hold);
      await this.#write(hold);
      const reading = await hold.downgrade();
      this.#checkPlace(player, hold, reading);
      const { confirmed } = await reading.release();
      player.demand(confirmed, () => "nothing is wrong, and yet a release was not confirmed");
    }
    await this.#convertInHaste(player, await mine.write.acquire({ timeoutMs: TURN_MS_MAX }));
    if (this.#hasClosed) {
      player.demand(await this.#isRefused(player), () => "nothing is wrong, and yet no server refused it");
      await this.#keepWhatStands(player);
    }
    this.#look(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
    const wrong = this.#wrong();
    if (wrong !== undefined) this.#stage.report(wrong);
  }

  /** Nobody lets go before everybody has it; then all want to write. */
  async #readTogether(player: Player, mine: ReadWriteLock): Promise<void> {
    const hold = await mine.read.acquire({ timeoutMs: TURN_MS_MAX });
    this.#reading += 1;
    while (this.#reading < this.#gathered) await player.sleep(50);
    if (this.#gathered > 1) {
      const isFirst = !this.#hasGivenUp;
      this.#hasGivenUp = true;
      if (isFirst) return await this.#giveUpUpgrade(player, hold);
    }
    let writing: WriteHold | undefined;
    try {
      writing = await hold.upgrade({ timeoutMs: TURN_MS_MAX });
      this.#upgraded += 1;
      player.demand(this.#upgraded === 1, () => "two readers became writers at the same time");
      this.#checkAhead(player, writing);
    } catch (error) {
      if (!this.#stage.recipes.isRecipeError(error, "REFUSED")) throw error;
    }
    await (writing ?? hold).release();
    await player.sleep(GATHER_MS);
    player.demand(this.#upgraded === 1, () => "of those who wanted to upgrade nobody could");
  }

  /** One who becomes a writer gives up reading meanwhile: it does not wait for the others any longer. */
  async #giveUpUpgrade(player: Player, hold: ReadHold): Promise<void> {
    let isOver = false;
    const upgrading = this.#becomeOther(player, hold, { timeoutMs: TURN_MS_MAX }).then(async (became) => {
      isOver = true;
      await became?.release();
    });
    await player.sleep(LOOK_MS);
    await hold.release();
    await player.sleep(END_MS_MAX);
    player.demand(isOver, () => `${hold.path} was given back, and it waits for its upgrade all the same`);
    await upgrading;
  }

  /** Gives it back while it becomes another one: nobody has either then. */
  async #convertInHaste(player: Player, hold: ReadHold | WriteHold): Promise<void> {
    const { resting } = player;
    const isCalm = resting.aborted;
    let wasGivenBack = false;
    const wait = { timeoutMs: timeoutOf(player), ...(isCalm ? {} : { signal: resting }) };
    const becoming = this.#becomeOther(player, hold, wait).then(async (became) => {
      player.demand(
        became === null || !wasGivenBack,
        () => `${hold.path} was given back, and came to be ${became?.path} all the same`,
      );
      await became?.release();
    });
    const givingBack = (async () => {
      if (!isCalm) await player.sleep(player.chance.wait(30));
      wasGivenBack = hold.state === "held" || hold.state === "suspect";
      await hold.release();
    })();
    await Promise.all([becoming, givingBack]);
    if (isCalm) await this.#awaitGone(player);
  }

  /** What came to be behind its holder's back goes by itself. */
  async #awaitGone(player: Player): Promise<void> {
    const { ledger, recipes } = this.#stage;
    const { client } = player;
    const left = (): string[] =>
      ledger.below(DIRECTORY).filter((path) => ledger.now(path)?.owner === client.sessionId);
    const isGone = (): boolean => left().length === 0 && recipes.recipeMetrics(client).janitorPending === 0;
    for (let waitedMs = 0; !isGone() && waitedMs < END_MS_MAX; waitedMs += LOOK_MS)
      await player.sleep(LOOK_MS);
    player.demand(isGone(), () => `gave back what became another, and left ${left().join(", ")}`);
  }

  /** Wants a lock that nobody may have. */
  async #isRefused(player: Player): Promise<boolean> {
    const { read, write } = this.#lockOf(player, "abort", CLOSED);
    const side = player.chance.pick([read, write]);
    return await isRefused(this.#stage, player, [CLOSED], (wait) =>
      player.chance.is(0.3) ? side.tryAcquire(wait) : side.acquire(wait),
    );
  }

  /** What it may not become leaves a hold as it was. */
  async #keepWhatStands(player: Player): Promise<void> {
    const { client } = player;
    const path = `/own-${player.name}`;
    const { read, write } = this.#lockOf(player, "abort", path);
    for (const side of [read, write]) {
      await using hold = await side.acquire({ timeoutMs: TURN_MS_MAX });
      await client.setACL(path, NOTHING_NEW);
      const refused = await isRefused(this.#stage, player, [CLOSED], (wait) =>
        hold.kind === "read" ? hold.upgrade(wait) : hold.downgrade(),
      );
      player.demand(refused, () => `nothing is wrong, and yet no server refused to convert ${hold.path}`);
      player.demand(hold.state === "held", () => `${hold.path} could not be converted, and is ${hold.state}`);
      await hold.verify();
      await client.setACL(path, OPEN_ACL_UNSAFE);
    }
  }

  #lockOf({ client, name }: Player, onSuspended: "abort" | "wait", path: string = DIRECTORY): ReadWriteLock {
    return new this.#stage.recipes.ReadWriteLock(client, path, {
      dialect: this.#dialect,
      identity: name,
      onSuspended,
    });
  }

  async #take(player: Player, mine: ReadWriteLock): Promise<ReadHold | WriteHold | null> {
    const { chance } = player;
    using impatience = impatienceOf(player);
    const side = chance.is(0.55) ? mine.read : mine.write;
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const hold = await orGiveUp<ReadHold | WriteHold | null>(this.#stage, player, () =>
      chance.is(0.2) ? side.tryAcquire(wait) : side.acquire({ ...wait, failOnExpiry: chance.is(0.2) }),
    );
    if (hold === null) checkNothingLeft(this.#stage, player, [DIRECTORY]);
    return hold;
  }

  async #use(player: Player, hold: ReadHold | WriteHold, onSuspended: "abort" | "wait"): Promise<void> {
    const { chance } = player;
    this.#checkAhead(player, hold);
    player.afterTurn = () => {
      this.#look(player);
      checkBelief(player, hold.path, hold, onSuspended);
    };
    const writes = chance.below(3);
    for (let write = 0; write < writes && !hold.signal.aborted; write += 1) {
      try {
        await this.#write(hold);
      } catch (error) {
        if (!isZkError(error) && !this.#stage.recipes.isRecipeError(error, "HOLD_LOST")) throw error;
      }
      await player.sleep(chance.wait(200));
    }
  }

  /** @returns null when it stays what it is, or is lost */
  async #convert(player: Player, hold: ReadHold | WriteHold): Promise<ReadHold | WriteHold | null> {
    using impatience = impatienceOf(player);
    return await this.#becomeOther(player, hold, {
      signal: impatience.signal,
      timeoutMs: timeoutOf(player),
    });
  }

  /** @returns null when it stays what it is, or is over */
  async #becomeOther(
    player: Player,
    hold: ReadHold | WriteHold,
    wait: WaitOptions,
  ): Promise<ReadHold | WriteHold | null> {
    return await orGiveUp<ReadHold | WriteHold>(
      this.#stage,
      player,
      async () => {
        if (hold.kind === "read") return await hold.upgrade(wait);
        const reading = await hold.downgrade();
        this.#checkPlace(player, hold, reading);
        return reading;
      },
      ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "REFUSED", "HOLD_LOST", "RELEASED"],
    );
  }

  async #write(hold: ReadHold | WriteHold): Promise<void> {
    if (hold.kind === "write") await this.#log.write(hold);
    else await hold.guard((tx) => tx.setData(READS, hold.path));
  }

  /** Nobody ahead in line can come back, so it does not matter how long ago the turn came. */
  #checkAhead(player: Player, hold: ReadHold | WriteHold): void {
    const wrong = this.#blockerOf(hold.path, this.#stage.ledger.lastZxid);
    player.demand(wrong === undefined, () => `has the lock with ${hold.path}, behind ${wrong}`);
  }

  #checkPlace(player: Player, writing: WriteHold, reading: ReadHold): void {
    const { ledger } = this.#stage;
    const { token } = reading;
    const isAtOnce = ledger.at(writing.path, token - 1n) !== null && ledger.at(writing.path, token) === null;
    const isInPlace = reading.path.endsWith(writing.path.slice(-10));
    player.demand(isAtOnce && isInPlace, () => `${writing.path} came to be ${reading.path} at ${token}`);
  }

  /** Who stands in the way of the contender at that time; undefined for nobody, or when it is gone itself. */
  #blockerOf(path: string, zxid: bigint): string | undefined {
    const { ledger, recipes } = this.#stage;
    const line = recipes.sortContenders(ledger.at(DIRECTORY, zxid)?.children ?? []);
    const own = line.findIndex(({ name }) => path === `${DIRECTORY}/${name}`);
    if (own < 0) return undefined;
    const { name: ownName, prefix } = line[own]!;
    // Who has upgraded may still have its read hold's znode ahead, until that is removed.
    const owner = ledger.at(`${DIRECTORY}/${ownName}`, zxid)?.owner;
    return line
      .slice(0, own)
      .filter(({ name, prefix: other }) => {
        if (isWriter(other)) return true;
        return isWriter(prefix) && ledger.at(`${DIRECTORY}/${name}`, zxid)?.owner !== owner;
      })
      .at(0)?.name;
  }

  #look(player: Player): void {
    const wrong = this.#wrong();
    player.demand(wrong === undefined, () => wrong as string);
  }

  #wrong(): string | undefined {
    const { ledger } = this.#stage;
    for (const { zxid, kind } of ledger.changesAfter(READS, this.#readsSeen)) {
      this.#readsSeen = zxid;
      if (kind !== "data") continue;
      const reader = textOf(ledger.at(READS, zxid)?.data);
      const blocker = this.#blockerOf(reader, zxid);
      if (blocker !== undefined) return `${reader} read while ${blocker} was before it`;
    }
    const wrong = this.#log.look();
    return wrong === undefined ? undefined : `two write: ${wrong}`;
  }
}

function isWriter(prefix: string): boolean {
  return prefix.endsWith("__WRIT__") || prefix.endsWith("__lock__");
}
