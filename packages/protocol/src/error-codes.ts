/** What a server (or a client on its own) may answer instead of a result. */
export interface ErrorCodeEntry {
  /** The number on the wire, as in `ReplyHeader.err`. */
  readonly code: number;
  readonly name: string;
  /** Who makes it: servers, client libraries, both, or neither (only seen between servers). */
  readonly from: "server" | "client" | "both" | "none";
  /** The first version of the servers or clients that has it. */
  readonly since: string;
  /** One sentence without the full stop. */
  readonly summary: string;
}

/**
 * Every error code from 3.4.6 to 3.9.
 *
 * Source: ZooKeeper 3.9.3, KeeperException.java, Code; -9, -15, -116 and -117 are the C client's: zookeeper.h
 */
export const ERROR_CODES = [
  { code: 0, name: "OK", from: "server", since: "3.4.0", summary: "no error" },
  {
    code: -1,
    name: "SYSTEM_ERROR",
    from: "server",
    since: "3.4.0",
    summary: "the server failed in a way it has no code for",
  },
  {
    code: -2,
    name: "RUNTIME_INCONSISTENCY",
    from: "server",
    since: "3.4.0",
    summary: "in a multi: not tried, because an earlier operation failed",
  },
  {
    code: -3,
    name: "DATA_INCONSISTENCY",
    from: "server",
    since: "3.4.0",
    summary: "the server found its data inconsistent",
  },
  {
    code: -4,
    name: "CONNECTION_LOSS",
    from: "client",
    since: "3.4.0",
    summary: "the connection was lost, and what became of the request is unknown",
  },
  {
    code: -5,
    name: "MARSHALLING_ERROR",
    from: "both",
    since: "3.4.0",
    summary: "the request could not be decoded",
  },
  {
    code: -6,
    name: "UNIMPLEMENTED",
    from: "server",
    since: "3.4.0",
    summary: "the server does not know the operation, or has it switched off",
  },
  {
    code: -7,
    name: "OPERATION_TIMEOUT",
    from: "client",
    since: "3.4.0",
    summary: "the request took too long",
  },
  {
    code: -8,
    name: "BAD_ARGUMENTS",
    from: "both",
    since: "3.4.0",
    summary: "an argument, most often the path, is not allowed",
  },
  {
    code: -9,
    name: "INVALID_STATE",
    from: "client",
    since: "3.4.0",
    summary: "the client can take no requests in its state",
  },
  {
    code: -12,
    name: "UNKNOWN_SESSION",
    from: "none",
    since: "3.5.0",
    summary: "the leader knows no such session",
  },
  {
    code: -13,
    name: "NEW_CONFIG_NO_QUORUM",
    from: "server",
    since: "3.5.0",
    summary: "no quorum of the new configuration is up to date",
  },
  {
    code: -14,
    name: "RECONFIG_IN_PROGRESS",
    from: "server",
    since: "3.5.0",
    summary: "another reconfiguration is under way",
  },
  {
    code: -15,
    name: "SSL_CONNECTION_ERROR",
    from: "client",
    since: "3.6.0",
    summary: "the TLS connection could not be made",
  },
  {
    code: -100,
    name: "API_ERROR",
    from: "none",
    since: "3.4.0",
    summary: "no error by itself: the codes below it are about requests",
  },
  {
    code: -101,
    name: "NO_NODE",
    from: "server",
    since: "3.4.0",
    summary: "the node does not exist, or on create its parent does not",
  },
  { code: -102, name: "NO_AUTH", from: "server", since: "3.4.0", summary: "the ACL does not permit it" },
  {
    code: -103,
    name: "BAD_VERSION",
    from: "server",
    since: "3.4.0",
    summary: "the node has another version than the one expected",
  },
  {
    code: -108,
    name: "NO_CHILDREN_FOR_EPHEMERALS",
    from: "server",
    since: "3.4.0",
    summary: "ephemeral nodes may not have children",
  },
  { code: -110, name: "NODE_EXISTS", from: "server", since: "3.4.0", summary: "the node exists already" },
  { code: -111, name: "NOT_EMPTY", from: "server", since: "3.4.0", summary: "the node has children" },
  { code: -112, name: "SESSION_EXPIRED", from: "both", since: "3.4.0", summary: "the session is over" },
  { code: -113, name: "INVALID_CALLBACK", from: "client", since: "3.4.0", summary: "a callback was refused" },
  {
    code: -114,
    name: "INVALID_ACL",
    from: "server",
    since: "3.4.0",
    summary: "the ACL is empty, has an unknown scheme or an id its scheme refuses",
  },
  {
    code: -115,
    name: "AUTH_FAILED",
    from: "both",
    since: "3.4.0",
    summary: "the credentials or their scheme were refused",
  },
  { code: -116, name: "CLOSING", from: "client", since: "3.4.0", summary: "the client is being closed" },
  { code: -117, name: "NOTHING", from: "client", since: "3.4.0", summary: "there are no replies to handle" },
  {
    code: -118,
    name: "SESSION_MOVED",
    from: "server",
    since: "3.4.0",
    summary: "the session belongs to another server by now",
  },
  {
    code: -119,
    name: "NOT_READONLY",
    from: "server",
    since: "3.4.0",
    summary: "the server is read-only and this is a write",
  },
  {
    code: -120,
    name: "EPHEMERAL_ON_LOCAL_SESSION",
    from: "server",
    since: "3.5.0",
    summary: "a local session may not own ephemeral nodes",
  },
  { code: -121, name: "NO_WATCHER", from: "both", since: "3.5.0", summary: "there is no such watch" },
  {
    code: -122,
    name: "REQUEST_TIMEOUT",
    from: "client",
    since: "3.5.5",
    summary: "no reply came within the request timeout",
  },
  {
    code: -123,
    name: "RECONFIG_DISABLED",
    from: "server",
    since: "3.5.3",
    summary: "reconfiguration is switched off",
  },
  {
    code: -124,
    name: "SESSION_CLOSED_REQUIRE_SASL_AUTH",
    from: "server",
    since: "3.5.9",
    summary: "the server wants authentication first",
  },
  {
    code: -125,
    name: "QUOTA_EXCEEDED",
    from: "server",
    since: "3.7.0",
    summary: "the request would exceed a quota",
  },
  {
    code: -127,
    name: "THROTTLED_OP",
    from: "server",
    since: "3.7.0",
    summary: "the request waited too long in a throttled queue and was not run",
  },
] as const;

/** The literal name of an error code, such as `NO_NODE`. */
export type ServerErrorName = (typeof ERROR_CODES)[number]["name"];

/** The name of an error code, such as `NO_NODE` for -101; undefined for a number that is none. */
export function errorName(code: number): ServerErrorName | undefined {
  return BY_CODE.get(code)?.name;
}

/** The number of an error, such as -101 for `NO_NODE`. */
export function errorCode(name: ServerErrorName): number {
  return BY_NAME.get(name)!.code;
}

/** One sentence on what an error code means; undefined for a number that is none. */
export function errorSummary(code: number): string | undefined {
  return BY_CODE.get(code)?.summary;
}

type KnownError = (typeof ERROR_CODES)[number];

const BY_CODE: ReadonlyMap<number, ErrorCodeEntry & KnownError> = new Map(
  ERROR_CODES.map((known) => [known.code, known]),
);
const BY_NAME: ReadonlyMap<string, KnownError> = new Map(ERROR_CODES.map((known) => [known.name, known]));
