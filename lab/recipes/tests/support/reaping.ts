// Reapers of tests, at work.
import type { CreateOptions } from "@zk/client";
import { Reaper, type ReaperEvent, type ReaperOptions } from "@zk/recipes";
import type { Actor, World } from "../../src/index.js";

/** Milliseconds for which something has to be empty, unless a test says otherwise. */
export const WINDOW_MS = 3000;
/** And from one look to the next. */
export const INTERVAL_MS = 500;
/** Within it whatever is to go has gone. */
export const GONE_MS = WINDOW_MS + 3 * INTERVAL_MS;

/** Makes znodes, and what is missing above them. */
export async function make(
  world: World,
  { client }: Actor,
  paths: readonly string[],
  options: CreateOptions = {},
): Promise<void> {
  for (const path of paths) {
    const making = client.create(path, null, { createParents: true, ...options });
    await world.let(`${path} is made`, making);
  }
}

/** A reaper at work, and what it told. */
export function reaping(
  { client }: Actor,
  options: Partial<ReaperOptions> = {},
): {
  readonly reaper: Reaper;
  readonly events: ReaperEvent[];
  of<T extends ReaperEvent["type"]>(type: T): Extract<ReaperEvent, { type: T }>[];
} {
  const events: ReaperEvent[] = [];
  const reaper = new Reaper(client, {
    roots: ["/locks"],
    emptyForMs: WINDOW_MS,
    intervalMs: INTERVAL_MS,
    ...options,
  });
  reaper.onEvent((event) => events.push(event));
  return {
    reaper: reaper.start(),
    events,
    of: <T extends ReaperEvent["type"]>(type: T) =>
      events.filter((event): event is Extract<ReaperEvent, { type: T }> => event.type === type),
  };
}

/** Whether the servers have it. */
export const isThere = (world: World, path: string): boolean => world.tree.stat(path) !== undefined;
