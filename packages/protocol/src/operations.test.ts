import { describe, expect, it } from "vitest";
import { createModeName, isEphemeralMode, isSequentialMode } from "./create-modes.js";
import { nextXid, OpCode, XID_FIRST, Xid } from "./op-codes.js";
import { OPERATIONS, type OperationName, operationName, operationOf } from "./operations.js";
import { keeperStateName, WatchEventType, watchEventTypeName } from "./watch-events.js";

/** Number, name, request, reply, first version: written down from the servers' sources, apart from the table. */
const EXPECTED = `
  0 notification - WatcherEvent 3.4.0
  1 create CreateRequest CreateResponse 3.4.0
  2 delete DeleteRequest - 3.4.0
  3 exists ExistsRequest ExistsResponse 3.4.0
  4 getData GetDataRequest GetDataResponse 3.4.0
  5 setData SetDataRequest SetDataResponse 3.4.0
  6 getACL GetACLRequest GetACLResponse 3.4.0
  7 setACL SetACLRequest SetACLResponse 3.4.0
  8 getChildren GetChildrenRequest GetChildrenResponse 3.4.0
  9 sync SyncRequest SyncResponse 3.4.0
  11 ping - - 3.4.0
  12 getChildren2 GetChildren2Request GetChildren2Response 3.4.0
  13 check CheckVersionRequest - 3.4.0
  14 multi MultiRequest MultiResponse 3.4.0
  15 create2 CreateRequest Create2Response 3.5.0
  16 reconfig ReconfigRequest GetDataResponse 3.5.0
  17 checkWatches CheckWatchesRequest - 3.5.0
  18 removeWatches RemoveWatchesRequest - 3.5.0
  19 createContainer CreateRequest Create2Response 3.5.1
  20 deleteContainer - - 3.5.1
  21 createTTL CreateTTLRequest Create2Response 3.5.3
  22 multiRead MultiReadRequest MultiReadResponse 3.6.0
  100 auth AuthPacket - 3.4.0
  101 setWatches SetWatches - 3.4.0
  102 sasl GetSASLRequest SetSASLResponse 3.4.0
  103 getEphemerals GetEphemeralsRequest GetEphemeralsResponse 3.6.0
  104 getAllChildrenNumber GetAllChildrenNumberRequest GetAllChildrenNumberResponse 3.6.0
  105 setWatches2 SetWatches2 - 3.6.0
  106 addWatch AddWatchRequest ErrorResponse 3.6.0
  107 whoAmI - WhoAmIResponse 3.7.0
  -10 createSession - - 3.4.0
  -11 closeSession - - 3.4.0
  -1 error - ErrorResponse 3.4.0
`;

describe("operations", () => {
  it("are these, whole", () => {
    const rows = Object.entries(OPERATIONS).map(([name, { opCode, request, response, since }]) =>
      [opCode, name, request?.name ?? "-", response?.name ?? "-", since].join(" "),
    );
    expect(rows).toEqual(EXPECTED.trim().split(/\n\s*/));
  });

  it("have each op code once, and are found by it", () => {
    const codes = Object.values(OPERATIONS).map(({ opCode }) => opCode);
    expect([...codes].sort((a, b) => a - b)).toEqual(Object.values(OpCode).sort((a, b) => a - b));
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      expect(operationName(operation.opCode)).toBe(name);
      expect(operationOf(operation.opCode)).toBe(operation);
    }
    expect(operationName(10)).toBeUndefined();
    expect(operationOf(999)).toBeUndefined();
  });

  it("know what a read-only server refuses, what leaves watches and where each belongs", () => {
    const names = (matches: (name: OperationName) => boolean) =>
      (Object.keys(OPERATIONS) as OperationName[]).filter(matches);
    expect(names((name) => OPERATIONS[name].isWrite)).toEqual([
      "create",
      "delete",
      "setData",
      "setACL",
      "sync",
      "check",
      "multi",
      "create2",
      "reconfig",
      "createContainer",
      "deleteContainer",
      "createTTL",
    ]);
    const watches = names((name) => OPERATIONS[name].watch !== null);
    expect(watches.map((name) => `${name} ${OPERATIONS[name].watch}`)).toEqual([
      "exists exists",
      "getData data",
      "getChildren children",
      "getChildren2 children",
      "addWatch persistent",
    ]);
    const elsewhere = names((name) => OPERATIONS[name].scope !== "request");
    expect(elsewhere.map((name) => `${name} ${OPERATIONS[name].scope}`)).toEqual([
      "notification reply",
      "check multi",
      "deleteContainer internal",
      "createSession internal",
      "error reply",
    ]);
  });
});

describe("xids", () => {
  it("start at 1 and wrap to 1, past everything reserved", () => {
    expect(XID_FIRST).toBe(1);
    expect([nextXid(1), nextXid(2_147_483_646), nextXid(2_147_483_647)]).toEqual([2, 2_147_483_647, 1]);
    for (const odd of [0, -1, -8, 2 ** 31, -(2 ** 31)]) expect(nextXid(odd)).toBe(1);
    expect(Xid).toEqual({ NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 });
  });
});

describe("names of numbers", () => {
  it("of create modes", () => {
    const rows = [0, 1, 2, 3, 4, 5, 6].map((flags) => [
      createModeName(flags),
      isEphemeralMode(flags),
      isSequentialMode(flags),
    ]);
    expect(rows).toEqual([
      ["PERSISTENT", false, false],
      ["EPHEMERAL", true, false],
      ["PERSISTENT_SEQUENTIAL", false, true],
      ["EPHEMERAL_SEQUENTIAL", true, true],
      ["CONTAINER", false, false],
      ["PERSISTENT_WITH_TTL", false, false],
      ["PERSISTENT_SEQUENTIAL_WITH_TTL", false, true],
    ]);
    expect(createModeName(7)).toBeUndefined();
  });

  it("of events and states", () => {
    for (const [name, type] of Object.entries(WatchEventType)) expect(watchEventTypeName(type)).toBe(name);
    expect(watchEventTypeName(0)).toBeUndefined();
    expect([keeperStateName(3), keeperStateName(-112), keeperStateName(99)]).toEqual([
      "SyncConnected",
      "Expired",
      undefined,
    ]);
  });
});
