import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultTraceMask, type FourLetterFacts, fourLetterAnswer, fourLetterWords } from "./four-letter.js";
import { javaDate, javaHex, javaSocketAddress } from "./java-text.js";

const notServing: FourLetterFacts = { serving: null, environment: [], traceMask: defaultTraceMask };

describe("what a server without a quorum says", () => {
  const always = new Map([
    ["ruok", /^imok$/],
    ["isro", /^null$/],
    ["gtmk", /^306$/],
    ["stmk", /^306$/],
    ["envi", /^Environment:\nzookeeper\.version=3\.4\.6-1569965.*\nhost\.name=<NA>\n/],
  ]);
  it.each([...fourLetterWords])("%s", (word) => {
    const text = fourLetterAnswer(word, notServing);
    expect(text).toMatch(always.get(word) ?? /^This ZooKeeper instance is not currently serving requests\n$/);
  });
  it("nothing to what is no word", () => {
    expect(fourLetterAnswer("xxxx", notServing)).toBe("");
    expect(fourLetterAnswer("toString", notServing)).toBe("");
    expect(fourLetterWords.has("xxxx")).toBe(false);
  });
});

describe("values as Java writes them", () => {
  it("dates", () => {
    expect(javaDate(1_234_567_890_000)).toBe("Fri Feb 13 23:31:30 UTC 2009");
    expect(javaDate(0)).toBe("Thu Jan 01 00:00:00 UTC 1970");
    fc.assert(
      fc.property(fc.integer({ min: -60_000_000_000_000, max: 250_000_000_000_000 }), (wallMs) => {
        // Date.toUTCString: `Fri, 13 Feb 2009 23:31:30 GMT`
        const [, weekday, day, month, year, clock] =
          /^(\w+), (\d+) (\w+) (-?\d+) ([\d:]+) GMT$/.exec(new Date(wallMs).toUTCString()) ?? [];
        expect(javaDate(wallMs)).toBe(`${weekday} ${month} ${day} ${clock} UTC ${Number(year)}`);
      }),
    );
  });
  it("numbers in hexadecimal, and addresses", () => {
    expect(javaHex(-1n)).toBe("ffffffffffffffff");
    expect(javaHex(0x100000000n)).toBe("100000000");
    expect(javaSocketAddress("10.1.2.3", 5)).toBe("/10.1.2.3:5");
    expect(javaSocketAddress("::1", 5)).toBe("/0:0:0:0:0:0:0:1:5");
    expect(javaSocketAddress("fe80::0A:1", 5)).toBe("/fe80:0:0:0:0:0:a:1:5");
    expect(javaSocketAddress("1:2:3:4:5:6:7:8", 5)).toBe("/1:2:3:4:5:6:7:8:5");
  });
});
