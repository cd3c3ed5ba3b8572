/** A client that remembers its states and shows its resources. */
import { type Client, type ClientOptions, createClient, type SessionState } from "@zk/client";
import { expect } from "vitest";
import { TrackedPorts } from "./tracked-ports.js";
import { until } from "./wait.js";

/** A state and when it was told, on `performance.now()`. */
export interface StateChange {
  readonly state: SessionState;
  readonly reason: string;
  readonly atMs: number;
}

/** A client under test. */
export class TestClient {
  readonly zk: Client;
  readonly states: StateChange[] = [];
  readonly tracked: TrackedPorts = new TrackedPorts();

  constructor(connectionString: string, options: ClientOptions) {
    this.zk = createClient(connectionString, {
      ...options,
      ports: { ...this.tracked.ports, ...options.ports },
    });
    this.zk.on("state", (state, reason) => this.states.push({ state, reason, atMs: performance.now() }));
  }

  /** Connects to the server on this port first; later it may go anywhere. */
  async connectTo(port: number | undefined): Promise<void> {
    this.tracked.onlyPort = port;
    await this.zk.connect();
    this.tracked.onlyPort = undefined;
    if (port !== undefined) expect(this.port).toBe(port);
  }

  /** Client port of the server that the client sits on. */
  get port(): number | undefined {
    const { server } = this.zk;
    return server === undefined ? undefined : Number(server.slice(server.lastIndexOf(":") + 1));
  }

  /** The names of all states so far. */
  get stateNames(): SessionState[] {
    return this.states.map(({ state }) => state);
  }

  /** How often a state was told. */
  count(state: SessionState): number {
    return this.states.filter((change) => change.state === state).length;
  }

  /** Waits until a state was told since a moment of `performance.now()`; the client may have left it again. */
  async told(state: SessionState, sinceMs: number): Promise<StateChange> {
    return await until(
      `the client to become ${state}`,
      () => this.states.find((change) => change.state === state && change.atMs >= sinceMs),
      { describe: () => JSON.stringify(this.states.map(({ state: name, reason }) => `${name}: ${reason}`)) },
    );
  }

  /** Waits until something succeeds on the connection of now, whatever happens to connections meanwhile. */
  async works(): Promise<void> {
    await this.zk.sync("/", { timeoutMs: 30_000 });
  }
}
