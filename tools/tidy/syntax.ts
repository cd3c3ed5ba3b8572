// What the rules need to know of a file's syntax. The parser is the one that vitest already brings: the TypeScript compiler
// of this major has no programming interface to ask.
import { parseAst } from "vitest/node";
import type { SourceFile } from "./rule.js";

/** A node of the syntax tree; everything but its kind and place depends on the kind. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** One `import … from`, `export … from`, `import()` or `import("…").Type`. */
export interface Import {
  readonly specifier: string;
  readonly start: number;
}

const trees = new WeakMap<SourceFile, Node>();
const imports = new WeakMap<SourceFile, readonly Import[]>();

/** Parses a file, once. @throws the parser's own error, with the file's name in front */
export function parse(file: SourceFile): Node {
  let tree = trees.get(file);
  if (tree === undefined) {
    try {
      const lang = /\.[cm]?ts$/.test(file.path) ? "ts" : "js";
      tree = parseAst(file.text, { lang, astType: "ts" }) as unknown as Node;
    } catch (cause) {
      throw new Error(`${file.path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    trees.set(file, tree);
  }
  return tree;
}

/** The nodes right below a node, in no promised order. */
export function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

/** Calls `visit` for every node, parents first. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent);
  for (const child of childrenOf(node)) walk(child, visit, node);
}

/** Everything that the file imports, types included: a layer that knows another's types knows that layer. */
export function importsOf(file: SourceFile): readonly Import[] {
  const known = imports.get(file);
  if (known !== undefined) return known;
  const found: Import[] = [];
  walk(parse(file), (node) => {
    const source = importTypes.has(node.type) ? (node["source"] ?? node["argument"]) : undefined;
    const literal = isNode(source) && source.type === "TSLiteralType" ? source["literal"] : source;
    if (isNode(literal) && typeof literal["value"] === "string") {
      found.push({ specifier: literal["value"], start: node.start });
    }
  });
  imports.set(file, found);
  return found;
}

const importTypes = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
]);

/** Whether an identifier stands for itself; as the name of a member, a key or a label it says nothing about the global. */
export function isReference(node: Node, parent: Node | undefined): boolean {
  if (node.type !== "Identifier") return false;
  if (parent === undefined) return true;
  if (parent["computed"] === true) return true;
  switch (parent.type) {
    case "MemberExpression":
      return parent["property"] !== node;
    case "Property":
      return parent["value"] === node;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "AccessorProperty":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
      return parent["key"] !== node;
    case "TSQualifiedName":
      return parent["right"] !== node;
    case "ImportSpecifier":
      return parent["local"] === node;
    case "ExportSpecifier":
      return parent["local"] === node;
    case "LabeledStatement":
    case "TSNamedTupleMember":
      return false;
    default:
      return true;
  }
}

/** `a.b.c` for an expression made of names only, otherwise nothing. */
export function dotted(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type !== "MemberExpression") return undefined;
  const object = dotted(node["object"]);
  const property = node["property"];
  if (object === undefined || !isNode(property)) return undefined;
  if (node["computed"] !== true) return `${object}.${String(property["name"])}`;
  return typeof property["value"] === "string" ? `${object}.${property["value"]}` : undefined;
}

/** Whether a value is a node of the tree. */
export function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}
