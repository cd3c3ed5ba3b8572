/**
 * Loaded into zk by NODE_OPTIONS: kills it with KILL right behind its step number ZK_TEST_DIE_AT_STEP, as nothing from outside
 * can aim, and leaves the file ZK_TEST_DIED. A step is the start of a process, or something said to one.
 */
import childProcess from "node:child_process";
import { writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

let left = Number(process.env.ZK_TEST_DIE_AT_STEP);
/** @template T @param {() => T} deed @returns {T} */
const step = (deed) => {
  const isLast = --left === 0;
  // Before: what the deed brings about is seen by others at once.
  if (isLast) writeFileSync(process.env.ZK_TEST_DIED ?? "", "");
  const result = deed();
  if (isLast) process.kill(process.pid, "SIGKILL");
  return result;
};
const { spawn } = childProcess;
childProcess.spawn = (...words) => {
  const child = step(() => spawn(...words));
  for (const stream of child.stdio) {
    for (const name of ["write", "end"]) {
      const method = stream?.[name];
      if (typeof method === "function")
        stream[name] = (...chunks) => step(() => method.apply(stream, chunks));
    }
  }
  return child;
};
syncBuiltinESMExports();
