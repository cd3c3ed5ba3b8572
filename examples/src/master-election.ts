/**
 * Several processes of which one leads. Start it in two or three terminals and kill the leader, with Ctrl-C or with -9: another
 * one takes over, at once or when the dead one's session has ended.
 *
 * Usage: master-election [name]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, isZkError } from "@zk/client";
import { Election, isRecipeError } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

const name = process.argv[2] ?? `process ${process.pid}`;
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();
const election = new Election(client, "/examples/master", { identity: name });
const watching = showLeaders();

try {
  for await (const term of election.terms({ signal })) {
    console.log(`leads, token ${term.token}`);
    // Whatever the master does, it stops when its term is lost or in doubt, or when it is told to.
    while (!term.signal.aborted) await sleep(500, undefined, { signal: term.signal }).catch(() => {});
    console.log(`leads no longer: ${String((term.signal.reason as Error).message)}`);
  }
} catch (error) {
  if (!signal.aborted || !(isRecipeError(error) || isZkError(error))) throw error;
}
await watching;
console.log("stopped");

/** Anybody may know who leads, without standing for election. */
async function showLeaders(): Promise<void> {
  try {
    for await (const leader of election.observe({ signal }))
      console.log(`* the leader is ${leader?.id ?? "nobody"}`);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
