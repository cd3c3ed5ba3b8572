/** `lab doctor`: everything a lab stands on, looked at one by one without changing anything. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import { connectionStringOf } from "../ensemble/layout.js";
import { readState } from "../ensemble/state-file.js";
import { isLabError } from "../errors.js";
import { leaseDir } from "../ports/port-lease.js";
import { describePortOwner, findPortOwner } from "../ports/port-owner.js";
import { isPortFree } from "../ports/port-test.js";
import { cacheDirectory, defaultVersion, explainRelease, findJava } from "../release/index.js";
import { explainNoMaven, findMaven } from "../release/maven-jars.js";
import type { Environment, ReleaseAttempt } from "../release/types.js";
import { MemoryHost } from "./memory-control.js";
import type { LabContext } from "./open-lab.js";
import { defaultClientPort, type LabPlace } from "./place.js";
import { findLabProcesses } from "./strays.js";

/** One thing looked at. */
export interface Check {
  readonly topic: "system" | "java" | "maven" | "release" | "ports" | "disk" | "lab" | "strays";
  /**
   * - `ok` as it should be
   * - `miss` not there; another may do in its place
   * - `skip` not needed, or not known before it is tried
   * - `bad` a lab cannot be brought up until this is put right
   */
  readonly outcome: "ok" | "miss" | "skip" | "bad";
  /** What was found, for people. */
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly advice: string | null;
}

/** Everything, in the order in which a lab needs it. */
export interface Diagnosis {
  readonly version: string;
  /** True when nothing stands in the way of `lab up`. */
  readonly canBringUp: boolean;
  readonly checks: readonly Check[];
  /** The steps of the release chain, one by one. */
  readonly releaseChain: readonly ReleaseAttempt[];
}

/** Bytes that must be free for a lab of three servers with some data. */
export const diskBytesMin: number = 500 * 1024 * 1024;
/** Servers whose default ports are looked at. */
const defaultServers = 3;

/** Looks at everything. @throws LabError `BAD_OPTION` for a version that is none. */
export async function diagnose(
  place: LabPlace,
  version: string | undefined,
  context: LabContext,
): Promise<Diagnosis> {
  const { env, signal } = context;
  const asked = version ?? defaultVersion;
  const releaseChain = await explainRelease({ version: asked, env, ...(signal ? { signal } : {}) });
  const checks = [
    checkSystem(),
    await checkJava(env),
    await checkMaven(env),
    ...checkRelease(asked, releaseChain),
    ...(await checkPorts(place)),
    await checkDisk(place, env),
    await checkLab(place),
    ...checkStrays(),
  ];
  return {
    version: asked,
    canBringUp: checks.every(({ outcome }) => outcome !== "bad"),
    checks,
    releaseChain,
  };
}

function checkSystem(): Check {
  const memory = `${Math.round(totalmem() / 1024 / 1024)} MB of memory`;
  const found = `${process.platform} ${process.arch}, Node ${process.version}, ${memory}`;
  if (process.platform !== "win32") return { topic: "system", outcome: "ok", found, advice: null };
  return {
    topic: "system",
    outcome: "bad",
    found,
    advice: "The lab needs signals and a shell: use WSL on Windows.",
  };
}

async function checkJava(env: Environment): Promise<Check> {
  try {
    const { version, path } = await findJava({ env });
    return { topic: "java", outcome: "ok", found: `Java ${version} (${path})`, advice: null };
  } catch (error) {
    if (!isLabError(error)) throw error;
    const [found = "", ...advice] = error.message.split("\n");
    return { topic: "java", outcome: "bad", found, advice: advice.join("\n") || null };
  }
}

async function checkMaven(env: Environment): Promise<Check> {
  const path = await findMaven(env);
  if (path !== null) return { topic: "maven", outcome: "ok", found: `Maven (${path})`, advice: null };
  const advice = "Needed only when no earlier step of the release chain has the release.";
  return { topic: "maven", outcome: "miss", found: explainNoMaven(env), advice };
}

function checkRelease(version: string, chain: readonly ReleaseAttempt[]): Check[] {
  const isHopeless = chain.every(({ outcome }) => outcome === "miss");
  const steps = chain.map(({ step, outcome, reason }): Check => {
    const outcomes = {
      available: "ok",
      used: "ok",
      miss: "miss",
      possible: "skip",
      "not-reached": "skip",
    } as const;
    const found = `${step}: ${outcome === "possible" ? "could be tried: " : ""}${reason}`;
    return { topic: "release", outcome: outcomes[outcome], found, advice: null };
  });
  if (!isHopeless) return steps;
  return [
    ...steps,
    {
      topic: "release",
      outcome: "bad",
      found: `no step of the chain can give ZooKeeper ${version}`,
      advice:
        "Unpack a release and set ZK_LAB_HOME, set ZK_LAB_ARCHIVE to its tarball, or install Maven; then try again.",
    },
  ];
}

/** The default lab's ports are people's expectation; other labs lease theirs. */
async function checkPorts(place: LabPlace): Promise<Check[]> {
  if (!place.isDefault) {
    return [
      {
        topic: "ports",
        outcome: "ok",
        found: `leased when the lab is brought up (${leaseDir()})`,
        advice: null,
      },
    ];
  }
  const own = new Set(findLabProcesses().flatMap(({ pid, dir }) => (dir === place.dir ? [pid] : [])));
  const host = new MemoryHost(place.folder).find();
  if (host !== null) own.add(host.pid);
  const checks: Check[] = [];
  for (let port = defaultClientPort; port < defaultClientPort + defaultServers; port++) {
    if (await isPortFree(port)) {
      checks.push({ topic: "ports", outcome: "ok", found: `port ${port} is free`, advice: null });
    } else if (own.has(findPortOwner(port)?.pid ?? -1)) {
      checks.push({ topic: "ports", outcome: "ok", found: `port ${port} is this lab's`, advice: null });
    } else {
      const advice = "End that process, or bring the lab up with --name NAME or --ports 2281,2282,2283.";
      checks.push({
        topic: "ports",
        outcome: "bad",
        found: `port ${port} is taken by ${describePortOwner(port)}`,
        advice,
      });
    }
  }
  return checks;
}

async function checkDisk(place: LabPlace, env: Environment): Promise<Check> {
  const { bavail, bsize } = await statfs(existingParent(place.dir));
  const bytes = bavail * bsize;
  const found = `${Math.round(bytes / 1024 / 1024)} MB free for ${place.dir}; releases are kept in ${cacheDirectory(env)}`;
  if (bytes >= diskBytesMin) return { topic: "disk", outcome: "ok", found, advice: null };
  const needed = Math.round(diskBytesMin / 1024 / 1024);
  return {
    topic: "disk",
    outcome: "bad",
    found,
    advice: `Free some space: ${needed} MB are needed for three servers.`,
  };
}

async function checkLab(place: LabPlace): Promise<Check> {
  try {
    const state = await readState(place.folder);
    const found =
      state === null
        ? `the lab "${place.name}" is not up`
        : `the lab "${place.name}": ${state.spec.servers.length} servers of ${state.spec.version} at ${connectionStringOf(state.spec.servers)}`;
    return { topic: "lab", outcome: "ok", found, advice: null };
  } catch (error) {
    if (!isLabError(error)) throw error;
    return { topic: "lab", outcome: "bad", found: error.message, advice: null };
  }
}

function checkStrays(): Check[] {
  const strays = findLabProcesses().filter(({ isKnown }) => !isKnown);
  if (strays.length === 0)
    return [{ topic: "strays", outcome: "ok", found: "no stray server processes", advice: null }];
  return strays.map(({ pid, id, name, dir }) => ({
    topic: "strays",
    outcome: "miss",
    found: `pid ${pid} is server ${id} of a lab "${name}" that is no longer there (${dir})`,
    advice: `It is of no use to anybody: kill ${pid}`,
  }));
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}
