/** A place as a source of znodes, whatever it is. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Client } from "@zk/client";
import type { CommandIo } from "../../definition/command.js";
import { readEach } from "../../input/value.js";
import { UsageError } from "../../program/errors.js";
import { whyFile } from "../../program/why.js";
import type { Settings } from "../../settings/settings.js";
import { openDump } from "../../transfer/dump-reader.js";
import type { ExtraSource } from "../../transfer/extra.js";
import { type LiveReport, newLiveReport, readLive } from "../../transfer/live-tree.js";
import type { Place } from "../../transfer/places.js";
import { type Selection, select, selectionOf } from "../../transfer/selection.js";
import { relativePath, type TreeSource } from "../../transfer/tree-node.js";
import { tellReport } from "../tell-report.js";
import type { ReadingOptions } from "./options.js";

/** What reading a place needs of its run. */
export interface ReadingRun {
  readonly io: CommandIo;
  readonly signal: AbortSignal;
  connect(options?: { readonly settings?: Settings }): Promise<Client>;
  note(line: string): void;
  warn(line: string): void;
  endWith(exitCode: number): void;
}

/** A source that can be read again. */
export interface ReadPlace extends ExtraSource {
  nodes(): TreeSource;
  readonly selection: Selection;
  /** Why what it has not may be there all the same, in words; undefined when it is all that there is. */
  readonly partial: string | undefined;
  /** Znodes in all, where it is known before. */
  readonly total: number | undefined;
  /** SHA-256 of a dump; undefined for servers. */
  readonly sha256: string | undefined;
  readonly report: LiveReport;
  /** Says what could not be read; called when all was. */
  tell(): void;
}

/** @throws UsageError, ZkError */
export async function readPlace(place: Place, options: ReadingOptions, run: ReadingRun): Promise<ReadPlace> {
  const selection = selectionOf(options, Date.now());
  const report = newLiveReport();
  const tell = (): void => {
    tellReport(report.walk, run);
    if (report.ephemeralsSkipped > 0)
      run.note(`${report.ephemeralsSkipped} ephemeral left out (--ephemerals)`);
  };
  if (place.kind === "servers") {
    const client = await run.connect({ settings: place.settings });
    // An error of the root comes now, before anything is written anywhere.
    await client.getData(place.path, { signal: run.signal });
    const live = {
      ephemerals: options.ephemerals,
      depthMax: options.depth,
      enters: selection.enters,
      signal: run.signal,
    };
    const whole = newLiveReport();
    return {
      nodes: () => {
        // A second reading counts anew.
        Object.assign(report.walk, newLiveReport().walk);
        report.ephemeralsSkipped = 0;
        report.changed = 0;
        return select(readLive(client, place.path, live, report), selection);
      },
      all: () => {
        whole.walk.denied.length = 0;
        return readLive(client, place.path, { ...live, ephemerals: "as-persistent" }, whole);
      },
      denied: () => whole.walk.denied.map((path) => relativePath(place.path, path)),
      selection,
      partial: undefined,
      total: undefined,
      sha256: undefined,
      report,
      tell,
    };
  }
  const dump =
    place.kind === "file"
      ? await openDump(resolve(run.io.cwd, place.file))
      : await openDump(await spool(run), "stdin");
  const isWhole = !selection.isPartial && options.exclude.length === 0 && options.depth === undefined;
  const levels = options.depth ?? Number.POSITIVE_INFINITY;
  const shallow = async function* (): TreeSource & AsyncGenerator {
    for await (const node of dump.nodes()) {
      if (node.path === "/" || node.path.split("/").length - 1 <= levels) yield node;
    }
  } as () => TreeSource;
  return {
    nodes: () => select(shallow(), selection),
    all: shallow,
    denied: () => [],
    selection,
    partial: dump.partial,
    total: isWhole ? dump.footer.nodes : undefined,
    sha256: dump.footer.sha256,
    report,
    tell,
  };
}

/** stdin in a file that goes with the process, so that it can be checked before anything is written, and read again after. */
export async function spool(run: Pick<ReadingRun, "io" | "signal" | "note">): Promise<string> {
  if (run.io.stdin.isTTY === true) run.note("waiting for data on stdin; end it with Ctrl-D");
  const folder = mkdtempSync(join(tmpdir(), "zk-import-"));
  if (spooled.size === 0) process.once("exit", forgetSpooled);
  spooled.add(folder);
  const file = join(folder, "stdin");
  const handle = openSync(file, "wx", 0o600);
  try {
    await readEach(run.io.stdin, run.signal, (chunk) => writeAll(handle, chunk));
  } finally {
    closeSync(handle);
  }
  return file;
}

function writeAll(handle: number, chunk: Buffer): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(handle, chunk, at);
  } catch (error) {
    throw new UsageError(
      `what comes on stdin cannot be kept in ${tmpdir()}: ${whyFile(error)}`,
      "TMPDIR names another folder; nothing was changed",
    );
  }
}

/** Folders that go with the process. */
const spooled = new Set<string>();

function forgetSpooled(): void {
  for (const folder of spooled) rmSync(folder, { recursive: true, force: true });
  spooled.clear();
}
