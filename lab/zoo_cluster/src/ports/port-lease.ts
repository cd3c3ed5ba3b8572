/**
 * Leased blocks of ports, so that ensembles of several processes never meet.
 *
 * A block is ten ports: the first is its *guard*, nine are for three servers (client, quorum, election each). Whoever
 * can listen on the guard may look at the block's lease file and write it: the system gives a port to one process only
 * and takes it back when that process dies, so this lock needs no clean-up. A lease holds while its owner lives: the
 * process that made it, or, for a lab that outlives its command, the lab's state file. Killed servers of a live
 * ensemble therefore keep their ports. The leasing process keeps the guards until it gives them back or ends, which
 * covers the time before the state file exists and processes that cannot see each other's lease files.
 *
 * The range lies below the ephemeral ports: the system never hands one of ours to an outgoing connection.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Server } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { LabError } from "../errors.js";
import { readFileIfThere, writeFileAtomic } from "../files.js";
import { findSame, ownIdentity, type ProcessIdentity } from "../process/process-table.js";
import { holdPort, isPortFree, releasePort } from "./port-test.js";

/** Ports of one block, the guard among them. */
export const portsPerBlock = 10;
/** Servers that fit into one block. */
export const serversPerBlock = 3;
/** Blocks in the range. */
export const blocksMax = 400;

/** What keeps a lease alive. */
export type LeaseOwner =
  | ({ readonly kind: "process" } & ProcessIdentity)
  | { readonly kind: "lab"; readonly stateFile: string };

/** Ports that belong to one ensemble until it gives them back. */
export interface PortLease {
  /** Nine ports a block, in rising order. */
  readonly ports: readonly number[];
  /** First ports of the blocks: what {@link releaseBlocks} needs after the process that leased them has ended. */
  readonly blocks: readonly number[];
  /** Gives the blocks back. */
  release(): Promise<void>;
}

/** First port of the range, below the ephemeral ports where the system says which these are. */
export function leaseRangeStart(ephemeralRange: string | null = readEphemeralRange()): number {
  const usual = 21_000;
  const length = portsPerBlock * blocksMax;
  const ephemeralLow = Number.parseInt(ephemeralRange ?? "", 10);
  if (Number.isNaN(ephemeralLow) || usual + length <= ephemeralLow) return usual;
  // No room below an unusually low ephemeral range: the bind test has to be enough.
  return ephemeralLow - length >= 5_000 ? ephemeralLow - length : usual;
}

/** Whose a lease is, where it may lie, and when to give up. */
export interface LeaseOptions {
  /** Default: this process. */
  readonly owner?: LeaseOwner;
  /** First port of the range; default {@link leaseRangeStart}. */
  readonly rangeStart?: number;
  /** Blocks in the range; default {@link blocksMax}. */
  readonly blocks?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Leases blocks for `servers` servers.
 *
 * @throws LabError `NO_PORTS` when every block is leased or in use.
 */
export async function leasePorts(servers: number, options: LeaseOptions = {}): Promise<PortLease> {
  const { signal, rangeStart: start = leaseRangeStart(), blocks: blockCount = blocksMax } = options;
  const holder: LeaseOwner = options.owner ?? { kind: "process", ...ownIdentity() };
  const wanted = Math.ceil(servers / serversPerBlock);
  const claimed: { block: number; guard: Server }[] = [];
  // Processes that start together begin at different blocks, so they seldom try the same one.
  const offset = (process.pid * 7) % blockCount;
  try {
    for (let index = 0; index < blockCount && claimed.length < wanted; index++) {
      signal?.throwIfAborted();
      const block = start + ((offset + index) % blockCount) * portsPerBlock;
      const guard = await claimBlock(block, holder);
      if (guard !== null) claimed.push({ block, guard });
    }
    if (claimed.length < wanted) {
      throw new LabError(
        "NO_PORTS",
        `No free ports for ${servers} servers between ${start} and ${start + blockCount * portsPerBlock - 1}: every block of ten is leased or in use. Leases are in ${leaseDir()}; \`lab doctor\` lists stray servers.`,
        { details: { from: start, blocks: blockCount } },
      );
    }
  } catch (error) {
    await Promise.all(claimed.map(({ block, guard }) => giveBack(block, guard)));
    throw error;
  }
  const blocks = claimed.map(({ block }) => block).sort((a, b) => a - b);
  return {
    blocks,
    ports: blocks.flatMap((block) => portsOf(block)),
    release: async () => {
      await Promise.all(claimed.map(({ block, guard }) => giveBack(block, guard)));
    },
  };
}

/**
 * Gives back blocks that an earlier process leased for the lab of this state file. A block that belongs to somebody else
 * by now stays theirs.
 */
export async function releaseBlocks(blocks: readonly number[], stateFile: string): Promise<void> {
  for (const block of blocks) {
    const owner = await readLease(block);
    const isOurs = owner?.kind === "lab" && owner.stateFile === stateFile;
    if (isOurs || !isLive(owner)) await giveBack(block, null);
  }
}

/** Where the lease files are: one folder a user, whatever `TMPDIR` says, so that all processes of the user see it. */
export function leaseDir(): string {
  const { uid } = userInfo();
  const wanted = join("/tmp", `zk-lab-${uid}`);
  try {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    const found = lstatSync(wanted);
    if (found.isDirectory() && (uid < 0 || found.uid === uid)) return join(wanted, "ports");
  } catch {
    // No /tmp, or not ours to write: the folder for temporary files then.
  }
  return join(tmpdir(), `zk-lab-${uid}-own`, "ports");
}

async function claimBlock(block: number, owner: LeaseOwner): Promise<Server | null> {
  const guard = await holdPort(block);
  if (guard === null) return null;
  try {
    const isOurs = !isLive(await readLease(block)) && (await areFree(portsOf(block)));
    if (isOurs) {
      await writeFileAtomic(leasePath(block), JSON.stringify(owner));
      return guard;
    }
  } catch (error) {
    await releasePort(guard);
    throw error;
  }
  await releasePort(guard);
  return null;
}

async function giveBack(block: number, guard: Server | null): Promise<void> {
  await rm(leasePath(block), { force: true });
  if (guard !== null) await releasePort(guard);
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) if (!(await isPortFree(port))) return false;
  return true;
}

async function readLease(block: number): Promise<LeaseOwner | null> {
  const text = await readFileIfThere(leasePath(block));
  if (text === null) return null;
  try {
    return JSON.parse(text) as LeaseOwner;
  } catch {
    // Torn by a crash of the machine: nobody holds it.
    return null;
  }
}

function isLive(owner: LeaseOwner | null): boolean {
  if (owner === null) return false;
  return owner.kind === "process" ? findSame(owner) !== null : existsSync(owner.stateFile);
}

function leasePath(block: number): string {
  return join(leaseDir(), `${block}.json`);
}

function portsOf(block: number): number[] {
  return Array.from({ length: portsPerBlock - 1 }, (_, index) => block + 1 + index);
}

function readEphemeralRange(): string | null {
  try {
    return readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  } catch {
    // Not Linux: elsewhere the range starts at 49152 (IANA), above ours.
    return null;
  }
}
