/** Starts `zk` as a process of its own, as it was built. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
/** The program. */
export const zkPath: string = fileURLToPath(new URL("../../../../packages/cli/bin/zk.js", import.meta.url));

/** Variable that says that it was built for this run already. */
export const IS_BUILT = "ZK_TESTS_ARE_BUILT";

/** Builds what has changed; called before the first process. */
export function buildZk(): void {
  if (process.env[IS_BUILT] === "yes") return;
  // And what zk lab runs.
  execFileSync(process.execPath, [`${root}tools/build.mjs`, "packages/cli", "lab/zoo_cluster"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** How a process ended and what it said. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
}

/** Starts `zk WORDS`. */
export function startZk(
  words: readonly string[],
  options: {
    readonly env: Record<string, string | undefined>;
    readonly stdin?: string;
    readonly cwd?: string;
  },
): Running {
  return startProgram([process.execPath, zkPath, ...words], options);
}

/** Starts any program so. */
export function startProgram(
  [program = "", ...rest]: readonly string[],
  options: {
    readonly env: Record<string, string | undefined>;
    readonly stdin?: string;
    readonly cwd?: string;
  },
): Running {
  const child = spawn(program, rest, {
    env: options.env as NodeJS.ProcessEnv,
    cwd: options.cwd,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.on("error", () => {});
  if (options.stdin !== undefined) child.stdin.end(options.stdin);
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Waits until a condition holds. @throws Error naming it */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Kills a process with KILL at some moment within so many milliseconds. */
export function killSoon(pid: number, withinMs: number): Running {
  const seconds = (Math.random() * withinMs) / 1_000;
  return startProgram(["sh", "-c", `sleep ${seconds.toFixed(4)}; kill -KILL ${pid}`], { env: process.env });
}
