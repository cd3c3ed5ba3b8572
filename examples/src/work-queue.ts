/**
 * A queue of jobs, and workers that may die in the middle of one: the job goes to another then, and what a job writes is written
 * once. Start a few workers, put jobs, and kill workers.
 *
 * Usage: work-queue worker [name] | work-queue put COUNT | work-queue report
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, isZkError } from "@zk/client";
import { isRecipeError, jsonCodec, Queue } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

interface Job {
  readonly number: number;
}

const [role = "worker", word = `process ${process.pid}`] = process.argv.slice(2);
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();
await client.create("/examples/done", null, { createParents: true }).catch((error: unknown) => {
  if (!isZkError(error, "NODE_EXISTS")) throw error;
});
const jobs = new Queue<Job>(client, "/examples/jobs", { codec: jsonCodec<Job>() });

if (role === "put") {
  for (let number = 1; number <= Number(word); number += 1) await jobs.put({ number }, { signal });
  console.log(`put ${word} jobs`);
} else if (role === "report") {
  console.log(`${await jobs.size()} wait, ${(await client.getChildren("/examples/done")).length} are done`);
} else {
  await work();
}

async function work(): Promise<void> {
  try {
    for await (const item of jobs.consume({ signal })) {
      const { number } = item.value;
      console.log(`works on ${number}`);
      try {
        await sleep(100, undefined, { signal: item.signal });
        // Taking the job out of the queue and writing what it came to are one transaction: both happen, or neither.
        await item.ack((tx) => tx.create(`/examples/done/job-${number}`, word));
        console.log(`did ${number}`);
      } catch (error) {
        if (signal.aborted || !(isRecipeError(error) || isZkError(error) || item.signal.aborted)) throw error;
        console.log(`lost ${number}; somebody else will do it`);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    console.log("stopped");
  }
}
