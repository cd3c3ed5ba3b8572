import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber } from "../../definition/specs.js";
import { CliError } from "../../program/errors.js";

const PROGRAM = "dist/cli/main.js";

export const lab: Command = defineCommand({
  name: "lab",
  group: "operating",
  summary: "a real three-server ensemble on this machine: up, down, status, kill, pause, logs, doctor …",
  details: [
    "The words behind `lab` go to the lab's own command as they are: `zk lab --help` shows them. The lab is found in this workspace, in node_modules above the current folder, or by ZK_LAB (the folder of @zk/lab). Its exit codes are its own.",
  ],
  examples: [
    { command: "zk lab up", does: "three servers of ZooKeeper 3.4.6 on 127.0.0.1:2181-2183" },
    { command: "zk lab up --memory", does: "a model instead, without Java" },
    { command: "zk lab kill leader", does: "and another one takes over" },
    { command: 'eval "$(zk lab env)"', does: "and zk talks to it" },
  ],
  arguments: { words: anyNumber("a command of the lab and its options") },
  options: {},
  connects: false,
  passesOn: true,
  exits: [[69, "the lab is not installed; every other code is the lab's"]],
  output: { form: "none", fields: [] },
  async run(run) {
    const program = findLab(run.io.cwd, run.io.env);
    if (program === undefined) {
      throw new CliError("NO_LAB", 69, "the lab (@zk/lab) is not here", {
        hint: "run it in a clone of this project, where `pnpm build` has built it, or set ZK_LAB to the folder of @zk/lab",
      });
    }
    run.endWith(await runLab(program, run.arguments.words, run.signal));
  },
  human: () => {},
});

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

function runLab(program: string, words: readonly string[], signal: AbortSignal): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [program, ...words], { stdio: "inherit" });
    // A terminal sends Ctrl-C to both; what came to us alone is passed on.
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop, { once: true });
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      done(code ?? 1);
    });
  });
}
