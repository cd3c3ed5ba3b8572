import { lineAt, type SourceFile, type Violation } from "./rule.js";
import { isNode, parse } from "./syntax.js";

/** Public names are listed one by one: no `export *` anywhere, and default exports only where a tool asks for one. */
export function checkExports(file: SourceFile): Violation[] {
  const found: Violation[] = [];
  const body = parse(file)["body"];
  for (const statement of Array.isArray(body) ? body.filter(isNode) : []) {
    const line = lineAt(file.text, statement.start);
    if (statement.type === "ExportAllDeclaration") {
      const message = "`export *` hides what is public; list the names";
      found.push({ rule: "exports", file: file.path, line, message });
    }
    if (isDefaultExport(statement) && !/\.config\.[cm]?[jt]s$/.test(file.path)) {
      const message = "a default export has no name to search for; export a name";
      found.push({ rule: "exports", file: file.path, line, message });
    }
  }
  return found;
}

function isDefaultExport(statement: { type: string; specifiers?: unknown }): boolean {
  if (statement.type === "ExportDefaultDeclaration") return true;
  if (statement.type !== "ExportNamedDeclaration" || !Array.isArray(statement.specifiers)) return false;
  return statement.specifiers.some((specifier) => specifier?.exported?.name === "default");
}
