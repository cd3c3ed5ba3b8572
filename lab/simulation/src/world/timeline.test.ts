import { expect, test } from "vitest";
import { Chance } from "./chance.js";
import { Program } from "./program.js";
import { Timeline } from "./timeline.js";

const program = (timeline: Timeline): Program => new Program("p", timeline, new Chance(1));

test("events happen in the order of their times, those of one moment as they were planned", async () => {
  const timeline = new Timeline();
  const seen: string[] = [];
  for (const [atMs, name] of [
    [5, "c"],
    [1, "a"],
    [5, "d"],
    [2, "b"],
  ] as const) {
    timeline.at(atMs, () => seen.push(`${name}${timeline.nowMs}`));
  }
  const called = timeline.at(3, () => seen.push("never"));
  called.run = undefined;
  expect(await timeline.run(10)).toBe(false);
  expect(seen).toEqual(["a1", "b2", "c5", "d5"]);
  expect(timeline.nowMs).toBe(10);
});

test("all continuations of a turn run before the next, and what comes after continuations before that", async () => {
  const timeline = new Timeline();
  const one = program(timeline);
  const seen: string[] = [];
  const chain = async (): Promise<void> => {
    for (let hop = 0; hop < 20; hop += 1) await Promise.resolve();
    seen.push("continued");
  };
  timeline.at(1, () =>
    one.post("user", () => {
      one.clock.afterContinuations(() => seen.push("after"));
      void chain();
    }),
  );
  timeline.at(1, () => one.post("user", () => seen.push("next")));
  await timeline.run(2);
  expect(seen).toEqual(["continued", "after", "next"]);
});

test("a program that stands still runs nothing, then everything that was due", async () => {
  const timeline = new Timeline();
  const one = program(timeline);
  const seen: string[] = [];
  let awokeAfterMs = 0;
  one.awoke = (afterMs) => {
    awokeAfterMs = afterMs;
  };
  one.clock.setTimer(10, () => seen.push(`timer ${timeline.nowMs}`));
  const cancel = one.clock.setTimer(20, () => seen.push("cancelled"));
  timeline.at(15, () => one.post("io", () => seen.push(`io ${timeline.nowMs}`)));
  timeline.at(5, () => one.stall(100));
  timeline.at(50, () => one.stall(10));
  timeline.at(104, cancel);
  await timeline.run(104);
  expect(seen).toEqual([]);
  expect(one.isStalled).toBe(true);
  await timeline.run(200);
  expect(seen.sort()).toEqual(["io 105", "timer 105"]);
  expect(awokeAfterMs).toBe(100);
  expect(one.pending).toBe(0);
});

test("a clock that jumps makes timers due, and never goes back", async () => {
  const timeline = new Timeline();
  const one = program(timeline);
  const seen: number[] = [];
  one.clock.setTimer(1000, () => seen.push(timeline.nowMs));
  one.clock.setTimer(5000, () => seen.push(timeline.nowMs));
  timeline.at(10, () => one.jump(2000));
  await timeline.run(9000);
  expect(seen).toEqual([10, 3000]);
  expect(one.clock.nowMs()).toBe(11_000);
});
