import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as protocol from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

/** Runs the example and gives the value of each line that a comment follows, beside that comment. */
function run(source: string): { value: unknown; comment: string }[] {
  const seen: { value: unknown; comment: string }[] = [];
  const body = source
    .replace(/import \{([^}]*)\} from "@zk\/protocol";/, "const {$1} = protocol;")
    .replace(/\.next\(\)!/g, ".next()")
    .replace(/^const \{ (\w+) \} = (.*); \/\/ (.*)$/gm, "const { $1 } = $2; see($1, $3);")
    .replace(/^([\w.]+\(.*\)); \/\/ ('.*'|\{.*\}|[^:\n]*)(?:: .*)?$/gm, "see($1, $2);");
  const see = (value: unknown, comment: unknown) => seen.push({ value, comment: comment as string });
  new Function("protocol", "see", body)(protocol, see);
  return seen;
}

describe("the example of the README", () => {
  it("runs, and does what its comments say", () => {
    const seen = run(example);
    expect(seen).toHaveLength(6);
    for (const { value, comment } of seen) expect(value).toEqual(comment);
  });

  it("imports what it uses and nothing else", () => {
    const [, names = ""] = /import \{([^}]*)\}/.exec(example) ?? [];
    for (const name of names.split(",").flatMap((part) => part.trim() || [])) {
      expect(protocol).toHaveProperty(name);
      expect(example.split(new RegExp(`\\b${name}\\b`)).length, name).toBeGreaterThan(2);
    }
  });

  it("names only what there is", () => {
    for (const [, name = ""] of readme.matchAll(/`(\w+)(?:\(\))?`/g)) {
      if (name === "Uint8Array") continue;
      if (/^(?:parse|describe|[A-Z]\w+$|validatePath|sequenceOf|nextXid|digestId|record|jute)/.test(name)) {
        expect(protocol, name).toHaveProperty(name);
      }
    }
  });
});
