import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { withLock } from "../../src/release/lock.js";
import { isAlive, ownIdentity } from "../../src/release/process-identity.js";
import { labErrorOf, temporaryDirectory } from "./support.js";

const purpose = "the test";

function owner(changes: Record<string, unknown>): string {
  return JSON.stringify({
    pid: process.pid,
    startTime: null,
    host: hostname(),
    token: "abc",
    since: "2026-01-01T00:00:00Z",
    ...changes,
  });
}

/** A process that lives until the test ends. */
function bystander(): ChildProcess & { pid: number } {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child as ChildProcess & { pid: number };
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn("true", { stdio: "ignore" });
  await new Promise((resolve) => child.once("exit", resolve));
  return child.pid!;
}

describe("the lock", () => {
  it("lets one in at a time and leaves no file behind", async () => {
    const dir = await temporaryDirectory();
    const path = join(dir, "locks", "a.lock");
    let inside = 0;
    let most = 0;
    const runs = Array.from({ length: 8 }, (_, index) =>
      withLock(path, { purpose }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await readFile(path, "utf8");
        inside -= 1;
        return index;
      }),
    );
    expect(await Promise.all(runs)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(1);
    expect(await listFilesBelow(dir)).toEqual([]);
  });

  it("is given back when the work fails", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    const failure = new Error("work failed");
    await expect(withLock(path, { purpose }, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await withLock(path, { purpose, timeoutMs: 0 }, async () => "again")).toBe("again");
  });

  it("is broken, aloud, when its owner is gone", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    const pid = await deadPid();
    await writeFile(path, owner({ pid }));
    const lines: string[] = [];
    const options = { purpose, timeoutMs: 0, onProgress: (line: string) => lines.push(line) };
    expect(await withLock(path, options, async () => "mine")).toBe("mine");
    expect(lines.join("\n")).toContain(`its owner (process ${pid}) is gone`);
  });

  it("is broken when its owner's number belongs to another process now", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    await writeFile(path, owner({ pid: bystander().pid, startTime: "12" }));
    expect(await withLock(path, { purpose, timeoutMs: 0 }, async () => "mine")).toBe("mine");
  });

  it("is respected while its owner lives, and says who that is", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    const { pid } = bystander();
    await writeFile(path, owner({ pid }));
    const lines: string[] = [];
    const options = { purpose, timeoutMs: 250, onProgress: (line: string) => lines.push(line) };
    const error = await labErrorOf(withLock(path, options, async () => "mine"));
    expect(error.code).toBe("LOCK_TIMEOUT");
    expect(error.message).toContain(`process ${pid} on ${hostname()}`);
    expect(error.message).toContain(path);
    expect(lines).toEqual([expect.stringContaining(`waiting for process ${pid}`)]);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid });
  });

  it("of another host counts as dead only when it has not been refreshed for a minute", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    await writeFile(path, owner({ host: "elsewhere", pid: 1 }));
    expect((await labErrorOf(withLock(path, { purpose, timeoutMs: 0 }, async () => 1))).code).toBe(
      "LOCK_TIMEOUT",
    );
    const old = new Date(Date.now() - 61_000);
    await utimes(path, old, old);
    expect(await withLock(path, { purpose, timeoutMs: 0 }, async () => "mine")).toBe("mine");
  });

  it("that cannot be read is given ten seconds to become whole", async () => {
    for (const content of ["", "{", "null", '{"pid":"x"}']) {
      const path = join(await temporaryDirectory(), "a.lock");
      await writeFile(path, content);
      expect((await labErrorOf(withLock(path, { purpose, timeoutMs: 0 }, async () => 1))).code).toBe(
        "LOCK_TIMEOUT",
      );
      const old = new Date(Date.now() - 11_000);
      await utimes(path, old, old);
      expect(await withLock(path, { purpose, timeoutMs: 0 }, async () => "mine")).toBe("mine");
    }
  });

  it("is waited for only until the signal says stop", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    await writeFile(path, owner({ pid: bystander().pid }));
    const controller = new AbortController();
    const reason = new Error("enough");
    const waiting = withLock(
      path,
      { purpose, signal: controller.signal, onProgress: () => controller.abort(reason) },
      async () => "mine",
    );
    await expect(waiting).rejects.toBe(reason);
  });

  it("taken over by another is not removed by the one who lost it", async () => {
    const path = join(await temporaryDirectory(), "a.lock");
    await withLock(path, { purpose }, () => writeFile(path, owner({ token: "theirs" })));
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ token: "theirs" });
  });

  it("is refreshed while it is held", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const dir = await temporaryDirectory();
    await mkdir(join(dir, "sub"));
    const path = join(dir, "sub", "a.lock");
    await withLock(path, { purpose }, async () => {
      const old = new Date(Date.now() - 40_000);
      await utimes(path, old, old);
      vi.advanceTimersByTime(5_000);
      await expect.poll(async () => Date.now() - (await stat(path)).mtimeMs).toBeLessThan(30_000);
    });
  });
});

describe("the identity of a process", () => {
  it("tells the living from the dead", async () => {
    expect(await isAlive(await ownIdentity())).toBe(true);
    expect(await isAlive({ pid: process.pid, startTime: "1" })).toBe(process.platform === "win32");
    expect(await isAlive({ pid: await deadPid(), startTime: null })).toBe(false);
  });
});
