// What locks promise, on real servers, whatever happens between a holder and them. Most of the time is waited for sessions to end,
// so everything happens at once. Deaths of servers and of processes are in real-lock.test.ts.
import { type Client, type ClientOptions, createClient, type HistoryRecord, isZkError } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import {
  Election,
  type Hold,
  Lock,
  Queue,
  ReadWriteLock,
  recipeMetrics,
  Semaphore,
  textCodec,
} from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cable, childrenNow, childrenOf, type Losable, told, until, waitMs, within } from "../src/index.js";

const SESSION_MS = 2000;
/** Far above a session timeout. */
const TURN_MS = 30_000;

let ensemble: Ensemble;

beforeAll(async () => {
  ensemble = await startEnsemble();
});

afterAll(async () => {
  await ensemble.stop();
});

interface Actor extends AsyncDisposable {
  readonly client: Client;
  readonly cable: Cable;
}

async function actor(options: ClientOptions = {}): Promise<Actor> {
  const cable = new Cable();
  const client = createClient(ensemble.connectionString, {
    sessionTimeoutMs: SESSION_MS,
    afterExpiry: "renew",
    ports: { transport: cable.transport },
    ...options,
  });
  await client.connect({ timeoutMs: TURN_MS });
  return { client, cable, [Symbol.asyncDispose]: async () => void (await client.close()) };
}

async function actors(count: number, options?: (index: number) => ClientOptions): Promise<Actor[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => actor(options?.(index))));
}

async function closeAll(all: readonly Actor[]): Promise<void> {
  await Promise.all(all.map(({ client }) => client.close()));
}

const ENDED = "its session is ended from elsewhere";
const FAULTS: readonly [string, (holder: Actor) => Promise<void>][] = [
  ...[0.5, 1, 2].map((times): [string, (holder: Actor) => Promise<void>] => [
    `its process is cut off for ${times} of its session timeout`,
    async ({ cable }) => {
      cable.cut();
      await waitMs("the end of the cut", times * SESSION_MS);
      cable.mend();
    },
  ]),
  [ENDED, ({ client }) => ensemble.expireSession(client, { timeoutMs: TURN_MS })],
  [
    "its connection ends again and again",
    async ({ cable }) => {
      for (let count = 0; count < 5; count += 1) {
        cable.reset();
        await waitMs("the next end", 150);
      }
    },
  ],
];

/** What a holder sends past everything that its own process knows, as a guarded write of its own would be sent. */
async function writeByHand({ client }: Actor, path: string, log: string): Promise<unknown> {
  const write = async (): Promise<unknown> =>
    await told(client.transaction().check(path).setData(log, "by hand").commit());
  return await until(
    "an answer to the holder",
    async () => {
      const refusal = await write();
      const isAnswer = refusal === undefined || isZkError(refusal, "NO_NODE");
      return isAnswer && { refusal };
    },
    TURN_MS,
  );
}

/** What several holds together can do as well as one. */
interface Held extends Pick<Hold, "state" | "signal" | "token" | "guard" | "release"> {
  readonly path?: string;
  readonly leases?: readonly Hold[];
}

/** A recipe, how one takes what only one may have, and where its znode is then. */
const EXCLUSIVE: readonly [string, (client: Client, path: string) => Promise<Held>, string][] = [
  ["lock", (client, path) => new Lock(client, path).acquire(), ""],
  ["write lock", (client, path) => new ReadWriteLock(client, path).write.acquire(), ""],
  ["semaphore", (client, path) => new Semaphore(client, path, { max: 1 }).acquire(), "/leases"],
];

const CASES = EXCLUSIVE.flatMap(([recipe, take, directory]) =>
  FAULTS.map(([what, harm]) => [`${recipe}: ${what}`, { take, directory, what, harm }] as const),
);

describe("what only one may have, on real servers", () => {
  it.concurrent.each(CASES)(
    "is never had by two, and late writes are refused: %s",
    async (title, { take, directory, what, harm }) => {
      const path = `/${title.replaceAll(" ", "-")}`;
      const log = `${path}-log`;
      await using holder = await actor();
      await using other = await actor();
      await other.client.create(log, "0");
      const held = await take(holder.client, path);
      let next: Held | undefined;
      const both: string[] = [];
      const look = (): void => {
        if (next?.state === "held" && held.state === "held") both.push(`after ${performance.now()} ms`);
      };
      const waiting = take(other.client, path).then((hold) => {
        next = hold;
        look();
        return hold;
      });
      await until(
        "the other waits",
        () => recipeMetrics(other.client).waiting === 1 && other.client.load.watches > 0,
      );
      held.signal.addEventListener("abort", look);
      await harm(holder);
      await until("it is decided", () => ["held", "lost"].includes(held.state), TURN_MS);
      look();
      if (held.state === "lost") {
        const second = await within("the other's turn", waiting, TURN_MS);
        expect(second.token).toBeGreaterThan(held.token);
        const late = await told(held.guard((tx) => tx.setData(log, "late")));
        expect(late).toMatchObject({ code: "HOLD_LOST", applied: "no" });
        expect(await writeByHand(holder, held.path ?? held.leases![0]!.path, log)).toMatchObject({
          refusal: { code: "NO_NODE" },
        });
        await second.guard((tx) => tx.setData(log, "timely"));
      }
      await held.release();
      const second = await within("the other's turn", waiting, TURN_MS);
      await second.release();
      await until(
        "nothing is left",
        async () => (await childrenOf(other.client, `${path}${directory}`)).length === 0,
        TURN_MS,
      );
      // Nobody tells the holder before the others: only what it writes through its guard is sure to be refused.
      if (what !== ENDED) expect(both).toEqual([]);
    },
  );

  it.concurrent.each([
    "create",
    "remove",
    "getChildren",
    "getData",
    "event",
  ] as const satisfies readonly Losable[])(
    "goes on when the reply of a %s is lost: to the holder and to those who wait, in each of their turns",
    async (operation) => {
      const path = `/lost-${operation}`;
      const all = await actors(3);
      try {
        let inside = 0;
        const tokens: bigint[] = [];
        const turns = all.map(async ({ client, cable }) => {
          const lock = new Lock(client, path);
          for (let turn = 0; turn < 4; turn += 1) {
            void cable.lose("reply", operation, turn % 2);
            await using hold = await lock.acquire({ timeoutMs: 2 * TURN_MS });
            inside += 1;
            expect(inside).toBe(1);
            tokens.push(hold.token);
            await client.sync("/");
            inside -= 1;
          }
          cable.spare();
        });
        await within("all turns", Promise.all(turns), 2 * TURN_MS);
        expect(tokens).toEqual(tokens.toSorted((one, two) => (one < two ? -1 : 1)));
        expect(tokens).toHaveLength(12);
        const { client } = all[0]!;
        await until("nothing is left", async () => (await childrenOf(client, path)).length === 0, TURN_MS);
      } finally {
        await closeAll(all);
      }
    },
  );
});

/** What of them one takes, and gives back. */
const TURNS: readonly [string, (client: Client, path: string) => Promise<Hold>][] = [
  ["Lock", (client, path) => new Lock(client, path).acquire()],
  ["Lock of kazoo", (client, path) => new Lock(client, path, { dialect: "kazoo" }).acquire()],
  ["ReadWriteLock", (client, path) => new ReadWriteLock(client, path).write.acquire()],
  ["Election", async (client, path) => (await new Election(client, path).terms().next()).value as Hold],
];

describe.each(TURNS)("%s on real servers", (name, take) => {
  it.concurrent("wakes one of twelve who wait: one release, one list", async () => {
    const path = `/herd-${name.replaceAll(" ", "-")}`;
    const lists: number[] = [];
    const all = await actors(13, (index) => ({
      onHistory: ({ level, outcome, operation }: HistoryRecord) => {
        if (level === "attempt" && outcome === "sent" && operation.startsWith("getChildren"))
          lists.push(index);
      },
    }));
    try {
      const first = await take(all[0]!.client, path);
      const waits = new Map<number, Promise<[number, Hold]>>();
      for (const [index, { client }] of all.entries())
        if (index > 0)
          waits.set(
            index,
            take(client, path).then((hold) => [index, hold]),
          );
      const wait = ({ client }: Actor): boolean => client.load.watches === 1 && client.load.inFlight === 0;
      await until("all wait", () => all.slice(1).every(wait));
      let held = first;
      let before = lists.length;
      const order: number[] = [];
      while (waits.size > 0) {
        await held.release();
        const [index, next] = await Promise.race(waits.values());
        waits.delete(index);
        order.push(index);
        expect(lists.slice(before)).toEqual([index]);
        before = lists.length;
        expect(next.token).toBeGreaterThan(held.token);
        held = next;
      }
      expect(order.toSorted((one, two) => one - two)).toEqual(all.slice(1).map((_, index) => index + 1));
      await held.release();
    } finally {
      await closeAll(all);
    }
  });
});

describe("foreign children on real servers", () => {
  const HEX = "0123456789abcdef0123456789abcdef";
  const FOREIGN = ["!junk", "zjunk", "lock-", "-", "0", `${HEX}-lock-junk`, "_c_-lock-x", "x-1-12345"];

  it.concurrent("keep nobody from a lock, a side of a lock, an election, a permit or an item", async () => {
    await using one = await actor();
    await using two = await actor();
    for (const parent of [
      "/f-lock",
      "/f-rw",
      "/f-election",
      "/f-semaphore/locks",
      "/f-semaphore/leases",
      "/f-queue",
    ])
      for (const child of FOREIGN)
        await one.client.create(`${parent}/${child}`, null, { createParents: true });
    const limit = { timeoutMs: TURN_MS };
    type Take = (client: Client) => Promise<Pick<Hold, "release">>;
    const lock: Take = (client) => new Lock(client, "/f-lock").acquire(limit);
    const write: Take = (client) => new ReadWriteLock(client, "/f-rw").write.acquire(limit);
    const read: Take = (client) => new ReadWriteLock(client, "/f-rw").read.acquire(limit);
    const permit: Take = (client) => new Semaphore(client, "/f-semaphore", { max: 1 }).acquire(limit);
    const lead: Take = async (client) =>
      (await new Election(client, "/f-election").terms(limit).next()).value as Hold;
    const pairs: readonly (readonly [Take, Take])[] = [
      [lock, lock],
      [write, write],
      [write, read],
      [read, write],
      [permit, permit],
      [lead, lead],
    ];
    for (const [first, second] of pairs) {
      const held = await first(one.client);
      const waiting = second(two.client);
      await until(
        "the other waits",
        () => recipeMetrics(two.client).waiting > 0 && two.client.load.watches > 0,
      );
      await held.release();
      await (await waiting).release();
    }
    const queue = new Queue(one.client, "/f-queue", { codec: textCodec });
    await queue.put("an item");
    const item = await new Queue(two.client, "/f-queue", { codec: textCodec }).take(limit);
    expect(item.value).toBe("an item");
    await item.ack();
    for (const parent of [
      "/f-lock",
      "/f-rw",
      "/f-election",
      "/f-semaphore/locks",
      "/f-semaphore/leases",
      "/f-queue",
    ])
      expect((await childrenNow(one.client, parent)).toSorted()).toEqual(FOREIGN.toSorted());
  });
});
