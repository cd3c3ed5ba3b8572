/** Servers, a client and a home for `zk`, for one test file. The same tests run on the model and on real servers. */
import { type Client, createClient } from "@zk/client";
import { type Backend, type Ensemble, startEnsemble } from "@zk/lab";
import { passwordOf } from "@zk/memory-server";
import { afterAll, beforeAll } from "vitest";
import { buildZk } from "./program.js";
import { ZkHome } from "./zk.js";

export interface Stage {
  readonly home: ZkHome;
  /** There once the tests begin. */
  readonly ensemble: Ensemble;
  readonly client: Client;
  /** Ends somebody else's session. */
  expire(sessionId: bigint): Promise<void>;
}

/**
 * Sessions last from 2 to 20 ticks. Where a test says nothing of it they last as long as they can, so that on a busy machine
 * nobody takes a server for dead that is only slow.
 */
const TICK_MS = 1_000;

/** Sets the stage before the tests of the file that calls it, and clears it behind them. */
export function stageForThisFile(backend: Backend, options: { readonly servers?: number } = {}): Stage {
  const home = ZkHome.forThisFile();
  let ensemble: Ensemble | undefined;
  let client: Client | undefined;
  beforeAll(async () => {
    buildZk();
    ensemble = await startEnsemble({ backend, tickTimeMs: TICK_MS, ...options });
    home.use(ensemble.connectionString, { ZK_SESSION_TIMEOUT: String((20 * TICK_MS) / 1_000) });
    client = createClient(ensemble.connectionString, { afterExpiry: "renew" });
    await client.connect();
  });
  afterAll(async () => {
    await client?.close();
    await ensemble?.stop();
  });
  const there = <T>(value: T | undefined): T => {
    if (value === undefined)
      throw new Error("the stage is set before the tests, and not while they are described");
    return value;
  };
  return {
    home,
    get ensemble() {
      return there(ensemble);
    },
    get client() {
      return there(client);
    },
    // Servers of 3.4.6 make a session's password of its number, and so does the model.
    expire: (sessionId) =>
      there(ensemble).expireSession({ sessionId, sessionPassword: passwordOf(BigInt.asIntN(64, sessionId)) }),
  };
}

/** Does something to every server, one after another. */
export async function forAllServers(
  { servers }: Ensemble,
  deed: (id: number) => Promise<void>,
): Promise<void> {
  for (const { id } of servers) await deed(id);
}
