import { expect, test } from "vitest";
import { Chance } from "./chance.js";
import { Direction, type Weather } from "./direction.js";
import { Timeline } from "./timeline.js";

const RAIN: Weather = { delayMs: 2, jitterMs: 5, tearing: 0.7 };

function wire(weather: Weather = RAIN) {
  const timeline = new Timeline();
  const got: number[] = [];
  const told: string[] = [];
  const direction = new Direction(timeline, new Chance(3), weather, {
    received: (bytes) => got.push(...bytes),
    ended: () => told.push("ended"),
    cut: () => {
      told.push("cut");
      direction.stop();
    },
    drained: () => told.push("drained"),
  });
  return { timeline, direction, got, told };
}

const numbers = (from: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, index) => from + index);

test("bytes arrive in order, torn and late, and the end behind them", async () => {
  const { timeline, direction, got, told } = wire();
  for (let from = 0; from < 200; from += 20) direction.write(numbers(from, 20));
  direction.end();
  expect(direction.waitingBytes).toBe(200);
  await timeline.run(1000);
  expect(got).toEqual([...numbers(0, 200)]);
  expect(told).toEqual(["ended"]);
});

test.each([0, 1, 19, 20, 21, 59])("is cut behind exactly %i bytes", async (bytes) => {
  const { timeline, direction, got, told } = wire();
  direction.cutAfter(bytes);
  for (let from = 0; from < 60; from += 20) direction.write(numbers(from, 20));
  await timeline.run(1000);
  expect(got).toEqual([...numbers(0, bytes)]);
  expect(told).toEqual(["cut"]);
});

test("what is swallowed never arrives, tells no end, and fills the writer's buffers", async () => {
  const { timeline, direction, got, told } = wire();
  direction.roomBytes = 30;
  direction.write(numbers(0, 20));
  direction.swallow();
  expect(direction.write(numbers(20, 20))).toBe(false);
  direction.end();
  await timeline.run(1000);
  expect(got).toEqual([]);
  expect(told).toEqual([]);
  expect(direction.waitingBytes).toBe(40);
});

test("a writer that was asked to wait hears of room, once", async () => {
  const { timeline, direction, told } = wire({ delayMs: 1, jitterMs: 0, tearing: 0 });
  direction.roomBytes = 30;
  expect(direction.write(numbers(0, 30))).toBe(true);
  expect(direction.write(numbers(30, 1))).toBe(false);
  await timeline.run(10);
  expect(told).toEqual(["drained"]);
});

test("a receiver that does not read gets everything later", async () => {
  const { timeline, direction, got, told } = wire();
  direction.hold(true);
  direction.write(numbers(0, 50));
  direction.end();
  await timeline.run(1000);
  expect(got).toEqual([]);
  direction.hold(false);
  expect(got).toEqual([...numbers(0, 50)]);
  expect(told).toEqual(["ended"]);
});
