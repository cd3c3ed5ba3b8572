/** From operations to bytes. Nothing is checked here: what a client must never send has to be sendable. */
import { JuteReader, JuteWriter, MultiHeader, RequestHeader, utf8Bytes } from "@zk/protocol";
import type {
  AclList,
  AclSpec,
  Body,
  ConnectOperation,
  Data,
  FrameOperation,
  RequestOperation,
  Text,
  TextList,
  ZxidSpec,
} from "./operations.js";

/** What names in a schedule stand for. */
export interface Meaning {
  /** `/d-0000001` */
  readonly root: string;
  /** The highest zxid the slot has seen. */
  readonly seenZxid: bigint;
}

/** A session as a connect request names it. */
export interface SessionClaim {
  readonly id: bigint;
  readonly password: Uint8Array;
}

/** A frame's length, a request's xid and operation. */
const FRAME_HEAD_BYTES = 12;
const ZXID_MAX = 0x7fff_ffff_ffff_ffffn;
const MULTI_END = { type: -1, done: true, err: -1 } as const;

/** A request with its length in front. */
export function requestFrame(operation: RequestOperation, xid: number, meaning: Meaning): Uint8Array {
  const bytes = writeRequest(operation, xid, meaning, 0);
  const wanted = paddedLength(operation.body);
  if (wanted === undefined) return bytes;
  const missing = wanted - (bytes.length - 4);
  return missing > 0 ? writeRequest(operation, xid, meaning, missing) : bytes;
}

/** The path that a server reads from a request, which need not be the one that the operation names. */
export function pathOf(frame: Uint8Array): string | undefined {
  try {
    const path = new JuteReader(frame, FRAME_HEAD_BYTES).buffer();
    return path === null ? undefined : Buffer.from(path).toString();
  } catch {
    // The request is about no path.
    return undefined;
  }
}

/** Whatever the operation says, whether its length is true or not. */
export function rawFrame(operation: FrameOperation): Uint8Array {
  const bytes = bytesOfHex(operation.hex);
  const writer = new JuteWriter(4 + bytes.length);
  writer.int(operation.length);
  writeRaw(writer, bytes);
  return writer.take();
}

/** The first frame of a connection. */
export function connectFrame(operation: ConnectOperation, claim: SessionClaim, meaning: Meaning): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  writer.int(operation.protocolVersion);
  writer.long(zxidOf(operation.lastZxid, meaning));
  writer.int(operation.timeoutMs);
  writer.long(claim.id);
  writer.buffer(passwordOf(operation, claim));
  if (operation.readOnly !== null) writer.bool(operation.readOnly);
  writer.truncate(Math.max(start + 4, writer.length - (operation.cut ?? 0)));
  writer.endFrame(start);
  return writer.take();
}

/** The bytes that a text stands for; null for none. */
export function bytesOfText(text: Text, root: string): Uint8Array | null {
  if (text === null) return null;
  if (typeof text === "string") return utf8Bytes(rooted(text, root));
  const head = utf8Bytes(rooted(text.text, root));
  const tail = bytesOfHex(text.hex);
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

/** `""` for no bytes; two digits each. */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** The number that stands for a zxid at this moment. */
export function zxidOf(spec: ZxidSpec, { seenZxid }: Meaning): bigint {
  if (spec === "zero") return 0n;
  if (spec === "max") return ZXID_MAX;
  if (spec === "min") return -ZXID_MAX - 1n;
  return BigInt.asIntN(64, seenZxid + BigInt(spec.seen));
}

function rooted(text: string, root: string): string {
  return text.replace("$", root);
}

function passwordOf({ password }: ConnectOperation, claim: SessionClaim): Uint8Array {
  switch (password) {
    case "right":
      return claim.password;
    case "wrong":
      return claim.password.map((byte) => byte ^ 0x55);
    case "empty":
      return new Uint8Array(0);
    case "long":
      return new Uint8Array([...claim.password, ...claim.password]);
  }
}

/** How long the whole frame is to be, when its data says so. */
function paddedLength(body: Body): number | undefined {
  const data = body.record === "create" || body.record === "data" ? body.data : null;
  return typeof data === "object" && data !== null && "frameBytes" in data ? data.frameBytes : undefined;
}

function writeRequest(
  operation: RequestOperation,
  xid: number,
  meaning: Meaning,
  padding: number,
): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  RequestHeader.write(writer, { xid, type: operation.opCode });
  const bodyStart = writer.length;
  writeBody(writer, operation.body, meaning, padding);
  if (operation.cut !== undefined) {
    writer.truncate(Math.max(bodyStart, writer.length - operation.cut));
  }
  if (operation.tail !== undefined) {
    const tail = bytesOfHex(operation.tail);
    writer.truncate(Math.max(bodyStart, writer.length - tail.length));
    writeRaw(writer, tail);
  }
  for (let count = 0; count < (operation.extra ?? 0); count++) writer.byte(0);
  writer.endFrame(start);
  return writer.take();
}

function writeBody(writer: JuteWriter, body: Body, meaning: Meaning, padding: number): void {
  const text = (value: Text): void => writer.buffer(bytesOfText(value, meaning.root));
  const data = (value: Data): void => writer.buffer(bytesOfData(value, padding));
  switch (body.record) {
    case "none":
      return;
    case "path":
      return text(body.path);
    case "watch":
      text(body.path);
      return writer.bool(body.watch);
    case "version":
      text(body.path);
      return writer.int(body.version);
    case "data":
      text(body.path);
      data(body.data);
      return writer.int(body.version);
    case "acl":
      text(body.path);
      writeAcl(writer, body.acl, meaning.root);
      return writer.int(body.version);
    case "create":
      text(body.path);
      data(body.data);
      writeAcl(writer, body.acl, meaning.root);
      return writer.int(body.flags);
    case "multi":
      for (const part of body.parts) {
        MultiHeader.write(writer, { type: part.type, done: false, err: part.err });
        writeBody(writer, part.body, meaning, 0);
      }
      return MultiHeader.write(writer, MULTI_END);
    case "watches":
      writer.long(zxidOf(body.relativeZxid, meaning));
      writeTexts(writer, body.data, meaning.root);
      writeTexts(writer, body.exists, meaning.root);
      return writeTexts(writer, body.children, meaning.root);
    case "auth":
      writer.int(body.type);
      text(body.scheme);
      return data(body.auth);
    case "token":
      return data(body.token);
    case "int":
      return writer.int(body.value);
    case "bytes":
      return writeRaw(writer, bytesOfHex(body.hex));
  }
}

function bytesOfData(data: Data, padding: number): Uint8Array | null {
  if (data === null) return null;
  if (typeof data === "string") return utf8Bytes(data);
  return new Uint8Array("bytes" in data ? data.bytes : padding).fill(0x78);
}

function writeAcl(writer: JuteWriter, list: AclList, root: string): void {
  writeList<AclSpec>(writer, list, (entry) => {
    writer.int(entry.perms);
    writer.buffer(bytesOfText(entry.scheme, root));
    writer.buffer(bytesOfText(entry.id, root));
  });
}

function writeTexts(writer: JuteWriter, list: TextList, root: string): void {
  writeList<Text>(writer, list, (text) => writer.buffer(bytesOfText(text, root)));
}

function writeList<T>(
  writer: JuteWriter,
  list: readonly T[] | null | { readonly count: number },
  write: (element: T) => void,
): void {
  if (list === null) return writer.int(-1);
  if ("count" in list) return writer.int(list.count);
  writer.int(list.length);
  for (const element of list) write(element);
}

function writeRaw(writer: JuteWriter, bytes: Uint8Array): void {
  for (const byte of bytes) writer.byte((byte << 24) >> 24);
}
