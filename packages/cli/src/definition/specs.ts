/** The kinds of arguments and options that commands are made of. */
import { UsageError } from "../program/errors.js";
import type { ArgumentSpec, OptionSpec, WordKind } from "./spec-types.js";

/** A word that must be there. */
export function argument(summary: string, kind: WordKind = "text"): ArgumentSpec<string> {
  return { summary, kind, isOptional: false, isVariadic: false };
}

/** A word that may be there. */
export function optional(summary: string, kind: WordKind = "text"): ArgumentSpec<string | undefined> {
  return { summary, kind, isOptional: true, isVariadic: false };
}

/** One or more words. */
export function several(summary: string, kind: WordKind = "text"): ArgumentSpec<readonly string[]> {
  return { summary, kind, isOptional: false, isVariadic: true };
}

/** Any number of words. */
export function anyNumber(summary: string, kind: WordKind = "text"): ArgumentSpec<readonly string[]> {
  return { summary, kind, isOptional: true, isVariadic: true };
}

/** A switch. */
export function flag(summary: string, short?: string): OptionSpec<boolean> {
  return { summary, ...(short === undefined ? {} : { short }) };
}

/** Details of an option with a value. */
interface ValueDetails {
  readonly short?: string;
  readonly kind?: WordKind;
  readonly defaultText?: string;
}

/** An option with a text. */
export function text(
  value: string,
  summary: string,
  details: ValueDetails = {},
): OptionSpec<string | undefined> {
  return { summary, value, ...details, parse: (given) => given };
}

/** An option with a text that may be given more than once. */
export function texts(
  value: string,
  summary: string,
  details: ValueDetails = {},
): OptionSpec<readonly string[]> {
  return { summary, value, ...details, isRepeatable: true, parse: (given) => given, fallback: [] };
}

/** One of some words. */
export function choice<const Choice extends string>(
  choices: readonly Choice[],
  fallback: NoInfer<Choice>,
  summary: string,
  details: ValueDetails = {},
): OptionSpec<Choice> {
  return {
    summary,
    value: choices.join("|"),
    choices,
    ...details,
    defaultText: fallback,
    fallback,
    parse: (given) => given,
  };
}

/** One of some words, or none. */
export function maybeChoice<const Choice extends string>(
  choices: readonly Choice[],
  summary: string,
  details: ValueDetails = {},
): OptionSpec<Choice | undefined> {
  return { summary, value: choices.join("|"), choices, ...details, parse: (given) => given };
}

/** A whole number. */
export function whole(
  value: string,
  summary: string,
  details: ValueDetails & { readonly min?: number; readonly max?: number } = {},
): OptionSpec<number | undefined> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = details;
  return { summary, value, ...rest, parse: (given) => parseWhole(given, min, max) };
}

/** A whole number with a default. */
export function count(
  value: string,
  fallback: number,
  summary: string,
  details: ValueDetails & { readonly min?: number; readonly max?: number } = {},
): OptionSpec<number> {
  return { ...whole(value, summary, details), defaultText: String(fallback), fallback } as OptionSpec<number>;
}

/** A span of time; the value is in milliseconds. `5` is seconds. */
export function duration(
  value: string,
  summary: string,
  details: ValueDetails = {},
): OptionSpec<number | undefined> {
  return { summary, value, ...details, parse: parseTimer };
}

/** A number of bytes, such as `64k` or `1M`. */
export function size(
  value: string,
  summary: string,
  details: ValueDetails = {},
): OptionSpec<number | undefined> {
  return { summary, value, ...details, parse: parseSize };
}

/** @throws UsageError */
export function parseWhole(given: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
  const number = Number(given);
  if (!/^-?\d+$/.test(given) || number < min || number > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
    throw new UsageError(`it must be a whole number ${range}, not ${JSON.stringify(given)}`);
  }
  return number;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `5`, `5s`, `250ms`, `1.5m`, `2h`, `7d`. @throws UsageError */
export function parseDuration(given: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(given);
  const span = match === null ? Number.NaN : Number(match[1]) * (UNITS_MS[match[2] ?? "s"] ?? Number.NaN);
  if (!Number.isFinite(span)) {
    throw new UsageError(`it must be a time such as 5, 250ms, 1.5m or 2h, not ${JSON.stringify(given)}`);
  }
  return span;
}

/** Milliseconds that a timer can be set to, a little less than 25 days; one of more would go off at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A {@link parseDuration} that somebody is going to wait for. @throws UsageError */
export function parseTimer(given: string): number {
  const span = parseDuration(given);
  if (span > TIMER_MS_MAX) throw new UsageError(`it must be at most 24d, not ${JSON.stringify(given)}`);
  return span;
}

const UNITS_BYTES: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of `512`, `64k`, `1M`. @throws UsageError */
export function parseSize(given: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)i?b?$/i.exec(given);
  const bytes =
    match === null
      ? Number.NaN
      : Number(match[1]) * (UNITS_BYTES[(match[2] ?? "").toLowerCase()] ?? Number.NaN);
  if (!Number.isFinite(bytes)) {
    throw new UsageError(`it must be a size such as 512, 64k or 1M, not ${JSON.stringify(given)}`);
  }
  return Math.round(bytes);
}
