/**
 * `<queue>/qn-<number>`, the data is the value.
 *
 * Source: ZooKeeper 3.4.6 recipes/queue DistributedQueue.java; Curator 5.4.0 SimpleDistributedQueue.java
 */
import { parseSerial } from "../core/sequence.js";
import type { Placement, QueueEntry, QueueLayout } from "./queue-layout.js";

const PREFIX = "qn-";

export const simpleLayout: QueueLayout = {
  entriesOf: (queue) => queue,

  prefixOf({ id, priority, dueMs }: Placement): string {
    if (id !== undefined || priority !== undefined || dueMs !== undefined)
      throw new TypeError("a simple queue has neither ids nor priorities nor due times");
    return PREFIX;
  },

  parse(name: string): QueueEntry | undefined {
    if (!name.startsWith(PREFIX)) return undefined;
    const serial = parseSerial(name.slice(PREFIX.length));
    return serial === undefined ? undefined : { name, serial };
  },

  encode: oneValue,
  decode: (data) => [data],
};

/** The bytes of a znode that is one value. */
export function oneValue(values: readonly Uint8Array[]): Uint8Array {
  const [value] = values;
  if (value === undefined || values.length > 1) throw new TypeError("a znode of this layout is one value");
  return value;
}
