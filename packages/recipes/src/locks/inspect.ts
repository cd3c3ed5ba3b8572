/**
 * Who has a lock, a read-write lock, a semaphore or a latch, who waits, and for whom: of ours, of Curator's, kazoo's and others.
 *
 * It only reads, and leaves nothing. What it says was so while it read: those who came and went meanwhile may be missing.
 */
import { type Client, isZkError, type Stat } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { wallClockMs } from "../io/wall-clock.js";
import {
  blockers,
  type Classified,
  classify,
  type InspectedRole,
  identityOf,
  type Participant,
} from "./inspection.js";
import { layoutOf, type SemaphoreLayout } from "./semaphore-layout.js";

const RECIPE = "inspect";

/** Options of {@link inspect}. */
export interface InspectOptions extends WaitOptions {
  /** What time it is, for the ages: milliseconds since 1970. Default: what the clock of this machine says. */
  readonly nowMs?: number;
}

/** What was found at a path. */
export interface Inspection {
  readonly path: string;
  /** What it looks like; `none` when there is nobody, which looks like anything. A kazoo election looks like a lock. */
  readonly kind: "lock" | "readWriteLock" | "semaphore" | "latch" | "none";
  /** Those who have something and those who wait, in the order in which they came. */
  readonly participants: readonly Participant[];
  /** Children that take part in nothing that is known. */
  readonly foreign: readonly string[];
}

/** What was read of a znode. */
interface Read {
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

/**
 * Looks at a lock, a read-write lock, a semaphore or a latch.
 *
 * @param path its directory; one that does not exist has nobody in it
 * @throws RecipeError INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT; ZkError NO_AUTH and any other error of a read
 * @example
 * ```ts
 * for (const { state, identity, ageMs, waitsFor } of (await inspect(client, "/locks/report")).participants)
 *   console.log(state, identity, `for ${ageMs} ms`, waitsFor);
 * ```
 */
export async function inspect(
  client: Client,
  path: string,
  options: InspectOptions = {},
): Promise<Inspection> {
  checkRecipe(client, RECIPE, path, options);
  using patience = new Patience(client, { recipe: RECIPE, path }, options);
  return await new Inspector(client, patience, options.nowMs ?? wallClockMs()).look(path);
}

class Inspector {
  readonly #client: Client;
  readonly #patience: Patience;
  readonly #nowMs: number;

  constructor(client: Client, patience: Patience, nowMs: number) {
    this.#client = client;
    this.#patience = patience;
    this.#nowMs = nowMs;
  }

  async look(path: string): Promise<Inspection> {
    const names = await this.#children(path);
    // The directory of the permits is made by the first who comes through the door.
    if (names.includes("leases") || names.includes("locks"))
      return await this.#semaphore(path, layoutOf("curator", path), names);
    const kazoo = layoutOf("kazoo", path);
    if (kazoo.sort(names).leases.length > 0 || (await this.#children(kazoo.door)).length > 0)
      return await this.#semaphore(path, kazoo, names);
    const { contenders, foreign } = classify(names);
    const participants = await this.#line(path, contenders);
    return { path, kind: kindOf(participants), participants, foreign };
  }

  async #semaphore(path: string, layout: SemaphoreLayout, names: readonly string[]): Promise<Inspection> {
    const isBelow = layout.leases !== path;
    const [leaseNames, doorNames] = await Promise.all([
      isBelow ? this.#children(layout.leases) : names,
      this.#children(layout.door),
    ]);
    const { leases, foreign } = layout.sort(leaseNames);
    const dialect = isBelow ? "curator" : "kazoo";
    const read = await this.#readAll(leases.map((name) => childPath(layout.leases, name)));
    const holding = [...read]
      .sort(([, one], [, other]) => (one.stat.czxid < other.stat.czxid ? -1 : 1))
      .map(([at, found]) => this.#participant(at, found, { role: "lease", dialect }, []));
    const atDoor = classify(doorNames);
    const waiting = (await this.#line(layout.door, atDoor.contenders)).map((each): Participant => {
      const isFirst = each.state === "holds";
      const waitsFor = isFirst ? holding.map((lease) => lease.path) : each.waitsFor;
      return { ...each, state: "waits", waitsFor };
    });
    const strange = [
      ...(isBelow ? names.filter((name) => name !== "leases" && name !== "locks") : []),
      ...foreign,
      ...atDoor.foreign,
    ];
    return { path, kind: "semaphore", participants: [...holding, ...waiting], foreign: strange };
  }

  /** A line of contenders. Those that are gone by the time they are read are left out. */
  async #line(directory: string, contenders: readonly Classified[]): Promise<readonly Participant[]> {
    const read = await this.#readAll(contenders.map(({ contender }) => childPath(directory, contender.name)));
    const there = contenders.filter(({ contender }) => read.has(childPath(directory, contender.name)));
    const blockedBy = blockers(there);
    return there.map((each) => {
      const path = childPath(directory, each.contender.name);
      const blocker = blockedBy.get(each.contender.name);
      const waitsFor = blocker === undefined ? [] : [childPath(directory, blocker)];
      return this.#participant(path, read.get(path) as Read, each, waitsFor);
    });
  }

  #participant(
    path: string,
    { data, stat }: Read,
    { role, dialect }: { readonly role: InspectedRole; readonly dialect: string },
    waitsFor: readonly string[],
  ): Participant {
    const createdMs = Number(stat.ctime);
    return {
      path,
      role,
      dialect,
      ...identityOf(data),
      sessionId: stat.ephemeralOwner,
      token: stat.czxid,
      createdMs,
      ageMs: Math.max(0, this.#nowMs - createdMs),
      state: waitsFor.length === 0 ? "holds" : "waits",
      waitsFor,
    };
  }

  async #children(path: string): Promise<readonly string[]> {
    try {
      return await this.#patience.read((call) => this.#client.getChildren(path, call));
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  async #readAll(paths: readonly string[]): Promise<ReadonlyMap<string, Read>> {
    const all = await Promise.all(
      paths.map(async (path): Promise<[string, Read] | undefined> => {
        try {
          return [path, await this.#patience.read((call) => this.#client.getData(path, call))];
        } catch (error) {
          if (isZkError(error, "NO_NODE")) return undefined;
          throw error;
        }
      }),
    );
    return new Map(all.filter((each) => each !== undefined));
  }
}

function kindOf(participants: readonly Participant[]): Inspection["kind"] {
  const roles = new Set(participants.map(({ role }) => role));
  if (roles.size === 0) return "none";
  if (roles.has("read") || roles.has("write")) return "readWriteLock";
  if (roles.has("latch")) return "latch";
  return roles.has("lease") ? "semaphore" : "lock";
}
