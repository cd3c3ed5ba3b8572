/** Data as users may give it. */
import { ZkError } from "./core/index.js";
import { utf8Bytes } from "./io/utf8.js";

/** Bytes, or text that is sent as UTF-8, or null for a znode without data (which is not the same as empty data). */
export type Data = Uint8Array | string | null;

/** The bytes to send. A copy is not made: do not change the array until the call settles. */
export function toBytes(data: Data | undefined, operation: string, path: string): Uint8Array | null {
  if (data === null || data === undefined) return null;
  if (typeof data === "string") return utf8Bytes(data);
  if (data instanceof Uint8Array) return data;
  throw new ZkError({
    code: "INVALID_ARGUMENT",
    message: `data must be a Uint8Array, a string or null, not ${typeof data}`,
    operation,
    path,
  });
}
