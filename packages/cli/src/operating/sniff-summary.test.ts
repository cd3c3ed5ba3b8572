import { describe, expect, it } from "vitest";
import { SniffSummary } from "./sniff-summary.js";
import type { WireRecord } from "./wire-reader.js";

const record = (more: Partial<WireRecord>): WireRecord => ({
  kind: "call",
  connection: 1,
  xid: 1,
  op: "getData",
  path: "/a",
  requestBytes: 1,
  replyBytes: 1,
  watch: false,
  code: "OK",
  zxid: "0x1",
  ms: 1,
  ...more,
});

const linesOf = (...records: readonly Partial<WireRecord>[]): string[] => {
  const summary = new SniffSummary();
  for (const each of records) summary.add(record(each));
  return summary.lines();
};

describe("what a trace comes to", () => {
  it("is nothing without calls", () => expect(linesOf({ kind: "connect", op: "connect" })).toEqual([]));

  it("is the operations, the most frequent first, with failures and times", () => {
    expect(
      linesOf(
        { op: "create", code: "NODE_EXISTS", ms: 7 },
        ...Array.from({ length: 20 }, (_, index) => ({ ms: index + 1 })),
        { kind: "unanswered" as const, code: null, ms: null },
      ),
    ).toEqual([
      "getData        21 calls, 1 failed, half within 11 ms, 95% within 20 ms",
      "create         1 call, 1 failed, half within 7 ms, 95% within 7 ms",
    ]);
  });

  it.each<readonly [string, readonly Partial<WireRecord>[], string | undefined]>([
    ["set", [{ watch: true }], "1 watch set and never fired: /a (getData)"],
    [
      "set on what is not there",
      [{ op: "exists", watch: true, code: "NO_NODE" }],
      "1 watch set and never fired: /a (exists)",
    ],
    ["of a call that failed", [{ watch: true, code: "NO_NODE" }], undefined],
    ["that fires", [{ watch: true }, { kind: "event", op: "NodeDataChanged" }], undefined],
    [
      "of another connection",
      [{ watch: true }, { kind: "event", op: "NodeDataChanged", connection: 2 }],
      "1 watch set and never fired: /a (getData)",
    ],
    [
      "for children, as data change",
      [
        { op: "getChildren", watch: true },
        { kind: "event", op: "NodeDataChanged" },
      ],
      "1 watch set and never fired: /a (getChildren)",
    ],
    [
      "set again",
      [{ watch: true }, { kind: "event", op: "NodeDeleted" }, { watch: true }],
      "1 watch set and never fired: /a (getData)",
    ],
  ])("knows of a watch %s", (_, records, line) => {
    expect(linesOf(...records).find((each) => each.includes("never fired"))).toBe(line);
  });
});
