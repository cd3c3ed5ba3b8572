import type { SourceFile } from "../tidy/rule.js";
import { isNode, type Node, parse } from "../tidy/syntax.js";

/** One name that a module gives to the world. */
export interface PublicName {
  readonly kind: "value" | "type";
  readonly name: string;
}

/** The names that an entry point lists, in its own order. */
export function publicNames(file: SourceFile): PublicName[] {
  const names: PublicName[] = [];
  for (const statement of nodes(parse(file)["body"])) {
    if (statement.type !== "ExportNamedDeclaration") continue;
    for (const specifier of nodes(statement["specifiers"])) {
      const isType = statement["exportKind"] === "type" || specifier["exportKind"] === "type";
      names.push({ kind: isType ? "type" : "value", name: nameOf(specifier["exported"]) });
    }
    const declaration = statement["declaration"];
    if (!isNode(declaration)) continue;
    const kind = /^TS(Interface|TypeAlias)/.test(declaration.type) ? "type" : "value";
    const declared = declaration["declarations"] ? nodes(declaration["declarations"]) : [declaration];
    for (const each of declared) names.push({ kind, name: nameOf(each["id"]) });
  }
  return names;
}

function nodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function nameOf(identifier: unknown): string {
  if (!isNode(identifier) || typeof identifier["name"] !== "string")
    throw new Error("an export without a plain name");
  return identifier["name"];
}
