/**
 * Consumes a queue and records what it has done below `<done>`. Ends, with its session, when its input does.
 *
 * `exactly-once`: the record is made in the transaction that takes the item out. `at-least-once`: the record is made first, and the
 * item is acknowledged after it. Nothing but the queue keeps an item from being recorded twice: records have numbers for names.
 */
import { CreateMode, createClient, isZkError } from "@zk/client";
import { isRecipeError, Queue, type QueueItem, textCodec } from "@zk/recipes";

interface Options {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly queue: string;
  readonly done: string;
  readonly mode: "exactly-once" | "at-least-once";
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);
const ending = new AbortController();
process.stdin.on("end", () => ending.abort()).resume();

const client = createClient(options.servers, {
  sessionTimeoutMs: options.sessionTimeoutMs,
  afterExpiry: "renew",
});
client.on("state", (state) => tell({ type: "state", state, sessionId: String(client.sessionId) }));
await client.connect({ timeoutMs: 60_000 });
tell({ type: "ready" });
const queue = new Queue(client, options.queue, { codec: textCodec });

async function work(item: QueueItem<string>): Promise<void> {
  const record = `${options.done}/n-`;
  const mode = CreateMode.PERSISTENT_SEQUENTIAL;
  try {
    if (options.mode === "exactly-once") {
      await item.ack((tx) => tx.create(record, item.value, { mode }));
    } else {
      await client.create(record, item.value, { mode, protected: true });
      await item.ack();
    }
  } catch (error) {
    // Under harm a claim may be lost, or its end not known; anything else ends the program with a trace.
    if (!isZkError(error) && !isRecipeError(error)) throw error;
    tell({ type: "failed", code: error.code });
  }
}

while (!ending.signal.aborted) {
  try {
    for await (const item of queue.consume({ signal: ending.signal })) await work(item);
  } catch (error) {
    if (!isZkError(error) && !isRecipeError(error)) throw error;
    if (!ending.signal.aborted) tell({ type: "failed", code: error.code });
  }
}
await client.close();
tell({ type: "closed" });
