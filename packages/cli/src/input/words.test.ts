import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteWord, splitWords, typedWords, UnfinishedLine } from "./words.js";

const texts = (line: string): string[] => splitWords(line).map(({ text }) => text);

describe("splitWords", () => {
  it.each<[string, string[]]>([
    ["set /a b", ["set", "/a", "b"]],
    ["  set\t/a  ", ["set", "/a"]],
    ["set /a 'b c'", ["set", "/a", "b c"]],
    [`set /a "b \\"c\\" \\n"`, ["set", "/a", 'b "c" \\n']],
    ["set /a b\\ c", ["set", "/a", "b c"]],
    ["set /a ''", ["set", "/a", ""]],
    ["a'b'\"c\"d", ["abcd"]],
    ["get /a # what", ["get", "/a"]],
    ["get /a#b", ["get", "/a#b"]],
    ["a \\\nb", ["a", "b"]],
    ["", []],
  ])("%j", (line, words) => expect(texts(line)).toEqual(words));

  it("knows what was quoted", () => {
    expect(splitWords("a '|' |")).toEqual([
      { text: "a", isQuoted: false },
      { text: "|", isQuoted: true },
      { text: "|", isQuoted: false },
    ]);
  });

  it.each(["'a", '"a', "a\\"])("%j goes on in the next line", (line) =>
    expect(() => splitWords(line)).toThrow(UnfinishedLine),
  );

  it("reads back whatever was quoted", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
        expect(texts(words.map(quoteWord).join(" "))).toEqual(words);
      }),
    );
  });
});

describe("typedWords", () => {
  it.each<[string, string[]]>([
    ["", [""]],
    ["zk get ", ["zk", "get", ""]],
    ["zk get /sh", ["zk", "get", "/sh"]],
    ["zk get '/two w", ["zk", "get", "/two w"]],
    ['zk get "/two w', ["zk", "get", "/two w"]],
    ["zk get /two\\ w", ["zk", "get", "/two w"]],
    ["zk get /two\\", ["zk", "get", "/two"]],
    ["zk get 'a' ", ["zk", "get", "a", ""]],
  ])("%j", (line, words) => expect(typedWords(line)).toEqual(words));
});
