/** A leader function under its term: told to stop when the term ends, and complained of when it does not. */
import type { Client } from "@zk/client";
import { runWithGrace } from "../core/grace.js";
import type { Term } from "./term.js";

/** What the leader does. It should end soon after the term's signal has aborted. */
export type LeaderWork<T> = (term: Term) => Promise<T> | T;

/** How long a leader may go on, and who hears of one that does. */
export interface GraceOptions {
  /** Milliseconds that the leader function may go on after the term's signal has aborted. Default 5 000. */
  readonly graceMs?: number;
  /** Hears of a leader function that goes on for longer. Default: a process warning. */
  readonly onOverstay?: (term: Term, forMs: number) => void;
}

/** Runs the function. Resolves or rejects as it does, and never before: a term whose leader goes on has not ended. */
export function runLeader<T>(
  client: Client,
  term: Term,
  work: LeaderWork<T>,
  { graceMs, onOverstay }: GraceOptions,
): Promise<T> {
  return runWithGrace(client, term, work, { who: "the leader", graceMs, onOverstay });
}
