/**
 * Queue: `<queue>/entry-<priority>-<number>`. LockingQueue: `<queue>/entries/entry-<priority>-<number>` and, while somebody
 * works on it, `<queue>/taken/<same name>`. The priority has three digits, 100 unless said otherwise; the data is the value.
 *
 * Source: kazoo 2.11 recipe/queue.py
 */
import { parseSerial } from "../core/sequence.js";
import { oneValue } from "./layout-simple.js";
import type { Placement, QueueEntry, QueueLayout } from "./queue-layout.js";

const PRIORITY_DEFAULT = 100;
const PRIORITY_MAX = 999;

export function kazooLayout(isLocking: boolean): QueueLayout {
  return {
    entriesOf: (queue) => (isLocking ? `${queue}/entries` : queue),
    ...(isLocking ? { claimsOf: (queue: string) => `${queue}/taken` } : {}),
    prefixOf,
    parse,
    encode: oneValue,
    decode: (data) => [data],
  };
}

function prefixOf({ id, priority = PRIORITY_DEFAULT, dueMs }: Placement): string {
  if (id !== undefined || dueMs !== undefined)
    throw new TypeError("a queue of kazoo has neither ids nor due times");
  if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX)
    throw new TypeError(`priority must be a whole number from 0 to ${PRIORITY_MAX}, not ${String(priority)}`);
  return `entry-${String(priority).padStart(3, "0")}-`;
}

function parse(name: string): QueueEntry | undefined {
  const [, priority, number] = /^entry-(\d{3})-(.*)$/.exec(name) ?? [];
  if (priority === undefined || number === undefined) return undefined;
  const serial = parseSerial(number);
  return serial === undefined ? undefined : { name, serial, priority: Number(priority) };
}
