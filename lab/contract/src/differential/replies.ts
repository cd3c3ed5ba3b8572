/** From bytes to fields. Strings are read as bytes: one server's way to write an odd character must not pass for another's. */
import { type Codec, ErrorResponse, JuteReader, MultiHeader, OpCode, ReplyHeader, Stat } from "@zk/protocol";
import type { NormalForm } from "./normal-form.js";
import type { Field } from "./trace.js";

/** What is known about the request that a frame answers. */
export interface Question {
  readonly opCode: number;
  /** Which znode it is about, written out. */
  readonly path: string | undefined;
  /** The same for the parts of a multi. */
  readonly partPaths: readonly (string | undefined)[];
}

/** A reply's or a notification's header. */
export function headerOf(frame: Uint8Array): ReplyHeader | undefined {
  return frame.length < 16 ? undefined : ReplyHeader.read(new JuteReader(frame));
}

/** The fields of a reply, header first. */
export function replyFields(frame: Uint8Array, question: Question | undefined, form: NormalForm): Field[] {
  return readWhole(frame, form, (reader, fields) => {
    const header = ReplyHeader.read(reader);
    fields.push(["xid", String(header.xid)], ["zxid", form.zxid(header.zxid)], ["err", String(header.err)]);
    if (question !== undefined && reader.remaining > 0) readBody(reader, question, form, fields);
  });
}

/** The fields of a notification. */
export function eventFields(frame: Uint8Array, form: NormalForm): Field[] {
  return readWhole(frame, form, (reader, fields) => {
    const header = ReplyHeader.read(reader);
    fields.push(["type", String(reader.int())], ["state", String(reader.int())]);
    fields.push(["path", form.text(reader.buffer())]);
    fields.push(["zxid", form.zxid(header.zxid)], ["err", String(header.err)]);
  });
}

/** What a server answers to the first frame of a connection. */
export interface Welcome {
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** The fields of a connect response, and the session it gives; `knownPassword` is what the session had before. */
export function connectFields(
  frame: Uint8Array,
  form: NormalForm,
  name: (welcome: Welcome) => Uint8Array | undefined,
): Field[] {
  return readWhole(frame, form, (reader, fields) => {
    fields.push(["protocolVersion", String(reader.int())], ["timeOut", String(reader.int())]);
    const sessionId = reader.long();
    const password = reader.buffer();
    const before = name({ sessionId, password: password ?? new Uint8Array(0) });
    fields.push(["sessionId", form.session(sessionId)], ["passwd", passwordText(password, before)]);
    if (reader.remaining > 0) fields.push(["readOnly", String(reader.byte())]);
  });
}

function passwordText(password: Uint8Array | null, before: Uint8Array | undefined): string {
  if (password === null) return "null";
  const bytes = `${password.length} bytes`;
  if (password.every((byte) => byte === 0)) return `${bytes}, all zero`;
  if (before === undefined) return bytes;
  return `${bytes}, ${Buffer.compare(password, before) === 0 ? "as before" : "changed"}`;
}

function readWhole(
  frame: Uint8Array,
  form: NormalForm,
  read: (reader: JuteReader, fields: Field[]) => void,
): Field[] {
  const fields: Field[] = [];
  const reader = new JuteReader(frame);
  reader.buffers = "view";
  try {
    read(reader, fields);
  } catch (error) {
    fields.push(["unreadable", `${(error as Error).message}: ${form.data(frame)}`]);
    return fields;
  }
  if (reader.remaining > 0) fields.push(["behind", form.data(frame.subarray(reader.position))]);
  return fields;
}

function readBody(reader: JuteReader, question: Question, form: NormalForm, fields: Field[]): void {
  const { opCode, path } = question;
  const stat = (): void => void fields.push(...form.stat(Stat.read(reader), path));
  const texts = (): (Uint8Array | null)[] => reader.vector(bytes) ?? [];
  switch (opCode) {
    case OpCode.CREATE:
    case OpCode.SYNC:
      fields.push(["path", form.text(reader.buffer())]);
      return;
    case OpCode.EXISTS:
    case OpCode.SET_DATA:
    case OpCode.SET_ACL:
    case OpCode.CHECK:
      return stat();
    case OpCode.GET_DATA:
      fields.push(["data", form.data(reader.buffer())]);
      return stat();
    case OpCode.GET_CHILDREN:
      fields.push(["children", form.children(texts())]);
      return;
    case OpCode.GET_CHILDREN2:
      fields.push(["children", form.children(texts())]);
      return stat();
    case OpCode.GET_ACL:
      fields.push(["acl", aclText(reader, form)]);
      return stat();
    case OpCode.MULTI:
      return readMulti(reader, question.partPaths, form, fields);
    case OpCode.SASL:
      fields.push(["token", form.data(reader.buffer())]);
      return;
    default:
      return;
  }
}

function readMulti(
  reader: JuteReader,
  paths: Question["partPaths"],
  form: NormalForm,
  fields: Field[],
): void {
  for (let index = 0; ; index++) {
    const header = MultiHeader.read(reader);
    fields.push([`[${index}]`, `type ${header.type}${header.done ? " done" : ""} err ${header.err}`]);
    if (header.done) return;
    if (header.type === OpCode.CREATE) fields.push([`[${index}].path`, form.text(reader.buffer())]);
    if (header.type === OpCode.SET_DATA) {
      fields.push(...form.stat(Stat.read(reader), paths[index], `[${index}].`));
    }
    if (header.type === OpCode.ERROR) fields.push([`[${index}].err`, String(ErrorResponse.read(reader).err)]);
  }
}

function aclText(reader: JuteReader, form: NormalForm): string {
  const entries = reader.vector(aclEntry);
  if (entries === null) return "null";
  return entries.map(({ perms, scheme, id }) => `${perms}:${form.text(scheme)}:${form.text(id)}`).join(",");
}

/** A string as the bytes it is made of. */
const bytes: Codec<Uint8Array | null> = {
  name: "bytes",
  bytesMin: 4,
  read: (reader) => reader.buffer(),
  write: (writer, value) => writer.buffer(value),
};

interface AclBytes {
  readonly perms: number;
  readonly scheme: Uint8Array | null;
  readonly id: Uint8Array | null;
}

const aclEntry: Codec<AclBytes> = {
  name: "ACL",
  bytesMin: 12,
  read: (reader) => ({ perms: reader.int(), scheme: reader.buffer(), id: reader.buffer() }),
  write: (writer, value) => {
    writer.int(value.perms);
    writer.buffer(value.scheme);
    writer.buffer(value.id);
  },
};
