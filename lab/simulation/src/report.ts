/** What people read of a run: a summary, a failure with its trace, and the file that keeps it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SimulationResult } from "./simulate.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FORMAT = "zk-simulation-1";

/** A failure as it is kept in a file. */
export interface SavedFailure {
  readonly format: typeof FORMAT;
  readonly seed: number;
  /** Left out for operations at random. */
  readonly scenario?: string;
  readonly commit: string;
  readonly check: string;
  readonly message: string;
  readonly atMs: number;
  readonly digest: string;
  readonly trace: readonly string[];
}

/** The commit that is checked out, marked when something is changed; `unknown` outside of a repository. */
export function commit(): string {
  try {
    const run = (...words: string[]): string =>
      execFileSync("git", words, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const changed = run("status", "--porcelain", "--untracked-files=no", "--", "packages", "lab") !== "";
    return run("rev-parse", "HEAD") + (changed ? " with changes" : "");
  } catch {
    return "unknown";
  }
}

/** Keeps a failed run. @returns the file's path */
export function save(result: SimulationResult, folder: string): string {
  const { finding, seed, scenario, digest, trace } = result;
  if (finding === undefined) throw new Error(`seed ${seed} did not fail`);
  const about = { format: FORMAT, seed, ...(scenario === undefined ? {} : { scenario }) } as const;
  const saved: SavedFailure = { ...about, commit: commit(), ...finding, digest, trace };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${scenario === undefined ? "" : `${scenario}-`}seed-${seed}.json`);
  writeFileSync(path, `${JSON.stringify(saved, null, 1)}\n`);
  return path;
}

/** @throws Error for a file that cannot be read, or that {@link save} did not write */
export function load(path: string): SavedFailure {
  let saved: Partial<SavedFailure> | null;
  try {
    saved = JSON.parse(readFileSync(path, "utf8")) as Partial<SavedFailure> | null;
  } catch (cause) {
    throw new Error(`${path} cannot be read as a saved failure: ${(cause as Error).message}`, { cause });
  }
  if (saved?.format !== FORMAT) throw new Error(`${path} is no failure that the simulation has saved`);
  return saved as SavedFailure;
}

/** A failure for people: what, where, how to see it again, and the end of the trace. */
export function describeFailure(failure: SavedFailure, linesMax = 60): string {
  return [
    `${failure.scenario === undefined ? "" : `scenario ${failure.scenario}, `}seed ${failure.seed} at commit ${failure.commit}`,
    `broke "${failure.check}" at ${failure.atMs.toFixed(3)} ms: ${failure.message}`,
    ...failure.trace.slice(-linesMax),
    `(${failure.trace.length} lines; digest ${failure.digest})`,
  ].join("\n");
}
