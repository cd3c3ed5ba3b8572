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
import type { Body, ConnectOperation, Operation, Part, RequestOperation, Schedule } from "./operations.js";
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

type Request = Omit<RequestOperation, "kind" | "slot">;

const UNKNOWN_OP_CODES = [
  0, -1, 10, 15, 16, 17, 18, 19, 20, 21, 22, 99, 103, 104, 105, 106, 107, -12, 2_147_483_647,
];
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
  while (operations.length < length) {
    const slot = random.below(slots);
    if (!isConnected[slot]) {
      connect(slot, random.chance(75) ? "own" : "new");
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
    }
  }
  return { seed, episode, operations };
}

/** Whether a connection goes on after an odd operation, as far as a generator can know. */
function isKeeping(operation: Operation): boolean {
  if (operation.kind === "connect") return operation.password === "right" && operation.lastZxid !== "max";
  if (operation.kind !== "request") return false;
  const { opCode, body } = operation;
  if (opCode === OpCode.SASL || opCode === OpCode.CREATE_SESSION) return true;
  return body.record === "auth" && (body.scheme === "ip" || (body.scheme === "digest" && body.auth !== null));
}

function isEndOfSession(operation: Operation): boolean {
  return operation.kind === "request" && operation.opCode === OpCode.CLOSE_SESSION;
}

function anyRequest(random: Random): Request {
  const request = random.weighted(REQUESTS)(random);
  if (random.chance(1.5)) return { ...request, cut: random.between(1, 24) };
  if (random.chance(0.5)) return { ...request, extra: random.between(1, 9) };
  if (random.chance(1)) return { ...request, xid: random.pick([0, -3, -4, -8, 1, 7, -2_147_483_648]) };
  return request;
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

/** What ends connections and sessions, or is told them. */
function oddOperation(random: Random, slot: number, slots: number, servers: number): Operation {
  const request = (opCode: number, body: Body): Operation => ({ kind: "request", slot, opCode, body });
  const connect = plainConnect(random, slot, servers);
  return random.weighted<() => Operation>([
    [20, () => request(OpCode.AUTH, authBody(random))],
    [12, () => request(OpCode.CLOSE_SESSION, { record: "none" })],
    [14, () => ({ kind: "drop", slot, how: random.pick(["fin", "reset"]) })],
    [10, () => ({ ...connect, session: "own" })],
    [4, () => ({ ...connect, session: "new" })],
    [4, () => ({ ...connect, session: { of: random.below(slots) } })],
    [6, () => oddConnect(random, connect, slots)],
    [5, () => request(random.pick(UNKNOWN_OP_CODES), { record: "path", path: anyPath(random) })],
    [2, () => request(OpCode.SASL, { record: "token", token: random.pick(["", "x"]) })],
    [2, () => request(OpCode.CREATE_SESSION, { record: "int", value: random.pick([700_000, 3_600_000]) })],
    [1, () => request(OpCode.CREATE_SESSION, { record: "none" })],
    [3, () => badFrame(random, slot)],
    [
      0.3,
      () =>
        request(OpCode.SET_DATA, {
          record: "data",
          path: "$/a",
          data: { frameBytes: 1_048_576 },
          version: -1,
        }),
    ],
  ])();
}

function plainConnect(random: Random, slot: number, servers: number): ConnectOperation {
  return {
    kind: "connect",
    slot,
    session: "new",
    password: "right",
    lastZxid: random.pick<ConnectOperation["lastZxid"]>(["zero", { seen: 0 }, { seen: -1 }]),
    timeoutMs: random.pick([600_000, 700_001, 3_600_000]),
    readOnly: random.pick([false, false, true, null]),
    protocolVersion: 0,
    server: random.below(servers),
  };
}

function oddConnect(random: Random, connect: ConnectOperation, slots: number): ConnectOperation {
  const session = random.pick<ConnectOperation["session"]>([
    "new",
    "own",
    "unknown",
    { of: random.below(slots) },
  ]);
  return {
    ...connect,
    session,
    password: random.pick(["right", "wrong", "empty", "long"]),
    lastZxid: random.pick<ConnectOperation["lastZxid"]>([
      "zero",
      "min",
      "max",
      { seen: 100_000 },
      { seen: 0 },
    ]),
    timeoutMs: random.pick([-2_147_483_648, -1, 0, 1, 599_999, 3_600_001, 2_147_483_647]),
    protocolVersion: random.pick([0, 0, 1, -1]),
  };
}

function authBody(random: Random): Body {
  const [scheme, auth] = random.pick([
    ["digest", "u1:p1"],
    ["digest", "u1:p1"],
    ["digest", "u2:p2"],
    ["digest", "u2:p2"],
    ["digest", "u1:wrong"],
    ["digest", "super:differential"],
    ["digest", "nocolon"],
    ["digest", ""],
    ["digest", ":"],
    ["digest", "a:b:c"],
    ["digest", null],
    ["ip", ""],
    ["ip", "10.1.2.3"],
    ["ip", null],
    ["world", "anyone"],
    ["auth", ""],
    ["sasl", "bob"],
    ["foo", "bar"],
    ["", ""],
    [null, "x"],
  ] as const);
  return { record: "auth", type: random.pick([0, 0, 0, 1, -1, 100]), scheme, auth };
}

function badFrame(random: Random, slot: number): Operation {
  const [length, hex] = random.pick([
    [-1, ""],
    [-2_147_483_648, ""],
    [1_048_576, ""],
    [2_147_483_647, ""],
    [0, ""],
    [1, "00"],
    [4, "00000001"],
    [7, "00000001000000"],
    [8, "0000000100000064"],
    [12, "000000010000006400000000"],
  ] as const);
  return { kind: "frame", slot, length, hex };
}
