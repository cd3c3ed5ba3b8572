/** One tree with its preparer and a counting clock, for tests: requests go in, transactions are applied at once or later. */
import { type Acl, encode, type Id, JuteWriter, jute, OPEN_ACL_UNSAFE, OpCode } from "@zk/protocol";
import { DataTree } from "../src/tree/data-tree.js";
import { Preparer } from "../src/tree/preparer.js";
import type { TreeEvent, Txn, TxnHeader, TxnOutcome } from "../src/tree/txn.js";
import { type WriteReply, writeReply } from "../src/tree/write-replies.js";

export const ANYONE: Id = { scheme: "ip", id: "127.0.0.1" };

export interface Asked {
  readonly sessionId?: bigint;
  readonly auth?: readonly Id[];
  readonly checkSession?: () => number;
}

export interface Proposed {
  readonly header: TxnHeader;
  readonly opCode: number;
  readonly txn: Txn;
}

export interface Done extends TxnOutcome {
  readonly txn: Txn;
  readonly reply: WriteReply;
}

export class TreeBench {
  readonly tree = new DataTree();
  readonly preparer: Preparer;
  readonly events: TreeEvent[] = [];
  zxid = 0n;

  constructor(options: { readonly skipAcl: boolean } = { skipAcl: false }) {
    this.preparer = new Preparer(this.tree, options);
  }

  /** Prepares without applying. */
  propose(opCode: number, body: Uint8Array, asked: Asked = {}): Proposed {
    this.zxid++;
    const { sessionId = 1n, auth = [ANYONE], checkSession } = asked;
    const place = { zxid: this.zxid, timeMs: 1000 + Number(this.zxid) };
    const txn = this.preparer.prepare(
      { sessionId, xid: Number(this.zxid), opCode, body, auth },
      checkSession === undefined ? place : { ...place, checkSession },
    );
    return { header: { sessionId, cxid: Number(this.zxid), ...place }, opCode, txn };
  }

  apply(proposed: Proposed): Done {
    this.preparer.applied(proposed.header.zxid);
    const outcome = this.tree.apply(proposed.header, proposed.txn);
    this.events.push(...outcome.events);
    return { ...outcome, txn: proposed.txn, reply: writeReply(proposed.opCode, proposed.txn, outcome) };
  }

  do(opCode: number, body: Uint8Array, asked: Asked = {}): Done {
    return this.apply(this.propose(opCode, body, asked));
  }

  /** Creates and gives the error code. */
  create(path: string | null, options: CreateOptions = {}, asked: Asked = {}): number {
    return this.do(OpCode.CREATE, createBody(path, options), asked).err;
  }

  delete(path: string | null, version = -1, asked: Asked = {}): number {
    return this.do(OpCode.DELETE, versioned(path, version), asked).err;
  }

  setData(path: string | null, version = -1, data: Uint8Array | null = null, asked: Asked = {}): number {
    return this.do(OpCode.SET_DATA, setDataBody(path, data, version), asked).err;
  }

  closeSession(sessionId: bigint): Done {
    return this.do(OpCode.CLOSE_SESSION, new Uint8Array(0), { sessionId });
  }
}

export interface CreateOptions {
  readonly data?: Uint8Array | null;
  readonly acl?: readonly RawAcl[] | null;
  readonly flags?: number;
}

/** An ACL entry in which anything may be null. */
export interface RawAcl {
  readonly perms: number;
  readonly id: { readonly scheme: string | null; readonly id: string | null };
}

export function acl(perms: number, scheme: string | null, id: string | null): RawAcl {
  return { perms, id: { scheme, id } };
}

export function createBody(path: string | null, options: CreateOptions = {}): Uint8Array {
  const { data = null, flags = 0 } = options;
  const list: readonly RawAcl[] | null = options.acl === undefined ? OPEN_ACL_UNSAFE : options.acl;
  return bytesOf((writer) => {
    writer.ustring(path);
    writer.buffer(data);
    writeAcl(writer, list);
    writer.int(flags);
  });
}

export function setAclBody(path: string | null, list: readonly RawAcl[] | null, version = -1): Uint8Array {
  return bytesOf((writer) => {
    writer.ustring(path);
    writeAcl(writer, list);
    writer.int(version);
  });
}

export function versioned(path: string | null, version: number): Uint8Array {
  return bytesOf((writer) => {
    writer.ustring(path);
    writer.int(version);
  });
}

export function setDataBody(path: string | null, data: Uint8Array | null, version: number): Uint8Array {
  return bytesOf((writer) => {
    writer.ustring(path);
    writer.buffer(data);
    writer.int(version);
  });
}

export function readBody(path: string | null, watch = false): Uint8Array {
  return bytesOf((writer) => {
    writer.ustring(path);
    writer.bool(watch);
  });
}

/** Operations by op code, with a body each. */
export function multiBody(
  ...operations: readonly (readonly [opCode: number, body: Uint8Array])[]
): Uint8Array {
  const header = (type: number, isDone: boolean): Uint8Array =>
    bytesOf((writer) => {
      writer.int(type);
      writer.bool(isDone);
      writer.int(-1);
    });
  const pieces = operations.flatMap(([opCode, body]) => [header(opCode, false), body]);
  return joined([...pieces, header(-1, true)]);
}

export function bytesOf(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export function text(value: string): Uint8Array {
  return encode(jute.ustring, value).slice(4);
}

/** What is stored, as a plain list. */
export function shown(list: readonly Acl[] | undefined): readonly string[] | undefined {
  return list?.map(({ perms, id }) => `${id.scheme}:${id.id}:${perms}`);
}

function writeAcl(writer: JuteWriter, list: readonly RawAcl[] | null): void {
  if (list === null) {
    writer.int(-1);
    return;
  }
  writer.int(list.length);
  for (const { perms, id } of list) {
    writer.int(perms);
    writer.ustring(id.scheme);
    writer.ustring(id.id);
  }
}
