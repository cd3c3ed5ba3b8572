/** Members of a partitioned set, for tests. */
import type { Client } from "@zk/client";
import {
  type EachOptions,
  type PartitionHold,
  SetPartitioner,
  type SetPartitionerOptions,
} from "@zk/recipes";
import { aborted, until, within } from "../../src/index.js";

/** Milliseconds: short, so that tests are. */
export const SETTLE_MS = 60;
/** What is dealt out unless a test says otherwise. */
export const items: readonly string[] = ["a", "b", "c", "d", "e", "f"];

/** A member in the background: what it holds, and how it ends. */
export class Worker {
  readonly held = new Map<string, PartitionHold>();
  readonly partitioner: SetPartitioner;
  readonly #stop = new AbortController();
  readonly ended: Promise<unknown>;

  constructor(
    client: Client,
    path: string,
    identity: string,
    options: SetPartitionerOptions & { readonly items?: readonly string[]; readonly each?: EachOptions } = {},
    work: (hold: PartitionHold) => Promise<void> = (hold) => aborted(hold.signal),
  ) {
    const { items: own = items, each = {}, ...rest } = options;
    this.partitioner = new SetPartitioner(client, path, own, { identity, settleMs: SETTLE_MS, ...rest });
    this.ended = this.partitioner
      .each(
        async (hold) => {
          this.held.set(hold.item, hold);
          try {
            await work(hold);
          } finally {
            this.held.delete(hold.item);
          }
        },
        { ...each, signal: this.#stop.signal },
      )
      .catch((error: unknown) => error);
  }

  /** What it has now. */
  get items(): string[] {
    return [...this.held.keys()].sort();
  }

  /** @returns what it ended with */
  async stop(): Promise<unknown> {
    this.#stop.abort();
    return await within("stopping", this.ended);
  }
}

/** Resolves when every item is one worker's. */
export async function share(workers: readonly Worker[], all: readonly string[] = items): Promise<void> {
  await until("every item to be somebody's", () => {
    const held = workers.flatMap((worker) => worker.items).sort();
    return held.join() === [...all].sort().join();
  });
}
