// Elections on real servers: the leader of the moment, a process of its own, is killed, stopped, or loses its session, and now and
// then the leader of the servers is killed with it.
//
// ZK_ELECTION_CHANGES says how many leaders are deposed in each; 200 is the full count.
import { type Client, createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { sortContenders } from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPrograms, Child, childrenNow, howMany, until, within } from "../src/index.js";

const CHANGES = howMany("ZK_ELECTION_CHANGES", 6);
const CANDIDATES = 4;
const SESSION_MS = 2000;
/** Far above a session timeout and an election among the servers. */
const TURN_MS = 40_000;
const FAULTS = ["kill", "pause", "expiry"] as const;

let ensemble: Ensemble;

beforeAll(async () => {
  buildPrograms();
  ensemble = await startEnsemble();
});

afterAll(async () => {
  await ensemble.stop();
});

interface Leader {
  readonly child: Child;
  readonly token: bigint;
  readonly session: { readonly sessionId: bigint; readonly sessionPassword: Uint8Array };
}

/** Who has written under the greatest token. */
function leaderOf(children: readonly Child[]): Leader | undefined {
  const all = children.flatMap((child) =>
    child.of("leads").map((record): Leader => {
      const sessionId = BigInt(record["sessionId"] as string);
      const sessionPassword = Buffer.from(record["password"] as string, "hex");
      return { child, token: BigInt(record["token"] as string), session: { sessionId, sessionPassword } };
    }),
  );
  return all.reduce<Leader | undefined>(
    (one, other) => (one !== undefined && one.token > other.token ? one : other),
    undefined,
  );
}

/** Tokens in the order in which the servers took them. */
async function tokensOf(client: Client, log: string): Promise<bigint[]> {
  const entries = sortContenders(await childrenNow(client, log));
  const tokens: bigint[] = [];
  for (let first = 0; first < entries.length; first += 500) {
    const some = entries.slice(first, first + 500);
    const read = await Promise.all(some.map(({ name }) => client.getData(`${log}/${name}`)));
    tokens.push(...read.map(({ data }) => BigInt(new TextDecoder().decode(data ?? undefined))));
  }
  return tokens;
}

describe("elections on real servers", () => {
  // Most of the time goes into waiting for the sessions of the deposed, which two can do together.
  it.concurrent.each(["Election", "LeaderLatch"] as const)(
    `%s: there are never two leaders at once while ${CHANGES} are deposed by kills, stops and ended sessions`,
    async (recipe) => {
      const [path, log] = [`/${recipe}`, `/${recipe}-log`];
      await using client = createClient(ensemble.connectionString, {
        sessionTimeoutMs: 10_000,
        afterExpiry: "renew",
      });
      await client.connect();
      await client.create(log);
      const all: Child[] = [];
      const start = (): Child => {
        const child = new Child("election-candidate", {
          servers: ensemble.connectionString,
          sessionTimeoutMs: SESSION_MS,
          recipe,
          path,
          log,
        });
        all.push(child);
        return child;
      };
      for (let count = 0; count < CANDIDATES; count += 1) start();
      const next = (token: bigint, what: string): Promise<Leader> =>
        until(
          `a leader after ${what}`,
          () => {
            const leader = leaderOf(all);
            return leader !== undefined && leader.token > token && leader;
          },
          TURN_MS,
        );
      try {
        const atMs = performance.now();
        const done: Record<string, number> = { kill: 0, pause: 0, expiry: 0, servers: 0 };
        let leader = await next(0n, "the start");
        for (let change = 0; change < CHANGES; change += 1) {
          const fault = FAULTS[change % FAULTS.length]!;
          const { child, token, session } = leader;
          const what = `${fault} of change ${change}`;
          // Seven and three have nothing in common: it meets each of the faults.
          const isServersTurn = recipe === "Election" && change % 7 === 3;
          const server = isServersTurn ? await ensemble.killLeader() : undefined;
          if (server !== undefined) done["servers"]! += 1;
          done[fault]! += 1;
          if (fault === "kill") {
            await child.kill();
            start();
          } else if (fault === "pause") child.pause();
          else await within(what, ensemble.expireSession(session, { timeoutMs: TURN_MS }), TURN_MS + 5000);
          leader = await next(token, what);
          if (server !== undefined) await ensemble.start(server);
          if (fault === "kill") continue;
          // Awake again it believes to lead still, and goes on; so does one that has not heard of the end of its session.
          if (fault === "pause") child.resume();
          await until(
            `the one of ${what} to be refused`,
            () => child.of("refused").some((record) => record["token"] === String(token)),
            TURN_MS,
          );
        }
        const elapsedMs = performance.now() - atMs;
        const alive = all.filter((child) => child.isRunning);
        await Promise.all(alive.map((child) => child.finish()));
        const tokens = await tokensOf(client, log);
        const terms = new Set(tokens).size;
        const count = (type: string): number => all.reduce((sum, child) => sum + child.of(type).length, 0);
        console.log(
          `${recipe}: ${CHANGES} leaders deposed (${JSON.stringify(done)}) in ${Math.round(elapsedMs)} ms: ${terms} terms, ` +
            `${tokens.length} guarded writes, ${count("refused")} more refused after the end of the term and ${count("intruded")} not`,
        );
        const backwards = tokens.filter((token, index) => index > 0 && token < tokens[index - 1]!);
        expect(backwards).toEqual([]);
        expect(terms).toBeGreaterThan(CHANGES);
        expect(count("intruded")).toBe(0);
        for (const child of all) expect(child.accidents).toBe("");
        for (const child of alive) expect(child.of("closed")).toHaveLength(1);
        // Those that were killed at the end of the line may be there until their sessions end.
        await until("the end of the line", async () => (await client.getChildren(path)).length === 0);
      } finally {
        await Promise.all(all.map((child) => child[Symbol.asyncDispose]()));
      }
    },
    120_000 + CHANGES * 20_000,
  );
});
