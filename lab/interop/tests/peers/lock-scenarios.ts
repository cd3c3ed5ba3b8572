// What a library writes for its locks and elections.
import { expect, vi } from "vitest";
import type { MutexOptions } from "../../src/peers/recipes.js";
import { limit, type Scenario, type Scene, waitForChildren } from "./layout-scene.js";

async function holdMutex({ peer, path, keep }: Scene, options: MutexOptions): Promise<void> {
  const mutex = await keep(peer.open("mutex", path, options));
  expect(await mutex.acquire(limit)).toBe(true);
}

const curators = ["curator-4", "curator-5"];

export const lockScenarios: readonly Scenario[] = [
  { name: "mutex", recipe: "mutex", play: (scene) => holdMutex(scene, {}) },
  { name: "mutex-with-identity", recipe: "mutex", play: (scene) => holdMutex(scene, { identity: "ann" }) },
  {
    name: "mutex-with-waiter",
    recipe: "mutex",
    play: async (scene) => {
      await holdMutex(scene, { identity: "ann" });
      const waiter = await scene.keep(scene.peer.open("mutex", scene.path, { identity: "bob" }));
      const waiting = waiter.acquire(limit);
      waiting.catch(() => {});
      await waitForChildren(scene, scene.path, 2);
    },
  },
  {
    name: "mutex-revocable",
    recipe: "mutex",
    notIn: ["kazoo"],
    play: (scene) => holdMutex(scene, { revocable: true }),
  },
  {
    name: "mutex-revoked",
    recipe: "mutex",
    notIn: ["kazoo"],
    play: async ({ peer, path, keep }) => {
      const mutex = await keep(peer.open("mutex", path, { revocable: true }));
      await mutex.acquire(limit);
      const node = await mutex.node();
      await mutex.revoke({ node: node as string });
      await vi.waitFor(async () => expect(await mutex.revocations()).toBe(1), 10_000);
    },
  },
  {
    name: "mutex-with-curator-names",
    recipe: "mutex",
    notIn: curators,
    play: (scene) => holdMutex(scene, { dialect: "curator", identity: "ann" }),
  },
  {
    name: "mutex-persistent",
    recipe: "mutex",
    notIn: curators,
    play: (scene) => holdMutex(scene, { ephemeral: false }),
  },
  {
    name: "semaphore-mutex",
    recipe: "semaphoreMutex",
    play: async ({ peer, path, keep }) => {
      const mutex = await keep(peer.open("semaphoreMutex", path));
      expect(await mutex.acquire(limit)).toBe(true);
    },
  },
  {
    name: "multi-lock",
    recipe: "multiLock",
    play: async ({ peer, path, keep }) => {
      const lock = await keep(peer.open("multiLock", path, { names: ["b", "a"] }));
      expect(await lock.acquire(limit)).toBe(true);
    },
  },
  {
    name: "read-lock",
    recipe: "readWriteLock",
    play: async ({ peer, path, keep }) => {
      for (const identity of ["ann", "bob"]) {
        const lock = await keep(peer.open("readWriteLock", path, { identity }));
        expect(await lock.acquire({ side: "read", ...limit })).toBe(true);
      }
    },
  },
  {
    name: "write-lock",
    recipe: "readWriteLock",
    play: async ({ peer, path, keep }) => {
      const lock = await keep(peer.open("readWriteLock", path));
      expect(await lock.acquire({ side: "write", ...limit })).toBe(true);
    },
  },
  {
    name: "write-lock-downgraded",
    recipe: "readWriteLock",
    notIn: ["kazoo"],
    play: async ({ peer, path, keep }) => {
      const lock = await keep(peer.open("readWriteLock", path, { identity: "ann" }));
      expect(await lock.acquire({ side: "write", ...limit })).toBe(true);
      expect(await lock.acquire({ side: "read", ...limit })).toBe(true);
      await lock.release({ side: "write" });
    },
  },
  {
    name: "semaphore",
    recipe: "semaphore",
    play: async ({ peer, path, keep }) => {
      const semaphore = await keep(peer.open("semaphore", path, { max: 3 }));
      expect(await semaphore.acquire(limit)).toBe(true);
    },
  },
  {
    name: "semaphore-with-waiter",
    recipe: "semaphore",
    play: async (scene) => {
      const { peer, path, keep, client } = scene;
      const one = await keep(peer.open("semaphore", path, { max: 1, identity: "ann" }));
      expect(await one.acquire(limit)).toBe(true);
      const two = await keep(peer.open("semaphore", path, { max: 1, identity: "bob" }));
      const waiting = two.acquire(limit);
      waiting.catch(() => {});
      // The one that waits has the inner lock, wherever the library keeps it.
      const isWaiting = async (): Promise<void> => {
        const [inner, sibling] = [`${path}/locks`, `${path}-__lock__`];
        const where = (await client.exists(sibling)) === null ? inner : sibling;
        expect(await client.getChildren(where)).toHaveLength(1);
        if (where === inner) expect(await client.getChildren(`${path}/leases`)).toHaveLength(2);
      };
      await vi.waitFor(isWaiting, { timeout: 10_000, interval: 20 });
    },
  },
  {
    name: "semaphore-several-permits",
    recipe: "semaphore",
    notIn: ["kazoo"],
    play: async ({ peer, path, keep }) => {
      const semaphore = await keep(peer.open("semaphore", path, { max: 3, identity: "ann" }));
      expect(await semaphore.acquire({ permits: 2, ...limit })).toBe(true);
    },
  },
  {
    name: "latch",
    recipe: "latch",
    play: async ({ peer, path, keep }) => {
      const latch = await keep(peer.open("latch", path));
      expect(await latch.awaitLeadership(limit)).toBe(true);
    },
    // Latches and selectors are closed before their znodes are gone.
    settled: (scene) => waitForChildren(scene, scene.path, 0),
  },
  {
    name: "latch-with-identity",
    recipe: "latch",
    play: async (scene) => {
      for (const [before, identity] of ["ann", "bob"].entries()) {
        await scene.keep(scene.peer.open("latch", scene.path, { identity }));
        await waitForChildren(scene, scene.path, before + 1);
      }
    },
    settled: (scene) => waitForChildren(scene, scene.path, 0),
  },
  {
    name: "election",
    recipe: "election",
    play: async ({ peer, path, keep }) => {
      const election = await keep(peer.open("election", path));
      expect(await election.awaitLeadership(limit)).toBe(true);
    },
    settled: (scene) => waitForChildren(scene, scene.path, 0),
  },
  {
    name: "election-with-identity",
    recipe: "election",
    play: async ({ peer, path, keep }) => {
      const election = await keep(peer.open("election", path, { identity: "ann" }));
      expect(await election.awaitLeadership(limit)).toBe(true);
    },
    settled: (scene) => waitForChildren(scene, scene.path, 0),
  },
];
