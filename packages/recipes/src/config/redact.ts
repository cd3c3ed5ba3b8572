/** Values as they may be shown: without what is secret. */

/**
 * What is secret in a value: everything (`true`), or what lies at these places, such as `database.password`; `*` stands for any
 * name or index.
 */
export type Secrets = true | readonly string[];

/** What is shown in place of a secret. */
export const REDACTED = "[redacted]";

/** A copy without what is secret. The value itself is left as it is. */
export function redact(value: unknown, secrets: Secrets | undefined): unknown {
  if (secrets === undefined) return value;
  if (secrets === true) return REDACTED;
  return secrets.reduce((shown: unknown, place) => hide(shown, place.split(".")), value);
}

function hide(value: unknown, place: readonly string[]): unknown {
  const [name, ...rest] = place;
  if (name === undefined) return REDACTED;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((each, index) => (name === "*" || name === String(index) ? hide(each, rest) : each));
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, each]) => [
      String(key),
      name === "*" || name === String(key) ? hide(each, rest) : each,
    ]),
  );
}

/** Where Node looks for what an object wants to be shown as. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Gives an object another face for logs: for `JSON.stringify`, and for `console.log` in Node. */
export function shownAs<T extends object>(object: T, shown: () => unknown): T {
  Object.defineProperty(object, "toJSON", { value: shown });
  Object.defineProperty(object, INSPECT, { value: shown });
  return object;
}
