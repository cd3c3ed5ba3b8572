/** Processes and ports of tests: looked at, waited for, ended. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  const state = processState(pid);
  return state !== "" && state !== "Z";
}

/** The state letter of a process, empty when it is gone. */
export function processState(pid: number): string {
  if (!hasProc) return ps(pid, "state=").slice(0, 1);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    return "";
  }
}

function commandLine(pid: number): string {
  if (!hasProc) return ps(pid, "args=");
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

// Small systems have no ps, macOS has no /proc.
const hasProc = existsSync("/proc/self/stat");

function ps(pid: number, column: string): string {
  return spawnSync("ps", ["-ww", "-o", column, "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
}

/** Resolves once `condition` holds. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await delay(20);
  }
}

/** Ends a process with SIGKILL if `mark` is in its command line, so that a reused pid is left alone. */
export async function endProcess(pid: number, mark: string): Promise<void> {
  if (!commandLine(pid).includes(mark)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return; // gone meanwhile
  }
  await eventually(`the end of process ${pid}`, () => !isAlive(pid));
}

/** A process that has nothing to do with ZooKeeper; `mark` shows in its command line. */
export async function startBystander(
  mark: string,
  code = "setInterval(() => {}, 1000)",
): Promise<ChildProcess & { readonly pid: number }> {
  const guard = `setInterval(() => { try { process.kill(${process.pid}, 0) } catch { process.exit() } }, 500).unref();`;
  const child = spawn(process.execPath, ["-e", `${guard}${code}`, mark], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child as ChildProcess & { readonly pid: number };
}

/** A bystander that listens on a port of 127.0.0.1, ready when this resolves. */
export async function startListener(
  mark: string,
  port: number,
  onSocket: string,
): Promise<ChildProcess & { readonly pid: number }> {
  const child = await startBystander(
    mark,
    `require("net").createServer((socket) => { socket.on("error", () => {}); ${onSocket} }).listen(${port}, "127.0.0.1", () => console.log("ready"))`,
  );
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

/** What Linux calls the start time of a process, or null where there is no /proc. */
export function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
