import { readFile } from "node:fs/promises";
import { systemCode } from "./files.js";
import { runCommand } from "./run-command.js";

/** Names one process even after its number has been given to another. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in a form fit only for comparison; null where the platform does not tell. */
  readonly startTime: string | null;
}

let own: Promise<ProcessIdentity> | undefined;

/** The identity of this process. */
export function ownIdentity(): Promise<ProcessIdentity> {
  own ??= startTimeOf(process.pid).then((startTime) => ({ pid: process.pid, startTime }));
  return own;
}

/** True when that very process still runs; an identity without a start time is judged by its number alone. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM says that it runs and belongs to somebody else.
    if (systemCode(error) !== "EPERM") return false;
  }
  if (identity.startTime === null) return true;
  const now = await startTimeOf(identity.pid);
  return now === null || now === identity.startTime;
}

async function startTimeOf(pid: number): Promise<string | null> {
  if (process.platform === "linux") {
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    // The command's name is in parentheses and may hold anything, so fields are counted from the last one.
    return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  }
  if (process.platform === "win32") return null;
  try {
    const result = await runCommand("ps", ["-o", "lstart=", "-p", String(pid)], {
      env: { ...process.env, LC_ALL: "C" },
      timeoutMs: 5_000,
    });
    return result.tail.join(" ").trim() || null;
  } catch {
    // Without `ps` the number alone must do.
    return null;
  }
}
