import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeLock } from "./lab-lock.js";
import { ownIdentity, processTable } from "./process-table.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "zk-lab-lock-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe("takeLock", () => {
  it("is held by one at a time, whoever asks and however many", async () => {
    let holders = 0;
    let most = 0;
    let rounds = 0;
    const contend = async (): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        const lock = await takeLock(dir, "contender", { timeoutMs: 30_000 });
        holders++;
        most = Math.max(most, holders);
        await readdir(dir);
        holders--;
        rounds++;
        await lock.release();
      }
    };
    await Promise.all(Array.from({ length: 6 }, contend));
    expect({ most, rounds }).toEqual({ most: 1, rounds: 30 });
    // What earlier holders left is cleared away.
    expect((await readdir(dir)).length).toBeLessThanOrEqual(2);
  });

  it("names the live holder at the limit", async () => {
    const held = await takeLock(dir, "lab:up");
    const lines: string[] = [];
    const onWait = (line: string): void => {
      lines.push(line);
    };
    await expect(takeLock(dir, "lab:down", { timeoutMs: 120, onWait })).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      message: expect.stringContaining(`lab:up (pid ${process.pid})`),
    });
    expect(lines).toEqual([`waiting for lab:up (pid ${process.pid}) to finish`]);
    await held.release();
    await (await takeLock(dir, "lab:down", { timeoutMs: 1_000 })).release();
  });

  it("passes on from a holder that died, also when its pid lives again", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    const dead = { pid: child.pid, startTime: "1@x", purpose: "lab:up", released: false };
    await writeFile(join(dir, "claim.1"), JSON.stringify(dead));
    await (await takeLock(dir, "next", { timeoutMs: 1_000 })).release();

    const reused = { ...ownIdentity(), startTime: "1@x", purpose: "lab:up", released: false };
    await writeFile(join(dir, "claim.9"), JSON.stringify(reused));
    await (await takeLock(dir, "next", { timeoutMs: 1_000 })).release();
    expect(processTable.read(process.pid)).not.toBe(null);
  });

  it("passes on from a claim that a crash of the machine has torn", async () => {
    await writeFile(join(dir, "claim.3"), '{"pid":');
    await (await takeLock(dir, "next", { timeoutMs: 1_000 })).release();
  });

  it("ends the wait by signal", async () => {
    const held = await takeLock(dir, "lab:up");
    const reason = new Error("enough");
    await expect(takeLock(dir, "lab:up", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await held.release();
  });
});
