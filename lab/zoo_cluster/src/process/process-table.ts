/**
 * Which processes exist, and which of them is the very one that we started.
 *
 * A pid alone names nobody: the system gives it to another process as soon as its owner is gone. A pid together with
 * the start time names one process for as long as the machine runs, so everything here speaks of that pair, and a
 * signal is sent only after the pair has been compared again.
 *
 * Linux is read from `/proc`; elsewhere `ps` is asked. A zombie counts as gone: it holds no port and runs no code, and
 * in a container without a reaper it would stay for ever.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One process for as long as the machine runs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for equal processes. Start ticks and boot id on Linux, the start date elsewhere. */
  readonly startTime: string;
}

/** What the system says of a live process. */
export interface ProcessSnapshot extends ProcessIdentity {
  /** True when the process is stopped by SIGSTOP (every thread of it, where the system tells). */
  readonly isPaused: boolean;
  /** The command line: words on Linux, one joined word where only `ps` can be asked. Empty in the middle of an exec. */
  readonly args: readonly string[];
}

/** Reads a process table; two implementations, chosen by {@link processTable}. */
export interface ProcessTable {
  /** The live process of that pid, or null. */
  read(pid: number): ProcessSnapshot | null;
  /** Every live process that this user may look at. */
  list(): ProcessSnapshot[];
  /** Resident memory in bytes, or null when unknown. */
  residentBytes(pid: number): number | null;
}

/** True when `word` is one of the process's arguments. Where only `ps` can be asked, when its line holds the word. */
export function hasArgument(process: ProcessSnapshot, word: string): boolean {
  if (process.args.length !== 1) return process.args.includes(word);
  return ` ${process.args[0]} `.includes(` ${word} `);
}

/** The process if it is still the same one, otherwise null. */
export function findSame(
  identity: ProcessIdentity,
  table: ProcessTable = processTable,
): ProcessSnapshot | null {
  const process = table.read(identity.pid);
  return process !== null && process.startTime === identity.startTime ? process : null;
}

/** Sends a signal to exactly that process; false when it is gone. */
export function signalSame(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (findSame(identity) === null) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** This very process. */
export function ownIdentity(): ProcessIdentity {
  const own = processTable.read(process.pid);
  if (own === null)
    throw new Error(`The system does not show this process (pid ${process.pid}) in its process table.`);
  return { pid: own.pid, startTime: own.startTime };
}

/** `/proc` of Linux. Source: proc(5), `/proc/PID/stat`: field 3 is the state, field 22 the start time in ticks since boot. */
export function createLinuxProcessTable(root = "/proc"): ProcessTable {
  const bootId = readText(`${root}/sys/kernel/random/boot_id`)?.trim() ?? "";

  function read(pid: number): ProcessSnapshot | null {
    const stat = readStat(`${root}/${pid}/stat`);
    if (stat === null || isDead(stat.state, `${root}/${pid}/task`)) return null;
    const args = (readText(`${root}/${pid}/cmdline`) ?? "").split("\0");
    if (args.at(-1) === "") args.pop();
    const isPaused = stat.state === "T" && areAllThreadsStopped(`${root}/${pid}/task`);
    return { pid, startTime: `${stat.startTicks}@${bootId}`, isPaused, args };
  }

  return {
    read,
    list: () => pidsIn(root).flatMap((pid) => read(pid) ?? []),
    residentBytes: (pid) => {
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readText(`${root}/${pid}/status`) ?? "")?.[1];
      return kilobytes === undefined ? null : Number(kilobytes) * 1024;
    },
  };
}

/** `ps`, for systems without `/proc`. */
export function createPsProcessTable(): ProcessTable {
  const columns = ["-ww", "-o", "pid=", "-o", "stat=", "-o", "lstart=", "-o", "args="];
  return {
    read: (pid) => parsePs(runPs([...columns, "-p", String(pid)]))[0] ?? null,
    list: () => parsePs(runPs([...columns, "-A"])),
    residentBytes: (pid) => {
      const kilobytes = Number.parseInt(runPs(["-o", "rss=", "-p", String(pid)]), 10);
      return Number.isNaN(kilobytes) ? null : kilobytes * 1024;
    },
  };
}

/** The process table of this system. */
export const processTable: ProcessTable =
  process.platform === "linux" && readStat("/proc/self/stat") !== null
    ? createLinuxProcessTable()
    : createPsProcessTable();

function runPs(args: readonly string[]): string {
  // The C locale keeps the date's layout fixed.
  const ps = spawnSync("ps", args, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
    timeout: 5_000,
  });
  return ps.stdout ?? "";
}

function parsePs(text: string): ProcessSnapshot[] {
  // pid, state, and a date such as "Sat Nov 22 04:36:01 2025", then the command line.
  const line = /^\s*(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s*(.*)$/;
  return text.split("\n").flatMap((row) => {
    const match = line.exec(row);
    if (match === null) return [];
    const [, pid = "", state = "", started = "", args = ""] = match;
    if (state.startsWith("Z")) return [];
    return [
      {
        pid: Number(pid),
        startTime: started.replace(/\s+/g, " "),
        isPaused: state.startsWith("T"),
        args: args === "" ? [] : [args.trimEnd()],
      },
    ];
  });
}

function readStat(path: string): { state: string; startTicks: string } | null {
  const text = readText(path);
  if (text === null) return null;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? null : { state, startTicks };
}

/**
 * A zombie is dead, but not while it has other threads: the first one may die before the rest, and a process holds its
 * ports until the last thread has ended.
 */
function isDead(state: string, taskDir: string): boolean {
  return state === "X" || (state === "Z" && pidsIn(taskDir).length <= 1);
}

/** SIGSTOP reaches the threads one after another; the process is frozen only when the last one is. */
function areAllThreadsStopped(taskDir: string): boolean {
  return pidsIn(taskDir).every((thread) => {
    const state = readStat(`${taskDir}/${thread}/stat`)?.state;
    return state === undefined || state === "T" || state === "Z" || state === "X";
  });
}

function pidsIn(dir: string): number[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone between listing and reading, or not ours to read: both mean that there is nothing for us there.
    return null;
  }
}
