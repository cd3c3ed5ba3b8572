/**
 * Keeps requests in their order behind a transaction that is not committed yet. One that waits holds up all behind it,
 * whosever they are.
 *
 * Source: ZooKeeper 3.4.6, CommitProcessor.java, run
 */
import type { Entry, Request } from "./request.js";

/** See the head of this file. */
export class CommitQueue {
  readonly #finish: (request: Request) => void;
  readonly #waits: (request: Request) => boolean;
  #queued: Request[] = [];
  #pending: Request | undefined;

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
    const pending = this.#pending;
    if (pending !== undefined && pending.sessionId === sessionId && pending.xid === cxid) {
      this.#pending = undefined;
      pending.entry = entry;
      this.#finish(pending);
      this.#run();
    } else {
      this.#finish(alone);
    }
  }

  /** What was waited for is no transaction, and is done. */
  release(sessionId: bigint, xid: number): void {
    const pending = this.#pending;
    if (pending === undefined || pending.sessionId !== sessionId || pending.xid !== xid) return;
    this.#pending = undefined;
    this.#finish(pending);
    this.#run();
  }

  #run(): void {
    while (this.#pending === undefined) {
      const next = this.#queued.shift();
      if (next === undefined) return;
      if (this.#waits(next)) this.#pending = next;
      else this.#finish(next);
    }
  }
}
