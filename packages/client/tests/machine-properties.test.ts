import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MachineHarness } from "../src/testing/machine-harness.js";
import { eventFrame, headerFrame } from "../src/testing/server-wire.js";
import { Play, story, transcript } from "./machine-play.js";

// The rules at the head of session-machine.ts, held against stories that nobody thought of.

describe("whatever users, networks and servers do", () => {
  it("every rule holds at every step, and close() settles everything", () => {
    fc.assert(
      fc.property(story, ({ actions, ...scene }) => {
        const play = new Play(scene);
        play.h.connect();
        play.run(actions);
      }),
      { numRuns: 500 },
    );
  }, 120_000);

  it("the same seed and the same inputs give the same outputs", () => {
    fc.assert(
      fc.property(story, ({ actions, ...scene }) => {
        const transcripts = [0, 1].map(() => {
          const play = new Play(scene);
          play.h.connect();
          play.run(actions);
          return transcript(play.h.log);
        });
        expect(transcripts[0]).toBe(transcripts[1]);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

describe("however bytes are cut", () => {
  it("the same things come out in the same order", () => {
    const event = eventFrame({ type: "NodeCreated", path: "/1" });
    const refusal = (xid: number, zxid: bigint) => headerFrame({ xid, zxid, err: -101 });
    const stream = [refusal(1, 5n), event, refusal(2, 6n), event, refusal(4, 7n), refusal(3, 8n), event];
    const bytes = new Uint8Array(stream.flatMap((frame) => [...frame]));
    const play = (cuts: readonly number[]): string => {
      const h = new MachineHarness();
      h.up();
      const before = h.log.length;
      for (let call = 1; call <= 4; call += 1) h.call("exists", `/${call % 2}`, { watcher: {} });
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        h.receive(bytes.subarray(at, cut));
        at = cut;
      }
      expect(h.machine.lastZxid).toBe(8n);
      return transcript(h.log.slice(before));
    };
    const whole = play([]);
    expect(whole.match(/"kind":"watch"/g)).toHaveLength(2);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: bytes.length }), { maxLength: 60 }), (cuts) => {
        expect(play(cuts.sort((one, other) => one - other))).toBe(whole);
      }),
      { numRuns: 200 },
    );
  });
});
