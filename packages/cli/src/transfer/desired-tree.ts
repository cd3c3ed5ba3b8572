/**
 * The znodes that a person wants, from a file in YAML or JSON: paths, and for each its data, its ACL or both. What a file
 * does not say of a znode is left as it is.
 */
import type { Acl } from "@zk/client";
import { findPathProblem } from "@zk/protocol";
import { parseAcls } from "../input/acl-text.js";
import { utf8OrUndefined } from "../output/json.js";
import { visible } from "../output/visible.js";
import { UsageError } from "../program/errors.js";
import { nearest } from "../program/suggest.js";
import { readData } from "./node-json.js";
import { comparePaths } from "./tree-node.js";

/** The name and version of the form. */
export const TREE_SCHEMA = "zk.tree/1";

/** One znode as it is wanted; what is undefined is left as it is. */
export interface Desired {
  readonly path: string;
  readonly data: Uint8Array | null | undefined;
  readonly acl: readonly Acl[] | undefined;
}

const KEYS = ["schema", "nodes"];
const NODE_KEYS = ["data", "dataBase64", "file", "acl"];

/** A text as one value: JSON, or the YAML that includes it. @throws UsageError saying where it is wrong */
export async function parseDocument(bytes: Uint8Array, name: string): Promise<unknown> {
  const text = utf8OrUndefined(bytes);
  if (text === undefined) throw new UsageError(`${name} is no UTF-8 text`);
  const { parseDocument: parse } = await import("yaml");
  // Keys twice, tags that nobody knows, and aliases that would grow without end are refused by it.
  const document = parse(text, { prettyErrors: true, strict: true, uniqueKeys: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw new UsageError(`${name}: ${problem.message.trim()}`, "nothing was changed");
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`, "nothing was changed");
  }
}

/**
 * @param readFile gives the bytes of a file that the tree names
 * @returns in the order of a tree
 * @throws UsageError naming the path
 */
export function readDesired(value: unknown, name: string, readFile: (file: string) => Uint8Array): Desired[] {
  if (!isObject(value)) throw new UsageError(`${name}: it must be an object with "nodes"`);
  checkKeys(value, KEYS, name);
  const { schema, nodes } = value;
  if (schema !== undefined && schema !== TREE_SCHEMA)
    throw new UsageError(
      `${name}: its schema is ${JSON.stringify(schema)}, not ${TREE_SCHEMA}`,
      "nothing was changed",
    );
  if (!isObject(nodes)) throw new UsageError(`${name}: "nodes" must be an object from paths to znodes`);
  return Object.entries(nodes)
    .map(([path, node]) => {
      const where = `${name}: ${visible(path)}`;
      const problem = findPathProblem(path);
      if (problem !== null) throw new UsageError(`${where}: it is no path: ${problem.reason}`);
      try {
        return { path, ...readNode(node, readFile) };
      } catch (error) {
        throw error instanceof UsageError
          ? new UsageError(`${where}: ${error.message}`, error.hint ?? "nothing was changed")
          : error;
      }
    })
    .sort((one, other) => comparePaths(one.path, other.path));
}

function readNode(node: unknown, readFile: (file: string) => Uint8Array): Omit<Desired, "path"> {
  if (node === null || typeof node === "string") return { data: readData(node, undefined), acl: undefined };
  if (!isObject(node))
    throw new UsageError("its data must be text: write it in quotes", 'or null, or an object with "data"');
  checkKeys(node, NODE_KEYS, "it");
  const { data, dataBase64, file, acl } = node;
  const given = [data, dataBase64, file].filter((each) => each !== undefined).length;
  if (given > 1) throw new UsageError('only one of "data", "dataBase64" and "file" can say what its data is');
  if (dataBase64 !== undefined && typeof dataBase64 !== "string")
    throw new UsageError('"dataBase64" must be text');
  if (file !== undefined && typeof file !== "string") throw new UsageError('"file" must be the name of one');
  return {
    data: file !== undefined ? readFile(file) : given === 0 ? undefined : readData(data, dataBase64),
    acl: acl === undefined ? undefined : readAcl(acl),
  };
}

/** @throws UsageError */
export function readAcl(acl: unknown): Acl[] {
  const entries = typeof acl === "string" ? [acl] : acl;
  if (!Array.isArray(entries) || entries.length === 0 || !entries.every((each) => typeof each === "string"))
    throw new UsageError('"acl" must be a list of SCHEME:ID:PERMISSIONS');
  return entries.flatMap((each: string) => parseAcls(each));
}

/** A word that nobody reads is a mistake, and would be a znode that is not as it was meant. */
export function checkKeys(
  value: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  what: string,
): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const meant = nearest(unknown, keys);
  throw new UsageError(
    `${what}: there is no ${JSON.stringify(unknown)}`,
    meant === undefined ? `there is ${keys.join(", ")}` : `did you mean ${JSON.stringify(meant)}?`,
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
