import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { table } from "./table.js";
import { visible, visibleLines, widthOf } from "./visible.js";

describe("text from a server", () => {
  it("cannot reach the terminal's controls", () => {
    expect(visible("a\u001b[2Jb\n\t\u202e")).toBe("a\\x1b[2Jb\\n\\t\\u202e");
    expect(visibleLines("a\n\tb\u001b]0;title\u0007")).toBe("a\n\tb\\x1b]0;title\\x07");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
        expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });

  it("is as wide as a terminal shows it", () => {
    expect(["abc", "日本", "é", "e\u0301", "\u001b[1mab\u001b[22m"].map(widthOf)).toEqual([3, 4, 1, 1, 2]);
  });

  it("lines up in tables", () => {
    expect(
      table(
        [
          ["a", "1"],
          ["日本", "22"],
        ],
        [1],
      ),
    ).toEqual(["a      1", "日本  22"]);
  });
});
