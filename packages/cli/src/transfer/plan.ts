/**
 * What would make servers be as a tree is wanted: operations with the versions on which they rest. A plan can be kept, read by
 * people and programs, and applied later: where a znode has changed meanwhile it is refused.
 */
import { type Acl, type Client, isZkError, OPEN_ACL_UNSAFE } from "@zk/client";
import { findPathProblem, parentPath } from "@zk/protocol";
import { formatAcl } from "../input/acl-text.js";
import { jsonData } from "../output/json.js";
import { visible } from "../output/visible.js";
import { CliError, UsageError } from "../program/errors.js";
import { inParallel } from "../session/in-parallel.js";
import { isEphemeral } from "../session/node-kind.js";
import { NODES_MAX_DEFAULT, type WalkReport, walk } from "../session/walk.js";
import { checkKeys, type Desired, isObject, readAcl } from "./desired-tree.js";
import { readData } from "./node-json.js";
import { isBelow } from "./selection.js";
import { comparePaths, sameAcl, sameData } from "./tree-node.js";

/** One change, and what it rests upon. */
export type Operation =
  | {
      readonly op: "create";
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
    }
  | {
      readonly op: "set";
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly version: number;
    }
  | { readonly op: "delete"; readonly path: string; readonly version: number }
  | { readonly op: "acl"; readonly path: string; readonly acl: readonly Acl[]; readonly aversion: number };

/** Creates, sets and ACLs parents first, then deletes, deepest first. */
export interface Plan {
  readonly prune: readonly string[];
  readonly operations: readonly Operation[];
  /** Znodes that are as they are wanted. */
  readonly same: number;
  /** Ephemerals that were met and are left alone. */
  readonly ephemerals: readonly string[];
  /** The servers that it rests on, where they need not be those of the run. */
  readonly target?: PlanTarget;
}

/** Servers, as a plan names them. */
export interface PlanTarget {
  readonly servers: string;
  readonly chroot: string;
}

export function targetOf({ servers, chroot }: PlanTarget): PlanTarget {
  return { servers, chroot };
}

/** Whether two lists of servers name one ensemble: a server is of one only. */
export function shareServers(one: string, other: string): boolean {
  const known = new Set(addressesOf(one));
  return addressesOf(other).some((each) => known.has(each));
}

function addressesOf(servers: string): string[] {
  return servers
    .toLowerCase()
    .split(",")
    .map((each) => each.trim().replace(/^localhost(?=:|$)/, "127.0.0.1"))
    .map((each) => (/:\d+$/.test(each) ? each : `${each}:2181`));
}

const CONCURRENCY = 32;

/**
 * @param prune roots below which everything goes that is not wanted; never the root itself
 * @param report what could not be read below these
 * @throws CliError TOO_MANY; ZkError
 */
export async function makePlan(
  client: Client,
  desired: readonly Desired[],
  prune: readonly string[],
  report: WalkReport,
  signal: AbortSignal,
): Promise<Plan> {
  const wanted = withParents(desired);
  const operations: Operation[] = [];
  const ephemerals = new Set<string>();
  let same = 0;
  const look = async (node: Desired): Promise<{ node: Desired; there: There | undefined }> => ({
    node,
    there: await lookAt(client, node, signal),
  });
  for await (const { node, there } of inParallel(wanted.values(), CONCURRENCY, look)) {
    const { path, data, acl } = node;
    if (there === undefined) {
      operations.push({ op: "create", path, data: data ?? null, acl: acl ?? OPEN_ACL_UNSAFE });
    } else if (there.isEphemeral) {
      ephemerals.add(path);
    } else {
      const before = operations.length;
      if (data !== undefined && !sameData(data, there.data))
        operations.push({ op: "set", path, data, version: there.version });
      if (acl !== undefined && there.acl !== undefined && !sameAcl(acl, there.acl))
        operations.push({ op: "acl", path, acl, aversion: there.aversion });
      if (operations.length === before) same++;
    }
  }
  const extra: { readonly path: string; readonly version: number }[] = [];
  const kept = new Set<string>();
  const keep = (path: string): void => {
    for (let each = path; !kept.has(each); each = parentPath(each)) kept.add(each);
  };
  keep("/");
  const options = {
    nodesMax: NODES_MAX_DEFAULT,
    enters: (path: string) => path !== "/zookeeper",
    signal,
  };
  for (const root of prune.filter((each) => !prune.some((other) => isBelow(each, other)))) {
    keep(root);
    if ((await client.exists(root, { signal })) === null) continue;
    for await (const { path, stat } of walk(client, root, options, report)) {
      if (isEphemeral(stat)) ephemerals.add(path);
      if (isEphemeral(stat) || wanted.has(path)) keep(path);
      else extra.push({ path, version: stat.version });
    }
    if (report.isTruncated)
      throw new CliError(
        "TOO_MANY",
        2,
        `there are more than ${NODES_MAX_DEFAULT} znodes below ${root}; nothing was changed`,
        { hint: "name roots further down with --prune" },
      );
  }
  for (const path of report.denied) keep(path);
  for (const { path, version } of extra.reverse())
    if (!kept.has(path)) operations.push({ op: "delete", path, version });
  return { prune, operations, same, ephemerals: [...ephemerals] };
}

/** Parents that nobody names have to be there as well, with whatever data. */
function withParents(desired: readonly Desired[]): ReadonlyMap<string, Desired> {
  const wanted = new Map(desired.map((node) => [node.path, node]));
  for (const { path } of desired) {
    for (let at = parentPath(path); !wanted.has(at); at = parentPath(at))
      wanted.set(at, { path: at, data: undefined, acl: undefined });
  }
  // It is always there, and nobody has asked for it.
  if (!desired.some(({ path }) => path === "/")) wanted.delete("/");
  return new Map([...wanted].sort(([one], [other]) => comparePaths(one, other)));
}

interface There {
  readonly data: Uint8Array | null;
  readonly version: number;
  readonly aversion: number;
  readonly acl: readonly Acl[] | undefined;
  readonly isEphemeral: boolean;
}

async function lookAt(
  client: Client,
  { path, data, acl }: Desired,
  signal: AbortSignal,
): Promise<There | undefined> {
  try {
    // What is only passed through need not be readable.
    if (data === undefined && acl === undefined) {
      const stat = await client.exists(path, { signal });
      if (stat === null) return undefined;
      return { data: null, ...stat, acl: undefined, isEphemeral: isEphemeral(stat) };
    }
    const [read, listed] = await Promise.all([
      client.getData(path, { signal }),
      acl === undefined ? undefined : client.getACL(path, { signal }),
    ]);
    const { version } = read.stat;
    const { aversion } = listed?.stat ?? read.stat;
    return { data: read.data, version, aversion, acl: listed?.acl, isEphemeral: isEphemeral(read.stat) };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}

export function operationToJson(operation: Operation): Record<string, unknown> {
  const { op, path } = operation;
  switch (operation.op) {
    case "create":
      return { op, path, ...jsonData(operation.data), acl: operation.acl.map(formatAcl) };
    case "set":
      return { op, path, ...jsonData(operation.data), version: operation.version };
    case "delete":
      return { op, path, version: operation.version };
    case "acl":
      return { op, path, acl: operation.acl.map(formatAcl), aversion: operation.aversion };
  }
}

/** A plan as `--dry-run --json` has printed it. @throws UsageError */
export function planFromJson(value: Readonly<Record<string, unknown>>, name: string, run: PlanTarget): Plan {
  const { dryRun, prune, operations, target } = value;
  if (dryRun !== true)
    throw new UsageError(`${name} tells what was done; a plan is what --dry-run --json prints`);
  if (!Array.isArray(prune) || !prune.every((each) => typeof each === "string"))
    throw new UsageError(`${name}: "prune" must be a list of paths`);
  if (!Array.isArray(operations)) throw new UsageError(`${name}: "operations" must be a list`);
  if (isObject(target)) {
    const [servers, chroot] = [String(target["servers"]), String(target["chroot"])];
    if (!shareServers(servers, run.servers) || chroot !== run.chroot)
      throw new UsageError(
        `${name} is a plan for ${visible(servers)}${chroot === "/" ? "" : visible(chroot)}, and these are ${run.servers}${run.chroot === "/" ? "" : run.chroot}`,
        "--context or --servers name those for which it was made",
      );
  }
  const seen = new Set<string>();
  const read = operations.map((each: unknown, index): Operation => {
    try {
      const operation = operationFromJson(each, prune);
      const key = `${operation.op === "acl" ? "acl" : "znode"} ${operation.path}`;
      if (seen.has(key)) throw new UsageError(`${visible(operation.path)} is changed twice`);
      seen.add(key);
      return operation;
    } catch (error) {
      throw error instanceof UsageError
        ? new UsageError(`${name}, operation ${index}: ${error.message}`, error.hint ?? "nothing was changed")
        : error;
    }
  });
  const deletes = read.filter(({ op }) => op === "delete");
  return {
    prune,
    operations: [
      ...read.filter(({ op }) => op !== "delete").sort((one, other) => comparePaths(one.path, other.path)),
      ...deletes.sort((one, other) => comparePaths(other.path, one.path)),
    ],
    same: 0,
    ephemerals: [],
  };
}

function operationFromJson(value: unknown, prune: readonly string[]): Operation {
  if (!isObject(value)) throw new UsageError("it is no object");
  const { op, path, data, dataBase64, acl, version, aversion } = value;
  if (typeof path !== "string") throw new UsageError('"path" is missing');
  const problem = findPathProblem(path);
  if (problem !== null) throw new UsageError(`the path ${JSON.stringify(path)} is none: ${problem.reason}`);
  switch (op) {
    case "create":
      checkKeys(value, ["op", "path", "data", "dataBase64", "acl"], op);
      return { op, path, data: readData(data, dataBase64), acl: readAcl(acl) };
    case "set":
      checkKeys(value, ["op", "path", "data", "dataBase64", "version"], op);
      return { op, path, data: readData(data, dataBase64), version: readVersion(version, "version") };
    case "delete":
      checkKeys(value, ["op", "path", "version"], op);
      if (!prune.some((root) => isBelow(path, root)))
        throw new UsageError(`${visible(path)} is deleted, and lies below none of "prune"`);
      return { op, path, version: readVersion(version, "version") };
    case "acl":
      checkKeys(value, ["op", "path", "acl", "aversion"], op);
      return { op, path, acl: readAcl(acl), aversion: readVersion(aversion, "aversion") };
    default:
      throw new UsageError(`there is no operation ${JSON.stringify(op ?? null)}`);
  }
}

function readVersion(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`"${name}" must be a whole number`);
}
