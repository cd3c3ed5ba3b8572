/**
 * A quota on `$/a`: two znodes below `/zookeeper/quota`, one of which the servers themselves write. Nothing else touches
 * them, and they hold only what a server can read: of anything else one of 3.4.6 dies.
 *
 * Source: ZooKeeper 3.4.6, Quotas.java, StatsTrack.java; DataTree.java, updateCount and updateBytes
 */
import { OpCode } from "@zk/protocol";
import { OPEN } from "./arguments.js";
import type { Request } from "./operations.js";
import type { Random } from "./random.js";

const FOLDER = "/zookeeper/quota$/a";
const LIMITS = `${FOLDER}/zookeeper_limits`;
const STATS = `${FOLDER}/zookeeper_stats`;

/** What makes the quota: one of its two znodes may be missing at first. */
export function quotaCreation(random: Random): Request[] {
  const create = (path: string, data: string): Request => ({
    opCode: OpCode.CREATE,
    body: { record: "create", path, data, acl: OPEN, flags: 0 },
  });
  const stats = create(STATS, "count=0,bytes=0");
  const limits = create(LIMITS, limitText(random));
  const folders = ["/zookeeper/quota$", FOLDER].map((path) => create(path, ""));
  return [...folders, ...(random.chance(50) ? [stats, limits] : [limits, stats])];
}

/** A look at the quota, or a change of its limits. */
export function quotaRequest(random: Random): Request {
  const path = random.pick([STATS, STATS, LIMITS, FOLDER]);
  const watch = random.chance(50);
  const version = -1;
  return random.weighted<() => Request>([
    [6, () => ({ opCode: OpCode.GET_DATA, body: { record: "watch", path, watch } })],
    [2, () => ({ opCode: OpCode.EXISTS, body: { record: "watch", path, watch } })],
    [1, () => ({ opCode: OpCode.GET_CHILDREN2, body: { record: "watch", path: FOLDER, watch } })],
    [
      2,
      () => ({
        opCode: OpCode.SET_DATA,
        body: { record: "data", path: LIMITS, data: limitText(random), version },
      }),
    ],
    [
      1,
      () => ({
        opCode: OpCode.SET_DATA,
        body: { record: "data", path: STATS, data: "count=5,bytes=7", version },
      }),
    ],
    [1, () => ({ opCode: OpCode.DELETE, body: { record: "version", path: LIMITS, version } })],
    [
      1,
      () => ({
        opCode: OpCode.CREATE,
        body: { record: "create", path: LIMITS, data: limitText(random), acl: OPEN, flags: 0 },
      }),
    ],
  ])();
}

function limitText(random: Random): string {
  return `count=${random.pick([-1, 1, 3, 100])},bytes=${random.pick([-1, 10, 1000])}`;
}
