/** Runs a program that uses somebody else's client, and takes down what it says. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What a client does, and whether it came out as its authors mean it. */
export interface Behaviour {
  readonly name: string;
  /** Undefined when all is well. */
  readonly problem: string | undefined;
}

/** What to run. */
export interface ClientRun {
  readonly command: string;
  readonly args: readonly string[];
  /** Variables beside the process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes the leader away from the client. */
  readonly failover: () => Promise<void>;
  /** Milliseconds for everything. */
  readonly timeoutMs: number;
}

const problemLinesMax = 40;

/**
 * Runs the program to its end.
 * @throws Error when it ends without having said `done`, with the last lines of what it said
 */
export async function runClient(run: ClientRun): Promise<Behaviour[]> {
  const env = { ...process.env, ...run.env };
  const child = spawn(run.command, run.args, { stdio: ["pipe", "pipe", "pipe"], env });
  const behaviours: Behaviour[] = [];
  const noise: string[] = [];
  let isDone = false;
  let failure: unknown;
  const note = (line: string): void => {
    noise.push(line);
    if (noise.length > problemLinesMax) noise.shift();
  };
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  child.stdin.on("error", () => {});
  createInterface({ input: child.stderr }).on("line", note);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = /^(not )?ok (\w+)(?:: (.*))?$/.exec(line);
    if (said !== null) {
      behaviours.push({ name: said[2] ?? "", problem: said[1] === undefined ? undefined : (said[3] ?? "") });
    } else if (line === "failover?") {
      run.failover().then(
        () => child.stdin.write("killed\n"),
        (error: unknown) => {
          failure = error;
          child.kill("SIGKILL");
        },
      );
    } else if (line === "done") isDone = true;
    else note(line);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), run.timeoutMs);
  const ending = await exited;
  clearTimeout(timer);
  if (failure !== undefined) throw failure;
  if (!isDone) throw new Error(`${run.command} ended with ${ending} before its time:\n${noise.join("\n")}`);
  return behaviours;
}
