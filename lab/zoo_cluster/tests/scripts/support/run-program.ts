/** Runs a script and waits until all that it started has let go of its output. */
import { spawn } from "node:child_process";

export interface ScriptRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface RunOptions {
  /** Added to what the caller sets for every run. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** `3.4.6` for ZKLAB_COMPAT. */
  readonly mode?: "strict" | "3.4.6";
  /** Run by this shell and not by the script's own first line. */
  readonly shell?: string;
  readonly stdin?: string;
  readonly limitMs?: number;
}

/**
 * @throws Error when it takes longer than `limitMs` (60 s): a server that kept our pipes open would be a fault, and
 * shows as the limit passing.
 */
export async function runProgram(
  file: string,
  words: readonly string[],
  options: RunOptions & { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<ScriptRun> {
  const limitMs = options.limitMs ?? 60_000;
  const [command, args] = options.shell === undefined ? [file, words] : [options.shell, [file, ...words]];
  const began = performance.now();
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {}); // the script need not read it
  child.stdin.end(options.stdin ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return await new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${file} ${words.join(" ")} ran longer than ${limitMs} ms:\n${stdout}${stderr}`));
    }, limitMs);
    child.once("error", reject);
    child.once("close", (exitCode) => {
      clearTimeout(limit);
      resolve({ exitCode, stdout, stderr, elapsedMs: performance.now() - began });
    });
  });
}
