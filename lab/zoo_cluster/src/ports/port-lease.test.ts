import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { leaseDir, leasePorts, leaseRangeStart, portsPerBlock, releaseBlocks } from "./port-lease.js";
import { describePortOwner, findPortOwner } from "./port-owner.js";
import { holdPort, isPortFree, releasePort } from "./port-test.js";

describe("a lease", () => {
  it("has nine free ports for every three servers, behind a guard", async () => {
    const lease = await leasePorts(5);
    expect(lease.ports).toHaveLength(18);
    expect(new Set(lease.ports).size).toBe(18);
    for (const port of lease.ports) expect(await isPortFree(port)).toBe(true);
    for (const block of lease.blocks) {
      expect(await isPortFree(block)).toBe(false);
      expect(lease.ports).not.toContain(block);
    }
    await lease.release();
    for (const block of lease.blocks) expect(await isPortFree(block)).toBe(true);
  });

  it("never meets another one, however many are taken at once", async () => {
    const leases = await Promise.all(Array.from({ length: 12 }, () => leasePorts(3)));
    const ports = leases.flatMap((lease) => lease.ports);
    expect(new Set(ports).size).toBe(12 * 9);
    await Promise.all(leases.map((lease) => lease.release()));
  });

  it("passes over a block in which somebody has a port", async () => {
    const first = await leasePorts(3);
    await first.release();
    const taken = await holdPort(first.ports[4]!);
    const second = await leasePorts(3);
    expect(second.blocks).not.toEqual(first.blocks);
    await second.release();
    await releasePort(taken!);
  });

  it("of a lab holds as long as its state file, beyond the process that made it", async () => {
    const dir = await mkdtemp(join(tmpdir(), "zk-lab-lease-"));
    const stateFile = join(dir, "state.json");
    await writeFile(stateFile, "{}");
    const first = await leasePorts(3, { owner: { kind: "lab", stateFile } });
    const [block] = first.blocks;
    const file = join(leaseDir(), `${block}.json`);
    expect(existsSync(file)).toBe(true);
    // Another lab that had the block once does not take it away.
    await releaseBlocks(first.blocks, join(dir, "other.json"));
    expect(existsSync(file)).toBe(true);
    await releaseBlocks(first.blocks, stateFile);
    expect(existsSync(file)).toBe(false);
    await first.release();
    await rm(dir, { recursive: true });
    expect((await readdir(leaseDir())).includes(`${block}.json`)).toBe(false);
  });

  it("is refused when every block of the range is taken, and what was taken for it is given back", async () => {
    // A range of two blocks that we have: one block is taken by us, so that four servers cannot get their two.
    const found = await leasePorts(3);
    const range = { rangeStart: found.blocks[0]!, blocks: 2 };
    await expect(leasePorts(4, range)).rejects.toMatchObject({
      code: "NO_PORTS",
      message: expect.stringContaining(`No free ports for 4 servers between ${range.rangeStart} and `),
    });
    await found.release();
    for (const block of found.blocks) expect(existsSync(join(leaseDir(), `${block}.json`))).toBe(false);
  });

  it("is not taken when the signal has ended the wish for it", async () => {
    const reason = new Error("no more");
    await expect(leasePorts(3, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("the range", () => {
  it.each([
    ["32768\t60999\n", 21_000],
    [null, 21_000],
    ["16384\t65535", 16_384 - 4_000],
    ["1024\t65535", 21_000],
    ["25000\t65535", 21_000],
    ["24999\t65535", 24_999 - 4_000],
  ])("for ephemeral ports %j begins at %d", (text, start) => {
    expect(leaseRangeStart(text)).toBe(start);
    expect(portsPerBlock).toBe(10);
  });
});

describe("the owner of a port", () => {
  it("is named by pid and command", async () => {
    const lease = await leasePorts(1);
    const port = lease.ports[0]!;
    const server = await holdPort(port);
    expect(findPortOwner(port)?.pid).toBe(process.pid);
    expect(describePortOwner(port)).toMatch(new RegExp(`^pid ${process.pid} \\(.*node.*\\)$`));
    await releasePort(server!);
    expect(findPortOwner(port)).toBe(null);
    await lease.release();
  });
});
