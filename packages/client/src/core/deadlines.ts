/** Every moment at which the session machine wants to be called again, by name, in one place. */

/** The names; a simulation or a leak check lists them through {@link Deadlines.pending}. */
export const DEADLINE_NAMES = [
  "attempt",
  "callDeadlines",
  "close",
  "connect",
  "partialFrame",
  "ping",
  "probe",
  "receive",
  "reconnect",
] as const;

/** One of the machine's timers. */
export type DeadlineName = (typeof DEADLINE_NAMES)[number];

/** A set of named points in monotonic time, in milliseconds. */
export class Deadlines {
  // A plain record rather than a Map: the receive and ping deadlines move with every packet.
  readonly #at: Record<DeadlineName, number> = {
    attempt: Number.POSITIVE_INFINITY,
    callDeadlines: Number.POSITIVE_INFINITY,
    close: Number.POSITIVE_INFINITY,
    connect: Number.POSITIVE_INFINITY,
    partialFrame: Number.POSITIVE_INFINITY,
    ping: Number.POSITIVE_INFINITY,
    probe: Number.POSITIVE_INFINITY,
    receive: Number.POSITIVE_INFINITY,
    reconnect: Number.POSITIVE_INFINITY,
  };

  set(name: DeadlineName, atMs: number): void {
    this.#at[name] = atMs;
  }

  /** Sets the deadline unless an earlier one stands. */
  setEarlier(name: DeadlineName, atMs: number): void {
    if (atMs < this.#at[name]) this.#at[name] = atMs;
  }

  clear(name: DeadlineName): void {
    this.#at[name] = Number.POSITIVE_INFINITY;
  }

  clearAll(): void {
    for (const name of DEADLINE_NAMES) this.clear(name);
  }

  at(name: DeadlineName): number {
    return this.#at[name];
  }

  isDue(name: DeadlineName, nowMs: number): boolean {
    return nowMs >= this.#at[name];
  }

  /** The earliest of all; infinity when none is set. */
  nextMs(): number {
    const at = this.#at;
    return Math.min(
      at.attempt,
      at.callDeadlines,
      at.close,
      at.connect,
      at.partialFrame,
      at.ping,
      at.probe,
      at.receive,
      at.reconnect,
    );
  }

  /** The deadlines that are set, for leak checks and simulations. */
  pending(): { readonly name: DeadlineName; readonly atMs: number }[] {
    return DEADLINE_NAMES.filter((name) => this.#at[name] !== Number.POSITIVE_INFINITY).map((name) => ({
      name,
      atMs: this.#at[name],
    }));
  }
}
