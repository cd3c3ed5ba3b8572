/**
 * The one error class of the client.
 *
 * Every error says three things that a caller needs before it can act: what went wrong (a literal `code`), to what
 * (operation, path, server), and what became of the write (`applied`). A read never changes anything, so its errors
 * always carry `applied: "no"`.
 */
import type { ServerErrorName } from "@zk/protocol";

/** Codes made up by the client itself; a server never sends these. */
export const CLIENT_ERROR_CODES = [
  "ABORTED",
  "AUTH_FAILED",
  "CLOSED",
  "CONNECTION_LOSS",
  "CONNECT_TIMEOUT",
  "INTERNAL",
  "INVALID_ARGUMENT",
  "INVALID_PATH",
  "NOT_CONNECTED",
  "OPERATION_TIMEOUT",
  "PROTOCOL",
  "QUEUE_FULL",
  "REPLY_TOO_LARGE",
  "REQUEST_TOO_LARGE",
  "SESSION_EXPIRED",
  "TTL_DISABLED",
  "UNKNOWN_SERVER_ERROR",
  "WATCHES_FULL",
  "WATCH_CONFLICT",
] as const;

/** A code that the client makes up. */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/** Every value that {@link ZkError.code} can have: the client's own codes and the server's error names. */
export type ZkErrorCode = ClientErrorCode | ServerErrorName;

/**
 * What is known about the write that an error ended.
 *
 * - `no`: it was not applied and never will be. Sending it again is safe.
 * - `maybe`: the request was handed to the network and no answer came. It may have been applied, or may yet be.
 */
export type Applied = "no" | "maybe";

/** What a {@link ZkError} is made from. */
export interface ZkErrorDetails {
  readonly code: ZkErrorCode;
  readonly message: string;
  readonly applied?: Applied;
  readonly operation?: string | undefined;
  readonly path?: string | undefined;
  readonly server?: string | undefined;
  readonly serverCode?: number | undefined;
  readonly operationIndex?: number | undefined;
  readonly results?: readonly unknown[] | undefined;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("@zk/client/error");

/** An error of this package. Recognise it by {@link isZkError} and its `code`, also across copies of the package. */
export class ZkError extends Error {
  override readonly name: string;
  /** What went wrong, one of a closed list of literals. */
  readonly code: ZkErrorCode;
  /** What became of the write that this error ended; always `no` for a read. */
  readonly applied: Applied;
  /** The operation as the API names it, such as `setData`. */
  readonly operation: string | undefined;
  /** The znode as the caller named it, without the chroot. */
  readonly path: string | undefined;
  /** `host:port` of the server that answered, or that was asked; undefined when none was. */
  readonly server: string | undefined;
  /** The number that the server sent, when it was the server who said no. */
  readonly serverCode: number | undefined;
  /** For a transaction: the place (from 0) of the operation that failed. */
  readonly operationIndex: number | undefined;
  /** For a transaction: what the server said of each operation, in order. */
  readonly results: readonly unknown[] | undefined;
  readonly #details: ZkErrorDetails;

  constructor(details: ZkErrorDetails) {
    super(describe(details), details.cause === undefined ? undefined : { cause: details.cause });
    // Programs that handle cancellation look at the name alone, whatever the class.
    this.name = details.code === "ABORTED" ? "AbortError" : "ZkError";
    this.code = details.code;
    this.applied = details.applied ?? "no";
    this.operation = details.operation;
    this.path = details.path;
    this.server = details.server;
    this.serverCode = details.serverCode;
    this.operationIndex = details.operationIndex;
    this.results = details.results;
    this.#details = details;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The same error, with another word on the fate of the write. */
  withApplied(applied: Applied): ZkError {
    return applied === this.applied ? this : new ZkError({ ...this.#details, applied });
  }
}

/** Whether `value` is a {@link ZkError} of any copy of this package, with the given code when one is named. */
export function isZkError<Code extends ZkErrorCode = ZkErrorCode>(
  value: unknown,
  code?: Code,
): value is ZkError & { readonly code: Code } {
  if (typeof value !== "object" || value === null) return false;
  if ((value as { [BRAND]?: unknown })[BRAND] !== true) return false;
  return code === undefined || (value as ZkError).code === code;
}

function describe(details: ZkErrorDetails): string {
  const what = [details.operation, details.path].filter((part) => part !== undefined).join(" ");
  const where = details.server === undefined ? "" : ` at ${details.server}`;
  const fate = details.applied === "maybe" ? " (the write may have been applied)" : "";
  return `${details.code}: ${what === "" ? "" : `${what}${where}: `}${details.message}${fate}`;
}
