/** One direction of a connection in memory, with a tap for every kind of trouble. */
import { systemClock } from "../io/system-ports.js";

/** Whoever the bytes are for. */
export interface PipeEnd {
  received(bytes: Uint8Array): void;
  /** The end that was written after the bytes. */
  ended(): void;
  /** Enough was delivered that the writer may go on. */
  drained(): void;
  /** The byte after which the wire was to be cut is through. */
  cut(): void;
}

/**
 * Bytes on their way. They arrive in order, as soon as the running code is done, unless they are held.
 *
 * A test holds, releases, slices, swallows and cuts; see the methods.
 */
export class MemoryPipe {
  /** The most bytes that arrive in one piece. Default: no bound. 1 is the cruellest. */
  chunkBytesMax: number = Number.POSITIVE_INFINITY;
  /** Undelivered bytes above which the writer is asked to wait. Default 1 MiB. */
  roomBytes: number = 1024 * 1024;

  readonly #end: PipeEnd;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #deliveredBytes = 0;
  #isHeld = false;
  #allowance = Number.POSITIVE_INFINITY;
  #cutAtBytes = Number.POSITIVE_INFINITY;
  #isSwallowed = false;
  #isEnding = false;
  #isOver = false;
  #isFull = false;
  #isScheduled = false;

  constructor(end: PipeEnd) {
    this.#end = end;
  }

  /** Bytes that arrived so far. */
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** Bytes that are on their way. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Keeps everything on its way until {@link release}. */
  hold(): void {
    this.#isHeld = true;
    this.#allowance = 0;
  }

  /** Lets bytes arrive: so many of what is held, or by default everything from now on. */
  release(bytes: number = Number.POSITIVE_INFINITY): void {
    this.#allowance = this.#isHeld ? this.#allowance + bytes : bytes;
    if (bytes === Number.POSITIVE_INFINITY) this.#isHeld = false;
    this.#schedule();
  }

  /** Cuts the connection as soon as so many more bytes have arrived; 0 cuts it in place of the next byte. */
  cutAfter(bytes: number): void {
    this.#cutAtBytes = this.#deliveredBytes + bytes;
    this.#schedule();
  }

  /** From now on bytes vanish and no end is told: the connection is half open. */
  swallow(): void {
    this.#isSwallowed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** @returns false when the writer should wait for {@link PipeEnd.drained} */
  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#isEnding || bytes.length === 0) return true;
    // What vanishes on the way still fills the sender's buffers, but that is not what swallow() is for.
    if (this.#isSwallowed) return true;
    // A copy: whoever wrote them may use the memory again.
    this.#waiting.push(bytes.slice());
    this.#waitingBytes += bytes.length;
    this.#schedule();
    this.#isFull = this.#waitingBytes > this.roomBytes;
    return !this.#isFull;
  }

  /** Tells the end after everything that was written. */
  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  /** Nothing arrives any more. */
  stop(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isOver) return;
    this.#isScheduled = true;
    systemClock.afterContinuations(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.#isOver; first = this.#waiting[0]) {
      const untilCut = this.#cutAtBytes - this.#deliveredBytes;
      if (untilCut <= 0) return this.#end.cut();
      const count = Math.min(first.length, this.chunkBytesMax, this.#allowance, untilCut);
      if (count <= 0) return;
      if (count === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(count);
      this.#waitingBytes -= count;
      this.#deliveredBytes += count;
      this.#allowance -= count;
      this.#end.received(first.slice(0, count));
      if (count === untilCut) return this.#end.cut();
    }
    if (this.#isOver) return;
    if (this.#isFull) {
      this.#isFull = false;
      this.#end.drained();
    }
    if (this.#isEnding && !this.#isSwallowed && !this.#isHeld) {
      this.stop();
      this.#end.ended();
    }
  }
}
