/**
 * How a session stays alive and how long it can be trusted.
 *
 * Two clocks run apart from each other: pings are due after a time without *sending* (a stream of events from the server
 * must not silence them), and the connection is given up after a time without *hearing* anything.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java (SendThread.run, readTimeout) for the two thirds and the third.
 */

/** Longest time between pings, whatever the session timeout, in milliseconds. */
export const PING_INTERVAL_MAX_MS = 10_000;

/** Longest silence that is borne, whatever timeout a server grants (it may grant 24 days), in milliseconds. */
export const RECEIVE_TIMEOUT_MAX_MS = 120_000;

/** The times that follow from a negotiated session timeout, in milliseconds. */
export interface LivenessTimes {
  readonly timeoutMs: number;
  /** Silence after which the connection is given up, early enough to reach another server within the session. */
  readonly receiveTimeoutMs: number;
  /** Time without sending after which a ping is due. */
  readonly pingIntervalMs: number;
  /** Time in which we did not run at all, after which nothing that we believed of the session can be believed any more. */
  readonly stallMs: number;
}

/** Derives the times; floors keep a server that grants an absurd timeout from making us spin. */
export function livenessTimes(timeoutMs: number): LivenessTimes {
  return {
    timeoutMs,
    receiveTimeoutMs: Math.max(50, Math.min(RECEIVE_TIMEOUT_MAX_MS, Math.floor((timeoutMs * 2) / 3))),
    pingIntervalMs: Math.max(20, Math.min(PING_INTERVAL_MAX_MS, Math.floor(timeoutMs / 3))),
    // While connected the machine is called at least once in a ping interval, so it must be well above that.
    stallMs: Math.max(100, timeoutMs),
  };
}

/**
 * How long one attempt to connect may take, handshake included.
 *
 * While a session is at stake, the first round must end before the session does: a third of the timeout is left then,
 * shared by all servers, and by all addresses of a server. Later rounds, and new sessions, which need a write by the
 * quorum, get more; but no attempt gets more than half of a session that is at stake, also where there is only one server. A
 * server that is just starting may leave a handshake without any answer (seen on 3.6.3), and there is to be time for another.
 */
export function attemptLimitMs(about: {
  readonly timeoutMs: number;
  readonly servers: number;
  /** Of the server whose turn it is. */
  readonly addresses: number;
  readonly resuming: boolean;
  readonly rounds: number;
}): number {
  const share = about.timeoutMs / about.servers / Math.max(1, about.addresses);
  const ofSession = about.rounds === 0 ? share / 3 : Math.min(share, about.timeoutMs / 2);
  const limit = about.resuming ? ofSession : share;
  return Math.max(250, Math.min(10_000, Math.floor(limit)));
}

/**
 * Until when the session can be believed alive without asking: the time at which the last *answered* packet was sent,
 * plus the timeout, minus a margin of a third for heartbeats that a dying follower never passed on.
 * A bound on carelessness, not a proof; the proof is a fencing token.
 */
export class Trust {
  #weakSentAtMs = Number.NEGATIVE_INFINITY;
  #strongSentAtMs = Number.NEGATIVE_INFINITY;

  /** Any packet was answered. */
  answered(sentAtMs: number): void {
    if (sentAtMs > this.#weakSentAtMs) this.#weakSentAtMs = sentAtMs;
  }

  /** A packet that went through the leader was answered. */
  answeredByLeader(sentAtMs: number): void {
    this.answered(sentAtMs);
    if (sentAtMs > this.#strongSentAtMs) this.#strongSentAtMs = sentAtMs;
  }

  reset(): void {
    this.#weakSentAtMs = Number.NEGATIVE_INFINITY;
    this.#strongSentAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Monotonic milliseconds; minus infinity while nothing was answered. */
  untilMs(timeoutMs: number): { readonly weakMs: number; readonly strongMs: number } {
    const trusted = timeoutMs - Math.floor(timeoutMs / 3);
    return { weakMs: this.#weakSentAtMs + trusted, strongMs: this.#strongSentAtMs + trusted };
  }
}
