// What a library writes, recipe by recipe. A scenario is told in the words of the interface, so that every library that has the
// recipe goes through the same one; its layouts are kept in fixtures/layouts, where ours are held against them.
import { expect } from "vitest";
import type { ServiceInstance } from "../../src/peers/recipes.js";
import { limit, type Scenario, type Scene, waitForChildren } from "./layout-scene.js";
import { lockScenarios } from "./lock-scenarios.js";
import { bytes } from "./tools.js";

const instance = {
  name: "shop",
  id: "one",
  address: "10.0.0.1",
  registrationTimeUTC: 1_700_000_000_000n,
} as const;

async function register(
  { peer, path, keep }: Scene,
  about: Partial<ServiceInstance>,
  options: { readonly compatible?: boolean } = {},
): Promise<void> {
  const discovery = await keep(peer.open("discovery", path, options));
  await discovery.register({ ...instance, ...about });
}

export const scenarios: readonly Scenario[] = [
  ...lockScenarios,
  {
    name: "barrier",
    recipe: "barrier",
    play: async ({ peer, path, keep }) => {
      const barrier = await keep(peer.open("barrier", path));
      await barrier.set();
    },
  },
  {
    name: "double-barrier",
    recipe: "doubleBarrier",
    play: async ({ peer, path, keep }) => {
      const barrier = await keep(peer.open("doubleBarrier", path, { members: 1 }));
      expect(await barrier.enter()).toBe(true);
    },
  },
  {
    name: "double-barrier-left",
    recipe: "doubleBarrier",
    play: async ({ peer, path, keep }) => {
      const barrier = await keep(peer.open("doubleBarrier", path, { members: 1 }));
      await barrier.enter();
      expect(await barrier.leave()).toBe(true);
    },
  },
  {
    name: "shared-count",
    recipe: "sharedCount",
    play: async ({ peer, path, keep }) => {
      await keep(peer.open("sharedCount", `${path}/seeded`, { seed: 5 }));
      const count = await keep(peer.open("sharedCount", `${path}/set`, { seed: 5 }));
      await count.set({ value: -2 });
    },
  },
  {
    name: "shared-value",
    recipe: "sharedValue",
    play: async ({ peer, path, keep }) => {
      await keep(peer.open("sharedValue", path, { seed: bytes("seed") }));
    },
  },
  {
    name: "atomic-long",
    recipe: "atomicLong",
    play: async ({ peer, path, keep }) => {
      const up = await keep(peer.open("atomicLong", `${path}/up`));
      await up.add({ by: 258n });
      const down = await keep(peer.open("atomicLong", `${path}/down`));
      await down.add({ by: -2n });
    },
  },
  {
    name: "atomic-integer",
    recipe: "atomicInteger",
    play: async ({ peer, path, keep }) => {
      const up = await keep(peer.open("atomicInteger", `${path}/up`));
      await up.add({ by: 258n });
      const down = await keep(peer.open("atomicInteger", `${path}/down`));
      await down.add({ by: -2n });
    },
  },
  {
    name: "counter",
    recipe: "counter",
    play: async ({ peer, path, keep }) => {
      const whole = await keep(peer.open("counter", `${path}/whole`));
      await whole.add({ by: 5 });
      const broken = await keep(peer.open("counter", `${path}/broken`, { seed: 0.5 }));
      await broken.add({ by: 6.25 });
      const narrow = await keep(peer.open("counter", `${path}/int32`, { encoding: "int32" }));
      await narrow.add({ by: -2 });
      const read = await keep(peer.open("counter", `${path}/only-read`, { encoding: "int32" }));
      expect(await read.get()).toBe(0);
    },
  },
  {
    name: "queue-fifo",
    recipe: "curatorQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("curatorQueue", path, { consume: false }));
      await queue.put({ items: [bytes("a")] });
      await queue.put({ items: [bytes("b"), bytes("")] });
    },
  },
  {
    name: "queue-with-ids",
    recipe: "curatorQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("curatorQueue", path, { kind: "id", consume: false }));
      await queue.put({ items: [bytes("a")], itemId: "plain" });
      await queue.put({ items: [bytes("b")], itemId: "with/slash|and bar" });
    },
  },
  {
    name: "queue-with-priorities",
    recipe: "curatorQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("curatorQueue", path, { kind: "priority", consume: false }));
      for (const priority of [5, -5, 0]) await queue.put({ items: [bytes(String(priority))], priority });
    },
  },
  {
    name: "queue-with-delays",
    recipe: "curatorQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("curatorQueue", path, { kind: "delay", consume: false }));
      for (const dueMs of [1_700_000_000_000n, 1n]) await queue.put({ items: [bytes("a")], dueMs });
    },
  },
  {
    name: "queue-item-at-work",
    recipe: "curatorQueue",
    play: async ({ peer, path, keep }) => {
      const options = { lockPath: `${path}-locks`, manual: true };
      const queue = await keep(peer.open("curatorQueue", path, options));
      await queue.put({ items: [bytes("a")] });
      expect(await queue.take(limit)).toEqual(bytes("a"));
    },
    // The consumer is interrupted and puts the item back.
    settled: (scene) => waitForChildren(scene, `${scene.path}-locks`, 0),
  },
  {
    name: "queue-item-done",
    recipe: "curatorQueue",
    play: async (scene) => {
      const { peer, path, keep } = scene;
      const options = { lockPath: `${path}-locks`, manual: true };
      const queue = await keep(peer.open("curatorQueue", path, options));
      await queue.put({ items: [bytes("a")] });
      await queue.take(limit);
      expect(await queue.acknowledge()).toBe(true);
      await waitForChildren(scene, path, 0);
      await waitForChildren(scene, `${path}-locks`, 0);
    },
  },
  {
    name: "simple-queue",
    recipe: "simpleQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("simpleQueue", path));
      await queue.put({ items: [bytes("a"), bytes("b")] });
    },
  },
  {
    name: "kazoo-queue",
    recipe: "kazooQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("kazooQueue", path));
      await queue.put({ items: [bytes("a")] });
      await queue.put({ items: [bytes("b")], priority: 7 });
    },
  },
  {
    name: "kazoo-locking-queue",
    recipe: "kazooLockingQueue",
    play: async ({ peer, path, keep }) => {
      const queue = await keep(peer.open("kazooLockingQueue", path));
      await queue.put({ items: [bytes("a"), bytes("b")] });
      expect(await queue.take(limit)).toEqual(bytes("a"));
    },
  },
  {
    name: "group-member",
    recipe: "groupMember",
    play: async (scene) => {
      const { peer, path, keep } = scene;
      await keep(peer.open("groupMember", path, { identity: "ann" }));
      await keep(peer.open("groupMember", path, { identity: "bob", payload: bytes("loud") }));
      await waitForChildren(scene, path, 2);
    },
  },
  {
    name: "party",
    recipe: "party",
    play: async ({ peer, path, keep }) => {
      const party = await keep(peer.open("party", path, { identity: "ann" }));
      await party.join();
    },
  },
  {
    name: "shallow-party",
    recipe: "shallowParty",
    play: async ({ peer, path, keep }) => {
      const party = await keep(peer.open("shallowParty", path, { identity: "ann" }));
      await party.join();
    },
  },
  ...(["plain", "protected", "sequential"] as const).map(
    (naming): Scenario => ({
      name: `persistent-node-${naming}`,
      recipe: "persistentNode",
      play: async ({ peer, path, keep }) => {
        const node = await keep(
          peer.open("persistentNode", `${path}/node`, { data: bytes("alive"), naming }),
        );
        expect(await node.awaitCreated(limit)).toBe(true);
      },
    }),
  ),
  { name: "discovery", recipe: "discovery", play: (scene) => register(scene, { port: 80 }) },
  {
    name: "discovery-all-fields",
    recipe: "discovery",
    play: (scene) =>
      register(scene, {
        port: 80,
        sslPort: 443,
        payload: { weight: 3 },
        uriSpec: "{scheme}://{address}:{port}",
      }),
  },
  {
    name: "discovery-text-payload",
    recipe: "discovery",
    play: (scene) => register(scene, { payload: "three", serviceType: "STATIC" }),
  },
  {
    name: "discovery-with-enabled",
    recipe: "discovery",
    play: (scene) => register(scene, { serviceType: "PERMANENT", enabled: false }, { compatible: false }),
  },
  {
    name: "discovery-sequential",
    recipe: "discovery",
    play: (scene) => register(scene, { serviceType: "DYNAMIC_SEQUENTIAL" }),
  },
  {
    name: "partitioner",
    recipe: "partitioner",
    play: async ({ peer, path, keep }) => {
      const options = { identity: "ann", items: ["a", "b"], quietMs: 50 };
      const partitioner = await keep(peer.open("partitioner", path, options));
      expect(await partitioner.awaitItems({ timeoutMs: 20_000 })).toBe(true);
      expect(await partitioner.items()).toEqual(["a", "b"]);
    },
  },
  {
    name: "lease",
    recipe: "lease",
    play: async ({ peer, path, keep }) => {
      const lease = await keep(peer.open("lease", path, { identity: "ann", durationMs: 60_000 }));
      expect(await lease.obtain()).toBe(true);
    },
  },
  {
    name: "lease-of-several",
    recipe: "lease",
    play: async ({ peer, path, keep }) => {
      for (const identity of ["ann", "bob"]) {
        const lease = await keep(peer.open("lease", path, { identity, durationMs: 60_000, count: 2 }));
        expect(await lease.obtain()).toBe(true);
      }
    },
  },
];
