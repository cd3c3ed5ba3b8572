// Whatever happens to those who take locks, what lies in the directories is what they have and what they wait for, no more.
//
// ZK_LOCK_STEPS says how many random steps; 10000 is the full count.
import { isZkError } from "@zk/client";
import { isRecipeError, Lock, ReadWriteLock, recipeMetrics, Semaphore } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, howMany, type Losable, World } from "../src/index.js";

const STEPS = howMany("ZK_LOCK_STEPS", 1000);
/** Another world every so often, so that its seed can be told. */
const STEPS_PER_WORLD = 250;

interface Held {
  readonly state: string;
  release(): Promise<unknown>;
}

interface Wait {
  readonly abort: AbortController;
  readonly znodes: number;
  isOver: boolean;
}

/** One program that takes and gives back, and all that may happen to it. */
class Person {
  readonly actor: Actor;
  readonly holds: { readonly hold: Held; readonly znodes: number }[] = [];
  readonly waits: Wait[] = [];
  readonly failures: unknown[] = [];
  readonly #world: World;

  constructor(world: World, actor: Actor) {
    this.#world = world;
    this.actor = actor;
  }

  /** Takes something, and waits for it no longer than told. */
  take(kind: string): void {
    const { chance } = this.#world;
    const { client } = this.actor;
    const wait: Wait = { abort: new AbortController(), znodes: 1, isOver: false };
    const options = {
      signal: wait.abort.signal,
      ...(chance.is(0.4) ? { timeoutMs: chance.pick([1, 20, 300, 3000]) } : {}),
    };
    const permits = kind === "semaphore" ? 1 + chance.below(2) : 1;
    const rw = new ReadWriteLock(client, "/rw");
    const acquiring = ((): Promise<Held | null> => {
      if (kind === "lock") return new Lock(client, "/lock").acquire(options);
      if (kind === "try") return new Lock(client, "/lock").tryAcquire(options);
      if (kind === "read") return rw.read.acquire(options);
      if (kind === "write") return rw.write.acquire(options);
      return new Semaphore(client, "/semaphore", { max: 2 }).acquire({ ...options, permits });
    })();
    this.waits.push(wait);
    acquiring.then(
      (hold) => {
        wait.isOver = true;
        if (hold !== null) this.holds.push({ hold, znodes: permits });
      },
      (error: unknown) => {
        wait.isOver = true;
        const isFair = isRecipeError(error) || isZkError(error, "CLOSED");
        if (!isFair) this.failures.push(error);
      },
    );
  }

  forgetWhatIsOver(): void {
    for (const list of [this.waits, this.holds] as const) {
      for (let index = list.length - 1; index >= 0; index -= 1) {
        const each = list[index] as Wait | { readonly hold: Held };
        const isOver =
          "hold" in each ? each.hold.state === "lost" || each.hold.state === "released" : each.isOver;
        if (isOver) list.splice(index, 1);
      }
    }
  }

  /** Nothing is under way: whatever it wants it has, or waits for. */
  get isQuiet(): boolean {
    const { client } = this.actor;
    // A server may have ended a session, and its client not have heard of it.
    if (!this.#world.tree.sessions.has(client.sessionId)) return false;
    const { janitorPending } = recipeMetrics(client);
    return (
      client.state === "connected" && client.load.inFlight + client.load.queued === 0 && janitorPending === 0
    );
  }

  /** The znodes that its session should own now. */
  get znodes(): number {
    this.forgetWhatIsOver();
    return this.holds.reduce((sum, { znodes }) => sum + znodes, 0) + this.waits.length;
  }
}

const OPERATIONS: readonly Losable[] = ["create", "remove", "multi", "getChildren", "getData", "event"];

async function step(world: World, people: readonly Person[]): Promise<void> {
  const { chance, ensemble } = world;
  const person = chance.pick(people);
  const { cable } = person.actor;
  const dice = chance.next();
  if (dice < 0.4)
    person.take(chance.pick(["lock", "lock", "try", "read", "write", "semaphore", "semaphore"]));
  else if (dice < 0.62) void person.holds[chance.below(person.holds.length)]?.hold.release().catch(() => {});
  else if (dice < 0.72) person.waits[chance.below(person.waits.length)]?.abort.abort();
  else if (dice < 0.86)
    void cable.lose(chance.pick(["reply", "request"]), chance.pick(OPERATIONS), chance.below(2));
  else if (dice < 0.92) cable.reset();
  else if (dice < 0.95) {
    cable.cut();
    await world.pass(chance.pick([10, 500, 2000, 5000]));
    cable.mend();
  } else if (dice < 0.97) await world.let("an expiry", ensemble.expireSession(person.actor.client));
  else if (dice < 0.985) {
    const killed = await world.let(
      "a kill",
      chance.is(0.5) ? ensemble.killLeader() : ensemble.killFollower(),
    );
    await world.pass(chance.below(300));
    await world.let("a start", ensemble.start(killed));
  } else await world.pass(chance.below(2000));
  // Sometimes the next thing happens before this one is through.
  if (chance.is(0.3)) await world.pass(chance.below(4));
}

function check(world: World, people: readonly Person[], say: string): void {
  const paths = ["/lock", "/rw", "/semaphore/locks", "/semaphore/leases"].flatMap((directory) =>
    world.names(directory).map((name) => `${directory}/${name}`),
  );
  const owned = new Map<bigint, string[]>();
  for (const path of paths) {
    const owner = world.tree.stat(path)?.ephemeralOwner ?? 0n;
    owned.set(owner, [...(owned.get(owner) ?? []), path]);
  }
  for (const person of people) {
    const { sessionId } = person.actor.client;
    const mine = owned.get(sessionId) ?? [];
    owned.delete(sessionId);
    expect(mine.length, `${say}: ${person.znodes} wanted, there are ${mine.join(" ")}`).toBe(person.znodes);
    expect(person.failures, say).toEqual([]);
  }
  expect([...owned.values()].flat(), `${say}: of nobody`).toEqual([]);
}

describe("locks, read-write locks and semaphores", () => {
  it(
    `leave nothing behind in ${STEPS} random steps`,
    async () => {
      let checks = 0;
      for (let seed = 1; checks < STEPS; seed += 1) {
        await using world = await World.begin({ seed });
        const people: Person[] = [];
        for (let count = 0; count < 4; count += 1)
          people.push(new Person(world, await world.actor({ afterExpiry: "renew" })));
        for (let number = 0; number < STEPS_PER_WORLD && checks < STEPS; number += 1) {
          await step(world, people);
          const say = `seed ${seed}, step ${number}`;
          await world.until(`${say}: all is quiet`, () => people.every(({ isQuiet }) => isQuiet));
          check(world, people, say);
          checks += 1;
        }
        // No wake-up was lost: with nothing wrong any more everybody gets its turn.
        for (const { actor } of people) actor.cable.spare();
        await world.until(`seed ${seed}: all turns`, () => {
          for (const { holds } of people) for (const { hold } of holds) void hold.release().catch(() => {});
          for (const person of people) person.forgetWhatIsOver();
          return people.every(({ waits, holds }) => waits.length + holds.length === 0);
        });
        await world.until(`seed ${seed}: the end`, () => people.every(({ isQuiet }) => isQuiet));
        check(world, people, `seed ${seed}, the end`);
      }
      expect(checks).toBe(STEPS);
    },
    60_000 + STEPS * 30,
  );
});
