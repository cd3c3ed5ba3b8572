import { describe, expect, it } from "vitest";
import { ManualClock, settle } from "./manual-clock.js";

describe("ManualClock", () => {
  it("fires timers in the order of their times, those of one moment in the order of their setting", async () => {
    const clock = new ManualClock(100);
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push(`b at ${clock.nowMs()}`));
    clock.setTimer(10, () => fired.push(`a at ${clock.nowMs()}`));
    clock.setTimer(20, () => fired.push(`c at ${clock.nowMs()}`));
    clock.setTimer(21, () => fired.push("never"));
    await clock.advance(20);
    expect(fired).toEqual(["a at 110", "b at 120", "c at 120"]);
    expect(clock.nowMs()).toBe(120);
    expect(clock.timersAtMs).toEqual([121]);
  });

  it("fires timers that timers set on the way, and cancels", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.nowMs());
      clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    const cancel = clock.setTimer(15, () => fired.push(-1));
    clock.setTimer(12, () => cancel());
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
    cancel();
  });

  it("lets promise continuations run between two timers", async () => {
    const clock = new ManualClock(0);
    const order: string[] = [];
    clock.setTimer(1, () => {
      order.push("one");
      void Promise.resolve()
        .then(() => {})
        .then(() => order.push("after one"));
    });
    clock.setTimer(2, () => order.push("two"));
    await clock.advance(5);
    expect(order).toEqual(["one", "after one", "two"]);
  });

  it("calls back after continuations, and after reads later still", async () => {
    const clock = new ManualClock();
    const order: string[] = [];
    clock.afterReads(() => order.push("reads"));
    clock.afterContinuations(() => order.push("continuations"));
    void Promise.resolve().then(() => order.push("promise"));
    await clock.settle();
    expect(order).toEqual(["promise", "continuations", "reads"]);
  });

  it("can stand still while time passes, and then fires what is overdue", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    clock.setTimer(10, () => fired.push(clock.nowMs()));
    clock.stall(1000);
    await settle();
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual([1000]);
  });
});
