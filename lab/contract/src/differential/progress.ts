/** How far a check is, on a terminal as one line that changes, elsewhere as a line now and then. */
import type { Writable } from "node:stream";
import type { Progress } from "./check.js";

/** Where progress goes. */
export interface ProgressMeter {
  readonly show: (progress: Progress) => void;
  /** Takes the changing line away. */
  readonly clear: () => void;
  /** Since the meter was made. */
  readonly seconds: () => number;
}

const TERMINAL_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 15_000;

/** @param total operations that are to be run */
export function progressMeter(stream: Writable & { readonly isTTY?: boolean }, total: number): ProgressMeter {
  const startMs = performance.now();
  const isTerminal = stream.isTTY === true;
  let shownMs = startMs;
  let isDirty = false;
  const seconds = (): number => Math.round((performance.now() - startMs) / 100) / 10;
  return {
    seconds,
    clear: () => {
      if (isDirty) stream.write("\r\u001b[K");
      isDirty = false;
    },
    show: (progress) => {
      const nowMs = performance.now();
      if (nowMs - shownMs < (isTerminal ? TERMINAL_INTERVAL_MS : LINE_INTERVAL_MS)) return;
      shownMs = nowMs;
      const line = textOf(progress, total, seconds());
      stream.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
      isDirty = isTerminal;
    },
  };
}

function textOf(progress: Progress, total: number, seconds: number): string {
  if (progress.phase === "shrinking") {
    return `a difference: ${progress.length} operations left after ${progress.tries} tries`;
  }
  const rate = Math.round(progress.operations / Math.max(seconds, 0.1));
  return `${progress.operations} of ${total} operations, ${rate} a second, no difference`;
}
