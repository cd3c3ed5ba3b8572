/** The scenarios that there are, by name. A new one needs a row here. */
import { agreement } from "./agreement.js";
import { barrier } from "./barrier.js";
import { cache } from "./cache.js";
import { clockLease } from "./clock-lease.js";
import { counter } from "./counter.js";
import { discovery } from "./discovery.js";
import { election } from "./election.js";
import { inspection } from "./inspection.js";
import { latch } from "./latch.js";
import { lock } from "./lock.js";
import { lockDelay } from "./lock-delay.js";
import { membership } from "./membership.js";
import { migrations } from "./migrations.js";
import { multiLock } from "./multi-lock.js";
import { numbers } from "./numbers.js";
import { partition } from "./partition.js";
import { patience } from "./patience.js";
import { queue } from "./queue.js";
import { queueModes } from "./queue-modes.js";
import { readWrite } from "./read-write.js";
import { readySet } from "./ready-set.js";
import { reaper } from "./reaper.js";
import { reentrant } from "./reentrant.js";
import type { Scenario } from "./scenario.js";
import { semaphore } from "./semaphore.js";
import { shared } from "./shared.js";
import { sharedCount } from "./shared-count.js";
import { ttlNode } from "./ttl-node.js";
import { workerIds } from "./worker-ids.js";

export const SCENARIOS: readonly Scenario[] = [
  counter,
  lock,
  election,
  queue,
  semaphore,
  readWrite,
  barrier,
  membership,
  cache,
  numbers,
  shared,
  latch,
  multiLock,
  readySet,
  partition,
  clockLease,
  reentrant,
  discovery,
  inspection,
  patience,
  sharedCount,
  queueModes,
  workerIds,
  lockDelay,
  migrations,
  reaper,
  agreement,
  ttlNode,
];

/** @throws Error for a name that no scenario has */
export function scenarioOf(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario !== undefined) return scenario;
  throw new Error(`there is no scenario ${name}: there are ${SCENARIOS.map((each) => each.name).join(", ")}`);
}
