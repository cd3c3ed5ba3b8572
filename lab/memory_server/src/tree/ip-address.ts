/**
 * Addresses as the `ip` scheme of a server compares them: IPv4 only. An IPv6 address is an identity that no entry
 * matches, since 3.4.6 has no bytes for it.
 *
 * Source: ZooKeeper 3.4.6, IPAuthenticationProvider.java
 */

/** Whether an ACL may hold it: four numbers from 0 to 255. The form with `/bits` is refused, although it would match. */
export function isIpExpression(text: string): boolean {
  return bytesOf(text) !== undefined;
}

/** Whether the address of a connection is within an expression, which may have `/bits` behind it. */
export function ipMatches(address: string, expression: string): boolean {
  const slash = expression.indexOf("/");
  const wanted = bytesOf(slash < 0 ? expression : expression.slice(0, slash));
  const bits = slash < 0 ? 32 : parseInt32(expression.slice(slash + 1));
  const given = bytesOf(address);
  if (wanted === undefined || given === undefined || bits === undefined || bits < 0 || bits > 32)
    return false;
  const mask = bits === 0 ? 0 : -1 << (32 - bits);
  return (wanted & mask) === (given & mask);
}

/**
 * An address as Java prints it: IPv6 as eight numbers without gaps, and an IPv4 address within IPv6 as IPv4. What is no
 * address stays as it is.
 *
 * Source: ZooKeeper 3.4.6, NIOServerCnxn.java, constructor; OpenJDK, Inet6Address.java
 */
export function javaAddress(address: string): string {
  if (!address.includes(":")) return address;
  const [text = "", scope] = address.split("%", 2);
  const groups = groupsOf(text);
  if (groups === undefined) return address;
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const shown = groups.map((group) => group.toString(16)).join(":");
  return scope === undefined ? shown : `${shown}%${scope}`;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":").flatMap(groupOrTwo)));
  const given = [...head!, ...(tail ?? [])];
  const missing = 8 - given.length;
  if (given.some((group) => !(group >= 0 && group <= 0xffff))) return undefined;
  if (tail === undefined) return missing === 0 ? given : undefined;
  return missing < 0 ? undefined : [...head!, ...new Array<number>(missing).fill(0), ...tail];
}

/** One group of an IPv6 address; the last one may be an IPv4 address, which makes two. */
function groupOrTwo(part: string): number[] {
  if (part.includes(".")) {
    const four = bytesOf(part);
    return four === undefined ? [Number.NaN] : [four >>> 16, four & 0xffff];
  }
  return [/^[0-9a-f]{1,4}$/i.test(part) ? Number.parseInt(part, 16) : Number.NaN];
}

/** The four bytes of an IPv4 address as one 32-bit number. */
function bytesOf(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let bytes = 0;
  for (const part of parts) {
    const value = parseInt32(part);
    if (value === undefined || value < 0 || value > 255) return undefined;
    bytes = (bytes << 8) | value;
  }
  return bytes;
}

/** A number as Java reads one: a sign and leading zeros are allowed. */
function parseInt32(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? value : undefined;
}
