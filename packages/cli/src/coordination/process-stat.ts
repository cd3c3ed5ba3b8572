/** What the system says of a process and its terminal. Source: proc(5); there is no such thing elsewhere than on Linux. */
import { readFileSync } from "node:fs";

export interface ProcessStat {
  /** One letter: `T` stopped, `Z` ended and not yet waited for. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** The group in front of its terminal; -1 when it has no terminal. */
  readonly front: number;
}

/** @returns undefined when there is no such process, or no way to ask */
export function processStat(pid: number | "self"): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name may hold anything, also brackets and blanks.
  const [state = "", parent, group, session, , front] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    front: Number(front),
  };
}

/** Whether what is typed is ours. */
export function isInFront(): boolean {
  const own = processStat("self");
  return own !== undefined && own.front === own.group;
}

/**
 * Whether somebody could let us go on once we are stopped. A group whose parents are all outside of its session has nobody who
 * would; that is so where a container or another program has given us the terminal, and no shell with jobs.
 */
export function canBeStopped(): boolean {
  const own = processStat("self");
  if (own === undefined) return true;
  const leader = processStat(own.group) ?? own;
  return processStat(leader.parent)?.session === own.session;
}
