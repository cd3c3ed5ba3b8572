/** `lab doctor`: everything a lab stands on, looked at one by one without changing anything. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import { presentBaseImage, pulledBaseImage } from "../docker/base-image.js";
import { connectEngine } from "../docker/engine.js";
import { describeAddress, likelyAddress } from "../docker/engine-address.js";
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
  readonly topic: "system" | "java" | "maven" | "release" | "engine" | "ports" | "disk" | "lab" | "strays";
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

/** What {@link diagnose} is told. */
export interface DoctorOptions {
  readonly version?: string | undefined;
  /** Whether the servers are to be containers; default: what the lab is. */
  readonly docker?: boolean | undefined;
}

/** Looks at everything. @throws LabError `BAD_OPTION` for a version that is none. */
export async function diagnose(
  place: LabPlace,
  { version, docker }: DoctorOptions,
  context: LabContext,
): Promise<Diagnosis> {
  const { env, signal } = context;
  const asked = version ?? defaultVersion;
  const isDocker = docker ?? (await isLabOfContainers(place));
  const releaseChain = await explainRelease({ version: asked, env, ...(signal ? { signal } : {}) });
  const checks = [
    checkSystem(),
    needed(!isDocker, await checkJava(env)),
    await checkMaven(env),
    ...checkRelease(asked, releaseChain).map((check) => needed(!isDocker, check)),
    ...(await checkEngine(env)).map((check) => needed(isDocker, check)),
    ...(await checkPorts(place, isDocker)),
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

/** What keeps one kind of servers from being brought up is merely missing for another. */
function needed(isNeeded: boolean, check: Check): Check {
  return isNeeded || check.outcome !== "bad" ? check : { ...check, outcome: "miss" };
}

async function isLabOfContainers({ folder }: LabPlace): Promise<boolean> {
  const state = await readState(folder).catch(() => null);
  return state?.spec.docker !== undefined;
}

/** For servers in containers; whether an image can be pulled is known only when it is tried. */
async function checkEngine(env: Environment): Promise<Check[]> {
  const topic = "engine";
  if (likelyAddress(env) === null) {
    const found = "no container engine (neither DOCKER_HOST nor one of the usual sockets)";
    return [{ topic, outcome: "bad", found, advice: "Needed for --docker only: apt-get install docker.io" }];
  }
  try {
    const engine = await connectEngine();
    const place = describeAddress(engine.address);
    const base = await presentBaseImage(engine, env);
    return [
      { topic, outcome: "ok", found: `container engine ${engine.version} (${place})`, advice: null },
      base === null
        ? {
            topic,
            outcome: "skip",
            found: `no base image yet: ${env["ZK_LAB_BASE_IMAGE"] || pulledBaseImage} would be pulled`,
            advice: null,
          }
        : { topic, outcome: "ok", found: `base image ${base.name}`, advice: null },
    ];
  } catch (error) {
    if (!isLabError(error)) throw error;
    const [found = "", ...advice] = error.message.split("\n");
    return [{ topic, outcome: "bad", found, advice: advice.join("\n") || null }];
  }
}

/** The default lab's ports are people's expectation; other labs lease theirs. */
async function checkPorts(place: LabPlace, isDocker: boolean): Promise<Check[]> {
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
  // The engine listens for its containers, with a process that tells nobody whose port it is.
  const isUp = (await readState(place.folder).catch(() => null)) !== null;
  const checks: Check[] = [];
  for (let port = defaultClientPort; port < defaultClientPort + defaultServers; port++) {
    if (await isPortFree(port)) {
      checks.push({ topic: "ports", outcome: "ok", found: `port ${port} is free`, advice: null });
    } else if (own.has(findPortOwner(port)?.pid ?? -1) || (isDocker && isUp)) {
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
