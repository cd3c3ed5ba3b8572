/**
 * The sessions a leader or a standalone server watches over, and when they expire.
 *
 * Time is cut into buckets of one tick. A session is in the bucket after its deadline, so it lives up to a tick longer
 * than its timeout; touching it moves it to a later bucket, never to an earlier one.
 *
 * Source: ZooKeeper 3.4.6, SessionTrackerImpl.java
 */
export class SessionTracker {
  private readonly sessions = new Map<bigint, TrackedSession>();
  /** By the time at which they expire. A bucket stays until that time, even when all have left it. */
  private readonly byExpiry = new Map<number, Set<TrackedSession>>();
  private readonly tickTimeMs: number;

  /** @param tickTimeMs length of a bucket, above 0 */
  constructor(tickTimeMs: number) {
    this.tickTimeMs = tickTimeMs;
  }

  /** Begins to watch over a session, or touches one that is known. */
  add(id: bigint, timeoutMs: number, nowMs: number): void {
    if (!this.sessions.has(id)) {
      this.sessions.set(id, { id, timeoutMs, expiryMs: 0, isClosing: false, owner: undefined });
    }
    this.touch(id, timeoutMs, nowMs);
  }

  /** Puts off a session's end. False: it is unknown or closing, and nothing changes. */
  touch(id: bigint, timeoutMs: number, nowMs: number): boolean {
    const session = this.sessions.get(id);
    if (session === undefined || session.isClosing) return false;
    const expiryMs = this.bucketAfter(nowMs + timeoutMs);
    if (session.expiryMs >= expiryMs) return true;
    this.byExpiry.get(session.expiryMs)?.delete(session);
    session.expiryMs = expiryMs;
    const bucket = this.byExpiry.get(expiryMs);
    if (bucket === undefined) this.byExpiry.set(expiryMs, new Set([session]));
    else bucket.add(session);
    return true;
  }

  /** Forgets a session: it is closed. */
  remove(id: bigint): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    this.sessions.delete(id);
    this.byExpiry.get(session.expiryMs)?.delete(session);
  }

  has(id: bigint): boolean {
    return this.sessions.has(id);
  }

  /** From now on nothing touches it, and its requests are refused. */
  markClosing(id: bigint): void {
    const session = this.sessions.get(id);
    if (session !== undefined) session.isClosing = true;
  }

  /**
   * Says which server or connection a session belongs to.
   *
   * @returns 0, or -112 when the session is unknown or closing
   */
  setOwner(id: bigint, owner: number): 0 | -112 {
    const session = this.sessions.get(id);
    if (session === undefined || session.isClosing) return -112;
    session.owner = owner;
    return 0;
  }

  /**
   * Whether a session may send a request through `owner`; the first one to ask gets a session that has no owner.
   *
   * @returns 0, -112 when it is unknown or closing, -118 when it belongs to another
   */
  check(id: bigint, owner: number): 0 | -112 | -118 {
    const session = this.sessions.get(id);
    if (session === undefined || session.isClosing) return -112;
    session.owner ??= owner;
    return session.owner === owner ? 0 : -118;
  }

  /** The sessions whose time is over, earliest first. Each is told once, and is closing from then on. */
  expired(nowMs: number): readonly bigint[] {
    const due = [...this.byExpiry.keys()].filter((expiryMs) => expiryMs <= nowMs).sort((a, b) => a - b);
    const ids: bigint[] = [];
    for (const expiryMs of due) {
      for (const session of this.byExpiry.get(expiryMs)!) {
        session.isClosing = true;
        ids.push(session.id);
      }
      this.byExpiry.delete(expiryMs);
    }
    return ids;
  }

  /** When to ask {@link SessionTracker.expired} again; infinity when nothing can expire. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const expiryMs of this.byExpiry.keys()) if (expiryMs < next) next = expiryMs;
    return next;
  }

  /** All sessions that are not removed, closing ones too. */
  get ids(): Iterable<bigint> {
    return this.sessions.keys();
  }

  /** Sessions by the time at which they expire, earliest first, as the word `dump` shows them: empty ones too. */
  buckets(): ReadonlyMap<number, readonly bigint[]> {
    const sorted = [...this.byExpiry].sort(([a], [b]) => a - b);
    return new Map(sorted.map(([expiryMs, sessions]) => [expiryMs, [...sessions].map(({ id }) => id)]));
  }

  /** The end of the bucket after `timeMs`: a whole tick of grace for a deadline that is a multiple of a tick. */
  private bucketAfter(timeMs: number): number {
    return (Math.floor(timeMs / this.tickTimeMs) + 1) * this.tickTimeMs;
  }
}

interface TrackedSession {
  readonly id: bigint;
  readonly timeoutMs: number;
  expiryMs: number;
  isClosing: boolean;
  owner: number | undefined;
}
