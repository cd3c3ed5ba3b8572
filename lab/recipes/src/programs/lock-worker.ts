/**
 * Takes a lock again and again, and enters its token into a log by guarded writes: `/log/e-<number>`. Ends, with its session,
 * when its input does.
 *
 * One with `stallsMs` lets nothing else happen in its process for so long, once, in the middle of its first turn; then it goes on.
 */
import { CreateMode, createClient, isZkError } from "@zk/client";
import { isRecipeError, Lock } from "@zk/recipes";

interface Options {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly lock: string;
  readonly log: string;
  readonly stallsMs?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);
const ending = new AbortController();
process.stdin.on("end", () => ending.abort()).resume();

const client = createClient(options.servers, {
  sessionTimeoutMs: options.sessionTimeoutMs,
  afterExpiry: "renew",
});
client.on("state", (state) => tell({ type: "state", state }));
await client.connect({ timeoutMs: 60_000 });
const lock = new Lock(client, options.lock);
let { stallsMs = 0 } = options;

while (!ending.signal.aborted) {
  try {
    await using held = await lock.acquire({ signal: ending.signal });
    for (let write = 0; write < 3 && !held.signal.aborted; write += 1) {
      await held.guard((tx) =>
        tx.create(`${options.log}/e-`, String(held.token), { mode: CreateMode.PERSISTENT_SEQUENTIAL }),
      );
      if (stallsMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallsMs);
      if (stallsMs > 0) tell({ type: "stalled", token: String(held.token) });
      stallsMs = 0;
    }
    tell({ type: "turn", token: String(held.token) });
  } catch (error) {
    // Under harm these are what is promised; anything else ends the program with a trace.
    if (!isZkError(error) && !isRecipeError(error)) throw error;
    tell({ type: "failed", code: error.code });
  }
}
await client.close();
tell({ type: "closed" });
