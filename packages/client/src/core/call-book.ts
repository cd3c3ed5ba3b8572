/** The calls under way: those that wait for a connection, and those that wait for their replies; both bounded. */
import type { Call } from "./call.js";
import { Fifo } from "./fifo.js";
import type { Limits } from "./options.js";

/** What a lost connection does to the calls that were on it. */
export interface LossSorting {
  /** To be told that their answer is lost. */
  readonly lost: Call[];
  /** Sent again on the next connection. */
  readonly resent: Call[];
}

/** See the head of this file. */
export class CallBook {
  readonly #limits: Limits;
  readonly #queued = new Fifo<Call>();
  readonly #inFlight = new Fifo<Call>();
  #bytes = 0;
  /** Place in the in-flight order up to which the bytes were handed to the transport. */
  #handedOver = 0;
  /** The heaviest call that was refused for its bytes since there was room; 0 when none was. */
  #refusedWeight = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get queuedSize(): number {
    return this.#queued.size;
  }

  get inFlightSize(): number {
    return this.#inFlight.size;
  }

  /** Estimated bytes of all calls under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether it makes sense to call again: nothing waits for a place on the connection, and the heaviest call that was
   * refused would be let in. Requests that are out for an answer still count by their bytes.
   */
  get hasRoom(): boolean {
    if (this.#queued.size > 0) return false;
    if (this.#refusedWeight === 0 || this.#bytes === 0) return true;
    return this.#bytes + this.#refusedWeight <= this.#limits.queuedBytesMax;
  }

  /** Room was told of: what was refused before does not count any more. */
  forgetRefusals(): void {
    this.#refusedWeight = 0;
  }

  /** Why a call cannot be taken in, or undefined when it can. */
  refuses(call: Call): string | undefined {
    if (this.#queued.size >= this.#limits.queuedCallsMax) {
      return `${this.#queued.size} calls wait already (queuedCallsMax); await drained() before sending more`;
    }
    // A lone call is always let in: the frame limit is what judges its size.
    if (this.#bytes > 0 && this.#bytes + call.weight > this.#limits.queuedBytesMax) {
      this.#refusedWeight = Math.max(this.#refusedWeight, call.weight);
      return `${this.#bytes} bytes are under way already (queuedBytesMax); await drained() before sending more`;
    }
    return undefined;
  }

  enqueue(call: Call): void {
    call.phase = "queued";
    this.#bytes += call.weight;
    this.#queued.push(call);
  }

  /** The next call to send, if the limit on outstanding requests allows one. It leaves the queue. */
  next(): Call | undefined {
    return this.#inFlight.size < this.#limits.outstandingMax ? this.#queued.shift() : undefined;
  }

  sent(call: Call, xid: number, nowMs: number): void {
    call.phase = "sent";
    call.xid = xid;
    call.sentAtMs = nowMs;
    call.sends += 1;
    this.#inFlight.push(call);
  }

  /** Notes that all that was sent so far went to the transport: from now on its fate is unknown without a reply. */
  handedOver(): void {
    this.#handedOver = this.#inFlight.end;
  }

  oldestInFlight(): Call | undefined {
    return this.#inFlight.peek();
  }

  /**
   * Takes out the call that a reply belongs to. Nearly always the oldest; some replies may overtake. A request that was
   * not handed over yet cannot have an answer, whatever a server sends.
   */
  answered(xid: number): Call | undefined {
    const inFlight = this.#inFlight;
    const handedOver = this.#handedOverNow();
    let call: Call | undefined;
    if (handedOver > 0) {
      call =
        inFlight.peek()?.xid === xid
          ? inFlight.shift()
          : inFlight.takeWhere((sent) => sent.xid === xid, handedOver);
    }
    if (call !== undefined) this.#bytes -= call.weight;
    return call;
  }

  /** How many of the calls in flight, counted from the oldest, were handed to the transport. */
  #handedOverNow(): number {
    return this.#handedOver - (this.#inFlight.end - this.#inFlight.size);
  }

  /** Whether the call waits, or is in flight. Slow. */
  holds(call: Call): boolean {
    return this.#queued.toArray().includes(call) || this.#inFlight.toArray().includes(call);
  }

  /** Forgets a call that never went out. A sent one keeps its place: its reply is still to come. */
  withdraw(call: Call): void {
    if (call.phase === "queued" && this.#queued.takeWhere((queued) => queued === call) !== undefined) {
      this.#bytes -= call.weight;
    }
  }

  /** Releases the weight of a call that left through {@link next} and was not sent after all. */
  dropped(call: Call): void {
    this.#bytes -= call.weight;
  }

  /**
   * Sorts the in-flight calls after a loss. Those that never left this process, and those that may be sent again, go
   * back to the head of the queue in their order.
   */
  connectionLost(mayResend: boolean): LossSorting {
    const firstUnsent = this.#handedOverNow();
    const lost: Call[] = [];
    const resent: Call[] = [];
    const again: Call[] = [];
    for (const [index, call] of this.#inFlight.drain().entries()) {
      if (call.phase === "settled") {
        this.#bytes -= call.weight;
      } else if (index >= firstUnsent) {
        call.sends -= 1;
        call.phase = "queued";
        again.push(call);
      } else if (mayResend && call.mayResend(this.#limits.resendsMax)) {
        call.resends += 1;
        call.phase = "queued";
        resent.push(call);
        again.push(call);
      } else {
        this.#bytes -= call.weight;
        lost.push(call);
      }
    }
    this.#handedOver = this.#inFlight.end;
    this.#queued.unshiftAll(again);
    return { lost, resent };
  }

  /** Takes out everything that waits in the queue. */
  drainQueued(): Call[] {
    const calls = this.#queued.drain();
    for (const call of calls) this.#bytes -= call.weight;
    return calls;
  }

  /**
   * The unsettled calls whose deadline has passed, and the earliest deadline of the others. Those that were queued leave
   * the queue; those in flight keep their places, as their replies are still to come.
   */
  sweep(nowMs: number): { readonly due: Call[]; readonly nextMs: number } {
    const due: Call[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    const isDue = (call: Call): boolean => {
      if (call.deadlineMs <= nowMs) return true;
      if (call.deadlineMs < nextMs) nextMs = call.deadlineMs;
      return false;
    };
    for (const call of this.#inFlight.toArray()) {
      if (call.phase !== "settled" && isDue(call)) due.push(call);
    }
    for (const call of this.#queued.takeAll(isDue)) {
      this.#bytes -= call.weight;
      due.push(call);
    }
    return { due, nextMs };
  }
}
