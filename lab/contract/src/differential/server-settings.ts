/** How the servers of a check are set, real or not: no session may end by itself, whatever a schedule asks for. */

export const TICK_TIME_MS = 2000;
export const SESSION_TIMEOUT_MIN_MS = 600_000;
export const SESSION_TIMEOUT_MAX_MS = 3_600_000;
