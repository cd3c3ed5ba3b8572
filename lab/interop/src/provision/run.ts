import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);
/** A first installation fetches, and one compiles; some machines are slow. */
const limitMs = 900_000;

/** Runs a program to its end. @throws Error with the last lines of what it said */
export async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(command, args, { timeout: limitMs, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === "ENOENT") throw new Error(`there is no ${command} on the PATH`, { cause: error });
    const lines = `${stdout}\n${stderr}`.trim().split("\n").slice(-12).join("\n");
    throw new Error(`${command} ${args.join(" ")} failed:\n${lines}`, { cause: error });
  }
}

/** Whether a program runs to a good end. */
export async function works(command: string, args: readonly string[]): Promise<boolean> {
  return await run(command, args).then(
    () => true,
    () => false,
  );
}
