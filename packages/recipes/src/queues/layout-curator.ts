/**
 * `<queue>/queue-<number>`, or with
 * - an id `queue-|<id>|<number>`,
 * - a priority `queue-<0 or 1><eight hex digits><number>`: 1 for priorities of at least 0, and the 32 bits of the priority,
 * - a due time `queue-|<milliseconds since 1970 in hex, eight digits at least>|<number>`.
 *
 * The data are envelopes of several values: the version 00010001, for each value 01, its length in four bytes and its bytes, and
 * at the end 02.
 *
 * Source: Curator 5.4.0 DistributedQueue.java, DistributedIdQueue.java, DistributedPriorityQueue.java,
 * DistributedDelayQueue.java, ItemSerializer.java
 */
import { parseSerial } from "../core/sequence.js";
import type { QueueLayout, QueueOrder } from "./queue-layout.js";

const PREFIX = "queue-";
const VERSION = 0x0001_0001;
const VALUE = 1;
const END = 2;
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

export function curatorLayout(order: QueueOrder): QueueLayout {
  return { entriesOf: (queue) => queue, encode, decode, ...NAMES[order] };
}

const NAMES: Readonly<Record<QueueOrder, Pick<QueueLayout, "prefixOf" | "parse">>> = {
  fifo: {
    prefixOf({ id, priority, dueMs }) {
      if (priority !== undefined) throw new TypeError('a priority needs a queue with `order: "priority"`');
      if (dueMs !== undefined) throw new TypeError('a due time needs a queue with `order: "due"`');
      // As Curator does: what would end the id, or the name, is replaced.
      return id === undefined ? PREFIX : `${PREFIX}|${id.replaceAll(/[/|]/g, "_")}|`;
    },
    parse(name) {
      const [id, serial] = barred(name) ?? [undefined, serialAfter(name, PREFIX.length)];
      return serial === undefined ? undefined : { name, serial, id };
    },
  },
  priority: {
    prefixOf({ id, priority = 0, dueMs }) {
      if (id !== undefined || dueMs !== undefined)
        throw new TypeError("a queue with priorities has neither ids nor due times");
      if (!Number.isInteger(priority) || priority < INT_MIN || priority > INT_MAX)
        throw new TypeError(`priority must be a whole number of 32 bits, not ${String(priority)}`);
      return `${PREFIX}${priority < 0 ? "0" : "1"}${hex(priority >>> 0)}`;
    },
    parse(name) {
      const [, sign, digits] = /^queue-([01])([0-9A-F]{8})/.exec(name) ?? [];
      if (digits === undefined) return undefined;
      const priority = Number.parseInt(digits, 16) | 0;
      const serial = serialAfter(name, PREFIX.length + 9);
      const isSigned = sign === (priority < 0 ? "0" : "1");
      return serial === undefined || !isSigned ? undefined : { name, serial, priority };
    },
  },
  due: {
    prefixOf({ id, priority, dueMs = 0 }) {
      if (id !== undefined || priority !== undefined)
        throw new TypeError("a queue with due times has neither ids nor priorities");
      if (!Number.isSafeInteger(dueMs) || dueMs < 0)
        throw new TypeError(
          `a due time must be a whole number of milliseconds since 1970, not ${String(dueMs)}`,
        );
      return `${PREFIX}|${hex(dueMs)}|`;
    },
    parse(name) {
      const [digits, serial] = barred(name) ?? [];
      if (digits === undefined || serial === undefined || !/^[0-9A-F]{8,}$/.test(digits)) return undefined;
      const dueMs = Number.parseInt(digits, 16);
      return Number.isSafeInteger(dueMs) ? { name, serial, dueMs } : undefined;
    },
  },
};

/** What stands between bars, and the number behind them; undefined for a name without. */
function barred(name: string): readonly [string, number | undefined] | undefined {
  if (!name.startsWith(`${PREFIX}|`)) return undefined;
  const end = name.lastIndexOf("|");
  if (end <= PREFIX.length) return undefined;
  return [name.slice(PREFIX.length + 1, end), parseSerial(name.slice(end + 1))];
}

function serialAfter(name: string, length: number): number | undefined {
  return name.startsWith(PREFIX) ? parseSerial(name.slice(length)) : undefined;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

function encode(values: readonly Uint8Array[]): Uint8Array {
  const length = values.reduce((sum, value) => sum + 5 + value.length, 5);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, VERSION);
  let offset = 4;
  for (const value of values) {
    view.setInt8(offset, VALUE);
    view.setInt32(offset + 1, value.length);
    bytes.set(value, offset + 5);
    offset += 5 + value.length;
  }
  view.setInt8(offset, END);
  return bytes;
}

// What stands behind the end is not looked at, as in Curator.
function decode(data: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values: Uint8Array[] = [];
  // A DataView throws a RangeError for what is not there.
  const version = view.getInt32(0);
  if (version !== VERSION) throw new Error(`the envelope has the unknown version ${version}`);
  let offset = 4;
  for (;;) {
    const kind = view.getInt8(offset);
    if (kind === END) return values;
    if (kind !== VALUE) throw new Error(`byte ${offset} should begin a value or the end, and is ${kind}`);
    const length = view.getInt32(offset + 1);
    const end = offset + 5 + length;
    if (length < 0 || end > data.length)
      throw new Error(`the value at byte ${offset} has the impossible length ${length}`);
    values.push(data.subarray(offset + 5, end));
    offset = end;
  }
}
