/**
 * What kazoo's leases say, byte for byte: `{"version": 1, "holder": "me", "end": "2026-11-25T23:59:59"}`, as Python's json.dumps
 * writes it; UTC, whole seconds, no zone.
 *
 * Source: kazoo 2.11 recipe/lease.py
 */

/** Who has a lease, and until when. */
export interface LeaseRecord {
  readonly holder: string;
  /** Milliseconds since 1970. */
  readonly endMs: number;
}

const VERSION = 1;
const DAY_MS = 86_400_000;

/** As kazoo writes it. The end is rounded up to a whole second, so that nobody gets less than was asked for. */
export function encodeLeaseRecord({ holder, endMs }: LeaseRecord): string {
  const text = JSON.stringify(holder).replace(/[^ -~]/g, escaped);
  return `{"version": ${VERSION}, "holder": ${text}, "end": "${formatUtc(endMs)}"}`;
}

/**
 * @returns undefined for a later version, which is somebody else's to judge
 * @throws Error for anything that is no lease
 */
export function decodeLeaseRecord(data: Uint8Array | null): LeaseRecord | undefined {
  const value: unknown = JSON.parse(
    new TextDecoder("utf-8", { fatal: true }).decode(data ?? new Uint8Array(0)),
  );
  if (typeof value !== "object" || value === null) throw new Error("it is no object");
  const { version, holder, end } = value as Record<string, unknown>;
  if (typeof version !== "number") throw new Error("it has no version");
  if (version !== VERSION) return undefined;
  if (typeof holder !== "string" || typeof end !== "string") throw new Error("it has no holder or no end");
  return { holder, endMs: parseUtc(end) };
}

/** Milliseconds since 1970 as `YYYY-MM-DDThh:mm:ss`, rounded up to a second. */
export function formatUtc(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const { year, month, day } = dateOf(days);
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  return `${date}T${digits(Math.floor(rest / 3600), 2)}:${digits(Math.floor(rest / 60) % 60, 2)}:${digits(rest % 60, 2)}`;
}

/** The reverse of {@link formatUtc}. @throws Error for any other text */
export function parseUtc(text: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)$/.exec(text);
  if (match === null) throw new Error(`${JSON.stringify(text)} is no time such as 2026-11-25T23:59:59`);
  const [year, month, day, hours, minutes, seconds] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return daysOf({ year, month, day }) * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

// Years that begin in March end with the day that not every year has. Eras of 400 years are all alike.
// Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms

function daysOf({ year, month, day }: CalendarDate): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function dateOf(days: number): CalendarDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth + (marchMonth < 10 ? 3 : -9);
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
