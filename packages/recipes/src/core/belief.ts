/**
 * For how long a session can be believed alive without asking: until its servers may have ended it, as seen from here.
 *
 * The time of the last answer is not enough. A server that is cut off from the quorum answers as well, and its answers say
 * nothing of the session: the deadline stands still from the moment such a server takes us in until the quorum serves us again.
 */
import type { Client } from "@zk/client";
import { telemetryOf } from "./telemetry.js";

/** See the head of this file. */
export class Belief {
  readonly #client: Client;
  readonly #due: () => void;
  #untilMs: number;
  #isMisled = false;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer = (): void => {};

  /** @param due called when it is time to judge again */
  constructor(client: Client, due: () => void) {
    this.#client = client;
    this.#due = due;
    this.#untilMs = client.clock.nowMs() + client.trustedForMs.weakMs;
  }

  /**
   * Judges by the clock, and sees to it that it is asked again in time.
   *
   * @returns `alive`; `doubtful` when a server serves us and has not answered for so long: its answer may lie in our own socket;
   *   `over` when nobody serves us, or when the whole session timeout has passed.
   */
  judge(): "alive" | "doubtful" | "over" {
    const { state, clock, sessionTimeoutMs, trustedForMs } = this.#client;
    if (state === "connected") this.#isMisled = false;
    if (state === "readonly") this.#isMisled = true;
    const nowMs = clock.nowMs();
    if (!this.#isMisled) this.#untilMs = nowMs + trustedForMs.weakMs;
    const leftMs = this.#untilMs - nowMs;
    if (leftMs > 0) {
      this.#wakeAt(this.#untilMs);
      return "alive";
    }
    const { metrics } = telemetryOf(this.#client);
    if (Number.isFinite(leftMs)) metrics.latenessMaxMs = Math.max(metrics.latenessMaxMs, -leftMs);
    const marginMs = state === "connected" ? Math.floor(sessionTimeoutMs / 3) : 0;
    if (leftMs + marginMs <= 0) return "over";
    this.#wakeAt(this.#untilMs + marginMs);
    return "doubtful";
  }

  /** It need not be judged any more. */
  end(): void {
    this.#cancelTimer();
  }

  /** One timer. One that stands for an earlier time does no harm. */
  #wakeAt(atMs: number): void {
    if (this.#timerAtMs <= atMs) return;
    this.#cancelTimer();
    const { clock } = this.#client;
    this.#timerAtMs = atMs;
    this.#cancelTimer = clock.setTimer(atMs - clock.nowMs(), () => {
      const { metrics } = telemetryOf(this.#client);
      metrics.timerLatenessMs = Math.max(0, clock.nowMs() - this.#timerAtMs);
      metrics.timerLatenessMaxMs = Math.max(metrics.timerLatenessMaxMs, metrics.timerLatenessMs);
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#due();
    });
  }
}
