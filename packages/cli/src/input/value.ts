/** Data from the command line: a text, `-` for stdin, `@file`; empty and null are different, and both can be had. */
import { constants, createReadStream, openSync, readFileSync, statSync } from "node:fs";
import { Socket } from "node:net";
import { resolve } from "node:path";
import type { CommandIo } from "../definition/command.js";
import { UsageError } from "../program/errors.js";
import { whyFile } from "../program/why.js";

/** Bytes of stdin or of a file that are read at most: far above what a server takes, so that it can say so itself. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** How a value is given. */
export interface ValueOptions {
  /** Null data. */
  readonly null?: boolean;
  /** Takes `-` and `@…` as they are. */
  readonly literal?: boolean;
  /** What is given is base64 of the data. */
  readonly base64?: boolean;
}

/** @throws UsageError when nothing, or two things at once, say what the data is, or when it is not base64 */
export async function readValue(
  word: string | undefined,
  options: ValueOptions,
  io: CommandIo,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const given = await readGiven(word, options, io, note, signal);
  return options.base64 === true && given !== null ? decodeBase64(given) : given;
}

function decodeBase64(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1").replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw new UsageError("the VALUE is not base64", "zk get --base64 prints it so");
  return Buffer.from(text, "base64");
}

async function readGiven(
  word: string | undefined,
  options: ValueOptions,
  io: CommandIo,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  if (options.null === true) {
    if (word !== undefined) throw new UsageError("--null says that there is no data; give no VALUE with it");
    return null;
  }
  if (word === undefined) {
    throw new UsageError(
      "the VALUE is missing",
      "a text, - for stdin, @FILE, '' for empty data, --null for none",
    );
  }
  if (options.literal !== true && word === "-") {
    if (io.stdin.isTTY === true) note("waiting for data on stdin; end it with Ctrl-D");
    return await readAll(io.stdin, signal);
  }
  if (options.literal !== true && word.startsWith("@"))
    return await readInput(resolve(io.cwd, word.slice(1)), signal);
  return Buffer.from(word, "utf8");
}

/**
 * A whole file, whatever kind of file it is: a pipe, as `<(command)` makes one, is waited for, and a device without end
 * is not read without end.
 * @throws UsageError past {@link INPUT_BYTES_MAX}; the signal's reason
 */
export async function readInput(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const kind = statSync(path);
    if (kind.isFile() && kind.size <= INPUT_BYTES_MAX) return readFileSync(path);
    const stream = kind.isFIFO() ? openPipe(path) : createReadStream(path);
    try {
      return await readAll(stream, signal, path);
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (error instanceof UsageError || signal.aborted) throw error;
    throw new UsageError(`${path} cannot be read: ${whyFile(error)}`);
  }
}

/** Not as a file: a read of one that nobody writes to would hold the process, and its end, for ever. */
function openPipe(path: string): Socket {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** A whole file. @throws UsageError */
export function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${whyFile(error)}`);
  }
}

/** Everything that a stream gives. @throws UsageError past {@link INPUT_BYTES_MAX}; the signal's reason */
export async function readAll(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  name = "stdin",
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX)
      throw new UsageError(
        `${name} has more than ${INPUT_BYTES_MAX} bytes`,
        "servers take about 1 MB in one znode",
      );
    chunks.push(chunk);
  };
  await readEach(stream, signal, take, name);
  return Buffer.concat(chunks);
}

/** Gives what a stream has to `take`, to its end; what that throws ends it. @throws UsageError; the signal's reason */
export function readEach(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  take: (chunk: Buffer) => void,
  name = "stdin",
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      stream.removeListener("data", onData);
      signal.removeEventListener("abort", onAbort);
      stream.pause();
    };
    const onData = (chunk: Buffer | string): void => {
      try {
        take(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      } catch (error) {
        done();
        reject(error);
      }
    };
    const onAbort = (): void => {
      done();
      reject(signal.reason);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    stream.on("data", onData);
    // A reader of lines before us has paused it; then a listener alone lets nothing flow.
    stream.resume();
    stream.once("end", () => {
      done();
      resolve();
    });
    stream.once("error", (error: Error) => {
      done();
      reject(new UsageError(`${name} cannot be read: ${whyFile(error)}`));
    });
  });
}
