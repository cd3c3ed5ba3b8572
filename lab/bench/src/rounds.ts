/** All runs in their order: one process each, the clients by turns, so that whatever else the machine does meets both. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CLIENTS, type Job, type Measurement, type RunReport, type Work } from "./types.js";

const runScript = fileURLToPath(new URL("./run.js", import.meta.url));

/** What to run. */
export interface Plan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly works: readonly Work[];
  readonly windows: readonly number[];
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Folder for CPU profiles of the runs, readable by Chrome's developer tools; none without it. */
  readonly profileDir: string | undefined;
}

/** One run with what it was. */
export interface Run {
  readonly job: Job;
  readonly measurement: Measurement;
}

/**
 * Runs everything. Bare and zk take turns at going first, in case the first of two has it easier.
 *
 * @param onRun hears of each run when it is done
 * @throws Error naming the run that failed and why
 */
export async function runRounds(plan: Plan, onRun: (run: Run) => void): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const clients = round % 2 === 0 ? CLIENTS : CLIENTS.toReversed();
    for (const work of plan.works) {
      for (const window of plan.windows) {
        for (const client of clients) {
          const { host, port, path, warmUpSeconds, seconds } = plan;
          const job: Job = { client, work, window, host, port, path, warmUpSeconds, seconds };
          const run = { job, measurement: await runProcess(job, plan.profileDir) };
          runs.push(run);
          onRun(run);
        }
      }
    }
  }
  return runs;
}

async function runProcess(job: Job, profileDir: string | undefined): Promise<Measurement> {
  const name = `${job.client} ${job.work} window ${job.window}`;
  const profiling =
    profileDir === undefined
      ? []
      : [
          "--cpu-prof",
          `--cpu-prof-dir=${profileDir}`,
          `--cpu-prof-name=${name.replaceAll(" ", "-")}.cpuprofile`,
        ];
  const child = fork(runScript, [JSON.stringify(job)], { execArgv: profiling });
  const report = await new Promise<RunReport>((resolve) => {
    let said: RunReport | undefined;
    child.once("message", (message) => {
      said = message as RunReport;
    });
    child.once("error", (error) => resolve({ problem: error.message }));
    // Not before its end: the next run must have the machine to itself.
    child.once("exit", (code, signal) =>
      resolve(said ?? { problem: `its process ended with ${signal ?? `code ${code}`} and no result` }),
    );
  });
  if ("problem" in report) throw new Error(`${name} failed: ${report.problem}`);
  return report.measurement;
}
