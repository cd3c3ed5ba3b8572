/** What is known of one operation of one client, from the call to long after its end. */
import type { RetryMode, ZkErrorCode } from "@zk/client";
import type { Watch } from "../checks/watch-book.js";

/** One try on the wire. */
export interface Attempt {
  readonly sessionId: bigint;
  readonly xid: number;
}

/** See the head of this file. */
export interface Operation {
  readonly number: number;
  /** As the history names it. */
  readonly name: string;
  readonly path: string;
  /** As the servers know it. */
  readonly serverPath: string;
  readonly isWrite: boolean;
  /** Undefined for the steps of operations that are made of several. */
  readonly retry: RetryMode | undefined;
  /** By the client's clock; infinity for never. */
  readonly deadlineMs: number;
  /** Whether somebody holds its promise. */
  readonly isCalled: boolean;
  readonly attempts: Attempt[];
  /** How it ended, as the history says. */
  recorded: "ok" | "failed" | "ambiguous" | undefined;
  /** Of the reply; undefined when none came. */
  replyZxid: bigint | undefined;
  settled: "open" | "ok" | "failed";
  code: ZkErrorCode | undefined;
  readonly watch: Watch | undefined;
  /** The data that it writes. */
  readonly data: Uint8Array | undefined;
}
