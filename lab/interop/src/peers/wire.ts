/** JSON with the two things that it lacks: bytes are `{"$bytes": base64}`, 64-bit numbers are `{"$bigint": digits}`. */

/** One line, without its end. */
export function encodeLine(value: unknown): string {
  return JSON.stringify(tagged(value));
}

/** @throws SyntaxError when the line is no JSON */
export function decodeLine(line: string): unknown {
  return untagged(JSON.parse(line));
}

function tagged(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (Array.isArray(value)) return value.map(tagged);
  if (typeof value === "object" && value !== null) return mapValues(value, tagged);
  return value;
}

function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged);
  if (typeof value !== "object" || value === null) return value;
  const { $bytes, $bigint } = value as { readonly $bytes?: unknown; readonly $bigint?: unknown };
  if (typeof $bytes === "string") return new Uint8Array(Buffer.from($bytes, "base64"));
  if (typeof $bigint === "string") return BigInt($bigint);
  return mapValues(value, untagged);
}

function mapValues(value: object, change: (each: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, change(each)]));
}
