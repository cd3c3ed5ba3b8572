/** What the suites run on. */

/** Real servers run by `zkServer.sh`, or the model inside this process. */
export const BACKENDS = ["process", "memory"] as const;

/** One of {@link BACKENDS}. */
export type Backend = (typeof BACKENDS)[number];
