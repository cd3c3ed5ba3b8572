/** The session behind the scenes: makes a root for each run, looks at what became of it, and clears it away. */
import {
  type Codec,
  ConnectRequest,
  CreateRequest,
  DeleteRequest,
  decode,
  digestId,
  ExistsRequest,
  ExistsResponse,
  encodeFrame,
  GetChildrenRequest,
  GetChildrenResponse,
  JuteReader,
  JuteWriter,
  OPEN_ACL_UNSAFE,
  OpCode,
  ReplyHeader,
  RequestHeader,
  SetACLRequest,
  SetDataRequest,
  type Stat,
  SyncRequest,
} from "@zk/protocol";
import type { StatOffsets } from "./normal-form.js";
import { NormalForm } from "./normal-form.js";
import type { Schedule } from "./operations.js";
import { replyFields } from "./replies.js";
import type { Field, TraceEntry } from "./trace.js";
import type { Target, Wire } from "./wire.js";

/** Whoever shows this to a server started for a check may do everything. */
export const SUPER_PASSWORD = "super:differential";
/** What such a server is to be told. */
export const SUPER_DIGEST: string = digestId("super", "differential");

/** A server does not do what any ZooKeeper does, so that no run can begin or end. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  /** What was run when it happened. */
  schedule: Schedule | undefined;
}

const LIMIT_MS = 15_000;
const SESSION_TIMEOUT_MS = 3_600_000;
/** Znodes that are there before any run, and that runs may change. */
const LASTING = ["/", "/zookeeper", "/zookeeper/quota"] as const;
const REPLY_HEADER_BYTES = 16;
const NO_NODE = -101;
/** A quota for a path lies below this and the path. */
const QUOTA_PATH = "/zookeeper/quota";
const EMPTY = new Uint8Array(0);

interface Question {
  readonly opCode: number;
  readonly body: (writer: JuteWriter) => void;
}

interface Answer {
  readonly frame: Uint8Array;
  readonly header: ReplyHeader;
}

export class Admin {
  readonly #target: Target;
  readonly #wires = new Map<number, Wire>();
  #xid = 0;
  #roots = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** A fresh root, everything that lasts put back to how it began, and the way to tell answers from here on. */
  async begin(): Promise<NormalForm> {
    for (;;) {
      this.#roots++;
      const root = `/d-${String(this.#roots).padStart(7, "0")}`;
      const answers = await this.#ask([
        ...LASTING.flatMap((path) => [
          question(OpCode.SET_ACL, SetACLRequest, { path, acl: OPEN_ACL_UNSAFE, version: -1 }),
          question(OpCode.SET_DATA, SetDataRequest, { path, data: EMPTY, version: -1 }),
        ]),
        question(OpCode.CREATE, CreateRequest, { path: root, data: EMPTY, acl: OPEN_ACL_UNSAFE, flags: 0 }),
        ...LASTING.map((path) => question(OpCode.EXISTS, ExistsRequest, { path, watch: false })),
      ]);
      const created = answers[LASTING.length * 2] as Answer;
      if (created.header.err === -110) continue;
      for (const { header } of answers) {
        if (header.err !== 0)
          throw new TargetError(`${this.#target.name} answers ${header.err} to the first requests`);
      }
      const stats = answers
        .slice(-LASTING.length)
        .map(({ frame }) => this.#decode(ExistsResponse, frame).stat);
      const offsets = new Map<string, StatOffsets>(
        LASTING.map((path, index) => [path, stats[index] as Stat]),
      );
      // The tree knows its root by two names.
      offsets.set("", stats[0] as Stat);
      return new NormalForm({ root, zxid: created.header.zxid, offsets });
    }
  }

  /** Every znode under the root, and its quotas, told; then they are removed. */
  async finish(form: NormalForm, step: number): Promise<TraceEntry[]> {
    const entries: TraceEntry[] = [];
    const levels: string[][] = [];
    for (let level = [form.root, QUOTA_PATH + form.root]; level.length > 0; ) {
      const asked = level;
      const answers = await this.#ask(
        asked.flatMap((path) => [
          question(OpCode.GET_CHILDREN, GetChildrenRequest, { path, watch: false }),
          question(OpCode.GET_DATA, GetChildrenRequest, { path, watch: false }),
          question(
            OpCode.GET_ACL,
            { write: (writer: JuteWriter, value: string) => writer.ustring(value) },
            path,
          ),
        ]),
      );
      level = [];
      const found: string[] = [];
      for (const [index, path] of asked.entries()) {
        const [children, data, acl] = answers.slice(index * 3, index * 3 + 3) as [Answer, Answer, Answer];
        if (children.header.err === NO_NODE) continue;
        entries.push({ step, lane: "tree", what: "node", fields: nodeFields(path, data, acl, form) });
        found.push(path);
        const names = this.#decode(GetChildrenResponse, children.frame).children;
        level.push(...[...names].sort().map((name) => `${path}/${name}`));
      }
      levels.push(found);
    }
    // Level by level: what a server thinks of a parent while it removes a child is nobody's business here.
    for (const level of levels.reverse()) {
      const removals = await this.#ask(
        level.map((path) => question(OpCode.DELETE, DeleteRequest, { path, version: -1 })),
      );
      for (const [index, { header }] of removals.entries()) {
        const path = form.text(Buffer.from(level[index] as string));
        const fields: Field[] = [
          ["path", path],
          ["err", String(header.err)],
        ];
        entries.push({ step, lane: "tree", what: "removed", fields });
      }
    }
    return entries;
  }

  /** Resolves when a server has seen all that any server has answered before. */
  async settle(server: number): Promise<void> {
    await this.#ask([question(OpCode.SYNC, SyncRequest, { path: "/" })], server);
  }

  /** Ends the sessions. */
  async close(): Promise<void> {
    for (const wire of this.#wires.values()) {
      wire.send(frameOf(++this.#xid, { opCode: OpCode.CLOSE_SESSION, body: () => {} }));
      await wire.until(() => wire.isEnded, LIMIT_MS);
      wire.end("fin");
    }
    this.#wires.clear();
  }

  #decode<T>(codec: Codec<T>, frame: Uint8Array): T {
    try {
      return decode(codec, frame.subarray(REPLY_HEADER_BYTES));
    } catch (error) {
      const what = (error as Error).message;
      throw new TargetError(`${this.#target.name} answers what cannot be read: ${what}`, { cause: error });
    }
  }

  async #ask(questions: readonly Question[], server = 0): Promise<Answer[]> {
    const wire = await this.#open(server);
    wire.frames.length = 0;
    wire.send(concat(questions.map((asked) => frameOf(++this.#xid, asked))));
    const isDone = await wire.until(() => wire.frames.length >= questions.length || wire.isEnded, LIMIT_MS);
    if (!isDone || wire.frames.length < questions.length) {
      wire.end("reset");
      this.#wires.delete(server);
      throw new TargetError(
        `${this.#target.name} ${isDone ? "closed the connection" : "did not answer"}: ` +
          `${wire.frames.length} of ${questions.length} answers came`,
      );
    }
    return wire.frames.splice(0).map((frame) => ({ frame, header: ReplyHeader.read(new JuteReader(frame)) }));
  }

  async #open(server: number): Promise<Wire> {
    const known = this.#wires.get(server);
    if (known !== undefined && !known.isEnded) return known;
    const wire = await this.#target.open(server);
    const passwd = new Uint8Array(16);
    const request = {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: SESSION_TIMEOUT_MS,
      sessionId: 0n,
      passwd,
    };
    wire.send(encodeFrame(ConnectRequest, request));
    await wire.until(() => wire.frames.length > 0 || wire.isEnded, LIMIT_MS);
    if (wire.frames.length === 0) throw new TargetError(`${this.#target.name} gives no session`);
    this.#wires.set(server, wire);
    const [auth] = await this.#ask(
      [
        {
          opCode: OpCode.AUTH,
          body: (writer) => {
            writer.int(0);
            writer.ustring("digest");
            writer.buffer(Buffer.from(SUPER_PASSWORD));
          },
        },
      ],
      server,
    );
    if (auth?.header.err !== 0) throw new TargetError(`${this.#target.name} refuses a digest`);
    return wire;
  }
}

/** One after another in memory of their own. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function question<T>(
  opCode: number,
  codec: { write(writer: JuteWriter, value: T): void },
  value: T,
): Question {
  return { opCode, body: (writer) => codec.write(writer, value) };
}

function frameOf(xid: number, { opCode, body }: Question): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  RequestHeader.write(writer, { xid, type: opCode });
  body(writer);
  writer.endFrame(start);
  return writer.take();
}

function nodeFields(path: string, data: Answer, acl: Answer, form: NormalForm): Field[] {
  const about = { path, partPaths: [] };
  const told = replyFields(data.frame, { ...about, opCode: OpCode.GET_DATA }, form);
  const list = replyFields(acl.frame, { ...about, opCode: OpCode.GET_ACL }, form);
  return [
    ["path", form.text(Buffer.from(path))],
    ...told.filter(([name]) => name !== "xid" && name !== "zxid"),
    ...list.filter(([name]) => name === "acl"),
  ];
}
