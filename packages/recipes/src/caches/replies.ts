/** What came of a call, as a value: an answer or an error. */

/** See the head of this file. */
export type Reply<T> = { readonly value: T } | { readonly error: unknown };

/** Resolves when the call has ended, whatever came of it. */
export async function replyOf<T>(call: Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await call };
  } catch (error) {
    return { error };
  }
}
