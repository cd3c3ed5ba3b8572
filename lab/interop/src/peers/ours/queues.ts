/** Our queues in the words of the interface. */
import { type PutOptions, Queue, type QueueItem, type QueueOptions } from "@zk/recipes";
import { PeerError } from "../errors.js";
import type * as words from "../recipes.js";
import { closing, Waits } from "./held.js";
import type { OurSession } from "./locks.js";

const orders = { fifo: "fifo", id: "fifo", priority: "priority", delay: "due" } as const;

interface OurQueue extends words.AcknowledgedQueue {
  readonly queue: Queue;
  readonly newest: () => QueueItem<Uint8Array> | undefined;
}

/** @param isManual whether items wait for `acknowledge`, or are out of the queue when they are taken */
function queueOf(
  { client }: OurSession,
  path: string,
  options: QueueOptions<Uint8Array>,
  isManual: boolean,
): OurQueue {
  const [queue, waits] = [new Queue(client, path, options), new Waits()];
  let newest: QueueItem<Uint8Array> | undefined;
  return {
    queue,
    newest: () => newest,
    put: async ({ items, itemId, priority, dueMs }) => {
      const how: PutOptions = {
        ...(itemId === undefined ? {} : { id: itemId }),
        ...(priority === undefined ? {} : { priority }),
        ...(dueMs === undefined ? {} : { dueMs: Number(dueMs) }),
      };
      const [first, ...others] = items;
      if (first === undefined) return;
      if ((options.dialect ?? "curator") === "curator") await queue.putTogether([first, ...others], how);
      else await queue.putAll(items, how);
    },
    take: async (limit = {}) => {
      const ack = isManual ? ({} as const) : ({ ack: "before" } as const);
      const item = await waits.within(limit, (wait) => queue.take({ ...wait, ...ack }));
      if (item === undefined) return null;
      newest = item;
      return item.value;
    },
    acknowledge: async ({ ok = true } = {}) => {
      if (newest === undefined) throw new PeerError("FAILED", "nothing was taken");
      if (ok) await newest.ack();
      else await newest.nack();
      newest = undefined;
      return true;
    },
    ...closing(async () => {
      await waits.end();
      if (isManual) await newest?.release();
    }),
  };
}

export function openCuratorQueue(
  session: OurSession,
  path: string,
  { kind = "fifo", lockPath, manual = false }: words.CuratorQueueOptions,
): words.CuratorQueue {
  const claims = lockPath === undefined ? {} : { claims: lockPath };
  const { queue, ...handle } = queueOf(session, path, { order: orders[kind], ...claims }, manual);
  return { ...handle, removeById: ({ itemId }) => queue.remove(itemId) };
}

export function openSimpleQueue(session: OurSession, path: string): words.HandleOf<"simpleQueue"> {
  const { queue, ...handle } = queueOf(session, path, { dialect: "simple" }, false);
  return { ...handle, peek: async () => (await queue.peek())[0]?.value ?? null };
}

export function openKazooQueue(session: OurSession, path: string): words.HandleOf<"kazooQueue"> {
  const { queue, ...handle } = queueOf(session, path, { dialect: "kazoo" }, false);
  return { ...handle, size: () => queue.size() };
}

export function openKazooLockingQueue(
  session: OurSession,
  path: string,
): words.HandleOf<"kazooLockingQueue"> {
  const { queue, newest, ...handle } = queueOf(session, path, { dialect: "kazoo-locking" }, true);
  return { ...handle, size: () => queue.size(), holdsClaim: async () => newest()?.state === "held" };
}
