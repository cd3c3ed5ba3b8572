/** The words that the benchmark's parts share. */

/** What is measured: reads or writes of one znode with {@link VALUE_BYTES} of data. */
export const WORKS = ["get", "set"] as const;
/** One of {@link WORKS}. */
export type Work = (typeof WORKS)[number];

/** Who does it: a hand-written loop on a socket, or `@zk/client`. */
export const CLIENTS = ["bare", "zk"] as const;
/** One of {@link CLIENTS}. */
export type ClientName = (typeof CLIENTS)[number];

/**
 * Requests outstanding while a load gets warm, at least: at a window of 1 and a few hundred writes a second a compiler
 * would still be at work long after.
 */
export const WARM_UP_WINDOW_MIN = 100;

/** Bytes of data in the znode. */
export const VALUE_BYTES = 1024;

/** One run of one client, as its process is told. */
export interface Job {
  readonly client: ClientName;
  readonly work: Work;
  /** Requests kept outstanding. */
  readonly window: number;
  readonly host: string;
  readonly port: number;
  /** A znode that exists and holds {@link VALUE_BYTES} bytes. */
  readonly path: string;
  /** Seconds before the measured interval, in which the code gets warm. */
  readonly warmUpSeconds: number;
  /** Seconds of the measured interval. */
  readonly seconds: number;
}

/** What one run gave. */
export interface Measurement {
  /** Operations whose replies came within the interval. */
  readonly operations: number;
  readonly seconds: number;
  /** User and system time of the whole process, all threads, within the interval. */
  readonly cpuMicros: number;
}

/** What a run's process says at its end. */
export type RunReport = { readonly measurement: Measurement } | { readonly problem: string };

/** One line of the result. */
export interface Row {
  readonly work: Work;
  readonly window: number;
  readonly client: ClientName;
  /** Median over the rounds. */
  readonly opsPerSecond: number;
  /** Median over the rounds. */
  readonly cpuMicrosPerOp: number;
}

/** A client under load. */
export interface Load {
  /** Replies read so far. */
  readonly completed: number;
  /** Keeps no more than this many requests outstanding from now on; never more than at the start. */
  narrow(window: number): void;
  /** Fills the window and keeps it full. The promise rejects when an operation fails, and resolves after {@link Load.stop}. */
  run(): Promise<void>;
  /** Sends nothing more. */
  stop(): void;
}
