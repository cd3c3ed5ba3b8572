/** Small things that the suites share. */
import { expect, vi } from "vitest";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array | null): string | null =>
  data === null ? null : new TextDecoder().decode(data);
export const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, "hex"));

/** Long enough for whatever is to happen. */
export const soon = { timeoutMs: 20_000 };
/** Long enough for what would happen if it could. */
export const briefly = { timeoutMs: 200 };

/** Looks again until it is so. */
export async function waitUntil(
  look: () => Promise<boolean>,
  { timeout = 30_000, interval = 25 }: { readonly timeout?: number; readonly interval?: number } = {},
): Promise<void> {
  await vi.waitFor(async () => expect(await look()).toBe(true), { timeout, interval });
}
