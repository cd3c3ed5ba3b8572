// Whoever ends a wait is told so, whatever was under way: the signal aborts right before, and right behind, each call of the
// client that a recipe makes.
import type { Client } from "@zk/client";
import {
  AtomicLong,
  DoubleBarrier,
  isRecipeError,
  Lock,
  Queue,
  recipeMetrics,
  revoke,
  SharedCount,
  textCodec,
  type WaitOptions,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until } from "../src/index.js";

const zk = stage({ backend: "memory", servers: 1 });
const codec = textCodec;

/** Something that waits, and gives back what it got. */
type Wait = (client: Client, path: string, options: WaitOptions) => Promise<unknown>;

const waits: Record<string, Wait> = {
  "a lock": async (client, path, options) => (await new Lock(client, path).acquire(options)).release(),
  "entering a double barrier": async (client, path, options) =>
    (await new DoubleBarrier(client, path, { members: 1 }).enter(options)).leave(),
  "leaving a double barrier": async (client, path, options) =>
    (await new DoubleBarrier(client, path, { members: 1 }).enter()).leave(options),
  "a put": (client, path, options) => new Queue(client, path, { codec }).put("a", options),
  "a put without a marker": (client, path, options) =>
    new Queue(client, path, { codec }).put("a", { once: false, ...options }),
  "a shared count": async (client, path, options) => {
    using count = new SharedCount(client, path);
    await count.add(1, options);
  },
  "an atomic number": (client, path, options) => new AtomicLong(client, path).add(1n, options),
  "a request to give back": async (client, path, options) => {
    const held = await new Lock(client, path).acquire();
    try {
      await revoke(client, path, { graceMs: 1, force: true, ...options });
    } finally {
      await held.release();
    }
  },
};

/** Calls `then` right before or right behind the call of the client that is the `nth` from now on. */
function at(client: Client, nth: number, when: "before" | "behind", then: () => void): { isPast(): boolean } {
  let calls = 0;
  const counted = <T>(call: () => T): T => {
    calls += 1;
    if (calls === nth && when === "before") then();
    const result = call();
    if (calls === nth && when === "behind") then();
    return result;
  };
  for (const name of ["create", "remove", "setData", "getData", "exists", "getChildren", "sync"] as const) {
    const own = Object.getPrototypeOf(client)[name] as (...given: unknown[]) => unknown;
    Object.assign(client, { [name]: (...given: unknown[]) => counted(() => own.apply(client, given)) });
  }
  const begin = Object.getPrototypeOf(client).transaction as Client["transaction"];
  Object.assign(client, {
    transaction: () => {
      const transaction = begin.call(client);
      const commit = transaction.commit.bind(transaction);
      return Object.assign(transaction, { commit: (...given: []) => counted(() => commit(...given)) });
    },
  });
  return { isPast: () => calls >= nth };
}

describe.each(Object.keys(waits))("%s that is given up", (name) => {
  it("says so, whatever was under way, and leaves nothing of ours", async () => {
    const wait = waits[name] as Wait;
    const client = await zk.connect();
    let tries = 0;
    for (const when of ["before", "behind"] as const) {
      for (let nth = 1; ; nth += 1) {
        const abort = new AbortController();
        const path = `${zk.path}-${when}-${nth}`;
        const step = at(client, nth, when, () => abort.abort("enough"));
        const error = await wait(client, path, { signal: abort.signal }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (!step.isPast()) break;
        tries += 1;
        const where = `${when} call ${nth}: ${String(error)}`;
        if (error !== undefined) expect(isRecipeError(error, "ABORTED"), where).toBe(true);
        await until(`nothing goes on ${where}`, () => {
          const { janitorPending, waiting, holding } = recipeMetrics(client);
          return janitorPending + waiting + holding === 0;
        });
      }
    }
    expect(await ephemerals(client, zk.path)).toEqual([]);
    expect(tries).toBeGreaterThan(4);
  });
});

/** Ephemeral znodes of paths that begin so. */
async function ephemerals(client: Client, prefix: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (path: string): Promise<void> => {
    const stat = await client.exists(path);
    if (stat === null) return;
    if (stat.ephemeralOwner !== 0n) found.push(path);
    for (const name of stat.numChildren === 0 ? [] : await client.getChildren(path))
      await look(`${path}/${name}`);
  };
  for (const name of await client.getChildren("/")) {
    if (`/${name}`.startsWith(prefix)) await look(`/${name}`);
  }
  return found;
}
