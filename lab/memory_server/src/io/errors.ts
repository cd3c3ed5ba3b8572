/** What the ways into the model throw. The codes are those of `@zk/lab`, so that tests can be moved from one to the other. */

/** The codes, in the sense that `@zk/lab` gives them. */
export const memoryServerErrorCodes = [
  "BAD_OPTION",
  "PORT_TAKEN",
  "SERVER_EXITED",
  "NOT_READY",
  "NO_LEADER",
  "UNKNOWN_SERVER",
  "WRONG_STATE",
  "SESSION_REFUSED",
  "STATE_UNREADABLE",
  "STOPPED",
] as const;

/**
 * - `BAD_OPTION` the caller asks for something that cannot be
 * - `PORT_TAKEN` a port belongs to somebody else
 * - `SERVER_EXITED` a server that was waited for does not run
 * - `NOT_READY` not in time; the message says what was waited for
 * - `NO_LEADER` no single leader within the limit
 * - `UNKNOWN_SERVER` no server of that number in this ensemble
 * - `WRONG_STATE` the server, or the folder, is not in a state that allows this
 * - `SESSION_REFUSED` a session could not be ended: the password is wrong, or no server answers
 * - `STATE_UNREADABLE` what the folder holds is damaged, or of another version
 * - `STOPPED` the ensemble has been stopped
 */
export type MemoryServerErrorCode = (typeof memoryServerErrorCodes)[number];

/** `code` for programs; a message for people that says what, where and what to do. `isLabError` of `@zk/lab` knows it too. */
export class MemoryServerError extends Error {
  override readonly name = "MemoryServerError";
  readonly code: MemoryServerErrorCode;
  /** Facts behind the message, as plain JSON values. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: MemoryServerErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    // By this symbol the lab knows its errors, whichever copy of a package they come from.
    Object.defineProperty(this, Symbol.for("@zk/lab.error"), { value: true });
  }
}
