import type { Codec } from "./jute/codec.js";
import { OpCode } from "./op-codes.js";
import {
  GetACLRequest,
  GetACLResponse,
  SetACLRequest,
  SetACLResponse,
  WhoAmIResponse,
} from "./records/acls.js";
import {
  GetAllChildrenNumberRequest,
  GetAllChildrenNumberResponse,
  GetChildren2Request,
  GetChildren2Response,
  GetChildrenRequest,
  GetChildrenResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
} from "./records/children.js";
import {
  type MultiOperation,
  type MultiReadOperation,
  MultiReadRequest,
  MultiReadResponse,
  type MultiReadResult,
  MultiRequest,
  MultiResponse,
  type MultiResult,
} from "./records/multi.js";
import {
  CheckVersionRequest,
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTTLRequest,
  DeleteRequest,
  ExistsRequest,
  ExistsResponse,
  GetDataRequest,
  GetDataResponse,
  SetDataRequest,
  SetDataResponse,
  SyncRequest,
  SyncResponse,
} from "./records/nodes.js";
import { ReconfigRequest } from "./records/reconfig.js";
import {
  AuthPacket,
  ErrorResponse,
  GetSASLRequest,
  SetSASLResponse,
  WatcherEvent,
} from "./records/session.js";
import {
  AddWatchRequest,
  CheckWatchesRequest,
  RemoveWatchesRequest,
  SetWatches,
  SetWatches2,
} from "./records/watches.js";

/** What a request with a watch flag leaves behind at the server. */
export type WatchKind = "data" | "exists" | "children" | "persistent";

/**
 * One operation of the protocol.
 *
 * @typeParam Request codec of the body after the request header, null when there is none
 * @typeParam Response codec of the body after the reply header when err is 0, null when there is none
 */
export interface Operation<
  Request extends Codec<unknown> | null = Codec<unknown> | null,
  Response extends Codec<unknown> | null = Codec<unknown> | null,
> {
  readonly opCode: OpCode;
  readonly request: Request;
  readonly response: Response;
  /** First version whose servers know it. Earlier ones answer UNIMPLEMENTED and close the connection. */
  readonly since: string;
  /** The kind of watch it can leave, null when it leaves none. */
  readonly watch: WatchKind | null;
  /** Whether a read-only server refuses it with NOT_READONLY: writes, and sync. */
  readonly isWrite: boolean;
  /**
   * Where it is used: `request` as a request of its own (some also inside multi), `multi` only inside multi,
   * `reply` only from the server to the client, `internal` only between servers.
   */
  readonly scope: "request" | "multi" | "reply" | "internal";
}

/** The table {@link OPERATIONS}, by the names of the server's sources. */
export interface Operations {
  readonly notification: Operation<null, Codec<WatcherEvent>>;
  readonly create: Operation<Codec<CreateRequest>, Codec<CreateResponse>>;
  readonly delete: Operation<Codec<DeleteRequest>, null>;
  readonly exists: Operation<Codec<ExistsRequest>, Codec<ExistsResponse>>;
  readonly getData: Operation<Codec<GetDataRequest>, Codec<GetDataResponse>>;
  readonly setData: Operation<Codec<SetDataRequest>, Codec<SetDataResponse>>;
  readonly getACL: Operation<Codec<GetACLRequest>, Codec<GetACLResponse>>;
  readonly setACL: Operation<Codec<SetACLRequest>, Codec<SetACLResponse>>;
  readonly getChildren: Operation<Codec<GetChildrenRequest>, Codec<GetChildrenResponse>>;
  readonly sync: Operation<Codec<SyncRequest>, Codec<SyncResponse>>;
  readonly ping: Operation<null, null>;
  readonly getChildren2: Operation<Codec<GetChildren2Request>, Codec<GetChildren2Response>>;
  readonly check: Operation<Codec<CheckVersionRequest>, null>;
  readonly multi: Operation<Codec<readonly MultiOperation[]>, Codec<readonly MultiResult[]>>;
  readonly create2: Operation<Codec<CreateRequest>, Codec<Create2Response>>;
  readonly reconfig: Operation<Codec<ReconfigRequest>, Codec<GetDataResponse>>;
  readonly checkWatches: Operation<Codec<CheckWatchesRequest>, null>;
  readonly removeWatches: Operation<Codec<RemoveWatchesRequest>, null>;
  readonly createContainer: Operation<Codec<CreateRequest>, Codec<Create2Response>>;
  readonly deleteContainer: Operation<null, null>;
  readonly createTTL: Operation<Codec<CreateTTLRequest>, Codec<Create2Response>>;
  readonly multiRead: Operation<Codec<readonly MultiReadOperation[]>, Codec<readonly MultiReadResult[]>>;
  readonly auth: Operation<Codec<AuthPacket>, null>;
  readonly setWatches: Operation<Codec<SetWatches>, null>;
  readonly sasl: Operation<Codec<GetSASLRequest>, Codec<SetSASLResponse>>;
  readonly getEphemerals: Operation<Codec<GetEphemeralsRequest>, Codec<GetEphemeralsResponse>>;
  readonly getAllChildrenNumber: Operation<
    Codec<GetAllChildrenNumberRequest>,
    Codec<GetAllChildrenNumberResponse>
  >;
  readonly setWatches2: Operation<Codec<SetWatches2>, null>;
  readonly addWatch: Operation<Codec<AddWatchRequest>, Codec<ErrorResponse>>;
  readonly whoAmI: Operation<null, Codec<WhoAmIResponse>>;
  readonly createSession: Operation<null, null>;
  readonly closeSession: Operation<null, null>;
  readonly error: Operation<null, Codec<ErrorResponse>>;
}

/** Name of an operation, spelled as in the server's sources. */
export type OperationName = keyof Operations;

/**
 * Every operation from 3.4.6 to 3.9.
 *
 * Source: ZooKeeper 3.4.6 and 3.9.3, ZooDefs.java, FinalRequestProcessor.java and ReadOnlyRequestProcessor.java
 */
export const OPERATIONS: Operations = {
  notification: answer(OpCode.NOTIFICATION, WatcherEvent),
  create: write(OpCode.CREATE, CreateRequest, CreateResponse, "3.4.0"),
  delete: write(OpCode.DELETE, DeleteRequest, null, "3.4.0"),
  exists: read(OpCode.EXISTS, ExistsRequest, ExistsResponse, "3.4.0", "exists"),
  getData: read(OpCode.GET_DATA, GetDataRequest, GetDataResponse, "3.4.0", "data"),
  setData: write(OpCode.SET_DATA, SetDataRequest, SetDataResponse, "3.4.0"),
  getACL: read(OpCode.GET_ACL, GetACLRequest, GetACLResponse, "3.4.0"),
  setACL: write(OpCode.SET_ACL, SetACLRequest, SetACLResponse, "3.4.0"),
  getChildren: read(OpCode.GET_CHILDREN, GetChildrenRequest, GetChildrenResponse, "3.4.0", "children"),
  sync: write(OpCode.SYNC, SyncRequest, SyncResponse, "3.4.0"),
  ping: read(OpCode.PING, null, null, "3.4.0"),
  getChildren2: read(OpCode.GET_CHILDREN2, GetChildren2Request, GetChildren2Response, "3.4.0", "children"),
  // As a request of its own a matching version makes a 3.4.6 leader fail without any reply.
  check: { ...write(OpCode.CHECK, CheckVersionRequest, null, "3.4.0"), scope: "multi" },
  multi: write(OpCode.MULTI, MultiRequest, MultiResponse, "3.4.0"),
  create2: write(OpCode.CREATE2, CreateRequest, Create2Response, "3.5.0"),
  reconfig: write(OpCode.RECONFIG, ReconfigRequest, GetDataResponse, "3.5.0"),
  checkWatches: read(OpCode.CHECK_WATCHES, CheckWatchesRequest, null, "3.5.0"),
  removeWatches: read(OpCode.REMOVE_WATCHES, RemoveWatchesRequest, null, "3.5.0"),
  createContainer: write(OpCode.CREATE_CONTAINER, CreateRequest, Create2Response, "3.5.1"),
  deleteContainer: { ...write(OpCode.DELETE_CONTAINER, null, null, "3.5.1"), scope: "internal" },
  createTTL: write(OpCode.CREATE_TTL, CreateTTLRequest, Create2Response, "3.5.3"),
  multiRead: read(OpCode.MULTI_READ, MultiReadRequest, MultiReadResponse, "3.6.0"),
  auth: read(OpCode.AUTH, AuthPacket, null, "3.4.0"),
  setWatches: read(OpCode.SET_WATCHES, SetWatches, null, "3.4.0"),
  sasl: read(OpCode.SASL, GetSASLRequest, SetSASLResponse, "3.4.0"),
  getEphemerals: read(OpCode.GET_EPHEMERALS, GetEphemeralsRequest, GetEphemeralsResponse, "3.6.0"),
  getAllChildrenNumber: read(
    OpCode.GET_ALL_CHILDREN_NUMBER,
    GetAllChildrenNumberRequest,
    GetAllChildrenNumberResponse,
    "3.6.0",
  ),
  setWatches2: read(OpCode.SET_WATCHES2, SetWatches2, null, "3.6.0"),
  addWatch: read(OpCode.ADD_WATCH, AddWatchRequest, ErrorResponse, "3.6.0", "persistent"),
  whoAmI: read(OpCode.WHO_AM_I, null, WhoAmIResponse, "3.7.0"),
  createSession: { ...read(OpCode.CREATE_SESSION, null, null, "3.4.0"), scope: "internal" },
  closeSession: read(OpCode.CLOSE_SESSION, null, null, "3.4.0"),
  error: answer(OpCode.ERROR, ErrorResponse),
};

/** The name of the operation with this op code, such as `getData` for 4; undefined for a number that is none. */
export function operationName(opCode: number): OperationName | undefined {
  return NAMES.get(opCode);
}

/** The operation with this op code; undefined for a number that is none. */
export function operationOf(opCode: number): Operation | undefined {
  const name = NAMES.get(opCode);
  return name === undefined ? undefined : OPERATIONS[name];
}

const NAMES: ReadonlyMap<number, OperationName> = new Map(
  (Object.keys(OPERATIONS) as OperationName[]).map((name) => [OPERATIONS[name].opCode, name]),
);

type AnyCodec = Codec<unknown> | null;

function write<Q extends AnyCodec, R extends AnyCodec>(
  opCode: OpCode,
  request: Q,
  response: R,
  since: string,
): Operation<Q, R> {
  return { opCode, request, response, since, watch: null, isWrite: true, scope: "request" };
}

function read<Q extends AnyCodec, R extends AnyCodec>(
  opCode: OpCode,
  request: Q,
  response: R,
  since: string,
  watch: WatchKind | null = null,
): Operation<Q, R> {
  return { opCode, request, response, since, watch, isWrite: false, scope: "request" };
}

function answer<R extends AnyCodec>(opCode: OpCode, response: R): Operation<null, R> {
  return { opCode, request: null, response, since: "3.4.0", watch: null, isWrite: false, scope: "reply" };
}
