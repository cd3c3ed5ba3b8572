/**
 * Bodies of requests as a 3.4.6 server reads them, which is laxer than the codecs of `@zk/protocol`: nulls are read
 * wherever there may be a string or a list and make trouble only later, a list with a count below -1 is empty, bytes
 * behind the last field are ignored.
 *
 * A string length far above the bytes that are there is an error here and now. A real server first asks for the memory:
 * from about its heap's size on the thread that reads dies of it, or the whole server.
 *
 * Source: ZooKeeper 3.4.6, BinaryInputArchive.java; MultiTransactionRecord.java, deserialize
 */
import { JuteReader, OpCode, ProtocolError, type SetWatches } from "@zk/protocol";
import { javaString } from "./java-text.js";

/** An ACL entry off the wire. */
export interface LaxAcl {
  readonly perms: number;
  readonly id: { readonly scheme: string | null; readonly id: string | null };
}

export interface LaxCreate {
  readonly path: string | null;
  readonly data: Uint8Array | null;
  readonly acl: readonly LaxAcl[] | null;
  readonly flags: number;
}

/** Body of delete and of check. */
export interface LaxVersioned {
  readonly path: string | null;
  readonly version: number;
}

export interface LaxSetData extends LaxVersioned {
  readonly data: Uint8Array | null;
}

export interface LaxSetAcl extends LaxVersioned {
  readonly acl: readonly LaxAcl[] | null;
}

/** Body of the reads; of getACL, which has no flag, `watch` is false. */
export interface LaxRead {
  readonly path: string | null;
  readonly watch: boolean;
}

/** One operation of a multi. */
export type LaxOperation =
  | { readonly type: typeof OpCode.CREATE; readonly request: LaxCreate }
  | { readonly type: typeof OpCode.DELETE | typeof OpCode.CHECK; readonly request: LaxVersioned }
  | { readonly type: typeof OpCode.SET_DATA; readonly request: LaxSetData };

/**
 * Why a body could not be read. `declared`: the decoder of the server says so. `unexpected`: it runs into something
 * nobody thought of (a string of negative length), which matters where the server treats the two differently.
 */
export type Undecodable = "declared" | "unexpected";

/** What a body says, or why it could not be read. */
export type Decoded<T> = { readonly value: T } | { readonly trouble: Undecodable };

export function decodeCreate(body: Uint8Array): Decoded<LaxCreate> {
  return attempt(body, readCreate);
}

/** Body of delete and of check. */
export function decodeVersioned(body: Uint8Array): Decoded<LaxVersioned> {
  return attempt(body, readVersioned);
}

export function decodeSetData(body: Uint8Array): Decoded<LaxSetData> {
  return attempt(body, readSetData);
}

export function decodeSetAcl(body: Uint8Array): Decoded<LaxSetAcl> {
  return attempt(body, (reader) => {
    const path = readString(reader);
    const acl = readAcl(reader);
    return { path, acl, version: reader.int() };
  });
}

/** Body of createSession between servers: the timeout in ms. */
export function decodeTimeout(body: Uint8Array): Decoded<number> {
  return attempt(body, (reader) => reader.int());
}

/** Body of exists, getData, getChildren, getChildren2, and of getACL with `hasWatch` false. */
export function decodeRead(body: Uint8Array, hasWatch: boolean): Decoded<LaxRead> {
  return attempt(body, (reader) => {
    const path = readString(reader);
    return { path, watch: hasWatch && reader.bool() };
  });
}

/** Body of multi. */
export function decodeMulti(body: Uint8Array): Decoded<readonly LaxOperation[]> {
  return attempt(body, readOperations);
}

/**
 * Body of setWatches. Where a list or a path is null the server stops with -5, but what stood before it has been done:
 * `watches` holds that much.
 */
export function decodeSetWatches(body: Uint8Array): {
  readonly watches: SetWatches;
  readonly err: 0 | typeof MARSHALLING_ERROR;
} {
  const decoded = attempt(body, (reader) => ({
    relativeZxid: reader.long(),
    lists: [0, 1, 2].map(() => readVector(reader, readString)),
  }));
  const { relativeZxid, lists } = "value" in decoded ? decoded.value : { relativeZxid: 0n, lists: [null] };
  const taken: string[][] = [[], [], []];
  let isWhole = true;
  for (const [index, list] of lists.entries()) {
    const end = list === null ? 0 : list.indexOf(null);
    if (list !== null) taken[index] = list.slice(0, end < 0 ? list.length : end) as string[];
    if (end >= 0 && (list === null || end < list.length)) {
      isWhole = false;
      break;
    }
  }
  const [dataWatches, existWatches, childWatches] = taken as [string[], string[], string[]];
  return {
    watches: { relativeZxid, dataWatches, existWatches, childWatches },
    err: isWhole ? 0 : MARSHALLING_ERROR,
  };
}

function attempt<T>(body: Uint8Array, read: (reader: JuteReader) => T): Decoded<T> {
  try {
    return { value: read(new JuteReader(body)) };
  } catch (error) {
    if (error instanceof UnexpectedLength) return { trouble: "unexpected" };
    if (error instanceof ProtocolError) return { trouble: "declared" };
    throw error;
  }
}

function readCreate(reader: JuteReader): LaxCreate {
  const path = readString(reader);
  const data = reader.buffer();
  const acl = readAcl(reader);
  return { path, data, acl, flags: reader.int() };
}

function readVersioned(reader: JuteReader): LaxVersioned {
  const path = readString(reader);
  return { path, version: reader.int() };
}

function readSetData(reader: JuteReader): LaxSetData {
  const path = readString(reader);
  const data = reader.buffer();
  return { path, data, version: reader.int() };
}

function readAcl(reader: JuteReader): readonly LaxAcl[] | null {
  return readVector(reader, () => {
    const perms = reader.int();
    const scheme = readString(reader);
    return { perms, id: { scheme, id: readString(reader) } };
  });
}

function readOperations(reader: JuteReader): readonly LaxOperation[] {
  const operations: LaxOperation[] = [];
  for (;;) {
    const at = reader.position;
    const type = reader.int();
    const isDone = reader.bool();
    reader.int();
    if (isDone) return operations;
    switch (type) {
      case OpCode.CREATE:
        operations.push({ type, request: readCreate(reader) });
        break;
      case OpCode.DELETE:
      case OpCode.CHECK:
        operations.push({ type, request: readVersioned(reader) });
        break;
      case OpCode.SET_DATA:
        operations.push({ type, request: readSetData(reader) });
        break;
      default:
        throw reader.refuse("UNKNOWN_MULTI_TYPE", `type ${type}, which multi does not allow,`, at);
    }
  }
}

/** The count is no promise: elements are read until it is reached or the bytes end, and each takes some of them. */
function readVector<T>(reader: JuteReader, read: (reader: JuteReader) => T): T[] | null {
  const count = reader.int();
  if (count === -1) return null;
  const values: T[] = [];
  while (values.length < count) values.push(read(reader));
  return values;
}

function readString(reader: JuteReader): string | null {
  const start = reader.position;
  try {
    const text = reader.ustring();
    if (text === null || !text.includes("\ufffd")) return text;
    reader.position = start;
    return javaString(reader.buffer() ?? new Uint8Array(0));
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "LENGTH_NEGATIVE") throw new UnexpectedLength();
    throw error;
  }
}

/** A string of negative length: on the server an exception of the language, not of the decoder. */
class UnexpectedLength extends Error {}

const MARSHALLING_ERROR = -5;
