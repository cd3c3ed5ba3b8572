import { expect, it } from "vitest";
import type { Host } from "./host.js";
import { LogWriter } from "./log-writer.js";

/** A server whose disk takes so long, and whose timers the test lets go. */
function server(diskMs: () => number): { readonly host: Host; readonly timers: (() => void)[] } {
  const timers: (() => void)[] = [];
  const world = { nowMs: 0, settings: { diskMs: [0, 0] }, draw: diskMs };
  const later = (_delayMs: number, task: () => void): unknown => timers.push(task);
  return { host: { world, later } as unknown as Host, timers };
}

it("what a disk takes no time for is written at once", () => {
  const { host, timers } = server(() => 0);
  const written: number[] = [];
  const log = new LogWriter(host);
  for (const number of [1, 2]) log.write(() => written.push(number));
  expect(written).toEqual([1, 2]);
  expect(timers).toEqual([]);
});

it("the order is kept whichever timer comes first (seed 931568: 3.6358374695805518 and 3.635837469580552 ms)", () => {
  const { host, timers } = server(() => 2);
  const written: number[] = [];
  const log = new LogWriter(host);
  for (const number of [1, 2, 3]) log.write(() => written.push(number));
  for (const timer of timers.toReversed()) timer();
  expect(written).toEqual([1, 2, 3]);
});

it("nothing overtakes what is on its way, however fast", () => {
  let diskMs = 2;
  const { host, timers } = server(() => diskMs);
  const written: number[] = [];
  const log = new LogWriter(host);
  log.write(() => written.push(1));
  diskMs = 0;
  // Its time has come, and the server stands still: the timer waits.
  (host.world as { nowMs: number }).nowMs = 5;
  log.write(() => written.push(2));
  expect(written).toEqual([]);
  for (const timer of timers) timer();
  expect(written).toEqual([1, 2]);
});
