/** Bounds of a simulation. */

/** Turns after which a run that has not ended counts as stuck. */
export const TURNS_MAX = 500_000;

/** Lines of the trace that are kept, to be printed when something is wrong. */
export const TRACE_LINES_MAX = 20_000;

/** Virtual milliseconds within which, after all is mended, every client must be served again. */
export const RECOVERY_MS_MAX = 120_000;

/** Virtual milliseconds by which a promise may be late: the granularity of timers, and nothing else. */
export const LATE_MS_MAX = 5;

/** Turns that are handed to the event loop at once. */
export const TURNS_AT_ONCE = 64;
