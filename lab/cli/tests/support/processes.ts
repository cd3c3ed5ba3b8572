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
