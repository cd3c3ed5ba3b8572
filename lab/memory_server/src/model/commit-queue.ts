/**
 * Keeps requests in their order behind a transaction that is not committed yet. One that waits holds up all behind it,
 * whosever they are.
 *
 * To finish a request can bring the next ones in, and with a disk that takes no time commit them: that is noted, and done when the
 * one that is being finished is.
 *
 * Source: ZooKeeper 3.4.6, CommitProcessor.java, run
 */
import type { Entry, Request } from "./request.js";

/** That something is final: a transaction, or without one an answer that is no transaction. */
interface Commit {
  readonly sessionId: bigint;
  readonly xid: number;
  readonly entry: Entry | undefined;
  /** What is finished if nobody here waits for it. */
  readonly alone: Request | undefined;
}

/** See the head of this file. */
export class CommitQueue {
  readonly #finish: (request: Request) => void;
  readonly #waits: (request: Request) => boolean;
  readonly #queued: Request[] = [];
  readonly #committed: Commit[] = [];
  #pending: Request | undefined;
  #isRunning = false;

  constructor(finish: (request: Request) => void, waits: (request: Request) => boolean) {
    this.#finish = finish;
    this.#waits = waits;
  }

  add(request: Request): void {
    this.#queued.push(request);
    this.#run();
  }

  /** A transaction is final. If it is not the one waited for, it is somebody else's. */
  commit(entry: Entry, alone: Request): void {
    const { sessionId, cxid } = entry.header;
    this.#committed.push({ sessionId, xid: cxid, entry, alone });
    this.#run();
  }

  /** What was waited for is no transaction, and is done. */
  release(sessionId: bigint, xid: number): void {
    this.#committed.push({ sessionId, xid, entry: undefined, alone: undefined });
    this.#run();
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#step());
    } finally {
      this.#isRunning = false;
    }
  }

  /** Whether there was anything to do. Something final is looked at when it is known whether anybody waits for it. */
  #step(): boolean {
    const isKnown = this.#queued.length === 0 || this.#pending !== undefined;
    const committed = isKnown ? this.#committed.shift() : undefined;
    if (committed !== undefined) {
      this.#take(committed);
      return true;
    }
    if (this.#pending !== undefined) return false;
    const next = this.#queued.shift();
    if (next === undefined) return false;
    if (this.#waits(next)) this.#pending = next;
    else this.#finish(next);
    return true;
  }

  #take({ sessionId, xid, entry, alone }: Commit): void {
    const pending = this.#pending;
    if (pending === undefined || pending.sessionId !== sessionId || pending.xid !== xid) {
      if (alone !== undefined) this.#finish(alone);
      return;
    }
    this.#pending = undefined;
    if (entry !== undefined) pending.entry = entry;
    this.#finish(pending);
  }
}
