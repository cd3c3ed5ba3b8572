/** How `zk` ends. The numbers are a promise: see `zk help exit-codes`. */
import { isZkError, type ZkErrorCode } from "@zk/client";
import { isRecipeError, type RecipeErrorCode } from "@zk/recipes";
import { CliError } from "./errors.js";

export const ExitCode = {
  OK: 0,
  FALSE: 1,
  USAGE: 2,
  NO_NODE: 3,
  CONFLICT: 4,
  NOT_PERMITTED: 5,
  NOT_CONNECTED: 6,
  SESSION_EXPIRED: 7,
  TIMED_OUT: 8,
  PARTLY_DONE: 9,
  UNAVAILABLE: 69,
  INTERNAL: 70,
  LOCK_LOST: 75,
  NOT_EXECUTABLE: 126,
  NOT_FOUND: 127,
  INTERRUPTED: 130,
  BROKEN_PIPE: 141,
  TERMINATED: 143,
} as const;

/** The table of `zk help exit-codes` and of the documents. */
export const EXIT_CODE_TABLE: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done; `diff`: no difference; `check`: healthy"],
  ["1", "the answer is no: `exists` no, `diff` differs, `check` warns, lock not got in time"],
  ["2", "wrong use: unknown option, bad path, confirmation missing; `check`: critical"],
  ["3", "no such node; `check`: unknown"],
  ["4", "conflict: the node exists, has children, or has another version"],
  ["5", "not permitted: ACL, authentication, or a read-only context"],
  ["6", "cannot connect, or nobody serves (no quorum)"],
  ["7", "the session expired during the work"],
  ["8", "timed out"],
  ["9", "partly done; JSON on stdout says what, a journal lets you resume; or stdout cannot be written"],
  [
    "69",
    "something that is needed is not installed, or not known to the servers; the message says what to do",
  ],
  ["70", "a fault of zk itself"],
  ["75", "the lock was lost while the command ran, and the command was stopped"],
  ["126, 127", "the command to run is not executable, or not found"],
  ["128+n", "ended by signal n: 130 by Ctrl-C, 141 when nobody reads stdout, 143 by SIGTERM"],
  ["other", "`lock`, `elect`, `watch --exec`, `lab`: the code of the command that was run"],
];

const BY_CODE: Readonly<Partial<Record<ZkErrorCode, number>>> = {
  INVALID_PATH: ExitCode.USAGE,
  INVALID_ARGUMENT: ExitCode.USAGE,
  INVALID_ACL: ExitCode.USAGE,
  REQUEST_TOO_LARGE: ExitCode.USAGE,
  NO_NODE: ExitCode.NO_NODE,
  NODE_EXISTS: ExitCode.CONFLICT,
  NOT_EMPTY: ExitCode.CONFLICT,
  BAD_VERSION: ExitCode.CONFLICT,
  NO_CHILDREN_FOR_EPHEMERALS: ExitCode.CONFLICT,
  NO_AUTH: ExitCode.NOT_PERMITTED,
  AUTH_FAILED: ExitCode.NOT_PERMITTED,
  NOT_READONLY: ExitCode.NOT_CONNECTED,
  NOT_CONNECTED: ExitCode.NOT_CONNECTED,
  CONNECT_TIMEOUT: ExitCode.NOT_CONNECTED,
  CONNECTION_LOSS: ExitCode.NOT_CONNECTED,
  PROTOCOL: ExitCode.NOT_CONNECTED,
  SESSION_EXPIRED: ExitCode.SESSION_EXPIRED,
  OPERATION_TIMEOUT: ExitCode.TIMED_OUT,
  UNIMPLEMENTED: ExitCode.UNAVAILABLE,
  TTL_DISABLED: ExitCode.UNAVAILABLE,
};

const BY_RECIPE_CODE: Readonly<Partial<Record<RecipeErrorCode, number>>> = {
  WAIT_TIMEOUT: ExitCode.FALSE,
  INVALID_ARGUMENT: ExitCode.USAGE,
  SESSION_EXPIRED: ExitCode.SESSION_EXPIRED,
  HOLD_LOST: ExitCode.LOCK_LOST,
  HOLD_SUSPECT: ExitCode.NOT_CONNECTED,
  AMBIGUOUS: ExitCode.NOT_CONNECTED,
  CAPACITY: ExitCode.CONFLICT,
  CONFLICT: ExitCode.CONFLICT,
  CORRUPTED: ExitCode.CONFLICT,
  REFUSED: ExitCode.CONFLICT,
};

/** The exit code of a run that ended with `error`. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (isRecipeError(error)) return BY_RECIPE_CODE[error.code] ?? ExitCode.INTERNAL;
  if (isZkError(error)) return BY_CODE[error.code] ?? ExitCode.INTERNAL;
  return ExitCode.INTERNAL;
}
