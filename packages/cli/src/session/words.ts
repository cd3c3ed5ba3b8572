/** Asks one server one four-letter word over its client port. */
import { connect } from "node:net";
import type { FourLetterWord } from "@zk/protocol";
import { whyServer } from "../program/why.js";

/** Longest answer that is read; `cons` of 30 000 connections fits. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Milliseconds that an answer may take: a stopped server accepts the connection and never answers. */
export const WORD_LIMIT_MS = 2_000;

/** What became of a word. */
export type WordAnswer =
  | { readonly kind: "answer"; readonly text: string; readonly ms: number }
  /** The server answers, and not this word: it is not on its whitelist. */
  | { readonly kind: "notAllowed"; readonly text: string }
  /** Nobody answers; the reason in words. */
  | { readonly kind: "silent"; readonly reason: string };

/** Never rejects. */
export function askWord(
  server: { readonly host: string; readonly port: number },
  word: FourLetterWord,
  options: { readonly limitMs?: number; readonly signal?: AbortSignal } = {},
): Promise<WordAnswer> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    const finish = (reason: string | undefined): void => {
      clearTimeout(limit);
      options.signal?.removeEventListener("abort", aborted);
      socket.destroy();
      if (reason !== undefined || bytes === 0) {
        // From 3.5 on a word off the whitelist is answered by words, before 3.4.10 by nothing.
        resolve({ kind: "silent", reason: reason ?? "it closes the connection without a word" });
        return;
      }
      const text = Buffer.concat(chunks).toString("utf8");
      if (/is not executed because it is not in the whitelist/.test(text))
        resolve({ kind: "notAllowed", text: text.trim() });
      else resolve({ kind: "answer", text, ms: performance.now() - beganMs });
    };
    const aborted = (): void => finish("given up");
    const limitMs = options.limitMs ?? WORD_LIMIT_MS;
    const limit = setTimeout(() => finish(`no answer within ${limitMs / 1000} s`), limitMs);
    options.signal?.addEventListener("abort", aborted, { once: true });
    socket.once("connect", () => socket.write(word));
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > ANSWER_BYTES_MAX) finish(`its answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    });
    // Some releases reset the connection right behind a complete answer.
    socket.once("error", (error) => finish(bytes > 0 ? undefined : whyServer(error)));
    socket.once("end", () => finish(undefined));
    socket.once("close", () => finish(undefined));
  });
}
