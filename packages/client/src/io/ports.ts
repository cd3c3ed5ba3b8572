/** The five doors between the driver and the world. Everything behind them can be replaced, and is, in tests. */

/** Monotonic time, and ways to be called later. */
export interface Clock {
  /** Monotonic milliseconds with fractions; the zero point means nothing. */
  nowMs(): number;
  /** Calls back once after at least `delayMs`. Gives a function that cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** Calls back when the code now running, promise continuations included, has finished. */
  afterContinuations(callback: () => void): void;
  /** Calls back after bytes that wait to be read were given out: a late timer must not judge unread news. */
  afterReads(callback: () => void): void;
}

/** What a connection tells its owner: never from within `open` itself, and nothing more after `closed`. */
export interface ConnectionEvents {
  opened(): void;
  /** @param bytes the receiver may keep them; they are not re-used. */
  received(bytes: Uint8Array): void;
  /** Room again after `write` returned false. */
  drained(): void;
  /** The connection ended, or never came to be. @param reason in words, for people */
  closed(reason: string): void;
}

/** One byte stream to one server. */
export interface Connection {
  /** Takes bytes to send. False asks to hold back until `drained`. */
  write(bytes: Uint8Array): boolean;
  /**
   * How many of the bytes taken have not left this process. When it says 0 right after a `write`, the memory of those
   * bytes is used again. A connection without it keeps what it was given.
   */
  unsentBytes?(): number;
  /** Ends it at once. No event follows. */
  close(): void;
}

/** Where to connect to. */
export interface ConnectionTarget {
  /** A literal address, IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** Makes connections. */
export interface Transport {
  open(target: ConnectionTarget, events: ConnectionEvents): Connection;
}

/** Names to addresses. */
export interface Resolver {
  /** @throws anything when the name cannot be resolved; the message is shown to people */
  resolve(host: string): Promise<readonly string[]>;
}

/** Chance. */
export interface Randomness {
  /** A 32-bit integer from which the session machine derives all its random choices. */
  seed(): number;
  /** A fresh version 4 UUID, lower case, with dashes. */
  uuid(): string;
}

/** All doors together. */
export interface Ports {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly resolver: Resolver;
  readonly randomness: Randomness;
}
