import { spawn } from "node:child_process";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber } from "../../definition/specs.js";
import { labProgram } from "../../operating/lab-program.js";

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
    run.endWith(await runLab(labProgram(run), run.arguments.words, run.signal));
  },
  human: () => {},
});

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
