/** The server's side of the wire: requests from bytes, replies to bytes. Built on the codecs that the client uses too. */
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  decode,
  errorCode,
  JuteReader,
  JuteWriter,
  OPERATIONS,
  type OperationName,
  type Operations,
  operationName,
  type ServerErrorName,
  WatchEventType,
  WatcherEvent,
  Xid,
} from "@zk/protocol";

/** What a codec carries. */
export type CodecValue<C> = C extends Codec<infer T> ? T : null;

/** The body of a request of one operation; null where there is none. */
export type RequestBody<Name extends OperationName> = CodecValue<Operations[Name]["request"]>;

/** The body of a reply to one operation; null where there is none. */
export type ReplyBody<Name extends OperationName> = CodecValue<Operations[Name]["response"]>;

/** A request as a server sees it. */
export interface SeenRequest<Name extends OperationName = OperationName> {
  readonly xid: number;
  /** The name in the server's sources: `delete` for the client's remove, `multi` for a transaction. */
  readonly operation: Name;
  readonly body: RequestBody<Name>;
}

/** An event to be sent to a client. */
export interface SentEvent {
  readonly type: "NodeCreated" | "NodeDeleted" | "NodeDataChanged" | "NodeChildrenChanged";
  readonly path: string;
}

/** What a server grants; everything but the id has a default. */
export interface Grant {
  /** 0n refuses the session: it is expired. */
  readonly sessionId: bigint;
  /** Default: what the client asked for. */
  readonly timeoutMs?: number;
  /** Default: sixteen bytes of 7. */
  readonly password?: Uint8Array;
  /** Default false. Null leaves the byte out, as servers before 3.4 did. */
  readonly readOnly?: boolean | null;
}

/** Takes the first frame of a connection apart. @throws ProtocolError when it is no connect request */
export function readConnectRequest(payload: Uint8Array): ConnectRequest {
  return decode(ConnectRequest, payload);
}

/** Takes any later frame apart. @throws ProtocolError, or Error for an op code that no server knows */
export function readRequest(payload: Uint8Array): SeenRequest {
  const reader = new JuteReader(payload);
  const xid = reader.int();
  const opCode = reader.int();
  const operation = operationName(opCode);
  if (operation === undefined) throw new Error(`request ${xid} has the unknown op code ${opCode}`);
  const codec = OPERATIONS[operation].request;
  return { xid, operation, body: (codec === null ? null : codec.read(reader)) as never };
}

/** The frame of a connect response, its length included. */
export function connectResponseFrame(grant: Grant, asked: ConnectRequest): Uint8Array {
  const isRefused = grant.sessionId === 0n;
  const response: ConnectResponse = {
    protocolVersion: 0,
    timeOut: isRefused ? 0 : (grant.timeoutMs ?? asked.timeOut),
    sessionId: grant.sessionId,
    passwd: isRefused ? new Uint8Array(16) : (grant.password ?? new Uint8Array(16).fill(7)),
    readOnly: grant.readOnly === null ? undefined : (grant.readOnly ?? false),
  };
  return frame((writer) => ConnectResponse.write(writer, response));
}

/** The frame of a successful reply. */
export function replyFrame<Name extends OperationName>(
  request: Pick<SeenRequest<Name>, "xid" | "operation">,
  zxid: bigint,
  body: ReplyBody<Name>,
): Uint8Array {
  const codec: Codec<never> | null = OPERATIONS[request.operation].response as Codec<never> | null;
  return headerFrame({ xid: request.xid, zxid, err: 0 }, (writer) => codec?.write(writer, body as never));
}

/** The frame of a reply without a body: an error, or whatever header a test wants to see. */
export function headerFrame(
  header: { readonly xid: number; readonly zxid: bigint; readonly err: number },
  body: (writer: JuteWriter) => void = () => {},
): Uint8Array {
  return frame((writer) => {
    writer.int(header.xid);
    writer.long(header.zxid);
    writer.int(header.err);
    body(writer);
  });
}

/** The frame of a notification, with the zxid of -1 that servers before 3.9 put in its header. */
export function eventFrame(event: SentEvent, zxid = -1n): Uint8Array {
  return headerFrame({ xid: Xid.NOTIFICATION, zxid, err: 0 }, (writer) =>
    WatcherEvent.write(writer, { type: WatchEventType[event.type], state: 3, path: event.path }),
  );
}

/** The number of an error, by its name. */
export function errorNumber(error: ServerErrorName | number): number {
  return typeof error === "number" ? error : errorCode(error);
}

function frame(body: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  body(writer);
  writer.endFrame(start);
  return writer.take();
}
