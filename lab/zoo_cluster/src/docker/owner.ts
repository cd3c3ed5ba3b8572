/** What keeps containers alive: the process that made them, or the state file of a lab that outlives its command. */
import { existsSync } from "node:fs";
import { findSame, ownIdentity } from "../process/process-table.js";

/** The label for what ends with this process. */
export function ownedByThisProcess(): string {
  const { pid, startTime } = ownIdentity();
  return `process ${pid} ${startTime}`;
}

/** The label for what stays until `lab down`. */
export function ownedByLab(stateFile: string): string {
  return `lab ${stateFile}`;
}

/** Whether what bears this label is still wanted. A label that nobody understands is left to who wrote it. */
export function isOwnerAlive(owner: string): boolean {
  const process = /^process (\d+) (.+)$/.exec(owner);
  if (process !== null) return findSame({ pid: Number(process[1]), startTime: process[2] ?? "" }) !== null;
  const lab = /^lab (.+)$/.exec(owner);
  return lab === null || existsSync(lab[1] ?? "");
}
