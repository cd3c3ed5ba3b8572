/** Our locks and semaphores in the words of the interface. */
import type { Client } from "@zk/client";
import {
  type Dialect,
  type Hold,
  Lock,
  type LockHold,
  MultiLock,
  ReadWriteLock,
  revoke,
  Semaphore,
} from "@zk/recipes";
import type * as words from "../recipes.js";
import { runHammer } from "./hammer.js";
import { closing, Holds, unsupported, Waits } from "./held.js";

/** A session of ours, and the names that it writes unless told. */
export interface OurSession {
  readonly client: Client;
  readonly dialect: Dialect;
}

export function openMutex(
  { client, dialect }: OurSession,
  path: string,
  options: words.MutexOptions,
): words.Mutex {
  if (options.ephemeral === false) throw unsupported("lock that outlives its session");
  const names = options.dialect ?? dialect;
  const { contenders = "own", identity = "" } = options;
  const lock = new Lock(client, path, { identity, dialect: names, contenders });
  let revocations = 0;
  const acquire = async (wait: Parameters<Lock["acquire"]>[0]): Promise<LockHold> => {
    const hold = await lock.acquire(wait);
    hold.revocation.addEventListener("abort", () => {
      revocations += 1;
    });
    return hold;
  };
  const { holds, ...handle } = lockOf(acquire);
  return {
    ...handle,
    node: async () => holds.newest?.path ?? null,
    contenders: async () => (await client.getChildren(path)).map((name) => `${path}/${name}`),
    hammer: (plan) => runHammer(client, lock, plan),
    revocations: async () => revocations,
    // Ours asks whoever holds the lock; the wait for the holder is not the caller's here.
    revoke: async () => void (await revoke(client, path, { graceMs: 0, dialect: names })),
  };
}

export function openMultiLock(
  { client, dialect }: OurSession,
  path: string,
  { names }: words.OptionsOf<"multiLock">,
): words.Lock {
  const lock = new MultiLock(
    client,
    names.map((name) => `${path}/${name}`),
    { dialect },
  );
  const { holds: _, ...handle } = lockOf((wait) => lock.acquire(wait));
  return handle;
}

/** A mutex that is a semaphore of one permit. */
export function openSemaphoreMutex(session: OurSession, path: string): words.Lock {
  const semaphore = new Semaphore(session.client, path, { max: 1, dialect: session.dialect });
  const { holds: _, ...handle } = lockOf((wait) => semaphore.acquire(wait));
  return handle;
}

function lockOf<Held extends Pick<Hold, "release" | "state">>(
  acquire: (wait: Parameters<Lock["acquire"]>[0]) => Promise<Held>,
): words.Lock & { readonly holds: Holds<Held> } {
  const [waits, holds] = [new Waits(), new Holds<Held>()];
  return {
    holds,
    acquire: async (limit = {}) => {
      const hold = await waits.within(limit, acquire);
      if (hold !== undefined) holds.add(hold);
      return hold !== undefined;
    },
    release: () => holds.release(),
    isHeld: async () => holds.newest?.state === "held",
    cancel: async () => waits.cancel(),
    ...closing(async () => {
      await waits.end();
      await holds.releaseAll();
    }),
  };
}

export function openReadWriteLock(
  { client, dialect }: OurSession,
  path: string,
  { identity = "" }: words.Identity,
): words.ReadWriteLock {
  const lock = new ReadWriteLock(client, path, { identity, dialect });
  const sides = {
    read: lockOf((wait) => lock.read.acquire(wait)),
    write: lockOf((wait) => lock.write.acquire(wait)),
  };
  const both = Object.values(sides);
  return {
    acquire: ({ side, ...limit }) => sides[side].acquire(limit),
    release: ({ side }) => sides[side].release(),
    isHeld: ({ side }) => sides[side].isHeld(),
    node: async ({ side }) => sides[side].holds.newest?.path ?? null,
    cancel: async () => void (await Promise.all(both.map((side) => side.cancel()))),
    ...closing(async () => void (await Promise.all(both.map((side) => side.close())))),
  };
}

export function openSemaphore(
  { client, dialect }: OurSession,
  path: string,
  { max, identity = "" }: words.OptionsOf<"semaphore">,
): words.Semaphore {
  const semaphore = new Semaphore(client, path, { max, identity, dialect });
  const [waits, leases] = [new Waits(), new Holds<Hold>()];
  return {
    acquire: async ({ permits = 1, ...limit } = {}) => {
      const hold = await waits.within(limit, (wait) => semaphore.acquire({ ...wait, permits }));
      if (hold !== undefined) leases.add(...hold.leases);
      return hold !== undefined;
    },
    release: async ({ permits = 1 } = {}) => {
      for (let left = permits; left > 0; left -= 1) await leases.release();
    },
    held: async () => leases.size,
    holders: async () => {
      const directory = dialect === "curator" ? `${path}/leases` : path;
      return (await client.getChildren(directory)).map((name) => `${directory}/${name}`);
    },
    cancel: async () => waits.cancel(),
    ...closing(async () => {
      await waits.end();
      await leases.releaseAll();
    }),
  };
}
