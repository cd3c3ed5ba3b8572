/** One direction of a connection: bytes arrive in order, late, in pieces, not at all, or up to the byte where it is cut. */
import type { Chance } from "./chance.js";
import type { Planned, Timeline } from "./timeline.js";

/** How bytes travel. */
export interface Weather {
  /** Milliseconds that every piece takes at least. */
  readonly delayMs: number;
  /** Mean of what is added to it. */
  readonly jitterMs: number;
  /** How often a write is torn into pieces. */
  readonly tearing: number;
}

/** Whoever the bytes are for, and whoever wrote them. */
export interface DirectionEnds {
  received(bytes: Uint8Array): void;
  /** The end that was written behind the bytes. */
  ended(): void;
  /** The byte after which the connection was to be cut is through. */
  cut(): void;
  /** There is room again. */
  drained(): void;
}

interface Piece {
  bytes: Uint8Array;
  readonly planned: Planned;
}

/** See the head of this file. */
export class Direction {
  /** How many bytes may be on their way before the writer is asked to wait. */
  roomBytes: number = Number.POSITIVE_INFINITY;
  weather: Weather;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #ends: DirectionEnds;
  #pieces: Piece[] = [];
  #stuck: Uint8Array[] = [];
  #waitingBytes = 0;
  #lastAtMs = 0;
  #leftBytes = Number.POSITIVE_INFINITY;
  #isSwallowing = false;
  #isHeld = false;
  #isFull = false;
  #isEnding = false;
  #isOver = false;

  constructor(timeline: Timeline, chance: Chance, weather: Weather, ends: DirectionEnds) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.weather = weather;
    this.#ends = ends;
  }

  /** Bytes that were written and have not arrived. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** @returns false when the writer should wait for `drained` */
  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#isEnding || bytes.length === 0) return true;
    this.#waitingBytes += bytes.length;
    if (!this.#isSwallowing) this.#send(bytes);
    this.#isFull ||= this.#waitingBytes > this.roomBytes;
    return !this.#isFull;
  }

  /** Tells the end behind everything that was written. */
  end(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.#isSwallowing) return;
    this.#timeline.at(this.#arrivalMs(), () => this.#end());
  }

  /** Nothing arrives any more, and nothing is told. */
  stop(): void {
    this.#isOver = true;
    for (const { planned } of this.#pieces) planned.run = undefined;
    this.#pieces = [];
    this.#stuck = [];
    this.#waitingBytes = 0;
  }

  /** From now on bytes vanish, those on their way included; they fill the writer's buffers all the same. */
  swallow(): void {
    this.#isSwallowing = true;
    for (const { planned } of this.#pieces) planned.run = undefined;
    this.#pieces = [];
  }

  /** Cuts the connection in place of the byte behind the next `bytes`. */
  cutAfter(bytes: number): void {
    this.#leftBytes = Math.min(this.#leftBytes, bytes);
  }

  /** No cut is planned any more. */
  spare(): void {
    this.#leftBytes = Number.POSITIVE_INFINITY;
  }

  /** The receiver stops reading, or goes on. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) return;
    for (const bytes of this.#stuck.splice(0)) this.#arrived(bytes);
    if (this.#isEnding && this.#pieces.length === 0) this.#end();
  }

  #send(bytes: Uint8Array): void {
    const { tearing } = this.weather;
    for (let from = 0; from < bytes.length; ) {
      const isTorn = tearing > 0 && this.#chance.is(tearing);
      const to = isTorn ? from + 1 + this.#chance.below(bytes.length - from) : bytes.length;
      this.#sendPiece(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
      from = to;
    }
  }

  #sendPiece(bytes: Uint8Array): void {
    const last = this.#pieces.at(-1);
    // What is sent soon after travels together, mostly.
    if (last !== undefined && this.#chance.is(0.5)) {
      const joined = new Uint8Array(last.bytes.length + bytes.length);
      joined.set(last.bytes);
      joined.set(bytes, last.bytes.length);
      last.bytes = joined;
      return;
    }
    const planned = this.#timeline.at(this.#arrivalMs(), () => {
      const piece = this.#pieces.shift();
      if (piece !== undefined) this.#arrived(piece.bytes);
    });
    this.#pieces.push({ bytes, planned });
  }

  #arrivalMs(): number {
    const { delayMs, jitterMs } = this.weather;
    const atMs = this.#timeline.nowMs + delayMs + (jitterMs > 0 ? this.#chance.wait(jitterMs) : 0);
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    return this.#lastAtMs;
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#isHeld) {
      this.#stuck.push(bytes);
      return;
    }
    const isCut = bytes.length > this.#leftBytes;
    const whole = isCut ? bytes.subarray(0, this.#leftBytes) : bytes;
    this.#leftBytes -= whole.length;
    this.#waitingBytes -= whole.length;
    // A copy: whoever receives them may keep them, whoever wrote them may write there again.
    if (whole.length > 0) this.#ends.received(whole.slice());
    if (isCut) return this.#ends.cut();
    if (!this.#isFull || this.#isOver || this.#waitingBytes > this.roomBytes / 2) return;
    this.#isFull = false;
    this.#ends.drained();
  }

  #end(): void {
    if (this.#isOver || this.#isHeld || this.#isSwallowing) return;
    this.stop();
    this.#ends.ended();
  }
}
