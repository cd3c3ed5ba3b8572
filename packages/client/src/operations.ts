/** What each operation of the facade is on the wire: those that a 3.4.6 server knows, and the few that it does not. */
import {
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTTLRequest,
  DeleteRequest,
  ExistsRequest,
  ExistsResponse,
  GetACLRequest,
  GetACLResponse,
  GetChildren2Request,
  GetChildren2Response,
  GetDataRequest,
  GetDataResponse,
  MultiRequest,
  MultiResponse,
  OpCode,
  SetACLRequest,
  SetACLResponse,
  SetDataRequest,
  SetDataResponse,
  SyncRequest,
  SyncResponse,
} from "@zk/protocol";
import type { OperationSpec } from "./core/index.js";

/** The operations of the facade. */
export type SpecName =
  | "create"
  | "remove"
  | "exists"
  | "getData"
  | "setData"
  | "getChildren"
  | "getACL"
  | "setACL"
  | "sync"
  | "transaction";

const READ = { isWrite: false, throughLeader: false, absentIsAnswer: false } as const;
const WRITE = { isWrite: true, throughLeader: true, absentIsAnswer: false } as const;

/** The operations by the name that the API gives them. */
export const SPECS: Readonly<Record<SpecName, OperationSpec>> = {
  create: {
    name: "create",
    opCode: OpCode.CREATE,
    request: CreateRequest,
    response: CreateResponse,
    ...WRITE,
  },
  remove: { name: "remove", opCode: OpCode.DELETE, request: DeleteRequest, response: null, ...WRITE },
  exists: {
    name: "exists",
    opCode: OpCode.EXISTS,
    request: ExistsRequest,
    response: ExistsResponse,
    ...READ,
    absentIsAnswer: true,
  },
  getData: {
    name: "getData",
    opCode: OpCode.GET_DATA,
    request: GetDataRequest,
    response: GetDataResponse,
    ...READ,
  },
  setData: {
    name: "setData",
    opCode: OpCode.SET_DATA,
    request: SetDataRequest,
    response: SetDataResponse,
    ...WRITE,
  },
  getChildren: {
    name: "getChildren",
    opCode: OpCode.GET_CHILDREN2,
    request: GetChildren2Request,
    response: GetChildren2Response,
    ...READ,
  },
  getACL: {
    name: "getACL",
    opCode: OpCode.GET_ACL,
    request: GetACLRequest,
    response: GetACLResponse,
    ...READ,
  },
  setACL: {
    name: "setACL",
    opCode: OpCode.SET_ACL,
    request: SetACLRequest,
    response: SetACLResponse,
    ...WRITE,
  },
  sync: {
    name: "sync",
    opCode: OpCode.SYNC,
    request: SyncRequest,
    response: SyncResponse,
    ...READ,
    throughLeader: true,
  },
  transaction: {
    name: "transaction",
    opCode: OpCode.MULTI,
    request: MultiRequest,
    response: MultiResponse,
    ...WRITE,
  },
};

/** What TTL_DISABLED says. Source: ZooKeeper 3.9.3, PrepRequestProcessor.java (validateCreateRequest) and EphemeralType.java */
export const TTL_DISABLED = {
  code: "TTL_DISABLED",
  message:
    "the servers know znodes with a time to live and have them switched off; each needs extendedTypesEnabled=true in its zoo.cfg (-Dzookeeper.extendedTypesEnabled=true), and an id up to 254",
} as const;

/** Those that a 3.4.6 server does not know. */
export const NEWER_SPECS: Readonly<Record<"createContainer" | "createTTL" | "transaction", OperationSpec>> = {
  createContainer: {
    name: "create",
    opCode: OpCode.CREATE_CONTAINER,
    request: CreateRequest,
    response: Create2Response,
    from35: true,
    ...WRITE,
  },
  createTTL: {
    name: "create",
    opCode: OpCode.CREATE_TTL,
    request: CreateTTLRequest,
    response: Create2Response,
    from35: true,
    switchedOff: TTL_DISABLED,
    ...WRITE,
  },
  // One with a part of these two: 3.4 refuses the whole of it with a code that says nothing.
  transaction: { ...SPECS.transaction, from35: true },
};
