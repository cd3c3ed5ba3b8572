/** What an ensemble in memory offers: the same as the `Ensemble` of `@zk/lab`, which this package may not import, and more. */
import type { ServerMode } from "@zk/protocol";
import type { EnsembleModel } from "../model/ensemble-model.js";
import type { ModelDriver } from "./driver.js";
import type { MemoryTransport } from "./memory-transport.js";
import type { WaitOptions } from "./wait.js";

/** One server of an ensemble. */
export interface MemoryServer {
  /** From 1. */
  readonly id: number;
  readonly host: string;
  readonly clientPort: number;
  /** Shown by `conf`; nobody listens there. */
  readonly quorumPort: number;
  /** Shown by `conf`; nobody listens there. */
  readonly electionPort: number;
  /** Where it keeps what it remembers; a name that is no folder when it remembers nothing. */
  readonly dir: string;
}

/** One server at one moment. */
export interface MemoryServerStatus extends MemoryServer {
  readonly process: "running" | "paused" | "stopped";
  /** This process, of which the server is a part; null when the server is stopped. */
  readonly pid: number | null;
  readonly answer: "serving" | "not-serving" | "silent";
  readonly mode: ServerMode | null;
  readonly version: string | null;
  readonly zxid: bigint | null;
  readonly connections: number | null;
  readonly outstanding: number | null;
  readonly nodes: number | null;
  /** Memory of this whole process in bytes. */
  readonly residentBytes: number | null;
  /** There is no script. */
  readonly script: null;
}

/** An ensemble at one moment. */
export interface MemoryEnsembleStatus {
  readonly name: string;
  readonly backend: "memory";
  readonly version: string;
  readonly dir: string;
  readonly connectionString: string;
  readonly state: "up" | "partly-up" | "down";
  /** Whether enough servers serve for writes to pass. */
  readonly hasQuorum: boolean;
  readonly leader: number | null;
  /** What is not well, for people; null when all is. */
  readonly problem: string | null;
  readonly servers: readonly MemoryServerStatus[];
}

/** What one server said. */
export interface MemoryServerLog {
  readonly id: number;
  /** The file it is also written to, if there is one. */
  readonly path: string;
  readonly text: string;
}

/** How long `start` waits. */
export interface MemoryStartOptions extends WaitOptions {
  /** `serving` (default), `answering` on its port, or `process`: not at all. */
  readonly wait?: "serving" | "answering" | "process";
}

/** Which servers `ready` waits for. */
export interface MemoryReadyOptions extends WaitOptions {
  /** Default: all. */
  readonly servers?: readonly number[];
}

/** A client's session, as `@zk/client` and most others can give it. */
export interface MemorySessionHolder {
  readonly sessionId: bigint;
  readonly sessionPassword: Uint8Array | { reveal(): Uint8Array };
}

/**
 * An ensemble of the model that runs. Every method means what it means in the `Ensemble` of `@zk/lab`; here are the
 * differences only. Servers are named by their ids, from 1.
 */
export interface MemoryEnsemble extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  readonly dir: string;
  readonly tickTimeMs: number;
  readonly connectionString: string;
  readonly servers: readonly MemoryServer[];
  /** The model itself, to look at; with `recordHistory` it keeps all that became final. */
  readonly model: EnsembleModel;
  /** What runs the model. */
  readonly driver: ModelDriver;
  /** Reaches the servers without sockets: `createClient(connectionString, { ports: { transport } })`. */
  readonly transport: MemoryTransport;

  /** Waits until one server leads. @throws MemoryServerError `NO_LEADER` */
  leader(options?: WaitOptions): Promise<number>;
  followers(): Promise<number[]>;
  status(): Promise<MemoryEnsembleStatus>;
  /** @throws MemoryServerError `NOT_READY`; `SERVER_EXITED` when one does not run */
  ready(options?: MemoryReadyOptions): Promise<void>;
  /** The server dies at once, and its connections with it. */
  kill(id: number): Promise<void>;
  /** Here the same as `kill`: 3.4.6 has nothing to do in its last moment either. */
  term(id: number): Promise<void>;
  /** The server stands still; its port still takes connections, as a frozen process's does. @throws MemoryServerError `WRONG_STATE` */
  pause(id: number): Promise<void>;
  resume(id: number): Promise<void>;
  start(id: number, options?: MemoryStartOptions): Promise<void>;
  killLeader(options?: WaitOptions): Promise<number>;
  killFollower(options?: WaitOptions): Promise<number>;
  restartAll(options?: WaitOptions & { readonly rolling?: boolean }): Promise<void>;
  /** @throws MemoryServerError `SESSION_REFUSED`, also when the password is wrong */
  expireSession(client: MemorySessionHolder, options?: WaitOptions): Promise<void>;
  serverOf(client: { readonly sessionId: bigint }): Promise<number | null>;
  logs(id?: number): Promise<MemoryServerLog[]>;
  stop(): Promise<void>;

  /** As `kill`, and what the server had on its disk is lost too. */
  wipe(id: number): Promise<void>;
  /** Servers hear only those of their own group; a server that no group names hears nobody. No groups: all hear all. */
  partition(groups: readonly (readonly number[])[]): Promise<void>;
}
