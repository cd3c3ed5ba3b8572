/** What is left out of a comparison, and what is not. */
import type { Stat } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { NormalForm } from "../../src/differential/normal-form.js";
import { compareTraces, ordered, type TraceEntry } from "../../src/differential/trace.js";

const offsets = { version: 4, cversion: 9, aversion: 2, numChildren: 3 };
const make = (zxid = 100n): NormalForm =>
  new NormalForm({ root: "/d-0000007", zxid, offsets: new Map([["/", offsets]]) });
const stat = (changes: Partial<Stat> = {}): Stat => ({
  czxid: 101n,
  mzxid: 103n,
  ctime: 5000n,
  mtime: 5002n,
  version: 1,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 3,
  numChildren: 0,
  pzxid: 101n,
  ...changes,
});
const text = (value: string): Uint8Array => Buffer.from(value);

describe("normal form", () => {
  it("counts zxids from the creation of the root", () => {
    const form = make();
    expect([-1n, 0n, 99n, 100n, 104n].map((zxid) => form.zxid(zxid))).toEqual([
      "-1",
      "0",
      "earlier",
      "+0",
      "+4",
    ]);
  });

  it("is the same for two runs at other places and times", () => {
    const later = stat({ czxid: 7101n, mzxid: 7103n, pzxid: 7101n, ctime: 90_000n, mtime: 90_777n });
    expect(make(7100n).stat(later, undefined)).toEqual(make().stat(stat(), undefined));
  });

  it("sees a time that is not that of its transaction", () => {
    const form = make();
    const field = (value: Stat, name: string): string | undefined =>
      form.stat(value, undefined).find(([other]) => other === name)?.[1];
    expect(field(stat(), "ctime")).toBe("t+1");
    expect(field(stat({ ctime: 5001n }), "ctime")).toBe("not t+1");
    expect(field(stat({ mzxid: 102n, mtime: 5003n }), "mtime")).toBe("out of order with t+3");
  });

  it("sees every counter, and lets those of what outlives a run begin at 0", () => {
    const form = make();
    for (const name of ["version", "cversion", "aversion", "dataLength", "numChildren"] as const) {
      expect(form.stat(stat({ [name]: 77 }), undefined)).not.toEqual(form.stat(stat(), undefined));
    }
    const root = { version: 5, cversion: 10, aversion: 2, numChildren: 4 };
    expect(Object.fromEntries(form.stat(stat(root), "/"))).toMatchObject({
      version: "1",
      cversion: "1",
      aversion: "0",
      numChildren: "1",
    });
  });

  it("names sessions", () => {
    const form = make();
    form.nameSession(0x1234n, "session-1");
    expect([0n, 0x1234n, 0x9999n].map((id) => form.session(id))).toEqual(["0", "session-1", "unknown"]);
  });

  it("keeps null, empty and odd text apart", () => {
    const form = make();
    expect(form.text(null)).toBe("null");
    expect(form.text(text(""))).toBe('""');
    expect(form.text(text("null"))).toBe('"null"');
    expect(form.text(text("/d-0000007/a b"))).toBe("$/a\\x20b");
    expect(form.text(Uint8Array.of(0xed, 0xa0))).toBe('"\\xed\\xa0"');
    expect(form.data(new Uint8Array(100))).not.toBe(form.data(new Uint8Array(100).fill(1)));
  });

  it("sorts children, and leaves out the roots of other runs alone", () => {
    const names = ["b", "d-0000006", "a", "d-0000007", "d-7"].map(text);
    expect(make().children(names)).toBe("$,a,b,d-7");
  });
});

describe("comparing", () => {
  const entry = (step: number, lane: string, what: string, value = "1"): TraceEntry => ({
    step,
    lane,
    what,
    fields: [["xid", value]],
  });

  it("puts entries in the order of the schedule, and those of one connection as they came", () => {
    const entries = [
      entry(2, "s1#1", "reply"),
      entry(1, "s2#1", "event", "b"),
      entry(1, "s2#1", "event", "a"),
    ];
    expect(ordered(entries).map(({ step, fields }) => [step, fields[0]?.[1]])).toEqual([
      [1, "b"],
      [1, "a"],
      [2, "1"],
    ]);
  });

  it("finds the first entry that differs: in a value, in its kind, or by missing", () => {
    const trace = [entry(0, "s0#1", "reply"), entry(1, "s0#1", "event"), entry(1, "s0#1", "reply")];
    expect(compareTraces(trace, [...trace])).toBeUndefined();
    expect(compareTraces(trace, trace.with(1, entry(1, "s0#1", "event", "2")))).toMatchObject({
      index: 1,
      step: 1,
    });
    expect(compareTraces(trace, trace.with(0, entry(0, "s0#1", "closed")))).toMatchObject({
      index: 0,
      step: 0,
    });
    expect(compareTraces(trace, trace.slice(0, 2))).toMatchObject({ index: 2, actual: undefined });
    expect(compareTraces([], trace)).toMatchObject({ index: 0, expected: undefined });
  });
});
