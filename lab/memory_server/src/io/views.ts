/** What can be seen of the servers of a model, in the words of the lab. */
import { parseSrvr, type ServerStatistics } from "@zk/protocol";
import type { EnsembleModel } from "../model/ensemble-model.js";
import type { ModelDriver } from "./driver.js";
import type { MemoryEnsembleStatus, MemoryServer, MemoryServerStatus } from "./ensemble-types.js";
import { askModel } from "./model-link.js";
import { modelVersion } from "./options.js";

/** One server at one look. */
export interface Seen {
  readonly server: MemoryServer;
  readonly process: "running" | "paused" | "stopped";
  readonly mode: ServerStatistics["mode"] | "not-serving" | "silent";
}

/** Looks at all servers without asking them. */
export function lookAtAll(model: EnsembleModel, servers: readonly MemoryServer[]): Seen[] {
  return servers.map((server) => {
    const { role, isPaused, isServing } = model.server(server.id);
    if (role === "down") return { server, process: "stopped", mode: "silent" };
    if (isPaused) return { server, process: "paused", mode: "silent" };
    return { server, process: "running", mode: isServing ? modes[role] : "not-serving" };
  });
}

const modes = {
  looking: "not-serving",
  leading: "leader",
  following: "follower",
  standalone: "standalone",
  readonly: "read-only",
} as const;

/** The one server that leads or stands alone, or null when none or more than one does. */
export function leaderAmong(seen: readonly Seen[]): number | null {
  const leaders = seen.filter(({ mode }) => mode === "leader" || mode === "standalone");
  return leaders.length === 1 ? (leaders[0]?.server.id ?? null) : null;
}

/** Servers that follow. */
export function followersAmong(seen: readonly Seen[]): number[] {
  return seen.filter(({ mode }) => mode === "follower").map(({ server }) => server.id);
}

/** `server 1 leader, server 2 paused, server 3 not serving` */
export function describeSeen(seen: readonly Seen[]): string {
  return seen
    .map(({ server, process, mode }) => {
      return `server ${server.id} ${process === "running" ? mode.replace("-", " ") : process}`;
    })
    .join(", ");
}

/** What keeps these servers from being ready, or null. */
export function findProblem(seen: readonly Seen[]): string | null {
  const isWell = leaderAmong(seen) !== null && seen.every(({ mode }) => !/^(silent|not-serving)$/.test(mode));
  return isWell ? null : describeSeen(seen);
}

/** Everything at this moment; each server that runs is asked `srvr`. */
export async function readStatus(
  about: Pick<MemoryEnsembleStatus, "name" | "dir" | "connectionString">,
  model: EnsembleModel,
  driver: ModelDriver,
  servers: readonly MemoryServer[],
): Promise<MemoryEnsembleStatus> {
  const seen = lookAtAll(model, servers);
  const statuses = await Promise.all(seen.map((one) => toStatus(one, driver)));
  const runs = seen.some(({ process }) => process !== "stopped");
  const problem = findProblem(seen);
  return {
    name: about.name,
    backend: "memory",
    version: modelVersion,
    dir: about.dir,
    connectionString: about.connectionString,
    state: !runs ? "down" : problem === null ? "up" : "partly-up",
    hasQuorum: statuses.filter(({ answer }) => answer === "serving").length > servers.length / 2,
    leader: leaderAmong(seen),
    problem,
    servers: statuses,
  };
}

async function toStatus(
  { server, process: state, mode }: Seen,
  driver: ModelDriver,
): Promise<MemoryServerStatus> {
  const answer = state === "running" ? await askModel(driver, server.id, "srvr") : null;
  const parsed = parseSrvr(answer ?? "");
  const view = parsed.serving ? parsed : null;
  return {
    ...server,
    process: state,
    pid: state === "stopped" ? null : process.pid,
    answer: view !== null ? "serving" : mode === "silent" ? "silent" : "not-serving",
    mode: view?.mode ?? null,
    version: view?.version ?? null,
    zxid: view?.zxid ?? null,
    connections: view?.connections ?? null,
    outstanding: view?.outstandingRequests ?? null,
    nodes: view?.nodeCount ?? null,
    residentBytes: state === "stopped" ? null : process.memoryUsage.rss(),
    script: null,
  };
}
