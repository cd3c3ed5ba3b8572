// Ends the servers of an ensemble whose process has died without doing so itself (SIGKILL, a crash, a closed terminal).
//
// The process of the ensemble holds the other end of our standard input and says, one JSON value a line, what there is:
//   {"ensemble":{"servers":[{"marker","config","script"}],"remove":[PATH]}}  once, first
//   {"watch":{"pid","startTime"}}  {"unwatch":PID}
//   {"release":true}               all is well: leave without doing anything
// The end of input without a release means that the process is gone. Then every watched process is killed that still
// has its start time, and the process table is searched for servers that were just being started, which nobody could
// tell us of any more: they carry the ensemble's marker and configuration file in their command line.
//
// Plain JavaScript that imports nothing of this package, since it must run from the sources as well as from dist.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";

const searchMs = 4_000;
const quietMs = 1_500;
const removeMs = 10_000;

/** @type {{servers: {marker: string, config: string, script: string}[], remove: string[]}} */
let ensemble = { servers: [], remove: [] };
/** @type {Map<number, string>} pid -> start time */
const watched = new Map();
let isReleased = false;
let rest = "";

process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});
process.on("SIGTERM", () => {});
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) obey(JSON.parse(line));
});
process.stdin.on("error", end);
process.stdin.on("close", end);

function obey(message) {
  if (message.ensemble) ensemble = message.ensemble;
  if (message.watch) watched.set(message.watch.pid, message.watch.startTime);
  if (message.unwatch) watched.delete(message.unwatch);
  if (message.release) {
    isReleased = true;
    process.exit(0);
  }
}

let hasEnded = false;
function end() {
  if (isReleased || hasEnded) return;
  hasEnded = true;
  for (const [pid, startTime] of watched) if (read(pid)?.startTime === startTime) kill(pid);
  const started = Date.now();
  let lastSeen = started;
  const timer = setInterval(() => {
    if (killStrays() > 0) lastSeen = Date.now();
    const now = Date.now();
    if (now - lastSeen < quietMs && now - started < searchMs) return;
    // A server that is just ending may still write; then the next round finds an empty folder to remove.
    if (now - started < removeMs && !ensemble.remove.every(remove)) return;
    clearInterval(timer);
    process.exit(0);
  }, 100);
}

function remove(path) {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function killStrays() {
  let count = 0;
  for (const pid of pids()) {
    const found = read(pid);
    if (found === null || pid === process.pid || !isServer(found.args)) continue;
    kill(pid);
    count++;
  }
  return count;
}

/** A server has both marks among its words; a control script about to start one reads `sh SCRIPT start …`. */
function isServer(args) {
  const line = ` ${args.join(" ")} `;
  return ensemble.servers.some(({ marker, config, script }) =>
    args.length === 1
      ? line.includes(` ${marker} `) && line.includes(` ${config} `)
      : (args.includes(marker) && args.includes(config)) || (args[1] === script && args[2] === "start"),
  );
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone in between: as wanted.
  }
}

function pids() {
  if (process.platform !== "linux") {
    return ps(["-A", "-o", "pid="])
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0);
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The same identity as src/process/process-table.ts gives. */
function read(pid) {
  if (process.platform !== "linux") {
    const row = ps(["-ww", "-o", "stat=", "-o", "lstart=", "-o", "args=", "-p", String(pid)]);
    const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s*(.*)$/m.exec(row);
    if (match === null || match[1].startsWith("Z")) return null;
    return { startTime: match[2].replace(/\s+/g, " "), args: [match[3].trimEnd()] };
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "X" || (fields[0] === "Z" && readdirSync(`/proc/${pid}/task`).length <= 1)) return null;
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (args.at(-1) === "") args.pop();
    return { startTime: `${fields[19]}@${bootId}`, args };
  } catch {
    return null;
  }
}

function ps(args) {
  return spawnSync("ps", args, { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } }).stdout ?? "";
}
