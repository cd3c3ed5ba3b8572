// The TypeScript in the documents is checked against the packages as they are. A snippet may leave names to the reader's
// imagination (`signal`, `payload`); what it does say, imports, members, options, has to be true.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { projectFiles } from "./tidy/files.js";
import { lineAt, type SourceFile } from "./tidy/rule.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zk-snippets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Snippet {
  readonly file: string;
  /** Line of the document that the snippet's first line is. */
  readonly line: number;
  readonly text: string;
}

/** The blocks that say they are TypeScript. */
function snippetsOf(file: SourceFile): Snippet[] {
  return [...file.text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    file: file.path,
    line: lineAt(file.text, match.index) + 1,
    text: match[1]!,
  }));
}

// TS2304 and its relatives: a name that nothing declares. TS18004 is the same in `{ signal }`.
const undeclared = new Set(["TS2304", "TS2552", "TS2503", "TS18004", "TS2582"]);

/** What the compiler has against the snippets, as lines of their documents. */
function complaints(snippets: readonly Snippet[]): string[] {
  for (const [index, { text }] of snippets.entries()) {
    // One line in front, so that lines can be counted back; a document speaks of `client` once it has made one.
    const known = /\b(const|let|using) client\b|\bclient[,:]/.test(text)
      ? ""
      : 'declare const client: import("@zk/client").Client;';
    writeFileSync(join(folder, `snippet${index}.mts`), `${known} export {};\n${text}`);
  }
  const entry = (path: string) => [join(root, path)];
  const compilerOptions = {
    ...{
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      moduleResolution: "nodenext",
    },
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: ["node"], customConditions: ["@zk/source"] },
    paths: {
      "@zk/protocol": entry("packages/protocol/src/index.ts"),
      "@zk/client": entry("packages/client/src/index.ts"),
      "@zk/client/testing": entry("packages/client/src/testing/index.ts"),
      "@zk/recipes": entry("packages/recipes/src/index.ts"),
      "@zk/memory-server": entry("lab/memory_server/src/index.ts"),
      "@zk/lab": entry("lab/zoo_cluster/src/index.ts"),
    },
  };
  const files = snippets.map((_, index) => `snippet${index}.mts`);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", folder, "--pretty", "false"];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  const found: string[] = [];
  for (const line of stdout.split("\n")) {
    const match = /^(?:.*\/)?snippet(\d+)\.mts\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line);
    const snippet = match ? snippets[Number(match[1])] : undefined;
    if (!match || !snippet) {
      // Anything else that begins like an error is one of the packages', or of this test's own making.
      if (/error TS\d+/.test(line)) found.push(line);
      continue;
    }
    if (!undeclared.has(match[3]!))
      found.push(`${snippet.file}:${snippet.line + Number(match[2]) - 2}: ${match[4]}`);
  }
  if (status !== 0 && stdout === "") found.push(`the compiler ended with ${status} and no words`);
  return found;
}

describe("TypeScript in documents", () => {
  it("says what is true of the packages", () => {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const snippets = projectFiles(root)
      .filter((file) => file.path.endsWith(".md"))
      .flatMap(snippetsOf);
    expect(snippets.length).toBeGreaterThan(5);
    expect(complaints(snippets)).toEqual([]);
  });

  it("is caught when it is not", () => {
    const text = [
      'import { createClient, makeClient } from "@zk/client";',
      'const other = createClient("h:1", { sessionTimeout: 5 });',
      "await other.getDatum(path);",
      "await client.setData(path, 5);",
    ].join("\n");
    const found = complaints([{ file: "docs/a.md", line: 10, text }]);
    expect(found.map((line) => line.split(": ")[0])).toEqual([
      "docs/a.md:10",
      "docs/a.md:11",
      "docs/a.md:12",
      "docs/a.md:13",
    ]);
  });

  it("finds every block", () => {
    const text = "a\n```ts\none\n```\nb\n```sh\ntwo\n```\n```ts\nthree\nfour\n```\n";
    expect(snippetsOf({ path: "a.md", text })).toEqual([
      { file: "a.md", line: 3, text: "one\n" },
      { file: "a.md", line: 10, text: "three\nfour\n" },
    ]);
  });
});
