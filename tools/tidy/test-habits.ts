import { posix } from "node:path";
import { isTest, lineAt, type SourceFile, type Violation } from "./rule.js";
import { dotted, importsOf, parse, walk } from "./syntax.js";

const runners = new Set(["it", "test", "describe", "suite", "bench"]);
const partial = new Set(["only", "skip", "todo", "skipIf", "runIf", "fails"]);
const renamed = new Set(["xit", "xtest", "xdescribe", "fit", "fdescribe"]);
const sleeps = new Set(["setTimeout", "setInterval", "setImmediate", "sleep", "delay", "Atomics.wait"]);

/** Tests run whole and wait for conditions: nothing skipped, nothing focused, no waiting by the clock. */
export function checkTestHabits(file: SourceFile): Violation[] {
  if (!isTest(file.path)) return [];
  const found: Violation[] = [];
  const report = (start: number, message: string) =>
    found.push({ rule: "test-habits", file: file.path, line: lineAt(file.text, start), message });
  // The one place of a package that may wait by the clock is the helper that waits for a named condition.
  const isWaitHelper = /^wait(-[a-z-]+)?\.ts$/.test(posix.basename(file.path));

  for (const { specifier, start } of importsOf(file)) {
    if (!isWaitHelper && specifier === "node:timers/promises") {
      report(start, "a test does not sleep; wait for a named condition with a limit");
    }
  }
  walk(parse(file), (node) => {
    if (node.type === "MemberExpression") {
      const parts = dotted(node)?.split(".") ?? [];
      if (parts.length > 1 && runners.has(parts[0]!) && partial.has(parts.at(-1)!)) {
        report(node.start, `${parts.join(".")} leaves tests out; fix them or take them away`);
      }
    }
    if (node.type !== "CallExpression") return;
    const callee = dotted(node["callee"]) ?? "";
    if (renamed.has(callee)) report(node.start, `${callee} leaves tests out; fix them or take them away`);
    if (!isWaitHelper && sleeps.has(callee.replace(/^(globalThis|timers)\./, ""))) {
      report(node.start, `${callee} in a test waits by the clock; wait for a named condition with a limit`);
    }
  });
  return found;
}
