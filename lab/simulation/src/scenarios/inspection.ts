/**
 * Locks of every kind that several clients want, in whatever order, so that they wait for each other in circles; and clients that
 * look who has them and who waits. What must hold, by code that shares nothing with the library's:
 * - Who is told was there at one moment of the look, in the order of that moment; who is not told had gone by its end.
 * - Session, token, time and what somebody says of itself are those of its znode; everybody waits for whom it has to.
 * - A circle that is told is one of what was seen; none of those is missing.
 * - When nothing is wrong any more, what is told is what there is; of two who wait for each other one circle is told, and of an
 *   empty place nothing.
 */
import type { Inspection } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { circlesWrong, describe, LineOfTruth } from "./inspection-truth.js";
import { checkNothingUnderWay, makeNode, orGiveUp, TURN_MS_MAX } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const LOCKS = ["/a", "/b"];
const [FIRST = "", SECOND = ""] = LOCKS;
const OTHER = "/c";
const STRANGER = "notes";
const PULSE = "/pulse";
const LOOK_MS = 20;
/** Within it all have begun to look at everything: virtual milliseconds. */
const GATHER_MS = 1000;
const PERMITS = 2;

/** See the head of this file. */
export const inspection: Scenario = {
  name: "inspection",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Inspecting(stage),
};

interface Releasable {
  release(): Promise<unknown>;
}

class Inspecting implements Play {
  readonly #stage: Stage;
  readonly #truth: LineOfTruth;
  readonly #dialect: "curator" | "kazoo";
  readonly #other: "readWriteLock" | "semaphore" | "latch";
  #came = 0;
  #left = 0;
  #isSeen = false;

  constructor(stage: Stage) {
    const { chance, ledger } = stage;
    this.#stage = stage;
    this.#truth = new LineOfTruth(ledger);
    this.#dialect = chance.pick(["curator", "kazoo"]);
    this.#other = chance.pick(["readWriteLock", "semaphore", "latch"]);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, PULSE);
    for (const lock of LOCKS) await makeNode(player, lock);
    await makeNode(player, `${FIRST}/${STRANGER}`);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    if (chance.is(0.4)) {
      await this.#look(player, chance.is(0.6) ? [...LOCKS, OTHER] : [chance.pick([...LOCKS, OTHER])]);
    } else if (chance.is(0.15)) {
      const options = { dialect: this.#dialect, graceMs: 50, timeoutMs: 2000, signal: player.resting };
      await orGiveUp(this.#stage, player, () =>
        this.#stage.recipes.revoke(player.client, chance.pick(LOCKS), options),
      );
    } else await this.#contend(player);
  }

  async inspect(player: Player): Promise<void> {
    // A session that the leader takes for another server's finds out now, and not in the middle.
    await player.client.setData(PULSE, player.name, { retry: "always" });
    const place = this.#came;
    this.#came += 1;
    await player.sleep(GATHER_MS);
    if (place < 2) await this.#waitInCircle(player, place);
    else {
      // Behind those two, or there is no circle.
      while (this.#countIn(FIRST) === 0) await player.sleep(LOOK_MS);
      const until = new AbortController();
      const waiting = this.#orNot(
        this.#lock(player, FIRST, { signal: until.signal, timeoutMs: TURN_MS_MAX }),
      );
      while (!this.#isSeen) await player.sleep(LOOK_MS);
      until.abort(new Error("was seen"));
      await (await waiting)?.release();
    }
    this.#left += 1;
    while (this.#left < this.#came) await player.sleep(LOOK_MS);
    await player.client.sync(FIRST);
    const found = await this.#look(player, [...LOCKS, OTHER]);
    const left = (found ?? []).flatMap(({ participants }) => participants);
    player.demand(
      left.length === 0,
      () => `nobody is there, and ${left.map(({ path }) => path).join(", ")} is told`,
    );
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    const left = [...LOCKS, OTHER]
      .flatMap((path) => ledger.below(path))
      .filter((path) => /[0-9]{10}$/.test(path));
    if (left.length > 0) report(`left: ${left.join(", ")}`);
  }

  /** Two who wait for each other, until one of them has seen it. */
  async #waitInCircle(player: Player, place: number): Promise<void> {
    const { ledger } = this.#stage;
    const [mine, theirs] = place === 0 ? [FIRST, SECOND] : [SECOND, FIRST];
    const hold = await this.#lock(player, mine, { timeoutMs: TURN_MS_MAX });
    const ownerOf = (path: string): bigint => {
      const [first] = (ledger.now(path)?.children ?? []).filter((name) => name !== STRANGER);
      return ledger.now(`${path}/${first}`)?.owner ?? 0n;
    };
    while (this.#countIn(theirs) === 0) await player.sleep(LOOK_MS);
    const until = new AbortController();
    const waiting = this.#lock(player, theirs, { signal: until.signal, timeoutMs: TURN_MS_MAX });
    const ended = this.#orNot(waiting);
    if (place === 0) {
      while (this.#countIn(FIRST) < this.#came || this.#countIn(SECOND) < 2) await player.sleep(LOOK_MS);
      await player.client.sync(FIRST);
      const found = (await this.#look(player, [...LOCKS, OTHER])) ?? [];
      const circles = this.#stage.recipes.waitCircles(found);
      const sessions = new Set(circles.flatMap((circle) => circle.sessions));
      player.demand(
        circles.length === 1 && sessions.has(player.client.sessionId) && sessions.has(ownerOf(SECOND)),
        () =>
          `two wait for each other, and ${circles.length} circles are told, of ${[...sessions].join(", ")}`,
      );
      this.#isSeen = true;
    }
    while (!this.#isSeen) await player.sleep(LOOK_MS);
    until.abort(new Error("was seen"));
    await (await ended)?.release();
    await hold.release();
  }

  #countIn(lock: string): number {
    return (this.#stage.ledger.now(lock)?.children ?? []).filter((name) => name !== STRANGER).length;
  }

  /** What is waited for, or undefined when the wait was aborted before. */
  async #orNot(waiting: Promise<Releasable>): Promise<Releasable | undefined> {
    try {
      return await waiting;
    } catch (error) {
      if (this.#stage.recipes.isRecipeError(error, "ABORTED")) return undefined;
      throw error;
    }
  }

  /** Takes some of them, in any order, for as long as it has the patience. */
  async #contend(player: Player): Promise<void> {
    const { chance } = player;
    const held: Releasable[] = [];
    const wanted = chance.is(0.5) ? [...LOCKS, OTHER] : [OTHER, ...LOCKS.toReversed()];
    try {
      for (const path of wanted.filter(() => chance.is(0.7))) {
        const timeoutMs = chance.pick([100, 1000, 3000]);
        const got = await orGiveUp(this.#stage, player, () => this.#take(player, path, timeoutMs));
        if (got === null) return;
        held.push(got);
        await player.sleep(chance.wait(100));
      }
    } finally {
      for (const each of held) await each.release();
    }
  }

  #lock(
    { client, name }: Player,
    path: string,
    wait: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<Releasable> {
    return new this.#stage.recipes.Lock(client, path, { dialect: this.#dialect, identity: name }).acquire(
      wait,
    );
  }

  async #take(player: Player, path: string, timeoutMs: number): Promise<Releasable> {
    const { client, name, chance, resting } = player;
    const { recipes } = this.#stage;
    const wait = { timeoutMs, signal: resting };
    if (path !== OTHER) return await this.#lock(player, path, wait);
    const options = { dialect: this.#dialect, identity: name };
    switch (this.#other) {
      case "readWriteLock": {
        const lock = new recipes.ReadWriteLock(client, path, options);
        return chance.is(0.6) ? await lock.read.acquire(wait) : await lock.write.acquire(wait);
      }
      case "semaphore":
        return await new recipes.Semaphore(client, path, { ...options, max: PERMITS }).acquire({
          ...wait,
          permits: chance.pick([1, 1, 2]),
        });
      case "latch": {
        const latch = new recipes.LeaderLatch(client, path, { identity: name }).start();
        await latch.leading(wait).catch(async (error: unknown) => {
          await latch.close();
          throw error;
        });
        return { release: () => latch.close() };
      }
      default:
        return this.#other satisfies never;
    }
  }

  /** Looks, and compares what is told with what there was. @returns null when it could not look */
  async #look(player: Player, paths: readonly string[]): Promise<readonly Inspection[] | null> {
    const { ledger, recipes, serverMs: nowMs } = this.#stage;
    const { client, resting } = player;
    const from = client.lastZxid;
    const wait = resting.aborted ? { timeoutMs: TURN_MS_MAX } : { signal: resting, timeoutMs: 3000 };
    const found = await orGiveUp(this.#stage, player, () =>
      Promise.all(paths.map((path) => recipes.inspect(client, path, { ...wait, nowMs }))),
    );
    if (found === null) return null;
    // A new epoch counts before anything has happened in it.
    let to = ledger.lastZxid;
    if (to < from) to = from;
    player.note(
      `has seen ${found.map(({ participants }) => participants.length).join(", ")} at ${paths.join(", ")}`,
    );
    for (const each of found) {
      const wrong = this.#wrong(each, { from, to }, nowMs);
      player.demand(wrong === undefined, () => `of ${each.path} is told what was not so: ${wrong}`);
    }
    const wrong = circlesWrong(found, recipes.waitCircles(found));
    player.demand(wrong === undefined, () => wrong as string);
    return found;
  }

  #wrong(
    { path, kind, participants, foreign }: Inspection,
    span: { readonly from: bigint; readonly to: bigint },
    nowMs: number,
  ): string | undefined {
    for (const each of participants) {
      const wrong = this.#truth.wrongOf(each, span, nowMs);
      if (wrong !== undefined) return wrong;
    }
    const isSemaphore = path === OTHER && this.#other === "semaphore";
    const isMade = this.#stage.ledger.at(`${FIRST}/${STRANGER}`, span.from) !== null;
    const strangers = path === FIRST && isMade ? STRANGER : foreign.join();
    const isStrange = path !== FIRST && foreign.length > 0;
    if (foreign.join() !== strangers || (isStrange && !isSemaphore)) return `strangers are ${foreign.join()}`;
    // Of kazoo's writers alone it cannot be told whether there are readers as well.
    const hasWriters = this.#dialect === "kazoo" && this.#other === "readWriteLock" && kind === "lock";
    const expected = path === OTHER && !hasWriters ? this.#other : "lock";
    if (kind !== expected && (kind !== "none" || participants.length > 0)) return `it looks like a ${kind}`;
    if (!isSemaphore) return this.#truth.wrongLine(path, participants, span) ?? describe(participants, []);
    const permits = participants.filter(({ role }) => role === "lease");
    const atDoor = participants.slice(permits.length);
    const isCurator = this.#dialect === "curator";
    return (
      this.#truth.wrongLine(isCurator ? `${path}/leases` : path, permits, span) ??
      this.#truth.wrongLine(isCurator ? `${path}/locks` : `${path}-__lock__`, atDoor, span) ??
      describe(atDoor, permits)
    );
  }
}
