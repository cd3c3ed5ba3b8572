/** From a seed to a schedule: several sessions, every operation of 3.4.6, few paths, and some of everything hostile. */
import { OpCode } from "@zk/protocol";
import {
  anyAcl,
  anyData,
  anyPath,
  anyPaths,
  anyVersion,
  anyZxid,
  LASTING_PATHS,
  newPath,
  OPEN,
} from "./arguments.js";
import { isEndOfSession, isKeeping, oddOperation, plainConnect } from "./odd-operations.js";
import type { Body, ConnectOperation, Operation, Part, Request, Schedule } from "./operations.js";
import { quotaCreation, quotaRequest } from "./quota-requests.js";
import { Random, seedOf } from "./random.js";

/** What a generated schedule is like. */
export interface GeneratorOptions {
  readonly seed: number;
  /** Part number of what the seed decides; each is a schedule of its own. */
  readonly episode: number;
  /** Operations to make, the first connections included. */
  readonly length: number;
  /** Servers that connections go to by turns of chance. Default: 1. */
  readonly servers?: number;
}

/** So many of a hundred schedules have a quota. */
const QUOTA_PERCENT = 20;

/**
 * Those which may stand in front of another request that is sent without waiting. Not setACL: until it is applied, 3.4.6
 * judges by the old list, and whether it is applied would be a matter of timing.
 */
const PIPELINED: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 8, 9, 11, 12]);

/**
 * Those which are never sent behind a request that is under way. A multi that fails leaves behind what a server of 3.4.6
 * thought of its paths, but only when all before it was applied already; a later delete may stumble over that. With
 * others under way it would be a matter of timing what happens.
 */
const UNHURRIED: ReadonlySet<number> = new Set([OpCode.DELETE, OpCode.MULTI]);

/** A server that follows falls silent for ever when it gets one of these (ZKDatabase.addCommittedProposal again). */
const DEADLY: ReadonlySet<number> = new Set([OpCode.CHECK]);

/** The same options give the same schedule, here and on every machine. */
export function generateSchedule(options: GeneratorOptions): Schedule {
  const { seed, episode, length } = options;
  const random = new Random(seedOf(seed, episode));
  const slots = random.between(3, 6);
  const servers = options.servers ?? 1;
  const operations: Operation[] = [];
  const isConnected = new Array<boolean>(slots).fill(false);
  const add = (operation: Operation): void => void operations.push(operation);
  const connect = (slot: number, session: ConnectOperation["session"]): void => {
    add({ ...plainConnect(random, slot, servers), session });
    isConnected[slot] = true;
  };
  for (let slot = 0; slot < slots; slot++) connect(slot, "new");
  // Something to begin with: most operations on znodes that are not there are the same operation.
  for (const path of ["$/a", "$/b", "$/a/x"]) {
    const body: Body = { record: "create", path, data: "", acl: OPEN, flags: 0 };
    if (random.chance(80)) add({ kind: "request", slot: 0, opCode: OpCode.CREATE, body });
  }
  const hasQuota = random.chance(QUOTA_PERCENT);
  if (hasQuota) for (const creation of quotaCreation(random)) add({ kind: "request", slot: 0, ...creation });
  while (operations.length < length) {
    const slot = random.below(slots);
    if (!isConnected[slot]) {
      connect(slot, random.chance(75) ? "own" : "new");
      continue;
    }
    if (hasQuota && random.chance(5)) {
      add({ kind: "request", slot, ...quotaRequest(random) });
      continue;
    }
    if (random.chance(4)) {
      const odd = oddOperation(random, slot, slots, servers);
      add(odd);
      isConnected[slot] = isKeeping(odd);
      if (isEndOfSession(odd)) {
        if (random.chance(30)) connect(slot, "own");
        connect(slot, "new");
      }
      continue;
    }
    let isBehind = false;
    for (let more = random.chance(30) ? random.between(1, 5) : 0; ; more--) {
      let request = anyRequest(random);
      while ((isBehind && UNHURRIED.has(request.opCode)) || (servers > 1 && DEADLY.has(request.opCode))) {
        request = anyRequest(random);
      }
      const isPipelined = more > 0 && PIPELINED.has(request.opCode);
      isBehind = isPipelined;
      add({ kind: "request", slot, ...request, ...(isPipelined ? { isPipelined } : {}) });
      if (!isPipelined) break;
      if (random.chance(2)) {
        add({ kind: "request", slot, opCode: OpCode.CLOSE_SESSION, body: { record: "none" } });
        connect(slot, "new");
        break;
      }
    }
  }
  return { seed, episode, operations };
}

function anyRequest(random: Random): Request {
  const request = random.weighted(REQUESTS)(random);
  if (random.chance(1.5)) return { ...request, cut: random.between(1, 24) };
  if (random.chance(0.5)) return { ...request, extra: random.between(1, 9) };
  if (random.chance(1)) return { ...request, tail: random.pick(tailsFor(request.opCode)) };
  if (random.chance(0.7) && RAW.has(request.opCode)) {
    // A null path, none at all, and one whose length no array can have.
    return {
      ...request,
      body: { record: "bytes", hex: random.pick(["ffffffff", "", "fffffffe", "80000000"]) },
    };
  }
  if (random.chance(1)) return { ...request, xid: random.pick([0, -3, -4, -8, 1, 7, -2_147_483_648]) };
  return request;
}

/** Those which may have a body of a few bytes. Not multi: a server of 3.4.6 dies of a string of negative length in it. */
const RAW: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 101]);

/** Odd booleans, counts, versions and flags; none that makes a create sequential after its path was chosen for another kind. */
function tailsFor(opCode: number): readonly string[] {
  const tails = ["ff", "80", "fffffffe", "7fffffff", "00000005"];
  return opCode === OpCode.CREATE ? tails : ["02", ...tails];
}

type Make = (random: Random) => Request;
const watching =
  (opCode: number): Make =>
  (random) => ({
    opCode,
    body: { record: "watch", path: anyPath(random), watch: random.chance(60) },
  });
const plain =
  (opCode: number): Make =>
  (random) => ({ opCode, body: { record: "path", path: anyPath(random) } });
const withBody =
  (opCode: number, make: (random: Random) => Body): Make =>
  (random) => ({ opCode, body: make(random) });

const REQUESTS: readonly (readonly [number, Make])[] = [
  [32, withBody(OpCode.CREATE, (random) => createBody(random))],
  [14, withBody(OpCode.DELETE, versionBody)],
  [12, withBody(OpCode.SET_DATA, dataBody)],
  [4, withBody(OpCode.SET_ACL, aclBody)],
  [8, watching(OpCode.EXISTS)],
  [8, watching(OpCode.GET_DATA)],
  [6, watching(OpCode.GET_CHILDREN)],
  [6, watching(OpCode.GET_CHILDREN2)],
  [4, plain(OpCode.GET_ACL)],
  [3, plain(OpCode.SYNC)],
  [1, () => ({ opCode: OpCode.PING, body: { record: "none" } })],
  [2, withBody(OpCode.CHECK, versionBody)],
  [10, withBody(OpCode.MULTI, multiBody)],
  [4, withBody(OpCode.SET_WATCHES, watchesBody)],
];

function createBody(random: Random, isAlone = true): Body & { readonly record: "create" } {
  const flags = random.weighted([
    [50, 0],
    [20, 1],
    [14, 2],
    [8, 3],
    [1, 4],
    [1, 5],
    [1, -1],
    [1, 2_147_483_647],
  ]);
  const path = newPath(random, flags === 2 || flags === 3);
  return { record: "create", path, data: anyData(random), acl: anyAcl(random, isAlone), flags };
}

function versionBody(random: Random): Body {
  const path = anyPath(random);
  return { record: "version", path, version: anyVersion(random, path) };
}

/** The root by its other name is left alone: a server of 3.4.6 dies of it (IllegalArgumentException in PathTrie.findMaxPrefix). */
function dataBody(random: Random): Body {
  let path = anyPath(random);
  while (path === "") path = anyPath(random);
  return { record: "data", path, data: anyData(random), version: anyVersion(random, path) };
}

function aclBody(random: Random): Body {
  // A root that nobody may look at makes the rest of a schedule dull.
  let path = anyPath(random);
  if ((path === "$" || LASTING_PATHS.includes(path as string)) && random.chance(80)) path = "$/a";
  return { record: "acl", path, acl: anyAcl(random, true), version: anyVersion(random, path) };
}

function multiBody(random: Random): Body {
  if (random.chance(45)) return { record: "multi", parts: hopefulParts(random) };
  const count = random.pick([0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]);
  return { record: "multi", parts: Array.from({ length: count }, () => anyPart(random)) };
}

/** Parts that build on each other and mostly succeed together: parts drawn one by one nearly never do. */
function hopefulParts(random: Random): Part[] {
  const versions = new Map<string, number>();
  const part = (type: number, body: Body): Part => ({ type, err: -1, body });
  const version = (path: string): number => (random.chance(50) ? (versions.get(path) ?? -1) : -1);
  const create = (path: string, flags: number): Part => {
    if (flags === 0) versions.set(path, 0);
    return part(OpCode.CREATE, { record: "create", path, data: anyData(random), acl: OPEN, flags });
  };
  return Array.from({ length: random.between(2, 6) }, () => {
    const known = ["$/a", "$/b", "$", ...versions.keys()];
    const path = random.pick(known);
    const leaf = ["$/t/u", "$/t"].find((made) => versions.has(made));
    return random.weighted<() => Part>([
      [3, () => create(random.pick(["$/a/n-", "$/b/n-", "$/n-"]), random.pick([2, 2, 3]))],
      [versions.has("$/t") ? 0 : 5, () => create("$/t", 0)],
      [versions.has("$/t") && !versions.has("$/t/u") ? 4 : 0, () => create("$/t/u", 0)],
      [2, () => part(OpCode.CHECK, { record: "version", path, version: version(path) })],
      [
        3,
        () => {
          const body: Body = { record: "data", path, data: anyData(random), version: version(path) };
          if (versions.has(path)) versions.set(path, (versions.get(path) as number) + 1);
          return part(OpCode.SET_DATA, body);
        },
      ],
      [
        leaf === undefined ? 0 : 3,
        () => {
          const body: Body = { record: "version", path: leaf as string, version: version(leaf as string) };
          versions.delete(leaf as string);
          return part(OpCode.DELETE, body);
        },
      ],
    ])();
  });
}

/** Without a path no part is sent: a server of 3.4.6 dies of it (NullPointerException in ZKDatabase.addCommittedProposal). */
function anyPart(random: Random): Part {
  for (;;) {
    const part = anyPartAtAll(random);
    if (!("path" in part.body) || part.body.path !== null) return part;
  }
}

function anyPartAtAll(random: Random): Part {
  const type = random.weighted([
    [40, OpCode.CREATE],
    [20, OpCode.DELETE],
    [20, OpCode.SET_DATA],
    [20, OpCode.CHECK],
    [1, random.pick([OpCode.SET_ACL, OpCode.EXISTS, OpCode.GET_DATA, OpCode.MULTI, OpCode.ERROR, 0, 99])],
  ]);
  const err = random.weighted([
    [10, -1],
    [1, 0],
    [1, -101],
  ]);
  if (type === OpCode.CREATE) return { type, err, body: createBody(random, false) };
  return { type, err, body: type === OpCode.SET_DATA ? dataBody(random) : versionBody(random) };
}

function watchesBody(random: Random): Body {
  return {
    record: "watches",
    relativeZxid: anyZxid(random),
    data: anyPaths(random, false),
    exists: anyPaths(random, false),
    children: anyPaths(random, true),
  };
}
