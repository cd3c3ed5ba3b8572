/**
 * Every way the lab can fail that a caller may want to tell apart. Documented one by one in {@link LabErrorCode}.
 */
export const labErrorCodes = [
  "NO_RELEASE",
  "NO_JAVA",
  "BAD_OPTION",
  "BAD_RELEASE",
  "BAD_ARCHIVE",
  "DIGEST_MISMATCH",
  "DOWNLOAD_FAILED",
  "MAVEN_FAILED",
  "LOCK_TIMEOUT",
  "PORT_TAKEN",
  "NO_PORTS",
  "SERVER_EXITED",
  "SCRIPT_FAILED",
  "NOT_READY",
  "NO_LEADER",
  "UNKNOWN_SERVER",
  "WRONG_STATE",
  "VERSION_MISMATCH",
  "SESSION_REFUSED",
  "STATE_UNREADABLE",
  "NO_LAB",
  "STOPPED",
  "NO_ENGINE",
  "ENGINE_DENIED",
  "ENGINE_TOO_OLD",
  "ENGINE_FULL",
  "ENGINE_FAILED",
  "NO_IMAGE",
] as const;

/**
 * - `NO_RELEASE` no step of the release chain is complete; the message lists each with its reason
 * - `NO_JAVA` no usable `java` was found
 * - `BAD_OPTION` the caller or a variable of the environment asks for something that cannot be
 * - `BAD_RELEASE` a release is there but cannot be used (jar missing, unreadable, other version)
 * - `BAD_ARCHIVE` an archive is damaged or tries to write outside its own folder
 * - `DIGEST_MISMATCH` bytes differ from a digest that we know; never recovered from silently
 * - `DOWNLOAD_FAILED` a download ended without the whole file
 * - `MAVEN_FAILED` the Maven client was run and failed; the message ends with its last lines
 * - `LOCK_TIMEOUT` another live process holds a lock for too long
 * - `PORT_TAKEN` a port belongs to a process that is not ours
 * - `NO_PORTS` no free block of ports could be leased
 * - `SERVER_EXITED` a server process ended by itself; the message ends with the tail of its log
 * - `SCRIPT_FAILED` a control script ended with an error or said something we cannot read
 * - `NOT_READY` the ensemble did not become ready in time; the message says what was waited for
 * - `NO_LEADER` no single leader within the limit
 * - `UNKNOWN_SERVER` no server of that number in this ensemble
 * - `WRONG_STATE` the server is not in a state that allows this (resume of one not paused, …)
 * - `VERSION_MISMATCH` another version is installed or running than the one asked for
 * - `SESSION_REFUSED` a server refused or ended the session that the lab opened
 * - `STATE_UNREADABLE` the lab's own state file is damaged or from a newer lab
 * - `NO_LAB` no lab of that name or in that folder is up
 * - `STOPPED` the ensemble has been stopped
 * - `NO_ENGINE` no container engine answers, or one that is of no use here
 * - `ENGINE_DENIED` there is a container engine that this user may not use
 * - `ENGINE_TOO_OLD` the container engine speaks an older API than the lab needs
 * - `ENGINE_FULL` the container engine has no space left
 * - `ENGINE_FAILED` the container engine refused something for another reason; the message ends with its words
 * - `NO_IMAGE` there is no base image with Java, and none could be had
 */
export type LabErrorCode = (typeof labErrorCodes)[number];

const marker = Symbol.for("@zk/lab.error");

/** What the lab throws: `code` for programs; a message for people that says what, where and what to do. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;
  /** Facts behind the message, as plain JSON values, for `--json` output. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: LabErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, marker, { value: true });
  }
}

/** True for a {@link LabError} of any copy of this package, optionally of one code. */
export function isLabError(value: unknown, code?: LabErrorCode): value is LabError {
  if (typeof value !== "object" || value === null || !(marker in value)) return false;
  return code === undefined || (value as { readonly code?: unknown }).code === code;
}

const nothingToRun: ReadonlySet<LabErrorCode> = new Set([
  "NO_RELEASE",
  "NO_JAVA",
  "NO_ENGINE",
  "ENGINE_DENIED",
  "ENGINE_TOO_OLD",
  "NO_IMAGE",
]);

/** The exit status of a command that ended with `error`: 69 (service unavailable) when there is nothing to run, else 1. */
export function exitCodeOf(error: unknown): number {
  return isLabError(error) && nothingToRun.has(error.code) ? 69 : 1;
}
