/** What ends connections and sessions, or is told them by requests outside of the pipeline. */
import { OpCode } from "@zk/protocol";
import { anyPath } from "./arguments.js";
import type { Body, ConnectOperation, Operation } from "./operations.js";
import type { Random } from "./random.js";

const UNKNOWN_OP_CODES = [
  0, -1, 10, 15, 16, 17, 18, 19, 20, 21, 22, 99, 103, 104, 105, 106, 107, -12, 2_147_483_647,
];
/** One of everything that is not an ordinary request. */
export function oddOperation(random: Random, slot: number, slots: number, servers: number): Operation {
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

/** A connection as clients make them. */
export function plainConnect(random: Random, slot: number, servers: number): ConnectOperation {
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
    ...(random.chance(25) ? { cut: random.between(1, 45) } : {}),
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

/** Whether a connection goes on after an odd operation, as far as a generator can know. */
export function isKeeping(operation: Operation): boolean {
  if (operation.kind === "connect") {
    return operation.password === "right" && operation.lastZxid !== "max" && operation.cut === undefined;
  }
  if (operation.kind !== "request") return false;
  const { opCode, body } = operation;
  if (opCode === OpCode.SASL || opCode === OpCode.CREATE_SESSION) return true;
  return body.record === "auth" && (body.scheme === "ip" || (body.scheme === "digest" && body.auth !== null));
}

/** Whether the slot's session is over afterwards. */
export function isEndOfSession(operation: Operation): boolean {
  return operation.kind === "request" && operation.opCode === OpCode.CLOSE_SESSION;
}
