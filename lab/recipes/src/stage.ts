/** An ensemble with clients on it, for the tests of one file; everything is taken down behind them. */
import { type Client, type ClientOptions, createClient } from "@zk/client";
import { type Ensemble, type EnsembleOptions, startEnsemble } from "@zk/lab";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

/** What the tests of a file get. */
export interface Stage {
  readonly ensemble: Ensemble;
  /** A path for this test alone, such as `/t7`. It does not exist yet. */
  readonly path: string;
  /** A connected client; it is closed behind the test. */
  connect(options?: ClientOptions): Promise<Client>;
  /** Ends a client's session behind its back, and resolves when the servers have. */
  expire(client: Client): Promise<void>;
}

/** Starts an ensemble before the tests of the file, by default three servers of the model. */
export function stage(options: EnsembleOptions = { backend: "memory" }): Stage {
  let ensemble: Ensemble | undefined;
  let clients: Client[] = [];
  let tests = 0;
  beforeAll(async () => {
    ensemble = await startEnsemble(options);
  });
  afterAll(async () => {
    await ensemble?.stop();
  });
  beforeEach(() => {
    tests += 1;
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  });
  const running = (): Ensemble => {
    if (ensemble === undefined) throw new Error("the ensemble runs only while tests do");
    return ensemble;
  };
  return {
    get ensemble() {
      return running();
    },
    get path() {
      return `/t${tests}`;
    },
    async connect(clientOptions = {}) {
      const client = createClient(running().connectionString, { sessionTimeoutMs: 6000, ...clientOptions });
      clients.push(client);
      await client.connect();
      return client;
    },
    async expire(client) {
      await running().expireSession(client);
    },
  };
}
