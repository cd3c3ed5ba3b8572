/**
 * What a schedule is made of. All of it is plain JSON, and nothing in it depends on what a server answers: a session is
 * named by its slot, a zxid by what that slot has seen, a path by where it lies under the root of the run. So a schedule
 * with operations taken out of it is a schedule again.
 */

/** Text of a request. A `$` stands for the root of the run; `hex` is added behind it as raw bytes. */
export type Text = string | null | { readonly text: string; readonly hex: string };

/** Bytes of a request: UTF-8 of a text, so many bytes, or as many as make the whole frame that long. */
export type Data = string | null | { readonly bytes: number } | { readonly frameBytes: number };

/** A zxid: a constant, or relative to the highest that the slot has seen. */
export type ZxidSpec = "zero" | "max" | "min" | { readonly seen: number };

/** One entry of an access control list. */
export interface AclSpec {
  readonly perms: number;
  readonly scheme: Text;
  readonly id: Text;
}

/** A list, none, or a count with nothing behind it. */
export type AclList = readonly AclSpec[] | null | { readonly count: number };

/** Paths, none, or a count with nothing behind it. */
export type TextList = readonly Text[] | null | { readonly count: number };

/** What stands behind a request's header. */
export type Body =
  | { readonly record: "none" }
  | { readonly record: "path"; readonly path: Text }
  | { readonly record: "watch"; readonly path: Text; readonly watch: boolean }
  | { readonly record: "version"; readonly path: Text; readonly version: number }
  | { readonly record: "data"; readonly path: Text; readonly data: Data; readonly version: number }
  | { readonly record: "acl"; readonly path: Text; readonly acl: AclList; readonly version: number }
  | {
      readonly record: "create";
      readonly path: Text;
      readonly data: Data;
      readonly acl: AclList;
      readonly flags: number;
    }
  | { readonly record: "multi"; readonly parts: readonly Part[] }
  | {
      readonly record: "watches";
      readonly relativeZxid: ZxidSpec;
      readonly data: TextList;
      readonly exists: TextList;
      readonly children: TextList;
    }
  | { readonly record: "auth"; readonly type: number; readonly scheme: Text; readonly auth: Data }
  | { readonly record: "token"; readonly token: Data }
  | { readonly record: "int"; readonly value: number }
  | { readonly record: "bytes"; readonly hex: string };

/** One part of a multi: its header, and what stands behind that. */
export interface Part {
  readonly type: number;
  readonly err: number;
  readonly body: Body;
}

/** A request on the slot's connection; passed over when the slot has none. */
export interface RequestOperation {
  readonly kind: "request";
  readonly slot: number;
  readonly opCode: number;
  readonly body: Body;
  /** Default: the operation's place in the schedule, from 1. */
  readonly xid?: number;
  /** Takes so many bytes off the end of the body. */
  readonly cut?: number;
  /** Adds so many zero bytes to the end of the body. */
  readonly extra?: number;
  /** Puts these bytes in the place of the last of the body. */
  readonly tail?: string;
  /** The slot's next request is sent without waiting for this one's answer. */
  readonly isPipelined?: boolean;
}

/** Bytes on the slot's connection that are no request at all; its end is waited for. */
export interface FrameOperation {
  readonly kind: "frame";
  readonly slot: number;
  /** What the frame says its length is. */
  readonly length: number;
  readonly hex: string;
}

/** A new connection for the slot, and the first frame on it. */
export interface ConnectOperation {
  readonly kind: "connect";
  readonly slot: number;
  /** A new session, the slot's own, one that no server knows, or that of another slot, which loses it. */
  readonly session: "new" | "own" | "unknown" | { readonly of: number };
  /** What belongs to the session (16 zero bytes for a new one), 16 other bytes, none, or too many. */
  readonly password: "right" | "wrong" | "empty" | "long";
  readonly lastZxid: ZxidSpec;
  readonly timeoutMs: number;
  /** The last byte of the request, or none. */
  readonly readOnly: boolean | null;
  readonly protocolVersion: number;
  /** Takes so many bytes off the end of the request. */
  readonly cut?: number;
  /** Which server, from 0, counted round; only where a run spreads over servers. */
  readonly server: number;
}

/** The client's side goes away. */
export interface DropOperation {
  readonly kind: "drop";
  readonly slot: number;
  readonly how: "fin" | "reset";
}

export type Operation = RequestOperation | FrameOperation | ConnectOperation | DropOperation;

/** Operations of several sessions in one order, and where they come from. */
export interface Schedule {
  readonly seed: number;
  /** Which part of what the seed decides. */
  readonly episode: number;
  readonly operations: readonly Operation[];
}

/** A request by whichever session. */
export type Request = Omit<RequestOperation, "kind" | "slot">;
