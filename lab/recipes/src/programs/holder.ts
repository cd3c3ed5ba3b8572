/**
 * Takes one thing, tells that it has it, and gives it back when its input ends: what it is asked for is `workers`, a number of
 * {@link WorkerIds} with two numbers.
 */
import { createClient } from "@zk/client";
import { WorkerIds } from "@zk/recipes";

interface Options {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly workers: string;
  readonly quarantineMs: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);
const ended = new Promise<void>((resolve) => {
  process.stdin.on("end", resolve).resume();
});

const { servers, sessionTimeoutMs, workers, quarantineMs } = options;
await using client = createClient(servers, { sessionTimeoutMs });
await client.connect({ timeoutMs: 60_000 });
const held = await new WorkerIds(client, workers, { bits: 1, quarantineMs }).acquire();
tell({ type: "held", path: held.path, id: held.id });
await ended;
const { confirmed } = await held.release();
tell({ type: "released", confirmed });
