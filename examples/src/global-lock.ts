/**
 * Several processes that write one report, one at a time. Start it in two terminals and kill one, with Ctrl-C or with -9: the
 * other goes on, at once or when the dead one's session has ended.
 *
 * Usage: global-lock [name]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, isZkError } from "@zk/client";
import { isRecipeError, Lock } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

const name = process.argv[2] ?? `process ${process.pid}`;
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();
const lock = new Lock(client, "/examples/lock", { identity: name });

try {
  while (true) {
    try {
      console.log("waiting for the lock");
      await using held = await lock.acquire({ signal });
      console.log(`has the lock, token ${held.token}`);
      await workOn(held.signal, async (step) => {
        // The write goes through only while we have the lock, whatever we believe.
        await held.guard((tx) => tx.setData("/examples/report", `${name}, step ${step}`));
      });
      console.log("gives the lock back");
    } catch (error) {
      if (signal.aborted || !(isRecipeError(error) || isZkError(error))) throw error;
      console.log(`${error.code}: stops and tries again`);
      await sleep(500, undefined, { signal });
    }
  }
} catch (error) {
  if (!signal.aborted) throw error;
  console.log("stopped");
}

/** Three steps of work. Honest work stops when the signal says so: on the lock's word, or on yours. */
async function workOn(lost: AbortSignal, write: (step: number) => Promise<void>): Promise<void> {
  const stop = AbortSignal.any([lost, signal]);
  await client.create("/examples/report").catch((error: unknown) => {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  });
  for (let step = 1; step <= 3; step += 1) {
    await write(step);
    console.log(`wrote step ${step}`);
    await sleep(300, undefined, { signal: stop });
  }
}
