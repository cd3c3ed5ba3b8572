/** Whether there is such a command, asked before something is begun for it: a lock taken, a watch set, an item claimed. */
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../program/errors.js";

/** Where commands are looked for when there is no PATH. Source: execvp(3). */
const DEFAULT_PATH = "/bin:/usr/bin";

/** @throws CliError NOT_FOUND with the exit code 127, NOT_EXECUTABLE with 126 */
export function findProgram(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): void {
  // There the system adds endings of its own.
  if (platform === "win32") return;
  const candidates = program.includes("/")
    ? [program]
    : (env["PATH"] ?? DEFAULT_PATH).split(":").map((folder) => join(folder || ".", program));
  const states = program === "" ? [] : candidates.map(stateOf);
  if (states.includes("executable")) return;
  if (states.includes("other")) throw notExecutable(program, "it is no program, or may not be run");
  throw notFound(program);
}

export function notFound(program: string): CliError {
  return new CliError("NOT_FOUND", 127, `${program}: there is no such command`);
}

export function notExecutable(program: string, why: string): CliError {
  return new CliError("NOT_EXECUTABLE", 126, `${program}: ${why}`);
}

function stateOf(path: string): "executable" | "other" | "missing" {
  try {
    if (!statSync(path).isFile()) return "other";
    accessSync(path, constants.X_OK);
    return "executable";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "other";
  }
}
