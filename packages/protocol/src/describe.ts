import { formatPermissions } from "./acl.js";
import { createModeName } from "./create-modes.js";
import { errorName } from "./error-codes.js";
import { ProtocolError } from "./errors.js";
import type { Codec } from "./jute/codec.js";
import { JuteReader } from "./jute/reader.js";
import { OpCode, Xid } from "./op-codes.js";
import { operationName, operationOf } from "./operations.js";
import { ConnectRequest, ConnectResponse, ReplyHeader, RequestHeader } from "./records/session.js";
import { AddWatchMode, keeperStateName, WatcherType, watchEventTypeName } from "./watch-events.js";

/*
 * One line for each frame, for traces and error messages.
 *
 * Rules: never throws, whatever the bytes; always one line of bounded length, free of control characters; and free of
 * secrets: passwords, credentials, SASL tokens and the hashes in digest ids are shown as ***, node data only as its length.
 */

const STRING_LENGTH_MAX = 120;
const ELEMENTS_MAX = 8;

/**
 * One line for a request.
 *
 * @param payload a frame without its length, as `FrameSplitter.next` gives it; not the connect request
 * @example
 * describeRequest(payload); // 'getData xid=1 path="/a" watch=true'
 */
export function describeRequest(payload: Uint8Array): string {
  return guarded(payload, "request", (reader) => {
    const { xid, type } = RequestHeader.read(reader);
    const head = `${operationName(type) ?? `op ${type}`} xid=${xid}`;
    const codec = operationOf(type)?.request ?? null;
    return head + describeBody(codec, reader);
  });
}

/**
 * One line for a reply or a notification.
 *
 * @param payload a frame without its length; not the connect response
 * @param opCode the op code of the request; without it the body of a reply is shown only as its length
 * @example
 * describeReply(payload, OpCode.GET_DATA); // 'reply xid=1 zxid=0x100000006 NO_NODE(-101) to getData'
 */
export function describeReply(payload: Uint8Array, opCode?: number): string {
  return guarded(payload, "reply", (reader) => {
    const { xid, zxid, err } = ReplyHeader.read(reader);
    if (xid === Xid.NOTIFICATION) {
      return `notification zxid=${hex(zxid)}${describeBody(operationOf(OpCode.NOTIFICATION)?.response ?? null, reader)}`;
    }
    const type = opCode ?? RESERVED_XIDS.get(xid);
    const to = type === undefined ? "" : ` to ${operationName(type) ?? `op ${type}`}`;
    const head = `reply xid=${xid} zxid=${hex(zxid)} ${describeError(err)}${to}`;
    const operation = type === undefined ? undefined : operationOf(type);
    return head + describeBody(err === 0 && operation !== undefined ? operation.response : null, reader);
  });
}

/** One line for the first frame a client sends. @param payload a frame without its length */
export function describeConnectRequest(payload: Uint8Array): string {
  return guarded(payload, "connect", (reader) => `connect${describeBody(ConnectRequest, reader)}`);
}

/** One line for the first frame a server sends. @param payload a frame without its length */
export function describeConnectResponse(payload: Uint8Array): string {
  return guarded(payload, "connected", (reader) => {
    // No connect response is that short: it is what a read-only server from 3.7 on says to a new session.
    if (payload.length === 16) return `connect refused: ${describeError(ReplyHeader.read(reader).err)}`;
    return `connected${describeBody(ConnectResponse, reader)}`;
  });
}

const RESERVED_XIDS: ReadonlyMap<number, number> = new Map<number, number>([
  [Xid.PING, OpCode.PING],
  [Xid.AUTH, OpCode.AUTH],
  [Xid.SET_WATCHES, OpCode.SET_WATCHES],
]);

function guarded(payload: Uint8Array, what: string, describe: (reader: JuteReader) => string): string {
  try {
    return describe(new JuteReader(payload));
  } catch (error) {
    return `${what} of ${payload?.length} bytes, unreadable${describeFailure(error)}`;
  }
}

function describeBody(codec: Codec<unknown> | null, reader: JuteReader): string {
  if (codec === null) return reader.remaining === 0 ? "" : ` +${reader.remaining} bytes`;
  try {
    const value = codec.read(reader);
    const text = Array.isArray(value)
      ? ` ${describeValue("", value)}`
      : describeFields(codec.name, value as object);
    return reader.remaining === 0 ? text : `${text} +${reader.remaining} bytes`;
  } catch (error) {
    return ` unreadable${describeFailure(error)}`;
  }
}

function describeFailure(error: unknown): string {
  return error instanceof ProtocolError ? `: ${error.code} ${error.message}` : "";
}

function describeError(err: number): string {
  return err === 0 ? "OK" : `${errorName(err) ?? "UNKNOWN"}(${err})`;
}

function describeFields(record: string, value: object): string {
  let text = "";
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) text += ` ${name}=${describeField(record, name, field)}`;
  }
  return text;
}

function describeField(record: string, name: string, value: unknown): string {
  if (SECRETS.has(name)) return value === null ? "null" : "***";
  if (typeof value === "number")
    return NUMBER_NAMES[`${record}.${name}`]?.(value) ?? NUMBER_NAMES[name]?.(value) ?? String(value);
  if (typeof value === "bigint") return DECIMAL.has(name) ? String(value) : hex(value);
  return describeValue(name, value);
}

function describeValue(name: string, value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quote(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return describeList(name, value);
  return `{${describeFields("", value as object).trimStart()}}`;
}

function describeList(name: string, values: readonly unknown[]): string {
  const shown = values.slice(0, ELEMENTS_MAX).map((value) => {
    if (name === "acl") return describeAcl(value as AclLike);
    if (isMultiPart(value)) return describeMultiPart(value);
    return describeValue(name, value);
  });
  if (values.length > ELEMENTS_MAX) shown.push(`+${values.length - ELEMENTS_MAX} more`);
  return `[${shown.join(", ")}]`;
}

interface AclLike {
  readonly perms: number;
  readonly id: { readonly scheme: string; readonly id: string };
}

/** The id of a digest is a user and a hash that can be broken offline: only the user is shown. */
function describeAcl({ perms, id }: AclLike): string {
  const isSecret = (id.scheme === "digest" || id.scheme === "auth") && id.id !== "";
  const shown = isSecret ? `${id.id.slice(0, Math.max(0, id.id.indexOf(":") + 1))}***` : id.id;
  return quote(`${id.scheme}:${shown}:${formatPermissions(perms)}`);
}

function isMultiPart(value: unknown): value is { readonly type: number; readonly request?: object } {
  return typeof value === "object" && value !== null && "type" in value;
}

function describeMultiPart(part: {
  readonly type: number;
  readonly request?: object;
  readonly err?: number;
}): string {
  if (part.type === OpCode.ERROR) return describeError(part.err ?? 0);
  const { type, request, ...result } = part;
  return `${operationName(type) ?? `op ${type}`}${describeFields("", request ?? result)}`;
}

const SECRETS: ReadonlySet<string> = new Set(["passwd", "auth", "token"]);
const DECIMAL: ReadonlySet<string> = new Set(["ctime", "mtime", "ttl"]);

/** Numbers that have names, by field or, where one name means two things, by record and field. */
const NUMBER_NAMES: Readonly<Record<string, (value: number) => string | undefined>> = {
  flags: createModeName,
  err: describeError,
  state: keeperStateName,
  mode: (value) => nameIn(AddWatchMode, value),
  "WatcherEvent.type": watchEventTypeName,
  "CheckWatchesRequest.type": (value) => nameIn(WatcherType, value),
  "RemoveWatchesRequest.type": (value) => nameIn(WatcherType, value),
};

function nameIn(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(table).find((name) => table[name] === value);
}

function hex(value: bigint): string {
  return value === -1n ? "-1" : `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** Quoted, cut at a bound, and without anything a terminal could act upon. */
function quote(text: string): string {
  const cut = text.length > STRING_LENGTH_MAX ? `${text.slice(0, STRING_LENGTH_MAX)}…` : text;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
