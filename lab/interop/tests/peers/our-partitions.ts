// Our set partitioner on one path with kazoo's, in both directions.
import { describe, expect, it } from "vitest";
import type { Peer } from "../../src/peers/peer.js";
import type { Partitioner } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays } from "./pairs.js";
import { soon, waitUntil } from "./tools.js";

const items = ["a", "b", "c", "d", "e"];

export function describeOurPartitions(ground: Ground): void {
  const pairs = bothWays(
    () => ground.ours(),
    () => ground.peer("kazoo"),
    "kazoo",
  );

  describe("our set partitioner", () => {
    it.each(pairs)("$name: deals out with kazoo's, and no item is two's", async ({ first, second }) => {
      const path = ground.path();
      const open = (peer: () => Peer, identity: string): Promise<Partitioner> =>
        peer().open("partitioner", path, { identity, items, quietMs: 50 });
      /** kazoo's is told by its caller to let go, and then asks anew. */
      const has = (partitioner: Partitioner, share: readonly string[]): Promise<void> =>
        waitUntil(async () => {
          if ((await partitioner.state()) === "RELEASE") await partitioner.release();
          await partitioner.awaitItems({ timeoutMs: 300 });
          return (await partitioner.items()).join() === share.join();
        });
      await using ann = await open(first, "ann");
      expect(await ann.awaitItems(soon)).toBe(true);
      expect(await ann.items()).toEqual(items);
      const bob = await open(second, "bob");
      await Promise.all([has(ann, ["a", "c", "e"]), has(bob, ["b", "d"])]);
      // Each item has one lock that is held, and nobody waits any more.
      for (const item of items)
        expect(await ground.client.getChildren(`${path}/locks/${item}`)).toHaveLength(1);
      await bob.close();
      await has(ann, items);
    });
  });
}
