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

/** The promise that the target settles. */
export function settledBy<T>(target: Settleable): Promise<T> {
  arming = target;
  return new Promise<T>(arm);
}

// One function for all promises, which runs at once: a closure for each is garbage on the hottest path there is.
let arming: Settleable;
function arm<T>(resolve: (value: T) => void, reject: (error: unknown) => void): void {
  arming.resolve = resolve;
  arming.reject = reject;
}

function nothing(): void {}
