/** What `import`, `cp` and `mirror` have in common: bring a tree to servers, repair counters, set ACLs, read it again. */
import { type Client, isZkError } from "@zk/client";
import { plural } from "../output/figures.js";
import type { Progress } from "../output/progress.js";
import { visible } from "../output/visible.js";
import { CliError, Interruption } from "../program/errors.js";
import { ExitCode, exitCodeFor } from "../program/exit-codes.js";
import { type ConflictPolicy, createImport, type ImportChange, type ImportReport } from "./importer.js";
import type { Journal } from "./journal.js";
import type { EphemeralPolicy } from "./live-tree.js";
import { advanceSequence } from "./sequences.js";
import type { TreeNode, TreeSource } from "./tree-node.js";
import { type Verification, verifyTree } from "./verify.js";

/** What is brought where, and how. */
export interface Bringing {
  readonly client: Client;
  readonly root: string;
  /** Begins at the first znode each time. */
  readonly source: () => TreeSource;
  readonly total: number | undefined;
  readonly onConflict: ConflictPolicy;
  readonly withAcl: boolean;
  readonly ephemerals: EphemeralPolicy;
  readonly hasCredentials: boolean;
  readonly dryRun: boolean;
  readonly verify: boolean;
  readonly restoreSequence: boolean;
  readonly sequenceMax: number;
  readonly journal?: Journal | undefined;
  /** Whether {@link Brought.changes} is wanted. */
  readonly keepsChanges: boolean;
}

/** The run that it is part of. */
export interface BringingRun {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  note(line: string): void;
  warn(line: string): void;
  endWith(exitCode: number): void;
}

/** What became of it. */
export interface Brought {
  readonly report: ImportReport;
  readonly changes: readonly ImportChange[];
  readonly sequencesRestored: number;
  readonly verification: Verification | undefined;
}

/** @throws CliError PARTLY_DONE when something was written before it failed; what made it fail otherwise */
export async function bring(work: Bringing, run: BringingRun): Promise<Brought> {
  const { client } = work;
  const { signal } = run;
  const changes: ImportChange[] = [];
  let nodesDone = 0;
  let hasWritten = false;
  const job = createImport(client, work.root, {
    ...work,
    signal,
    onNodes: (count) => {
      nodesDone += count;
      run.progress.advance(count);
    },
    onChange: (change) => {
      if (!work.dryRun && change.op !== "skip") hasWritten = true;
      if (work.keepsChanges) changes.push(change);
    },
  });
  try {
    run.progress.begin(work.dryRun ? "comparing" : "writing", "znodes", work.total);
    const report = await job.run(work.source());
    if (work.dryRun) return { report, changes, sequencesRestored: 0, verification: undefined };
    const sequencesRestored = await repairSequences(work, report, run);
    await job.setAcls();
    run.progress.end();
    const verification = work.verify ? await check(work, report, run) : undefined;
    work.journal?.remove();
    return { report, changes, sequencesRestored, verification };
  } catch (error) {
    work.journal?.close();
    run.progress.end();
    throw hasWritten ? partly(error, nodesDone, work.journal, signal) : error;
  }
}

async function repairSequences(work: Bringing, report: ImportReport, run: BringingRun): Promise<number> {
  const { lagging } = report;
  if (lagging.length === 0) return 0;
  const missing = lagging.reduce((sum, { from, to }) => sum + to - from, 0);
  const named = lagging
    .slice(0, 3)
    .map(({ path, from, to }) => `${visible(path)} (${from}, was ${to})`)
    .join(", ");
  if (!work.restoreSequence) {
    run.warn(
      `${plural(lagging.length, "counter")} of sequential children stand behind the source's, so numbers may be given out again: ${named}${lagging.length > 3 ? ", …" : ""}`,
    );
    run.note(`--restore-sequence advances them: ${plural(missing, "create")} and as many deletes`);
    return 0;
  }
  run.note(
    `advancing ${plural(lagging.length, "counter")} of sequential children by ${plural(missing, "create")}`,
  );
  run.progress.begin("advancing counters", "creates", missing);
  for (const each of lagging) {
    await advanceSequence(work.client, each, {
      max: work.sequenceMax,
      signal: run.signal,
      onAdvanced: (count) => run.progress.advance(count),
    });
  }
  run.progress.end();
  return lagging.length;
}

async function check(work: Bringing, report: ImportReport, run: BringingRun): Promise<Verification> {
  const source = work.source();
  const taken = async function* (): AsyncGenerator<TreeNode> {
    for await (const node of source) if (!node.isEphemeral || work.ephemerals === "as-persistent") yield node;
  };
  run.progress.begin("verifying", "znodes", work.total);
  // What another server has not seen yet would look like a difference.
  await work.client.sync(work.root, { signal: run.signal });
  const verification = await verifyTree(taken(), work.client, work.root, {
    // ACLs of znodes that were there before are left alone unless all is to be overwritten.
    withAcl:
      work.withAcl &&
      (work.onConflict === "overwrite" || report.same === 0 || work.journal?.donePath !== undefined),
    skipped: report.skippedPaths,
    signal: run.signal,
    onNode: () => run.progress.advance(),
  });
  run.progress.end();
  if (!verification.isEqual) {
    for (const { kind, path } of verification.differences.slice(0, 10)) run.warn(`${kind} ${visible(path)}`);
    run.warn("the second reading is not what was to be written");
    run.endWith(ExitCode.PARTLY_DONE);
  }
  return verification;
}

function howToGoOn(code: string, journal: Journal | undefined): string {
  if (code === "REQUEST_TOO_LARGE")
    return "the servers take no request that long; --max-size leaves such a znode out";
  if (journal !== undefined) return "the same command with --resume goes on";
  return "the same command again goes on: what is done is compared and left alone";
}

function partly(
  error: unknown,
  nodesDone: number,
  journal: Journal | undefined,
  signal: AbortSignal,
): unknown {
  // Ctrl-C keeps its own exit code; that the work is unfinished is said beside it.
  const cause = signal.aborted ? signal.reason : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = isZkError(cause) || cause instanceof CliError ? cause.code : "INTERNAL";
  return new CliError(
    "PARTLY_DONE",
    cause instanceof Interruption ? cause.exitCode : ExitCode.PARTLY_DONE,
    `ended after ${plural(nodesDone, "znode")}: ${message}`,
    {
      hint: howToGoOn(code, journal),
      details: {
        nodes: nodesDone,
        cause: code,
        causeExitCode: exitCodeFor(cause),
        journal: journal?.path ?? null,
      },
      cause: error,
    },
  );
}
