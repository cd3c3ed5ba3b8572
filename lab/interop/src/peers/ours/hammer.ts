/** The hammer of our own peer; those of the others are in Java and Python. See `../hammer.ts` for the log. */
import { type Client, CreateMode, isZkError } from "@zk/client";
import type { Lock } from "@zk/recipes";
import { type HammerCount, type HammerPlan, logBytesMax } from "../hammer.js";

/** Takes a lock again and again, and writes into the log when it enters and when it leaves. */
export async function runHammer(client: Client, lock: Lock, plan: HammerPlan): Promise<HammerCount> {
  const { holder, rounds, untilPath, roundTimeoutMs = 60_000 } = plan;
  const isDone = async (): Promise<boolean> =>
    untilPath === undefined || (await client.exists(untilPath)) !== null;
  let [acquired, conflicts] = [0, 0];
  while (acquired < rounds || !(await isDone())) {
    await using hold = await lock.acquire({ timeoutMs: roundTimeoutMs });
    const sequence = hold.path.slice(-10);
    conflicts += await mark(client, plan, hold.path, `+ ${holder} ${sequence} ${hold.token}\n`);
    conflicts += await mark(client, plan, hold.path, `- ${holder} ${sequence}\n`);
    acquired += 1;
  }
  return { acquired, conflicts };
}

/**
 * Adds a line at the version that was read.
 * @returns how often somebody else wrote between our reading and our writing
 */
async function mark(
  client: Client,
  { logPath, guarded }: HammerPlan,
  node: string,
  text: string,
): Promise<number> {
  const line = new TextEncoder().encode(text);
  for (let conflicts = 0; ; conflicts += 1) {
    const { data, stat } = await client.getData(logPath);
    const old = data ?? new Uint8Array();
    const isFull = old.length + line.length > logBytesMax;
    const { version } = stat;
    const after = isFull ? line : Buffer.concat([old, line]);
    const start = guarded === true ? client.transaction().check(node) : client.transaction();
    const moved = isFull
      ? start.create(`${logPath}/part-`, old, { mode: CreateMode.PERSISTENT_SEQUENTIAL })
      : start;
    try {
      await moved.setData(logPath, after, { version }).commit();
      return conflicts;
    } catch (error) {
      if (!isZkError(error, "BAD_VERSION")) throw error;
    }
  }
}
