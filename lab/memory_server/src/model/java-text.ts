/** How Java writes some values, for answers that must look as those of a real server. */

const dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const dayMs = 86_400_000;

/** `Long.toHexString`: 64 bits, no sign, no leading zeros. */
export function javaHex(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16);
}

/** `Date.toString` of a server whose zone is UTC: `Fri Feb 13 23:31:30 UTC 2009`. */
export function javaDate(wallMs: number): string {
  const days = Math.floor(wallMs / dayMs);
  const seconds = Math.floor((wallMs - days * dayMs) / 1000);
  const { year, month, day } = civil(days);
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) =>
    twoDigits(Math.floor(part)),
  );
  const weekday = dayNames[((days % 7) + 7) % 7];
  return `${weekday} ${monthNames[month - 1]} ${twoDigits(day)} ${clock.join(":")} UTC ${year}`;
}

/** `InetSocketAddress.toString` of an address that has no name: IPv6 is written with all of its eight groups. */
export function javaSocketAddress(address: string, port: number): string {
  return `/${address.includes(":") ? fullIpv6(address) : address}:${port}`;
}

/** Days since 1970 to a date, by counting in eras of 400 years that begin in March. */
function civil(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function fullIpv6(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: gap }, () => "0"), ...after];
  return groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
