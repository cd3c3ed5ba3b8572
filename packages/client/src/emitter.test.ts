import { expect, test } from "vitest";
import { Emitter } from "./emitter.js";

type Events = { tick: readonly [count: number] };

test("a listener that throws or rejects stops nobody, and is reported", async () => {
  const failures: unknown[] = [];
  const heard: number[] = [];
  const emitter = new Emitter<Events>((error) => failures.push(error));
  emitter.on("tick", () => {
    throw new Error("now");
  });
  emitter.on("tick", async () => {
    throw new Error("later");
  });
  emitter.on("tick", (count) => heard.push(count));
  emitter.emit("tick", 7);
  await Promise.resolve();
  await Promise.resolve();
  expect(heard).toEqual([7]);
  expect(failures.map(String)).toEqual(["Error: now", "Error: later"]);
});

test("a removed listener hears nothing more, also when removed while it is being told", () => {
  const heard: string[] = [];
  const emitter = new Emitter<Events>(() => expect.unreachable());
  const first = (): void => {
    heard.push("first");
    emitter.off("tick", first);
  };
  emitter.on("tick", first);
  emitter.on("tick", () => heard.push("second"));
  emitter.emit("tick", 1);
  emitter.emit("tick", 2);
  expect(heard).toEqual(["first", "second", "second"]);
  expect(emitter.has("tick")).toBe(true);
});
