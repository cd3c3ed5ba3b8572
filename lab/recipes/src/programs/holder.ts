/**
 * Takes one thing, tells that it has it, and gives it back when its input ends: a number of {@link WorkerIds} with two numbers, or a
 * {@link Lock} with a delay.
 */
import { createClient } from "@zk/client";
import { type Hold, Lock, WorkerIds } from "@zk/recipes";

interface Options {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly take: "worker" | "lock";
  readonly path: string;
  /** The quarantine of a number, the delay of a lock. */
  readonly restMs: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);
const ended = new Promise<void>((resolve) => {
  process.stdin.on("end", resolve).resume();
});

const { servers, sessionTimeoutMs, take, path, restMs } = options;
await using client = createClient(servers, { sessionTimeoutMs });
await client.connect({ timeoutMs: 60_000 });

async function acquire(): Promise<Hold> {
  if (take === "lock") return await new Lock(client, path, { lockDelayMs: restMs }).acquire();
  return await new WorkerIds(client, path, { bits: 1, quarantineMs: restMs }).acquire();
}

const held = await acquire();
tell({ type: "held", path: held.path, ...("id" in held ? { id: held.id } : {}) });
await ended;
const { confirmed } = await held.release();
tell({ type: "released", confirmed });
