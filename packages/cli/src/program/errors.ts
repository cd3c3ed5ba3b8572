/** Errors of the command line itself. */

/** An error with a literal code, an exit code, and words on what to do. */
export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly code: string;
  readonly exitCode: number;
  /** What to do about it; printed below the message. */
  readonly hint: string | undefined;
  /** More for `--json`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    exitCode: number,
    message: string,
    more: {
      readonly hint?: string;
      readonly details?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.exitCode = exitCode;
    this.hint = more.hint;
    this.details = more.details ?? {};
  }
}

/** The command line is wrong; nothing was done. Exit code 2. */
export class UsageError extends CliError {
  constructor(message: string, hint?: string) {
    super("USAGE", 2, message, hint === undefined ? {} : { hint });
  }
}

/** Why the signal of a run was aborted by a signal of the system, or because nobody reads. */
export class Interruption extends CliError {
  constructor(signal: string, number: number) {
    super(
      "INTERRUPTED",
      128 + number,
      signal === "SIGPIPE" ? "nobody reads what is printed" : `ended by ${signal}`,
      {
        details: { signal },
      },
    );
  }
}

/** `--timeout` is over. */
export class TimeUp extends CliError {
  constructor(timeoutMs: number) {
    super("TIMED_OUT", 8, `not done within ${timeoutMs / 1000} s`, {
      hint: "a longer --timeout, or ZK_TIMEOUT, gives it more time",
    });
  }
}
