import { bool, buffer, int, long, optionalLast, ustring } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";

/**
 * The first frame of a connection, from the client; it has no header.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java, primeConnection, and ZooKeeperServer.java, processConnectRequest
 */
export interface ConnectRequest {
  /** 0 in every version. */
  readonly protocolVersion: number;
  /** A server that is behind this zxid closes the connection without an answer. */
  readonly lastZxidSeen: bigint;
  /** Session timeout asked for, in ms. */
  readonly timeOut: number;
  /** 0 for a new session. */
  readonly sessionId: bigint;
  /** 16 bytes; zeros for a new session, never null (a 3.4.6 server hangs on null). */
  readonly passwd: Uint8Array | null;
  /** Whether a server cut off from its quorum will do. Undefined: the byte is left out, as clients before 3.4.0 did. */
  readonly readOnly?: boolean | undefined;
}
export const ConnectRequest: RecordCodec<ConnectRequest> = record<ConnectRequest>("ConnectRequest", {
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: optionalLast(bool),
});

/** The answer to {@link ConnectRequest}; it has no header. */
export interface ConnectResponse {
  /** 0 in every version. */
  readonly protocolVersion: number;
  /** Session timeout granted, in ms; 0 when the session is over. */
  readonly timeOut: number;
  /** 0 when the session is over. */
  readonly sessionId: bigint;
  /** What to resume the session with; 16 bytes. */
  readonly passwd: Uint8Array | null;
  /** Whether the server is read-only; undefined when it left the byte out, which means no. */
  readonly readOnly?: boolean | undefined;
}
export const ConnectResponse: RecordCodec<ConnectResponse> = record<ConnectResponse>("ConnectResponse", {
  protocolVersion: int,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: optionalLast(bool),
});

/** In front of every request but the first. */
export interface RequestHeader {
  /** Chosen by the client and echoed in the reply; see `Xid` for the reserved ones. */
  readonly xid: number;
  /** An op code. */
  readonly type: number;
}
export const RequestHeader: RecordCodec<RequestHeader> = record<RequestHeader>(
  "RequestHeader",
  { xid: int, type: int },
  {
    read: (reader) => ({ xid: reader.int(), type: reader.int() }),
    write: (writer, value) => {
      writer.int(value.xid);
      writer.int(value.type);
    },
  },
);

/** In front of every reply but the first, and of every notification. */
export interface ReplyHeader {
  readonly xid: number;
  /** The server's last zxid; 0 for auth and sasl, -1 for an unknown op code and, before 3.9.0, for notifications. */
  readonly zxid: bigint;
  /** An error code; a body follows only when it is 0. */
  readonly err: number;
}
export const ReplyHeader: RecordCodec<ReplyHeader> = record<ReplyHeader>(
  "ReplyHeader",
  { xid: int, zxid: long, err: int },
  {
    read: (reader) => ({ xid: reader.int(), zxid: reader.long(), err: reader.int() }),
    write: (writer, value) => {
      writer.int(value.xid);
      writer.long(value.zxid);
      writer.int(value.err);
    },
  },
);

/** Body of an auth request. */
export interface AuthPacket {
  /** Ignored by servers; 0. */
  readonly type: number;
  readonly scheme: string;
  /** For digest the clear text `user:password`. */
  readonly auth: Uint8Array | null;
}
export const AuthPacket: RecordCodec<AuthPacket> = record<AuthPacket>("AuthPacket", {
  type: int,
  scheme: ustring,
  auth: buffer,
});

/** Body of a SASL request, which is what it is in spite of its name. */
export interface GetSASLRequest {
  /** Never null: a 3.4.6 server fails on null. The first token of DIGEST-MD5 is empty. */
  readonly token: Uint8Array | null;
}
export const GetSASLRequest: RecordCodec<GetSASLRequest> = record<GetSASLRequest>("GetSASLRequest", {
  token: buffer,
});

/** Body of a SASL reply. */
export interface SetSASLResponse {
  /** Null at the end of GSSAPI, and when the server does no SASL. */
  readonly token: Uint8Array | null;
}
export const SetSASLResponse: RecordCodec<SetSASLResponse> = record<SetSASLResponse>("SetSASLResponse", {
  token: buffer,
});

/** Body of a notification. */
export interface WatcherEvent {
  /** A `WatchEventType`. */
  readonly type: number;
  /** A `KeeperState`; 3 in every notification on the wire. */
  readonly state: number;
  readonly path: string;
}
export const WatcherEvent: RecordCodec<WatcherEvent> = record<WatcherEvent>("WatcherEvent", {
  type: int,
  state: int,
  path: ustring,
});

/** An error as a body: for a failed operation inside multi, and in answer to addWatch. */
export interface ErrorResponse {
  readonly err: number;
}
export const ErrorResponse: RecordCodec<ErrorResponse> = record<ErrorResponse>("ErrorResponse", { err: int });
