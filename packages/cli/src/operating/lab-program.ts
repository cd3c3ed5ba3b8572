/** The lab's own program: where it is, and what it says of its servers. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CliError } from "../program/errors.js";
import { ExitCode } from "../program/exit-codes.js";

const PROGRAM = "dist/cli/main.js";
/** Bytes of its answer. */
const ANSWER_MAX = 16 * 1024 * 1024;

/** A lab that is there. */
export interface LabServers {
  readonly connectionString: string;
  /** The `zoo.cfg` of each server; a model has none. */
  readonly configs: readonly string[];
}

interface LabRun {
  readonly io: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> };
  readonly signal: AbortSignal;
}

/** @throws CliError NO_LAB (exit code 69) */
export function labProgram({ io }: LabRun): string {
  const program = findLab(io.cwd, io.env);
  if (program !== undefined) return program;
  throw new CliError("NO_LAB", ExitCode.UNAVAILABLE, "the lab (@zk/lab) is not here", {
    hint: "run it in a clone of this project, where `pnpm build` has built it, or set ZK_LAB to the folder of @zk/lab",
  });
}

/** @throws CliError NO_LAB; LAB_DOWN (6) when there is none of that name, or nothing of it runs */
export async function lookUpLab(run: LabRun): Promise<LabServers> {
  const words = [labProgram(run), "status", "--json"];
  const answer = await new Promise<string>((done) => {
    // It ends with 3 or 4 where not all is well, and says so in its answer.
    const options = { signal: run.signal, maxBuffer: ANSWER_MAX };
    execFile(process.execPath, words, options, (_error, stdout) => done(stdout));
  });
  run.signal.throwIfAborted();
  const { state, connectionString, servers } = readAnswer(answer);
  if (typeof connectionString !== "string" || connectionString === "" || state === "down")
    throw new CliError("LAB_DOWN", ExitCode.NOT_CONNECTED, "the lab does not run", {
      hint: "zk lab up starts it",
    });
  const folders = Array.isArray(servers) ? servers.map((each: { readonly dir?: unknown }) => each.dir) : [];
  return {
    connectionString,
    configs: folders
      .filter((dir) => typeof dir === "string")
      .map((dir) => join(dir, "conf", "zoo.cfg"))
      .filter((file) => existsSync(file)),
  };
}

function readAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The lab's program: named, beside this package, or above the current folder. */
function findLab(cwd: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = env["ZK_LAB"];
  if (named) return existsSync(join(named, PROGRAM)) ? join(resolve(cwd, named), PROGRAM) : undefined;
  for (const start of [dirname(fileURLToPath(import.meta.url)), resolve(cwd)]) {
    for (let folder = start; ; folder = dirname(folder)) {
      for (const place of ["lab/zoo_cluster", "node_modules/@zk/lab"]) {
        if (existsSync(join(folder, place, PROGRAM))) return join(folder, place, PROGRAM);
      }
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
}
