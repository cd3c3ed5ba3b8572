import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { waitFor } from "../wait.js";
import {
  createLinuxProcessTable,
  createPsProcessTable,
  findSame,
  hasArgument,
  ownIdentity,
  type ProcessTable,
  processTable,
  signalSame,
} from "./process-table.js";

const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process that waits, with a blank, a parenthesis and a marker in its command line. */
async function startWaiting(): Promise<{ child: ReturnType<typeof spawn>; pid: number }> {
  const child = spawn(process.execPath, [
    "-e",
    "setInterval(() => {}, 1000) // ) 1 2 (",
    "--",
    "-Dzk.lab=t/1",
  ]);
  children.push(child);
  await once(child, "spawn");
  return { child, pid: child.pid! };
}

const tables: [name: string, table: ProcessTable][] = [
  ["ps", createPsProcessTable()],
  ...(process.platform === "linux" ? [["/proc", createLinuxProcessTable()] as [string, ProcessTable]] : []),
];

describe.each(tables)("the process table of %s", (_, table) => {
  it("finds a process with its command line and tells when it is gone", async () => {
    const { child, pid } = await startWaiting();
    await waitFor({
      what: "the command line to show",
      timeoutMs: 5_000,
      look: () => {
        const found = table.read(pid);
        return found !== null && hasArgument(found, "-Dzk.lab=t/1") ? true : undefined;
      },
    });
    const found = table.read(pid)!;
    expect(found).toMatchObject({ pid, isPaused: false });
    expect(hasArgument(found, "-Dzk.lab=t/11")).toBe(false);
    expect(hasArgument(found, "-Dzk.lab=t/")).toBe(false);
    expect(table.list().find((one) => one.pid === pid)?.startTime).toBe(found.startTime);
    expect(table.residentBytes(pid)).toBeGreaterThan(1_000_000);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(table.read(pid)).toBe(null);
    expect(table.residentBytes(pid)).toBe(null);
  });

  it("tells a paused process", async () => {
    const { child, pid } = await startWaiting();
    const isPaused = (wanted: boolean) => ({
      what: `isPaused to be ${wanted}`,
      timeoutMs: 5_000,
      look: () => (table.read(pid)?.isPaused === wanted ? true : undefined),
    });
    child.kill("SIGSTOP");
    await waitFor(isPaused(true));
    child.kill("SIGCONT");
    await waitFor(isPaused(false));
  });

  it("does not know a process that never was", () => {
    expect(table.read(2 ** 22 + 1)).toBe(null);
  });
});

describe("an identity", () => {
  it("is that of this process", () => {
    expect(findSame(ownIdentity())?.pid).toBe(process.pid);
  });

  it("is not that of another process with the same pid", async () => {
    const { pid } = await startWaiting();
    const startTime = processTable.read(pid)!.startTime;
    expect(findSame({ pid, startTime: `${startTime}0` })).toBe(null);
    expect(signalSame({ pid, startTime: `${startTime}0` }, "SIGKILL")).toBe(false);
    expect(findSame({ pid, startTime })?.pid).toBe(pid);
    expect(signalSame({ pid, startTime }, "SIGKILL")).toBe(true);
    await waitFor({
      what: "it to be gone",
      timeoutMs: 5_000,
      look: () => (findSame({ pid, startTime }) === null ? true : undefined),
    });
    expect(signalSame({ pid, startTime }, "SIGKILL")).toBe(false);
  });
});
