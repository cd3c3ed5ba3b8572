/**
 * Writes transactions to disk one after another, in the order in which they are handed in, whatever each takes: also when the
 * server stood still meanwhile, and what was on its way to the disk is only just about to be done.
 */
import type { Host } from "./host.js";

/** See the head of this file. One for each duty. */
export class LogWriter {
  readonly #server: Host;
  /** What is on its way. Each timer ends the first of them: sums of times are rounded, and two timers can change places. */
  readonly #writing: (() => void)[] = [];
  #lastMs = 0;

  constructor(server: Host) {
    this.#server = server;
  }

  /** @param written is called when the transaction is on disk: now, where a disk takes no time and nothing is before it */
  write(written: () => void): void {
    const { world } = this.#server;
    const atMs = Math.max(world.nowMs + world.draw(world.settings.diskMs), this.#lastMs);
    this.#lastMs = atMs;
    if (atMs <= world.nowMs && this.#writing.length === 0) return written();
    this.#writing.push(written);
    this.#server.later(atMs - world.nowMs, () => this.#writing.shift()?.());
  }
}
