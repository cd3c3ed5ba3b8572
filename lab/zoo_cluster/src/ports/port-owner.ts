/**
 * Names the process that listens on a port, for error messages.
 *
 * On Linux from `/proc`: `/proc/net/tcp` gives the socket's inode, the process is the one with that inode among its
 * open files. Elsewhere `lsof`, then `ss`. A process of another user may stay unnamed.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readLabMarker } from "../process/lab-marker.js";
import { processTable } from "../process/process-table.js";

/** Who listens. */
export interface PortOwner {
  readonly pid: number;
  /** Its command line, shortened to 200 characters; for a server of a lab, which one. */
  readonly command: string;
}

/** The process that listens on this port on any local address, or null when nobody can be named. */
export function findPortOwner(port: number): PortOwner | null {
  const pid = pidFromProc(port) ?? pidFromLsof(port) ?? pidFromSs(port);
  if (pid === null) return null;
  const process = processTable.read(pid);
  const lab = process === null ? null : readLabMarker(process);
  if (lab !== null) return { pid, command: `server ${lab.id} of the lab "${lab.name}" in ${lab.dir}` };
  const command = process?.args.join(" ") || "unknown command";
  return { pid, command: command.length > 200 ? `${command.slice(0, 199)}…` : command };
}

/** `pid 4711 (node server.js)`, or words for the case that nobody can be named. */
export function describePortOwner(port: number): string {
  const owner = findPortOwner(port);
  return owner === null
    ? "a process that the system does not name to this user"
    : `pid ${owner.pid} (${owner.command})`;
}

/** Source: proc(5), `/proc/net/tcp`: field 2 is `ADDRESS:PORT` in hex, field 4 the state (0A is LISTEN), field 10 the inode. */
function pidFromProc(port: number): number | null {
  const inodes = new Set<string>();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const path of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (readText(path) ?? "").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[3] === "0A" && fields[9] !== undefined) inodes.add(fields[9]);
    }
  }
  if (inodes.size === 0) return null;
  for (const name of list("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of list(`/proc/${name}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${name}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(name);
    }
  }
  return null;
}

function pidFromLsof(port: number): number | null {
  return firstNumber(/^(\d+)$/m, run("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"]));
}

function pidFromSs(port: number): number | null {
  return firstNumber(/pid=(\d+)/, run("ss", ["-Hltnp", `sport = :${port}`]));
}

function firstNumber(pattern: RegExp, text: string): number | null {
  const match = pattern.exec(text)?.[1];
  return match === undefined ? null : Number(match);
}

function run(command: string, args: readonly string[]): string {
  // A missing program gives an empty answer, as does one that finds nothing.
  return spawnSync(command, args, { encoding: "utf8", timeout: 5_000 }).stdout ?? "";
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // Gone, or another user's.
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
