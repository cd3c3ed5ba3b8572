/**
 * Ends the servers of a test run that was killed: its standard input is a pipe from the run, which the system closes
 * however the run ends. Called as `node guard.mjs MARK`; a process is ours when MARK is in its command line.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const mark = process.argv[2];

function commandLines() {
  if (existsSync("/proc/self/cmdline")) {
    return readdirSync("/proc")
      .filter((name) => /^[0-9]+$/.test(name))
      .map((name) => [Number(name), readCommandLine(name)]);
  }
  return execFileSync("ps", ["-ww", "-axo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => [Number.parseInt(line, 10), line]);
}

function readCommandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // gone meanwhile
  }
}

process.stdin.resume();
process.stdin.once("end", () => {
  for (const [pid, line] of commandLines()) {
    if (pid === process.pid || !line.includes(mark) || !line.includes("QuorumPeerMain")) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was quicker.
    }
  }
  process.exit();
});
