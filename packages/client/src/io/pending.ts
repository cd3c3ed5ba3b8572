/** Calls and tickets together with the promise that their caller holds. */
import { Call, type Ticket } from "../core/index.js";

/** Settles a caller's promise exactly once; the machine sees to the once. */
export interface Settleable {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  /** Ends the watch over the caller's AbortSignal. */
  release: (() => void) | undefined;
}

/** A call whose caller waits. */
export class PendingCall extends Call implements Settleable {
  resolve: (value: never) => void = nothing;
  reject: (error: unknown) => void = nothing;
  release: (() => void) | undefined = undefined;
}

/** A ticket whose caller waits. */
export class PendingTicket implements Ticket, Settleable {
  readonly ticket: Ticket["ticket"];
  readonly deadlineMs: number;
  resolve: (value: never) => void = nothing;
  reject: (error: unknown) => void = nothing;
  release: (() => void) | undefined = undefined;

  constructor(ticket: Ticket["ticket"], deadlineMs: number) {
    this.ticket = ticket;
    this.deadlineMs = deadlineMs;
  }
}

function nothing(): void {}
