import { posix } from "node:path";
import { isTest, lineAt, type SourceFile, type Violation } from "./rule.js";
import { childrenOf, dotted, isNode, type Node, parse } from "./syntax.js";

const runners = new Set(["it", "test", "describe", "suite", "bench"]);
const partial = new Set(["only", "skip", "todo", "skipIf", "runIf", "fails"]);
const renamed = new Set(["xit", "xtest", "xdescribe", "fit", "fdescribe"]);
/** Sleeping by its usual names; what a file imports from Node's timers comes on top. */
const sleeps = new Set(["sleep", "delay", "Atomics.wait"]);
const timers = new Set(["setTimeout", "setInterval"]);
/** The one kind of function that may wait by the clock: it looks again and again for a condition that it names. */
const waitHelper = /^(wait|eventually|until)/;

/**
 * Tests run whole and wait for conditions: nothing skipped, nothing focused, no waiting by the clock; and they compare what they say
 * they compare.
 */
export function checkTestHabits(file: SourceFile): Violation[] {
  // Programs that tests start as processes of their own are no tests; those are TypeScript.
  if (!isTest(file.path) || !file.path.endsWith(".ts")) return [];
  const found: Violation[] = [];
  const report = (start: number, message: string) =>
    found.push({ rule: "test-habits", file: file.path, line: lineAt(file.text, start), message });
  const tree = parse(file);
  const imported = promisedTimers(tree);

  const look = (node: Node, parent: Node | undefined, inHelper: boolean): void => {
    if (node.type === "MemberExpression") {
      const parts = dotted(node)?.split(".") ?? [];
      if (parts.length > 1 && runners.has(parts[0]!) && partial.has(parts.at(-1)!)) {
        report(node.start, `${parts.join(".")} leaves tests out; fix them or take them away`);
      }
    }
    if (node.type === "CallExpression") {
      const callee = (dotted(node["callee"]) ?? "").replace(/^(globalThis|timers)\./, "");
      if (renamed.has(callee)) report(node.start, `${callee} leaves tests out; fix them or take them away`);
      // A timer whose handle is kept can be cleared: a limit on something else, not a wait.
      const isWait =
        imported.has(callee) || sleeps.has(callee) || (timers.has(callee) && !keepsValue(parent));
      if (isWait && !inHelper) {
        report(node.start, `${callee} in a test waits by the clock; wait for a named condition with a limit`);
      }
      if (isNode(node["callee"]) && nameOfMember(node["callee"]) === "toMatchObject") {
        for (const start of patternsIn(node)) {
          report(
            start,
            "toMatchObject lets any text pass for a regular expression; use expect.stringMatching",
          );
        }
      }
    }
    const inside = inHelper || waitHelper.test(functionName(node, parent) ?? "");
    for (const child of childrenOf(node)) look(child, node, inside);
  };
  look(tree, undefined, /^wait(-[a-z-]+)?\.ts$/.test(posix.basename(file.path)));
  return found;
}

/** The last part of `a.b.c`, whatever stands before it. */
function nameOfMember(node: Node): string | undefined {
  const property = node["property"];
  return isNode(property) ? String(property["name"]) : undefined;
}

/** Where the value of a property is a regular expression. */
function* patternsIn(node: Node): Generator<number> {
  const value = node["value"];
  if (node.type === "Property" && isNode(value) && value["regex"] !== undefined) yield value.start;
  for (const child of childrenOf(node)) yield* patternsIn(child);
}

/** The names under which a file knows the timers that are promises. */
function promisedTimers(tree: Node): Set<string> {
  const names = new Set<string>();
  for (const statement of childrenOf(tree)) {
    const source = statement["source"];
    if (statement.type !== "ImportDeclaration" || !isNode(source)) continue;
    if (source["value"] !== "node:timers/promises" && source["value"] !== "timers/promises") continue;
    for (const child of childrenOf(statement)) {
      const local = child["local"];
      if (isNode(local)) names.add(String(local["name"]));
    }
  }
  return names;
}

function keepsValue(parent: Node | undefined): boolean {
  return parent?.type === "VariableDeclarator" || parent?.type === "AssignmentExpression";
}

/** The name of a function, or of the constant or member that it is the value of. */
function functionName(node: Node, parent: Node | undefined): string | undefined {
  if (!/Function/.test(node.type)) return undefined;
  const name = node["id"] ?? parent?.["id"] ?? parent?.["key"];
  return isNode(name) ? String(name["name"]) : undefined;
}
