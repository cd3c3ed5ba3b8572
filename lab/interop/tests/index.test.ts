// The README names a test for each row of who can share a path with whom, and for each bug measured in others: they are there.
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const root = new URL("../../../", import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

const named = /`([\w/.-]+\.ts)`, "([^"]+)"/g;

/** What a part of the README names: the file, and how the title of a test in it begins or goes on. */
function namedIn(readme: string, title: string): { readonly file: string; readonly words: string }[] {
  const part = readme.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? "";
  return [...part.matchAll(named)].map(([, file = "", words = ""]) => ({
    file: file.includes("/") ? file : `lab/interop/tests/peers/${file}`,
    words: words.replace(/ …$/, ""),
  }));
}

describe("the index of tests in the README", () => {
  it.each([
    { title: "Row by row", least: 60 },
    { title: "Bugs measured in others", least: 30 },
  ])("has nothing in $title that is not there", async ({ title, least }) => {
    const tests = namedIn(await read("lab/interop/README.md"), title);
    expect(tests.length).toBeGreaterThan(least);
    const missing: string[] = [];
    for (const { file, words } of tests)
      if (!(await read(file)).includes(words)) missing.push(`${file}: ${words}`);
    expect(missing).toEqual([]);
  });
});
