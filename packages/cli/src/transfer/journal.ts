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
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../program/errors.js";
import { stateFolder } from "../settings/config-files.js";

/** What an import is, so that no other one goes on with its journal. */
export interface JournalKey {
  readonly sha256: string;
  readonly servers: string;
  readonly chroot: string;
  readonly root: string;
  readonly onConflict: string;
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
   * @throws UsageError when one is there and nobody said what to do with it, or when it is of another import
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
      return new Journal(path, openSync(path, "a", 0o600), before.last);
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const handle = openSync(path, "w", 0o600);
    const journal = new Journal(path, handle, undefined);
    journal.#write({ schema: "zk.journal/1", ...key });
    return journal;
  }

  /** Everything up to this path is applied. On disk when it returns. */
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
    writeSync(this.#handle, `${JSON.stringify(value)}\n`);
    fsyncSync(this.#handle);
  }
}

function readJournal(
  path: string,
): { readonly key: JournalKey; readonly last: Line | undefined } | undefined {
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  const values = lines.flatMap((line, index): Record<string, unknown>[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      // A crash may cut the last line short; one before it cannot be.
      if (index === lines.length - 1) return [];
      throw new UsageError(`${path}, line ${index + 1}: this is no journal`);
    }
  });
  const [head, ...rest] = values;
  if (head === undefined) return undefined;
  if (head["schema"] !== "zk.journal/1") throw new UsageError(`${path} is no journal of an import`);
  const { schema: _schema, ...key } = head;
  return { key: key as unknown as JournalKey, last: rest.at(-1) as Line | undefined };
}
