/** Conditions of `zk find`: numbers and ages with a sign, names as globs. */
import picomatch from "picomatch";
import { parseDuration, parseSize, parseWhole } from "../definition/specs.js";
import { UsageError } from "../program/errors.js";

export type Test<Value> = (value: Value) => boolean;

/** `+10k` more than, `-10k` less than, `10k` exactly. @throws UsageError */
export function parseSizeTest(text: string): Test<number> {
  return signed(text, parseSize);
}

/** @throws UsageError */
export function parseCountTest(text: string): Test<number> {
  return signed(text, (given) => parseWhole(given));
}

/** `-1h` younger than an hour, `+7d` older than seven days; without a sign younger. @throws UsageError */
export function parseAgeTest(text: string, nowMs: number): Test<bigint> {
  const span = parseDuration(text.replace(/^[+-]/, ""));
  const isOlder = text.startsWith("+");
  return (timeMs) => (isOlder ? nowMs - Number(timeMs) > span : nowMs - Number(timeMs) <= span);
}

/** A glob on a whole path, or without a slash on a name. `**` crosses slashes. @throws UsageError */
export function parseGlob(text: string): Test<string> {
  try {
    const matches = picomatch(text, { dot: true, nonegate: true });
    return (value) => matches(value);
  } catch (error) {
    throw new UsageError(`${JSON.stringify(text)} is no glob: ${(error as Error).message}`);
  }
}

/** A regular expression as JavaScript has it. @throws UsageError */
export function parseRegex(text: string, flags = ""): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    throw new UsageError(`${JSON.stringify(text)} is no regular expression: ${(error as Error).message}`);
  }
}

function signed(text: string, parse: (given: string) => number): Test<number> {
  const limit = parse(text.replace(/^[+-]/, ""));
  if (text.startsWith("+")) return (value) => value > limit;
  if (text.startsWith("-")) return (value) => value < limit;
  return (value) => value === limit;
}
