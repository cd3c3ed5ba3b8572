/**
 * How items are named and laid out in a queue, one layout for each library that we share queues with:
 *
 * - `curator`: Apache Curator's DistributedQueue and DistributedIdQueue, with `order: "priority"` its
 *   DistributedPriorityQueue, with `order: "due"` its DistributedDelayQueue.
 * - `kazoo`: kazoo's Queue. `kazoo-locking`: kazoo's LockingQueue.
 * - `simple`: the recipe of ZooKeeper's documentation, and Curator's SimpleDistributedQueue.
 */
import { RecipeError } from "../errors.js";
import { curatorLayout } from "./layout-curator.js";
import { kazooLayout } from "./layout-kazoo.js";
import { simpleLayout } from "./layout-simple.js";
import type { QueueDialect, QueueLayout, QueueOrder } from "./queue-layout.js";

export type { Placement, QueueDialect, QueueEntry, QueueLayout, QueueOrder } from "./queue-layout.js";

/** @throws RecipeError INVALID_ARGUMENT for a dialect and order that do not exist together */
export function layoutOf(
  about: { readonly recipe: string; readonly path: string },
  dialect: QueueDialect,
  order: QueueOrder | undefined,
): QueueLayout {
  const refuse = (message: string): RecipeError =>
    new RecipeError({ code: "INVALID_ARGUMENT", message, ...about });
  switch (dialect) {
    case "curator":
      if (order === undefined || order === "fifo" || order === "priority" || order === "due")
        return curatorLayout(order ?? "fifo");
      throw refuse(`order must be "fifo", "priority" or "due", not ${JSON.stringify(order)}`);
    case "kazoo":
    case "kazoo-locking":
      if (order === undefined || order === "priority") return kazooLayout(dialect === "kazoo-locking");
      throw refuse(`a queue of kazoo has the order "priority", not ${JSON.stringify(order)}`);
    case "simple":
      if (order === undefined || order === "fifo") return simpleLayout;
      throw refuse(`a simple queue has the order "fifo", not ${JSON.stringify(order)}`);
    default:
      throw refuse(`dialect must be "curator", "kazoo", "kazoo-locking" or "simple", not ${String(dialect)}`);
  }
}
