/** Asks a server one four-letter word over its client port. */
import { connect } from "node:net";

/** Longest answer that is read; `cons` of 30 000 connections fits. */
export const answerBytesMax = 16_777_216;
/** Limit for one answer in milliseconds: a paused server accepts the connection and never answers. */
export const defaultAnswerTimeoutMs = 1_000;

/**
 * The answer, or null when there is none: nobody listens, the connection broke before a byte came, or the time is up.
 * "Not serving" is an answer.
 */
export function askServer(
  server: { readonly host: string; readonly clientPort: number },
  word: string,
  timeoutMs: number = defaultAnswerTimeoutMs,
): Promise<string | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect({ host: server.host, port: server.clientPort, noDelay: true });
    const finish = (isComplete: boolean): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(isComplete && bytes > 0 ? Buffer.concat(chunks).toString("utf8") : null);
    };
    const limit = setTimeout(() => finish(false), timeoutMs);
    socket.once("connect", () => socket.write(word));
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > answerBytesMax) finish(false);
    });
    // Some releases reset the connection right behind a complete answer.
    socket.once("error", () => finish(bytes > 0));
    socket.once("end", () => finish(true));
    socket.once("close", () => finish(bytes > 0));
  });
}
