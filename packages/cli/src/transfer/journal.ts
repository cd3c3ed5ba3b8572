/**
 * How far an import has come, so that it goes on after any end of the process. A line is on disk before the next batch is
 * sent: after a crash at most one batch is applied that the journal does not know, and that one is compared znode by znode.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CliError, UsageError } from "../program/errors.js";
import { ExitCode } from "../program/exit-codes.js";
import { whyFile } from "../program/why.js";
import { stateFolder } from "../settings/config-files.js";
import { isObject } from "./desired-tree.js";

const SCHEMA = "zk.journal/1";
/** How the first line of each begins. */
const HEAD = `{"schema":"${SCHEMA}"`;

/** What an import is, so that no other one goes on with its journal. */
export interface JournalKey {
  readonly sha256: string;
  readonly servers: string;
  readonly chroot: string;
  readonly root: string;
  readonly onConflict: string;
  /** What else decides which znodes are written, and how, in words. */
  readonly manner: string;
}

interface Line {
  readonly done?: string;
  readonly nodes?: number;
}

/** A journal on disk. */
export class Journal {
  readonly path: string;
  /** The last path of an earlier run that is known to be done. */
  readonly donePath: string | undefined;
  readonly doneNodes: number;
  readonly #handle: number;

  private constructor(path: string, handle: number, last: Line | undefined) {
    this.path = path;
    this.#handle = handle;
    this.donePath = last?.done;
    this.doneNodes = last?.nodes ?? 0;
  }

  /** Where the journal of an import is, unless told. */
  static pathOf(key: JournalKey, env: Readonly<Record<string, string | undefined>>): string {
    const name = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32);
    return join(stateFolder(env), "imports", `${name}.journal`);
  }

  /**
   * Begins a journal, or goes on with the one that is there.
   * @throws UsageError when one is there and nobody said what to do with it, when it is of another import, or when it cannot be
   *   written
   */
  static open(path: string, key: JournalKey, wish: "resume" | "restart" | undefined): Journal {
    const before = existsSync(path) ? readJournal(path) : undefined;
    if (before !== undefined && wish !== "restart") {
      if (JSON.stringify(before.key) !== JSON.stringify(key))
        throw new UsageError(`${path} is the journal of another import`);
      if (wish === undefined) {
        throw new UsageError(
          `this import was begun before, and ended after ${before.last?.nodes ?? 0} znodes`,
          "--resume goes on, --restart begins anew",
        );
      }
      try {
        // What a crash has cut short would spoil the line behind it.
        truncateSync(path, before.bytes);
        return new Journal(path, openSync(path, "a", 0o600), before.last);
      } catch (error) {
        throw new UsageError(`the journal ${path} cannot be written: ${whyFile(error)}`);
      }
    }
    try {
      makeFolder(dirname(path));
      const journal = new Journal(path, openSync(path, "w", 0o600), undefined);
      journal.#write({ schema: SCHEMA, ...key });
      return journal;
    } catch (error) {
      throw new UsageError(
        `the journal ${path} cannot be written: ${whyFile(error instanceof CliError ? error.cause : error)}`,
        "--journal FILE puts it elsewhere; nothing was changed",
      );
    }
  }

  /**
   * Everything up to this path is applied. On disk when it returns.
   * @throws CliError JOURNAL_FAILED
   */
  record(path: string, nodes: number): void {
    this.#write({ done: path, nodes });
  }

  /** Leaves the journal for a later run. */
  close(): void {
    closeSync(this.#handle);
  }

  /** The import is done: nothing is left to go on with. */
  remove(): void {
    closeSync(this.#handle);
    rmSync(this.path, { force: true });
  }

  #write(value: object): void {
    try {
      writeSync(this.#handle, `${JSON.stringify(value)}\n`);
      fsyncSync(this.#handle);
    } catch (error) {
      throw new CliError(
        "JOURNAL_FAILED",
        ExitCode.PARTLY_DONE,
        `the journal ${this.path} cannot be written: ${whyFile(error)}`,
        { cause: error },
      );
    }
  }
}

/** Node's own way of making parents never ends where the system says of a parent that it is not there, as below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

interface Before {
  readonly key: JournalKey;
  readonly last: Line | undefined;
  /** Up to the end of the last whole line. */
  readonly bytes: number;
}

function readJournal(path: string): Before | undefined {
  let text: string;
  try {
    if (!statSync(path).isFile()) throw new Error("it is no file");
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`the journal ${path} cannot be read: ${whyFile(error)}`, "nothing was changed");
  }
  // A crash may cut the last line short; one before it cannot be.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole === "") {
    if (HEAD.startsWith(text.slice(0, HEAD.length))) return undefined;
    throw new UsageError(`${path} is no journal of an import, and is left as it is`);
  }
  const values = whole
    .split("\n")
    .filter(Boolean)
    .map((line, index): Record<string, unknown> => {
      try {
        const value: unknown = JSON.parse(line);
        if (isObject(value)) return value;
      } catch {
        // It is told below.
      }
      throw new UsageError(`${path}, line ${index + 1}: this is no journal`);
    });
  const [head, ...rest] = values;
  if (head?.["schema"] !== SCHEMA) throw new UsageError(`${path} is no journal of an import`);
  const { schema: _schema, ...key } = head;
  const last = rest.at(-1) as Line | undefined;
  if (last !== undefined && typeof last.done !== "string")
    throw new UsageError(`${path}, line ${values.length}: this is no journal`);
  return { key: key as unknown as JournalKey, last, bytes: Buffer.byteLength(whole) };
}
