/** What the words' behaviours need to read answers. */

/** What a parser made of an answer. @throws Error when it could not */
export function must<T>(
  answer: ({ readonly serving: true } & T) | { readonly serving: false; readonly text: string },
): T {
  if (!answer.serving) throw new Error(`The server gave no such answer: ${answer.text}`);
  return answer;
}

/** What stands in front of the first separator of each line. */
export function keysOf(text: string, separator = "\t"): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(separator)[0] ?? "");
}

/** The address of a client as words show it, for a regular expression. */
export function shown(address: string): string {
  return `/${address.replaceAll(".", "\\.")}`;
}

/** The values of `mntr`, by key. */
export function numbersOf(text: string): (key: string) => number {
  const values = new Map(text.split("\n").map((line) => line.split("\t") as [string, string]));
  return (key) => Number(values.get(key));
}

/** A session id as four-letter words write it. */
export function unsigned(id: bigint): bigint {
  return BigInt.asUintN(64, id);
}

/** The same in hexadecimal digits, without the `0x`. */
export function hex(id: bigint): string {
  return unsigned(id).toString(16);
}
