import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MachineHarness } from "../testing/machine-harness.js";
import type { Call } from "./call.js";
import { CallBook } from "./call-book.js";
import { DEFAULT_LIMITS } from "./options.js";

const harness = new MachineHarness();
const call = (
  name: "getData" | "setData" = "getData",
  more: Parameters<MachineHarness["newCall"]>[2] = {},
): Call => harness.newCall(name, "/a", more).target;

function sent(book: CallBook, xid: number, each: Call = call()): Call {
  book.enqueue(each);
  book.next();
  book.sent(each, xid, 0);
  return each;
}

describe("CallBook", () => {
  it("takes calls in up to its bounds", () => {
    const book = new CallBook({ ...DEFAULT_LIMITS, queuedCallsMax: 2, queuedBytesMax: 100 });
    expect(book.refuses(call("getData", { weight: 1000 }))).toBeUndefined();
    book.enqueue(call("getData", { weight: 60 }));
    expect(book.refuses(call("getData", { weight: 40 }))).toBeUndefined();
    expect(book.refuses(call("getData", { weight: 41 }))).toContain("queuedBytesMax");
    book.enqueue(call("getData", { weight: 1 }));
    expect(book.refuses(call("getData", { weight: 1 }))).toContain("queuedCallsMax");
  });

  it("gives calls to send in order, as long as there is room among the outstanding", () => {
    const book = new CallBook({ ...DEFAULT_LIMITS, outstandingMax: 1 });
    const first = call();
    const second = call();
    book.enqueue(first);
    book.enqueue(second);
    expect(book.next()).toBe(first);
    book.sent(first, 1, 0);
    expect(book.next()).toBeUndefined();
    book.handedOver();
    expect(book.answered(1)).toBe(first);
    expect(book.next()).toBe(second);
  });

  it("knows only what was handed over", () => {
    const book = new CallBook(DEFAULT_LIMITS);
    const first = sent(book, 1);
    const second = sent(book, 2);
    expect(book.answered(1)).toBeUndefined();
    book.handedOver();
    const third = sent(book, 3);
    expect(book.answered(3)).toBeUndefined();
    expect(book.answered(2)).toBe(second);
    expect(book.answered(3)).toBeUndefined();
    expect(book.answered(1)).toBe(first);
    expect(book.answered(3)).toBeUndefined();
    book.handedOver();
    expect(book.answered(3)).toBe(third);
    expect(book.bytes).toBe(0);
  });

  it("sorts a loss: settled ones go, unsent and safe ones go back in front, the others are lost", () => {
    const book = new CallBook({ ...DEFAULT_LIMITS, resendsMax: 1 });
    const settled = sent(book, 1);
    settled.phase = "settled";
    const read = sent(book, 2);
    const write = sent(book, 3, call("setData"));
    const stubborn = sent(book, 4, call("setData", { retry: "always" }));
    const worn = sent(book, 5);
    worn.resends = 1;
    book.handedOver();
    const unsent = sent(book, 6, call("setData", { retry: "none" }));
    const queued = call();
    book.enqueue(queued);
    const { lost, resent } = book.connectionLost(true);
    expect(lost).toEqual([write, worn]);
    expect(resent).toEqual([read, stubborn]);
    expect([unsent.sends, read.sends, read.resends]).toEqual([0, 1, 1]);
    expect([book.next(), book.next(), book.next(), book.next()]).toEqual([read, stubborn, unsent, queued]);
  });

  it("sends nothing again when it must not", () => {
    const book = new CallBook(DEFAULT_LIMITS);
    const read = sent(book, 1);
    book.handedOver();
    expect(book.connectionLost(false)).toEqual({ lost: [read], resent: [] });
    expect(book.bytes).toBe(0);
  });

  it("finds what is due, and takes it out of the queue only", () => {
    const book = new CallBook(DEFAULT_LIMITS);
    const now = harness.nowMs;
    const inFlight = sent(book, 1, call("getData", { timeoutMs: 10 }));
    const done = sent(book, 2, call("getData", { timeoutMs: 1 }));
    done.phase = "settled";
    const early = call("getData", { timeoutMs: 5 });
    const late = call("getData", { timeoutMs: 30 });
    book.enqueue(early);
    book.enqueue(late);
    for (const admitted of [inFlight, done, early, late]) admitted.deadlineMs = now + admitted.timeoutMs;
    expect(book.sweep(now)).toEqual({ due: [], nextMs: now + 5 });
    expect(book.sweep(now + 10)).toEqual({ due: [inFlight, early], nextMs: now + 30 });
    expect([book.inFlightSize, book.queuedSize]).toEqual([2, 1]);
    expect([book.holds(inFlight), book.holds(early), book.holds(late)]).toEqual([true, false, true]);
  });

  it("weighs nothing when it is empty, whatever was done", () => {
    const step = fc.constantFrom("enqueue", "send", "hand", "answer", "lose", "withdraw", "sweep", "drop");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const book = new CallBook({ ...DEFAULT_LIMITS, outstandingMax: 8 });
        let xid = 0;
        const known: Call[] = [];
        for (const each of steps) {
          if (each === "enqueue") {
            const one = call(known.length % 2 === 0 ? "getData" : "setData", { weight: known.length + 1 });
            known.push(one);
            book.enqueue(one);
          } else if (each === "send" || each === "drop") {
            const one = book.next();
            if (one !== undefined && each === "drop") book.dropped(one);
            else if (one !== undefined) book.sent(one, ++xid, 0);
          } else if (each === "hand") book.handedOver();
          else if (each === "answer") book.answered(xid - 2);
          else if (each === "lose") book.connectionLost(true);
          else if (each === "withdraw") for (const one of known.slice(-2)) book.withdraw(one);
          else book.sweep(0);
          expect(book.bytes).toBeGreaterThanOrEqual(0);
        }
        book.connectionLost(false);
        book.drainQueued();
        expect([book.bytes, book.queuedSize, book.inFlightSize]).toEqual([0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
