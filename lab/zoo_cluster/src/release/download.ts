import { mkdir, open, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isLabError, LabError } from "../errors.js";
import { checkDigest } from "./archive.js";
import type { ExpectedDigest } from "./digest.js";
import { describeError, systemCode } from "./files.js";
import { httpGet, printable } from "./http-get.js";
import type { Environment } from "./types.js";

/** Largest file that is downloaded, in bytes. */
export const downloadBytesMax: number = 512 * 1024 * 1024;

/** What {@link download} needs. */
export interface DownloadOptions {
  readonly url: URL;
  /** Where the bytes are collected; what is there from an earlier try is continued. */
  readonly partPath: string;
  readonly expected: ExpectedDigest;
  readonly env: Environment;
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Time without a byte after which a try is given up, in milliseconds (30 000). */
  readonly idleTimeoutMs?: number;
  /** Wait before the second try, doubled for each further one, in milliseconds (500). */
  readonly retryDelayMs?: number;
  /** Tries in a row that bring no byte before giving up (5). */
  readonly triesMax?: number;
}

/** A failure that another try cannot mend. */
class FinalFailure extends Error {}

/**
 * Downloads a file whose digest is known, continuing after interruptions, and leaves it at `partPath`.
 *
 * The file is whole and right when this returns. A file that was continued and is wrong is fetched once more from the
 * start, since what lay there may have been of another make; wrong again is an error.
 *
 * @throws LabError `DOWNLOAD_FAILED`; `DIGEST_MISMATCH`; the signal's reason on abort
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { partPath, expected, signal, url, onProgress } = options;
  await mkdir(dirname(partPath), { recursive: true });
  for (let fresh = (await sizeOf(partPath)) === 0; ; fresh = true) {
    if (fresh) await rm(partPath, { force: true });
    await fetchAll(options);
    try {
      await checkDigest(partPath, expected, signal);
      return;
    } catch (error) {
      if (!isLabError(error, "DIGEST_MISMATCH")) throw error;
      // Never keep bytes that are known to be wrong.
      await rm(partPath, { force: true });
      if (fresh) {
        throw new LabError(
          "DIGEST_MISMATCH",
          `${printable(url)} sent something else than expected: its ${expected.algorithm} is ${String(error.details["actual"])}, and ${expected.hex} is ${expected.origin}. Nothing of it was used`,
          { cause: error, details: { ...error.details, url: printable(url) } },
        );
      }
      onProgress("download: what an earlier try had left does not fit; fetching all of it again");
    }
  }
}

async function fetchAll(options: DownloadOptions): Promise<void> {
  const { url, partPath, signal, onProgress } = options;
  const triesMax = options.triesMax ?? 5;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    const before = await sizeOf(partPath);
    try {
      await fetchOnce(options, before);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const after = await sizeOf(partPath);
      failures = after > before ? 1 : failures + 1;
      if (error instanceof FinalFailure || failures >= triesMax || (after === 0 && isHopeless(error))) {
        const tries = failures === 1 ? "" : ` (${failures} tries)`;
        throw new LabError(
          "DOWNLOAD_FAILED",
          `${printable(url)} could not be downloaded${tries}: ${describeError(error)}`,
          {
            cause: error,
            details: { url: printable(url), bytes: after },
          },
        );
      }
      const waitMs = (options.retryDelayMs ?? 500) * 2 ** (failures - 1);
      onProgress(`download: ${describeError(error)}; trying again in ${waitMs} ms from byte ${after}`);
      await delay(waitMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function fetchOnce(options: DownloadOptions, start: number): Promise<void> {
  const { url, env, partPath, signal } = options;
  const idleTimeoutMs = options.idleTimeoutMs ?? 30_000;
  const { answer, url: from } = await httpGet(url, {
    env,
    signal,
    rangeStart: start,
    answerTimeoutMs: idleTimeoutMs,
  });
  const status = answer.statusCode ?? 0;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "");
  if (status === 416 && start > 0) {
    // All of it may be here already, or what is here is longer than the file: the digest tells.
    answer.destroy();
    return;
  }
  const continues = status === 206 && range !== null && Number(range[1]) === start;
  if (status !== 200 && !continues) {
    answer.destroy();
    const text = `${printable(from)} answers with status ${status}`;
    throw status >= 500 || status === 408 || status === 429 ? new Error(text) : new FinalFailure(text);
  }
  const offset = continues ? start : 0;
  const length =
    answer.headers["content-length"] === undefined ? null : Number(answer.headers["content-length"]);
  const total = length === null ? null : offset + length;
  if (total !== null && total > downloadBytesMax) {
    answer.destroy();
    throw new FinalFailure(`${printable(from)} has ${total} bytes, more than ${downloadBytesMax}`);
  }
  await receive(options, answer, { offset, total, idleTimeoutMs });
  const size = await sizeOf(partPath);
  if (total !== null && size !== total)
    throw new Error(`the connection ended after ${size} of ${total} bytes`);
}

async function receive(
  options: DownloadOptions,
  answer: IncomingMessage,
  { offset, total, idleTimeoutMs }: { offset: number; total: number | null; idleTimeoutMs: number },
): Promise<void> {
  const { partPath, signal, onProgress } = options;
  let received = offset;
  let told = performance.now();
  const idle = setTimeout(
    () => answer.destroy(new Error(`no byte for ${idleTimeoutMs} ms, at byte ${received}`)),
    idleTimeoutMs,
  );
  const abort = (): void => void answer.destroy();
  signal?.addEventListener("abort", abort, { once: true });
  const file = await open(partPath, offset === 0 ? "w" : "a");
  try {
    // Each piece is on disk before the next is asked for, so that a broken connection loses none of them.
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      received += chunk.length;
      if (received > downloadBytesMax) throw new FinalFailure(`more than ${downloadBytesMax} bytes came`);
      await file.writeFile(chunk);
      idle.refresh();
      if (performance.now() - told > 2_000) {
        told = performance.now();
        onProgress(`download: ${megabytes(received)}${total === null ? "" : ` of ${megabytes(total)}`}`);
      }
    }
    await file.sync();
  } catch (error) {
    if (systemCode(error) === "ECONNRESET" || systemCode(error) === "ERR_STREAM_PREMATURE_CLOSE") {
      throw new Error(`the connection broke after ${received}${total === null ? "" : ` of ${total}`} bytes`, {
        cause: error,
      });
    }
    // A full disk stays full.
    if (["ENOSPC", "EDQUOT", "EROFS", "EACCES"].includes(systemCode(error) ?? "")) {
      throw new FinalFailure(describeError(error), { cause: error });
    }
    throw error;
  } finally {
    clearTimeout(idle);
    signal?.removeEventListener("abort", abort);
    answer.destroy();
    await file.close();
  }
}

/** Without a byte so far, an unknown host, a refused connection or a bad certificate will not be better in a second. */
function isHopeless(error: unknown): boolean {
  const code = systemCode(error) ?? "";
  return /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ERR_TLS_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(
    code,
  );
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
