/**
 * The process in which one client runs: its clock, its event loop, and the times in which that loop stands still.
 *
 * A stalled loop runs nothing while the world goes on. Afterwards it does what Node does: timers that are due first, then
 * what lies in its sockets; or, so that nobody relies on it, the other way round.
 */
import type { Clock } from "@zk/client";
import type { Chance } from "./chance.js";
import type { Planned, Timeline } from "./timeline.js";

/** What a turn of the program is about. */
export type TurnKind = "timer" | "io" | "user";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
  planned: Planned;
}

/** See the head of this file. */
export class Program {
  readonly name: string;
  readonly clock: Clock;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #timers = new Set<Timer>();
  #aheadMs = 0;
  #stalledUntilMs = Number.NEGATIVE_INFINITY;
  #stalledAtMs = 0;
  #backlog: { readonly kind: TurnKind; readonly run: () => void }[] = [];
  #readsDue = 0;
  #isDead = false;
  /** Runs behind every turn of this program. */
  touched: () => void = () => {};
  /** When, by its own clock, it last began to run again after standing still, or its clock last jumped. */
  disturbedAtMs: number = Number.NEGATIVE_INFINITY;
  /** Hears how long it stood still, by its own clock, before anything else runs. */
  awoke: (afterMs: number) => void = () => {};

  constructor(name: string, timeline: Timeline, chance: Chance) {
    this.name = name;
    this.#timeline = timeline;
    this.#chance = chance;
    this.clock = {
      nowMs: () => this.nowMs,
      setTimer: (delayMs, callback) => this.#setTimer(delayMs, callback),
      afterContinuations: (callback) =>
        timeline.soon(() => {
          timeline.isTouched = true;
          this.touched();
          callback();
        }),
      afterReads: (callback) => {
        this.#readsDue += 1;
        timeline.at(timeline.nowMs, () =>
          this.post("io", () => {
            this.#readsDue -= 1;
            callback();
          }),
        );
      },
    };
  }

  /** Its monotonic time. */
  get nowMs(): number {
    return this.#timeline.nowMs + this.#aheadMs;
  }

  /** Timers that are set and callbacks that are due: what keeps it from ending. */
  get pending(): number {
    return this.#timers.size + this.#readsDue;
  }

  get isStalled(): boolean {
    return this.#timeline.nowMs < this.#stalledUntilMs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process is killed: nothing of it ever runs again, and nobody is told. */
  die(): void {
    this.#isDead = true;
    this.#backlog = [];
    for (const { planned } of this.#timers) planned.run = undefined;
    this.#timers.clear();
  }

  /** Something happens to it now, or as soon as it runs again. */
  post(kind: TurnKind, run: () => void): void {
    if (this.#isDead) return;
    if (this.isStalled) {
      this.#backlog.push({ kind, run });
      return;
    }
    this.#timeline.isTouched = true;
    this.touched();
    run();
  }

  /** It stands still for so long. */
  stall(forMs: number): void {
    const untilMs = this.#timeline.nowMs + forMs;
    if (untilMs <= this.#stalledUntilMs) return;
    if (!this.isStalled) this.#stalledAtMs = this.#timeline.nowMs;
    this.#stalledUntilMs = untilMs;
    this.#timeline.at(untilMs, () => this.#goOn());
  }

  /** Its clock jumps forward: a sleep of the machine that everybody else slept through as well. */
  jump(byMs: number): void {
    this.#aheadMs += byMs;
    this.disturbedAtMs = this.nowMs;
    if (!this.isStalled) this.awoke(byMs);
    for (const timer of [...this.#timers].sort((one, other) => one.dueMs - other.dueMs)) {
      timer.planned.run = undefined;
      timer.planned = this.#plan(timer);
    }
  }

  #goOn(): void {
    if (this.isStalled || this.#isDead) return;
    this.disturbedAtMs = this.nowMs;
    this.awoke(this.#timeline.nowMs - this.#stalledAtMs);
    const backlog = this.#backlog;
    this.#backlog = [];
    const order: readonly TurnKind[] = this.#chance.is(0.7)
      ? ["timer", "user", "io"]
      : ["user", "io", "timer"];
    for (const wanted of order) {
      for (const { kind, run } of backlog) {
        if (kind === wanted) this.#timeline.at(this.#timeline.nowMs, () => this.post(kind, run));
      }
    }
  }

  #setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.nowMs + Math.ceil(Math.max(0, delayMs)), callback } as Timer;
    timer.planned = this.#plan(timer);
    this.#timers.add(timer);
    return () => {
      timer.planned.run = undefined;
      this.#timers.delete(timer);
    };
  }

  #plan(timer: Timer): Planned {
    return this.#timeline.at(timer.dueMs - this.#aheadMs, () =>
      this.post("timer", () => {
        // Cancelled while it lay in the backlog.
        if (!this.#timers.delete(timer)) return;
        timer.callback();
      }),
    );
  }
}
