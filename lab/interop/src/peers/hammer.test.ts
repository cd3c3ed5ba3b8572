import { describe, expect, it } from "vitest";
import { judgeHammerLog, readHammerLog } from "./hammer.js";

const nothing = { overlaps: [], staleTokens: [], nonsense: [], inside: [] };

describe("a hammer's log", () => {
  it("of holders one after another shows nothing", () => {
    const log =
      "+ a 0000000000 7\n- a 0000000000\n+ b 0000000001 9\n- b 0000000001\n+ a 0000000002 12\n- a 0000000002\n";
    expect(judgeHammerLog(log)).toEqual({ ...nothing, acquisitions: 3, holders: { a: 2, b: 1 } });
    expect(judgeHammerLog("")).toEqual({ ...nothing, acquisitions: 0, holders: {} });
  });

  it("shows who entered while another was in", () => {
    const found = judgeHammerLog("+ a 0000000000 7\n+ b 0000000001 9\n- a 0000000000\n- b 0000000001\n");
    expect(found.overlaps).toEqual(["line 2: + b 0000000001 9, while a was in"]);
    expect(found.nonsense).toEqual([]);
  });

  it("shows tokens that do not grow", () => {
    const found = judgeHammerLog("+ a 0000000003 9\n- a 0000000003\n+ b 0000000001 9\n- b 0000000001\n");
    expect(found.staleTokens).toEqual(["line 3: + b 0000000001 9"]);
  });

  it("compares tokens as 64-bit numbers", () => {
    const [low, high] = ["9007199254740992", "9007199254740993"];
    const log = `+ a 0000000000 ${low}\n- a 0000000000\n+ a 0000000001 ${high}\n- a 0000000001\n`;
    expect(judgeHammerLog(log).staleTokens).toEqual([]);
  });

  it("shows what makes no sense: leaving alone, entering twice, other lines, a torn end", () => {
    expect(judgeHammerLog("- a 0000000000\n").nonsense).toEqual(["line 1: - a 0000000000"]);
    expect(judgeHammerLog("+ a 0000000000 1\n+ a 0000000001 2\n").nonsense).toEqual([
      "line 2: + a 0000000001 2",
    ]);
    expect(judgeHammerLog("+ a 0000000000 1\n- a 0000000001\n").nonsense).toEqual(["line 2: - a 0000000001"]);
    expect(judgeHammerLog("hello\n").nonsense).toEqual(["line 1: hello"]);
    expect(judgeHammerLog("+ a 0000000000 1").nonsense).toEqual(["the log does not end with a line's end"]);
  });

  it("tells who never left, and does not wait for the dead", () => {
    const log = "+ a 0000000000 1\n+ b 0000000001 2\n- b 0000000001\n";
    expect(judgeHammerLog(log)).toMatchObject({
      inside: ["a"],
      overlaps: [expect.stringContaining("while a was in")],
    });
    expect(judgeHammerLog(log, new Set(["a"]))).toMatchObject(nothing);
  });

  it("is the parts below the znode, then the znode", async () => {
    const text: Record<string, string> = {
      "/log": "3",
      "/log/part-0000000000": "1",
      "/log/part-0000000001": "2",
    };
    const client = {
      getData: async (path: string) => ({ data: new TextEncoder().encode(text[path]) }),
      getChildren: async () => ["part-0000000001", "part-0000000000"],
    };
    expect(await readHammerLog(client, "/log")).toBe("123");
  });
});
