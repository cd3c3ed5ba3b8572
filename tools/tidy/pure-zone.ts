// In protocol, client and recipes only `io/` may know of time, chance and the process it runs in; everywhere else they are
// arguments. That is what lets a failover be replayed from a seed. Biome says the same in the editor (see biome.json);
// this rule also catches the ways round it: type positions, `globalThis["Date"]`, a destructured `Math`.
import { isTest, lineAt, type SourceFile, type Violation } from "./rule.js";
import { dotted, importsOf, isReference, parse, walk } from "./syntax.js";

const forbiddenNames = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "Date",
  "performance",
  "process",
  "crypto",
  "Buffer",
  "globalThis",
  "require",
]);
const forbiddenMembers = new Set(["Math.random", "AbortSignal.timeout"]);

/** Whether a file stands in the zone. */
export function isPure(path: string): boolean {
  return (
    /^packages\/(protocol|client|recipes)\/src\//.test(path) && !/\/src\/io\//.test(path) && !isTest(path)
  );
}

/** Every name that only `io/` may use. */
export function checkPureZone(file: SourceFile): Violation[] {
  if (!isPure(file.path)) return [];
  const found: Violation[] = [];
  const report = (what: string, start: number) => {
    const message = `${what} may be named only in io/; here it is an argument`;
    found.push({ rule: "pure-zone", file: file.path, line: lineAt(file.text, start), message });
  };
  for (const { specifier, start } of importsOf(file)) {
    if (specifier.startsWith("node:")) report(specifier, start);
  }
  walk(parse(file), (node, parent) => {
    if (isReference(node, parent) && forbiddenNames.has(String(node["name"])))
      report(String(node["name"]), node.start);
    const path = node.type === "MemberExpression" ? dotted(node) : undefined;
    if (path !== undefined && forbiddenMembers.has(path)) report(path, node.start);
    // `const { random } = Math` and `const m = Math` take the function along without saying its name.
    if (isReference(node, parent) && node["name"] === "Math" && parent?.type !== "MemberExpression") {
      report("Math as a value", node.start);
    }
  });
  return found;
}
