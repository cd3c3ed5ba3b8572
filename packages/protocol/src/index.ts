// What users of a client meet.
export {
  CREATOR_ALL_ACL,
  formatPermissions,
  OPEN_ACL_UNSAFE,
  Permission,
  parsePermissions,
  READ_ACL_UNSAFE,
} from "./acl.js";
export { CreateMode, createModeName, isEphemeralMode, isSequentialMode } from "./create-modes.js";
// What implementers of clients, servers and tools need.
export {
  describeConnectRequest,
  describeConnectResponse,
  describeReply,
  describeRequest,
} from "./describe.js";
export { digestId } from "./digest.js";
export {
  ERROR_CODES,
  type ErrorCodeEntry,
  errorCode,
  errorName,
  errorSummary,
  type ServerErrorName,
} from "./error-codes.js";
export {
  EncodeError,
  PROTOCOL_ERROR_CODES,
  ProtocolError,
  type ProtocolErrorCode,
  type ProtocolErrorDetails,
} from "./errors.js";
export {
  FOUR_LETTER_WORDS,
  type FourLetterAnswer,
  type FourLetterWord,
  type NotServing,
  type ServerMode,
} from "./four-letter/answer.js";
export { type ClientConnection, parseCons } from "./four-letter/connections.js";
export {
  parseDump,
  parseTraceMask,
  parseWchc,
  parseWchp,
  parseWchs,
  type SessionDump,
} from "./four-letter/sessions.js";
export {
  parseConf,
  parseDirs,
  parseEnvi,
  parseIsro,
  parseReset,
  parseRuok,
  type ServerSettings,
} from "./four-letter/settings.js";
export {
  type MonitorValues,
  parseMntr,
  parseSrvr,
  parseStat,
  type ServerStatistics,
} from "./four-letter/statistics.js";
export { FRAME_BYTES_MAX_DEFAULT, FrameSplitter } from "./frame-splitter.js";
export { type Codec, decode, encode, encodeFrame } from "./jute/codec.js";
export type { VectorCodec } from "./jute/primitives.js";
export { JuteReader } from "./jute/reader.js";
export { type RecordCodec, type RecordField, type RecordShortcut, record } from "./jute/record.js";
export { type JuteTypes, jute } from "./jute/types.js";
export { utf8Bytes, utf8Text } from "./jute/utf8.js";
export { JuteWriter } from "./jute/writer.js";
export { DEFAULT_PORT, nextXid, OpCode, SERVER_FRAME_BYTES_MAX, XID_FIRST, Xid } from "./op-codes.js";
export {
  OPERATIONS,
  type Operation,
  type OperationName,
  type Operations,
  operationName,
  operationOf,
  type WatchKind,
} from "./operations.js";
export {
  baseName,
  findPathProblem,
  joinPath,
  PathError,
  type PathOptions,
  type PathProblem,
  parentPath,
  sequenceOf,
  validatePath,
} from "./path.js";
export {
  GetACLRequest,
  GetACLResponse,
  SetACLRequest,
  SetACLResponse,
  WhoAmIResponse,
} from "./records/acls.js";
export {
  GetAllChildrenNumberRequest,
  GetAllChildrenNumberResponse,
  GetChildren2Request,
  GetChildren2Response,
  GetChildrenRequest,
  GetChildrenResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
} from "./records/children.js";
export {
  MultiHeader,
  type MultiOperation,
  type MultiReadOperation,
  MultiReadRequest,
  MultiReadResponse,
  type MultiReadResult,
  MultiRequest,
  MultiResponse,
  type MultiResult,
} from "./records/multi.js";
export {
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
export { ReconfigRequest } from "./records/reconfig.js";
export {
  AuthPacket,
  ConnectRequest,
  ConnectResponse,
  ErrorResponse,
  GetSASLRequest,
  ReplyHeader,
  RequestHeader,
  SetSASLResponse,
  WatcherEvent,
} from "./records/session.js";
export { Acl, ClientInfo, Id, Stat } from "./records/shared.js";
export {
  AddWatchRequest,
  CheckWatchesRequest,
  RemoveWatchesRequest,
  SetWatches,
  SetWatches2,
} from "./records/watches.js";
export {
  AddWatchMode,
  KeeperState,
  keeperStateName,
  WatchEventType,
  WatcherType,
  watchEventTypeName,
} from "./watch-events.js";
