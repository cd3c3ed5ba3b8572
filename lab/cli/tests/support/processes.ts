/** Processes as the system knows them. */
import { readdirSync, readFileSync } from "node:fs";

/** Pids of all that were started with a variable of this name and value, by whomever; without those that are dead already. */
export function processesWith(name: string, value: string): number[] {
  const mark = `\0${name}=${value}\0`;
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        const isMarked = `\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`.includes(mark);
        return isMarked && !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
      } catch {
        // No process, gone meanwhile, or not ours.
        return false;
      }
    });
}

/** Whether it is there, and more than what its parent has yet to take note of. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return stateOf(pid) !== "Z";
  } catch {
    return false;
  }
}

/** The letter of /proc: T stands still. */
export function stateOf(pid: number): string {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "?";
}
