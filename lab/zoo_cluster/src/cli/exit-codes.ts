/** How the lab's commands end; the numbers of sysexits(3) where there is one. */
import { exitCodeOf, isLabError, type LabErrorCode } from "../errors.js";

export const ExitCode = {
  /** Done. */
  OK: 0,
  /** Not done; the message says why. */
  FAILURE: 1,
  /** A word, option or server that does not exist. */
  USAGE: 2,
  /** `status`: something of the lab runs, but not all is well. */
  PARTLY_UP: 3,
  /** `status`: nothing of the lab runs. Other commands: there is no such lab. */
  DOWN: 4,
  /** No Java, or no release (EX_UNAVAILABLE). */
  UNAVAILABLE: 69,
  /** Another command is at work on the lab (EX_TEMPFAIL). */
  BUSY: 75,
  /** Ended by Ctrl-C. */
  INTERRUPTED: 130,
  /** Ended by SIGTERM. */
  TERMINATED: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const byCode: Partial<Record<LabErrorCode, ExitCode>> = {
  BAD_OPTION: ExitCode.USAGE,
  UNKNOWN_SERVER: ExitCode.USAGE,
  NO_LAB: ExitCode.DOWN,
  LOCK_TIMEOUT: ExitCode.BUSY,
};

/** The exit status of a command that ended with `error`. */
export function exitCodeFor(error: unknown): number {
  if (isLabError(error)) return byCode[error.code] ?? exitCodeOf(error);
  return ExitCode.FAILURE;
}
