/** When an ensemble, or a part of it, is ready for use; every wait says what it waited for. */
import { randomBytes } from "node:crypto";
import { LabError } from "../errors.js";
import { defaultProbeTimeoutMs, probeServer } from "../probe-session.js";
import { timeScale, type WaitOptions, waitFor } from "../wait.js";
import { type Control, tailOf } from "./control.js";
import type { EnsembleSpec, ServerSpec } from "./layout.js";
import { type Look, lookAt, syncedFollowers } from "./server-view.js";

/** Milliseconds to wait for a leader unless told: an election after a leader that fell silent takes some of them. */
export const defaultLeaderTimeoutMs = 30_000;

/** Between two looks at a server: each costs it three lines in its log. */
const lookEveryMs = 50;

/** The state of one server at one look. */
export interface Seen {
  readonly control: Control;
  readonly process: "running" | "paused" | "stopped";
  readonly look: Look;
}

/** Looks at servers, at all of them at once. One that does not run is not asked. */
export function lookAtAll(controls: readonly Control[], timeoutMs?: number): Promise<Seen[]> {
  return Promise.all(
    controls.map(async (control): Promise<Seen> => {
      const found = await control.find();
      if (found === null) return { control, process: "stopped", look: "silent" };
      if (found.isPaused) return { control, process: "paused", look: "silent" };
      return { control, process: "running", look: await lookAt(control.server, timeoutMs) };
    }),
  );
}

/** The one server that leads (or stands alone), or null when none or more than one says so. */
export function leaderAmong(seen: readonly Seen[]): Control | null {
  const leaders = seen.filter(({ look }) => isMode(look, "leader", "standalone"));
  return leaders.length === 1 ? (leaders[0]?.control ?? null) : null;
}

/** Servers that follow. */
export function followersAmong(seen: readonly Seen[]): Control[] {
  return seen.filter(({ look }) => isMode(look, "follower")).map(({ control }) => control);
}

/** `1 leader, 2 paused, 3 not serving` */
export function describeSeen(seen: readonly Seen[]): string {
  return seen
    .map(({ control, process, look }) => {
      const state =
        process !== "running" ? process : typeof look === "string" ? look.replace("-", " ") : look.mode;
      return `server ${control.server.id} ${state}`;
    })
    .join(", ");
}

/** Waits until exactly one server leads. @throws LabError `NO_LEADER` */
export async function waitForLeader(
  controls: readonly Control[],
  options: WaitOptions = {},
): Promise<Control> {
  let seen: Seen[] = [];
  return await waitFor({
    what: "exactly one leader",
    timeoutMs: options.timeoutMs ?? defaultLeaderTimeoutMs,
    signal: options.signal,
    intervalMs: lookEveryMs,
    code: "NO_LEADER",
    look: async () => {
      seen = await lookAtAll(controls);
      return leaderAmong(seen) ?? undefined;
    },
    describe: () => `Last seen: ${describeSeen(seen)}.`,
  });
}

/** Waits until one server serves. @throws LabError `NOT_READY`; `SERVER_EXITED` as soon as its process is gone. */
export async function waitForServing(control: Control, options: WaitOptions = {}): Promise<void> {
  const { id } = control.server;
  let look: Look = "silent";
  await waitFor({
    what: `server ${id} to serve`,
    timeoutMs: options.timeoutMs ?? defaultLeaderTimeoutMs,
    signal: options.signal,
    intervalMs: lookEveryMs,
    look: async () => {
      await mustLive(control);
      look = await lookAt(control.server);
      return typeof look === "string" ? undefined : true;
    },
    describe: async () => {
      const state = look === "silent" ? "It does not answer." : "It answers, but has no quorum.";
      return `${state} ${await tailOf(control)}`;
    },
  });
}

/** Waits until a server answers at all, quorum or not. @throws as {@link waitForServing} */
export async function waitForAnswer(control: Control, options: WaitOptions = {}): Promise<void> {
  await waitFor({
    what: `server ${control.server.id} to answer on port ${control.server.clientPort}`,
    timeoutMs: options.timeoutMs ?? defaultLeaderTimeoutMs,
    signal: options.signal,
    intervalMs: lookEveryMs,
    look: async () => {
      await mustLive(control);
      return (await lookAt(control.server)) === "silent" ? undefined : true;
    },
    describe: () => tailOf(control),
  });
}

/**
 * Waits until these servers are ready: all serve, exactly one leads, the leader calls the others synced, and through
 * each of them a write, a `sync` and a read pass.
 *
 * @throws LabError `NOT_READY` with what was missing and the tails of the logs; `SERVER_EXITED`.
 */
export async function waitForReady(
  spec: EnsembleSpec,
  controls: readonly Control[],
  options: WaitOptions & { readonly timeoutMs: number },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs * timeScale();
  let problem = "nothing was seen yet";
  await waitFor({
    what: `one leader and ${controls.length - 1} synced followers among servers ${controls.map((c) => c.server.id).join(", ")} of ${spec.servers.length}`,
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    intervalMs: lookEveryMs,
    look: async () => {
      for (const control of controls) await mustLive(control);
      problem = (await findProblem(controls)) ?? "";
      return problem === "" ? true : undefined;
    },
    describe: () => tellProblem(controls, problem),
  });
  await Promise.all(controls.map((control) => probeUntil(spec, control, deadline, options.signal)));
}

/** What keeps servers from being ready as far as can be told without writing anything, or null. */
export async function findProblem(controls: readonly Control[]): Promise<string | null> {
  const seen = await lookAtAll(controls);
  const leader = leaderAmong(seen);
  if (leader === null || seen.some(({ look }) => typeof look === "string")) return describeSeen(seen);
  const followers = followersAmong(seen).length;
  if (followers === 0) return null;
  const synced = await syncedFollowers(leader.server);
  // A leader that has just changed its part gives no number; the next look will tell.
  if (synced === null)
    return `server ${leader.server.id} leads but does not say how many followers are synced`;
  return synced >= followers
    ? null
    : `server ${leader.server.id} leads and ${synced} of ${followers} followers are synced`;
}

async function probeUntil(
  spec: EnsembleSpec,
  control: Control,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id, host, clientPort } = control.server;
  let last = "";
  await waitFor({
    what: `a write, a sync and a read to pass through server ${id}`,
    timeoutMs: Math.max(defaultProbeTimeoutMs, (deadline - performance.now()) / timeScale()),
    signal,
    intervalMs: 100,
    look: async () => {
      await mustLive(control);
      const path = `/zk-lab-probe-${spec.name}-${id}-${randomBytes(4).toString("hex")}`;
      try {
        await probeServer({ host, clientPort, timeoutMs: defaultProbeTimeoutMs * timeScale(), signal }, path);
        return true;
      } catch (error) {
        signal?.throwIfAborted();
        last = (error as Error).message;
        return undefined;
      }
    },
    describe: () => tellProblem([control], last),
  });
}

async function tellProblem(controls: readonly Control[], problem: string): Promise<string> {
  const tails = await Promise.all(controls.map((control) => tailOf(control, 10)));
  return `Last seen: ${problem}.\n${tails.join("\n")}`;
}

async function mustLive(control: Control): Promise<void> {
  if ((await control.find()) !== null) return;
  const { id } = control.server;
  throw new LabError(
    "SERVER_EXITED",
    `Server ${id} does not run: it has ended, or was never started. ${await tailOf(control)}`,
    { details: { server: id } },
  );
}

function isMode(look: Look, ...modes: string[]): boolean {
  return typeof look !== "string" && modes.includes(look.mode);
}

/** The servers of these numbers. @throws LabError `UNKNOWN_SERVER` */
export function pick<T extends { readonly server: ServerSpec }>(controls: readonly T[], id: number): T {
  const found = controls.find((control) => control.server.id === id);
  if (found !== undefined) return found;
  const known = controls.map((control) => control.server.id).join(", ");
  throw new LabError("UNKNOWN_SERVER", `There is no server ${id}; this ensemble has ${known}.`, {
    details: { server: id, servers: controls.map((control) => control.server.id) },
  });
}
