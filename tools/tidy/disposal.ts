// `using x = …; return work(x)` in an async function disposes of x before the work is done, and the compiler does not mind.
import { isCode, lineAt, type SourceFile, type Violation } from "./rule.js";
import { childrenOf, type Node, parse, walk } from "./syntax.js";

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** What is disposed of at the end of a function outlives the promise that the function returns: it is awaited there. */
export function checkDisposal(file: SourceFile): Violation[] {
  if (!isCode(file.path)) return [];
  const found: Violation[] = [];
  walk(parse(file), (node) => {
    if (!functions.has(node.type) || node["async"] !== true) return;
    const own = ownNodes(node);
    const disposes = own.some(
      ({ type, kind }) => type === "VariableDeclaration" && (kind === "using" || kind === "await using"),
    );
    if (!disposes) return;
    for (const each of own) {
      const argument = each["argument"] as Node | null;
      if (each.type !== "ReturnStatement" || argument?.type !== "CallExpression") continue;
      const message = "what is in use here is disposed of before the promise settles: return await";
      found.push({ rule: "disposal", file: file.path, line: lineAt(file.text, each.start), message });
    }
  });
  return found;
}

/** The nodes of a function without those of the functions in it. */
function ownNodes(root: Node): Node[] {
  const nodes: Node[] = [];
  const look = (node: Node): void => {
    for (const child of childrenOf(node)) {
      if (functions.has(child.type)) continue;
      nodes.push(child);
      look(child);
    }
  };
  look(root);
  return nodes;
}
