/** What is wrong. The first finding ends the run: what comes after it follows from it, mostly. */

/** The promises that are checked, by name. */
export const CHECKS = [
  "acknowledged writes",
  "applied",
  "settling",
  "deadlines",
  "reads",
  "watches",
  "lastZxid",
  "states",
  "wire order",
  "leaks",
  "bounds",
  "liveness",
  "scenario",
  "internal",
] as const;

/** The name of a check. */
export type CheckName = (typeof CHECKS)[number];

/** A promise that was broken. */
export interface Finding {
  readonly check: CheckName;
  readonly message: string;
  /** Virtual milliseconds. */
  readonly atMs: number;
}

/** See the head of this file. */
export class Findings {
  readonly #nowMs: () => number;
  readonly #stop: () => void;
  #first: Finding | undefined;
  #cutShort: string | undefined;

  constructor(nowMs: () => number, stop: () => void) {
    this.#nowMs = nowMs;
    this.#stop = stop;
  }

  get first(): Finding | undefined {
    return this.#first;
  }

  /** Why the run says nothing from here on, although no promise was broken. */
  get cutShort(): string | undefined {
    return this.#cutShort;
  }

  /** The run has come to its end. */
  get isOver(): boolean {
    return this.#first !== undefined || this.#cutShort !== undefined;
  }

  /** Ends the run: the servers do what nobody can judge a client by. */
  cutRunShort(why: string): void {
    if (this.isOver) return;
    this.#cutShort = why;
    this.#stop();
  }

  report(check: CheckName, message: string): void {
    if (this.isOver) return;
    this.#first = { check, message, atMs: this.#nowMs() };
    this.#stop();
  }

  /** Reports unless it holds. The message is made only when it is needed. */
  demand(check: CheckName, holds: boolean, message: () => string): void {
    if (!holds) this.report(check, message());
  }
}
