/** What a running ensemble offers. */
import type { ServerMode } from "@zk/protocol";
import type { WaitOptions } from "../wait.js";
import type { Backend } from "./options.js";

/** One server of an ensemble: where it listens and lies. */
export interface EnsembleServer {
  /** From 1; the number in `zookeeperN` and in `myid`. */
  readonly id: number;
  readonly host: string;
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
  /**
   * The server's own copy of the release, with its `bin/zkServer.sh`, `conf`, `data` and `logs`. With backend `docker` a
   * folder inside its container, as the quorum and election ports are those on the containers' own network.
   */
  readonly dir: string;
}

/** State of a server's process, whatever the server inside it does. */
export type ProcessState = "running" | "paused" | "stopped";

/** One server at one moment. */
export interface ServerStatus extends EnsembleServer {
  readonly process: ProcessState;
  readonly pid: number | null;
  /**
   * - `serving` answers with a mode
   * - `not-serving` the process answers, but it has no quorum
   * - `silent` does not answer: stopped, paused, starting or stuck
   */
  readonly answer: "serving" | "not-serving" | "silent";
  readonly mode: ServerMode | null;
  /** Release as the server itself says it. */
  readonly version: string | null;
  /** Last zxid: epoch in the upper 32 bits. */
  readonly zxid: bigint | null;
  readonly connections: number | null;
  readonly outstanding: number | null;
  readonly nodes: number | null;
  /** Resident memory of the process in bytes. */
  readonly residentBytes: number | null;
  /** What the server's own `zkServer.sh status` says and ends with; null when it was not asked (no process, or paused). */
  readonly script: { readonly exitCode: number; readonly text: string } | null;
}

/** An ensemble at one moment. */
export interface EnsembleStatus {
  readonly name: string;
  /** `process`: real servers; `docker`: real servers in containers; `memory`: a model of them. */
  readonly backend: Backend;
  /** Null only where a command tells of a lab that is not there. */
  readonly version: string | null;
  readonly dir: string;
  readonly connectionString: string;
  /**
   * - `up` every server serves, one leads, all followers are synced
   * - `partly-up` some process is there, but not all is well
   * - `down` no process is there
   */
  readonly state: "up" | "partly-up" | "down";
  /** Whether enough servers serve for writes to pass. */
  readonly hasQuorum: boolean;
  readonly leader: number | null;
  /** What is not well, for people; null when all is. */
  readonly problem: string | null;
  readonly servers: readonly ServerStatus[];
}

/** Output of one server, earlier runs first. */
export interface ServerLog {
  readonly id: number;
  /** The file of the newest run; with backend `docker` the command that shows the output. */
  readonly path: string;
  readonly text: string;
}

/** How long {@link Ensemble.start} waits. */
export interface StartOptions extends WaitOptions {
  /**
   * - `serving` (default) the server takes part in a quorum and serves clients
   * - `answering` it answers on its client port, quorum or not
   * - `process` its process is there
   */
  readonly wait?: "serving" | "answering" | "process";
}

/** Which servers {@link Ensemble.ready} waits for. */
export interface ReadyOptions extends WaitOptions {
  /** Default: all. Others may then be in any state. */
  readonly servers?: readonly number[];
}

/** A client's session, as `@zk/client` and most others can give it. */
export interface SessionHolder {
  readonly sessionId: bigint;
  readonly sessionPassword: Uint8Array | { reveal(): Uint8Array };
}

/**
 * A running ensemble. Servers are named by their ids, from 1.
 *
 * Every method may be called at any time, also at once with others; changes of one server happen one after another.
 * After {@link Ensemble.stop} all but `stop` and `logs` reject with `STOPPED`. A number that no server has is
 * `UNKNOWN_SERVER`. Every wait has a limit, and its error says what was waited for.
 */
export interface Ensemble extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** Holds `zookeeper1`, `zookeeper2`, … */
  readonly dir: string;
  readonly tickTimeMs: number;
  /** `127.0.0.1:P1,127.0.0.1:P2,…` */
  readonly connectionString: string;
  readonly servers: readonly EnsembleServer[];

  /** Waits until exactly one server leads and gives its id. One server alone leads. @throws LabError `NO_LEADER` */
  leader(options?: WaitOptions): Promise<number>;
  /** Ids of the servers that follow a leader just now, without waiting. */
  followers(): Promise<number[]>;
  /** Everything at this moment, asked also through each running server's own `zkServer.sh status`. */
  status(): Promise<EnsembleStatus>;
  /**
   * Waits until all servers (or those named) serve, exactly one leads, its followers are synced, and a write, a `sync`
   * and a read pass through each. Limit 60 s unless told.
   *
   * @throws LabError `NOT_READY` with the tails of the logs; `SERVER_EXITED` when one does not run.
   */
  ready(options?: ReadyOptions): Promise<void>;

  /** SIGKILL; resolves when the process is gone. A stopped server stays stopped. */
  kill(id: number): Promise<void>;
  /** SIGTERM; resolves when the process is gone. A paused server is woken to obey; a stopped one stays stopped. */
  term(id: number): Promise<void>;
  /** SIGSTOP; resolves when every thread is frozen. A paused server stays paused. @throws LabError `WRONG_STATE` when it does not run */
  pause(id: number): Promise<void>;
  /** SIGCONT. A running server keeps running. @throws LabError `WRONG_STATE` when it does not run */
  resume(id: number): Promise<void>;
  /**
   * Makes a server run, through its own `zkServer.sh` when it is stopped; a paused one is resumed, a running one left
   * alone. Then waits as told, 30 s unless told.
   *
   * @throws LabError `SERVER_EXITED` at once when the process ends meanwhile; `NOT_READY`, `PORT_TAKEN`, `SCRIPT_FAILED`
   */
  start(id: number, options?: StartOptions): Promise<void>;
  /** Kills the server that leads and gives its id. */
  killLeader(options?: WaitOptions): Promise<number>;
  /** Kills the follower with the lowest id and gives that. Waits for a leader first. */
  killFollower(options?: WaitOptions): Promise<number>;
  /**
   * Stops and starts every server through its own `zkServer.sh`, those that do not run included, and waits until the
   * ensemble is ready. Rolling: one after another, the leader last, each ready before the next.
   */
  restartAll(options?: WaitOptions & { readonly rolling?: boolean }): Promise<void>;

  /**
   * Ends a client's session behind its back: takes the session over on a second connection, closes it, and resolves
   * when a server has confirmed that. Tries every server until one does; limit 15 s unless told. A session that is
   * over already is fine.
   *
   * @throws LabError `SESSION_REFUSED`, also when the password is wrong.
   */
  expireSession(client: SessionHolder, options?: WaitOptions): Promise<void>;
  /** The server that holds this session's connection, by `cons`, or null when none does. */
  serverOf(client: { readonly sessionId: bigint }): Promise<number | null>;
  /** Output of all servers or of one, runs since the installation included (the last ten). */
  logs(id?: number): Promise<ServerLog[]>;

  /**
   * Stops all servers, gives the ports back and removes the temporary folder (kept when `ZK_LAB_KEEP=1`). May be
   * called again, and at once; `await using` calls it.
   */
  stop(): Promise<void>;
}
