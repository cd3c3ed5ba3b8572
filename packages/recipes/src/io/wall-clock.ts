/** The time of day of this machine, in milliseconds since 1970. To show to people; nothing is decided by it. */
export function wallClockMs(): number {
  return Date.now();
}
