/**
 * Stands for election again and again, and as long as it leads enters its token into a log by guarded writes: `/log/e-<number>`.
 * Ends, with its session, when its input does.
 *
 * It does not listen to the signal of its term: it goes on until its writes are refused, and then tries once more by hand, past
 * everything that its own process knows.
 */
import { CreateMode, createClient, isZkError } from "@zk/client";
import { Election, type Hold, isRecipeError, LeaderLatch } from "@zk/recipes";
import { waitMs } from "../wait.js";

interface Options {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly recipe: "Election" | "LeaderLatch";
  readonly path: string;
  readonly log: string;
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
const who = { identity: `process ${process.pid}` };
const entry = `${options.log}/e-`;
const mode = CreateMode.PERSISTENT_SEQUENTIAL;

async function lead(term: Pick<Hold, "guard" | "path" | "sessionId" | "token">): Promise<void> {
  const token = String(term.token);
  const password = Buffer.from(client.sessionPassword.reveal()).toString("hex");
  let isTold = false;
  while (!ending.signal.aborted) {
    try {
      await term.guard((tx) => tx.create(entry, token, { mode }));
      if (!isTold) tell({ type: "leads", token, sessionId: String(term.sessionId), password });
      isTold = true;
    } catch (error) {
      tellFailure(error);
      if (isRecipeError(error)) return await intrude(term.path, token);
    }
    await waitMs("before the next write", 25);
  }
}

/** The term is over: what would be a guarded write is sent as it is. Whatever becomes of the connection, an answer is waited for. */
async function intrude(path: string, token: string): Promise<void> {
  while (!ending.signal.aborted) {
    try {
      await client.transaction().check(path).create(entry, token, { mode }).commit();
      return tell({ type: "intruded", token });
    } catch (error) {
      tellFailure(error);
      if (isZkError(error, "NO_NODE")) return tell({ type: "refused", token });
    }
    await waitMs("before the next try", 25);
  }
}

/** Under harm these are what is promised; anything else ends the program with a trace. */
function tellFailure(error: unknown): void {
  if (!isZkError(error) && !isRecipeError(error)) throw error;
  tell({ type: "failed", code: error.code });
}

async function standInElection(): Promise<void> {
  const election = new Election(client, options.path, who);
  for await (const term of election.terms({ signal: ending.signal })) await lead(term);
}

async function standInLatch(): Promise<void> {
  await using latch = new LeaderLatch(client, options.path, who).start();
  for (;;) await lead(await latch.leading({ signal: ending.signal }));
}

while (!ending.signal.aborted) {
  try {
    await (options.recipe === "Election" ? standInElection() : standInLatch());
  } catch (error) {
    tellFailure(error);
  }
}
await client.close();
tell({ type: "closed" });
