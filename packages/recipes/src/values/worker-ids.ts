/**
 * Small numbers that one client of the whole ensemble has at a time: for ids that are made of a time, the number of whoever made
 * them and a count, as Twitter's snowflake made them.
 *
 * The smallest number that is free is given out. One whose holder gave it back is free at once, or after
 * {@link WorkerIdsOptions.afterReleaseMs}. One whose holder was lost, because its session ended, the client was closed before the
 * number was given back, or somebody removed its claim, rests: until its holder must have stopped believing in it, which is its
 * session timeout, and then for the quarantine, all of it by the leader's clock and counted from when somebody who wanted a
 * number found the claim gone. So nobody has a number while a process that was cut off, or whose clock is ahead, may still use it.
 *
 * What it does not promise: see {@link Hold}. Nor that two processes with one number after the other never make the same id: that
 * takes clocks on the wall that differ by less than the number rests. It rests by the servers' clocks; a new leader whose clock is
 * ahead of the old one's shortens that by as much.
 *
 * Those who wait for a number get it in no order. Those who ask at the same time ask one after the other, at a door.
 *
 * Layout, below the path:
 * - `claims/<number>-<uuid>`: ephemeral, the claim of whoever has the number; the data says who it is.
 * - `records/<number>`: who had it last, see `worker-record.ts`. It stays: without it nobody knows that the number has to rest.
 * - `door/_c_<uuid>-lock-<number>`: those who ask now.
 * - `clock`: written to for the sake of the leader's stamp.
 *
 * The token is the czxid of the claim, and the order of tokens of one number is the order of its holders.
 */
import { type Acl, type Client, isZkError } from "@zk/client";
import { Bell, rungOrAfter } from "../core/bell.js";
import { checkInteger, checkRecipe } from "../core/checks.js";
import { contend, counted } from "../core/contention.js";
import { baseOf } from "../core/dialects.js";
import { makeDirectory } from "../core/directories.js";
import { Hold, type HoldOptions } from "../core/hold.js";
import { removeOwned, whileConnected } from "../core/janitor.js";
import { type Entry, Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { leaderStampMs } from "../core/server-clock.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import {
  type FoundRecord,
  giveBackId,
  idOfClaim,
  markRecord,
  takeId,
  type WorkerClaim,
  type WorkerPlaces,
  workerPlaces,
} from "./worker-claims.js";
import { decodeWorkerRecord, type Rests, restMs, type WorkerRecord } from "./worker-record.js";

const RECIPE = "WorkerIds";

/** Options of {@link WorkerIds}. All who share a path give the same. */
export interface WorkerIdsOptions extends HoldOptions {
  /** How many bits a number has, 1 to 16: there are 2^bits numbers, from 0. Snowflake has 10. */
  readonly bits: number;
  /**
   * Milliseconds for which a number whose holder was lost rests, behind the holder's session timeout: more than the clocks on the
   * walls of two holders may differ. Of the last holder's and ours the longer one counts. Default 60 000.
   */
  readonly quarantineMs?: number;
  /** The same for a number that was given back. Default 0. */
  readonly afterReleaseMs?: number;
  /** What our claims say of us, for people to read: UTF-8. Default: empty. */
  readonly identity?: string;
  /** Of everything that we make. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link WorkerIds.acquire}. */
export interface WorkerIdWaitOptions extends WaitOptions {
  /** Wait for a number when none is free, instead of failing. Default false. */
  readonly wait?: boolean;
}

/** A number that is held. Stop making ids of it when `signal` aborts, and ask `state` before each: it looks at the clock. */
export class WorkerId extends Hold {
  /** The number, from 0 to 2^bits - 1. */
  readonly id: number;

  /** Made by {@link WorkerIds}. */
  constructor(client: Client, claim: WorkerClaim, onSuspended: "abort" | "wait") {
    const { path, token, sessionId } = claim;
    super({
      ...{ client, recipe: RECIPE, path, token, sessionId, onSuspended },
      // Whoever has lost it may still use it for a moment, so that it is not called given back.
      remove: (end) => (end === "released" ? giveBackId(client, claim) : removeOwned(client, claim)),
    });
    this.id = claim.id;
  }
}

/** What one look gave: a number, or none, and when one has rested enough; undefined when it has to be looked again. */
type Outcome = { readonly claim: WorkerClaim } | { readonly restsForMs: number } | undefined;

/** See the head of this file. */
export class WorkerIds {
  /** The directory of the numbers. It belongs to them alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: WorkerIdsOptions;
  readonly #rests: Rests;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #places: WorkerPlaces;
  readonly #door: Line;

  /**
   * @param path the numbers' own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const workers = new WorkerIds(client, "/ids/workers", { bits: 10, identity: "host-7" });
   * await using worker = await workers.acquire();
   * const idAt = (ms: bigint, count: bigint) => (ms << 22n) | (BigInt(worker.id) << 12n) | count;
   * ```
   */
  constructor(client: Client, path: string, options: WorkerIdsOptions) {
    checkRecipe(client, RECIPE, path, options);
    this.path = path;
    this.#client = client;
    this.#options = options;
    this.#about = { recipe: RECIPE, path };
    const { bits, quarantineMs = 60_000, afterReleaseMs = 0, acl } = options;
    checkInteger(this.#about, "bits", bits, { min: 1, max: 16 });
    checkInteger(this.#about, "quarantineMs", quarantineMs, { min: 0, max: REST_MS_MAX });
    checkInteger(this.#about, "afterReleaseMs", afterReleaseMs, { min: 0, max: REST_MS_MAX });
    this.#rests = { quarantineMs, afterReleaseMs };
    this.#places = workerPlaces(path);
    const dialect = "curator";
    const bases = [baseOf(dialect, "lock")];
    this.#door = new Line(client, { recipe: RECIPE, directory: this.#places.door, dialect, bases, acl });
  }

  /**
   * Takes the smallest number that is free.
   *
   * @throws RecipeError CAPACITY when none is, unless it is to wait; ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and
   *   the like. Nothing is left behind then.
   */
  async acquire(options: WorkerIdWaitOptions = {}): Promise<WorkerId> {
    const client = this.#client;
    using patience = new Patience(client, this.#about, options);
    return await counted(client, this.#about, async () => {
      for (;;) {
        using bell = new Bell(client);
        const outcome = await this.#turn(patience, options.wait === true ? bell : undefined);
        if (outcome === undefined) continue;
        if ("claim" in outcome) {
          const held = new WorkerId(client, outcome.claim, this.#options.onSuspended ?? "abort");
          if (held.state !== "lost") return held;
        } else if (options.wait === true) {
          await rungOrAfter(client, this.#about, bell, outcome.restsForMs, patience);
        } else {
          throw this.#allTaken(outcome.restsForMs);
        }
      }
    });
  }

  /** One turn at the door. */
  async #turn(patience: Patience, bell: Bell | undefined): Promise<Outcome> {
    const { identity: data = "" } = this.#options;
    const entry = await contend(this.#door, { role: "lock", data, isPart: true }, patience);
    let outcome: Outcome;
    try {
      outcome = await this.#look(entry, patience, bell);
    } catch (error) {
      if (!isSessionOver(error)) {
        await this.#door.leave(entry);
        throw error;
      }
      await sessionAgain(this.#client, patience, this.#about);
      return undefined;
    }
    // The transaction that takes a number gives up the turn as well.
    if (outcome === undefined || !("claim" in outcome)) await this.#door.leave(entry);
    return outcome;
  }

  /** Looks at one number after the other, and takes the first that may be had. */
  async #look(entry: Entry, patience: Patience, bell: Bell | undefined): Promise<Outcome> {
    const claimed = await this.#claimed(patience, bell);
    const noted = await this.#noted(patience);
    let restsForMs = Number.POSITIVE_INFINITY;
    for (let id = 0; id < 2 ** this.#options.bits; id += 1) {
      if (claimed.has(id)) continue;
      const found = noted.has(id) ? await this.#read(id, patience) : undefined;
      if (found === "unreadable") continue;
      const leftMs = found === undefined ? 0 : await this.#leftMs(id, found, patience);
      if (leftMs === undefined) return undefined;
      if (leftMs <= 0) return await this.#take(entry, id, found, patience);
      restsForMs = Math.min(restsForMs, leftMs);
    }
    return { restsForMs };
  }

  /** The numbers that have a claim. */
  async #claimed(patience: Patience, bell: Bell | undefined): Promise<ReadonlySet<number>> {
    const { claims } = this.#places;
    const watch = bell === undefined ? {} : { watch: bell.at(claims) };
    return await this.#numbersIn(claims, idOfClaim, watch, patience);
  }

  /** The numbers that have a record. */
  async #noted(patience: Patience): Promise<ReadonlySet<number>> {
    const idOf = (name: string): number | undefined =>
      /^(0|[1-9]\d{0,4})$/.test(name) ? Number(name) : undefined;
    return await this.#numbersIn(this.#places.records, idOf, {}, patience);
  }

  async #numbersIn(
    directory: string,
    idOf: (name: string) => number | undefined,
    watch: { readonly watch?: () => void } | object,
    patience: Patience,
  ): Promise<ReadonlySet<number>> {
    const client = this.#client;
    for (;;) {
      try {
        const names = await patience.read((call) => client.getChildren(directory, { ...call, ...watch }));
        const foreign = names.filter((name) => idOf(name) === undefined);
        telemetryOf(client).tellForeign({
          type: "foreignChildren",
          recipe: RECIPE,
          path: directory,
          names: foreign,
        });
        return new Set(names.flatMap((name) => idOf(name) ?? []));
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
        await patience.read((call) => makeDirectory(client, directory, this.#options.acl, call));
      }
    }
  }

  /** Undefined when there is none. A record that says nothing, or of a later version, keeps its number from everybody. */
  async #read(id: number, patience: Patience): Promise<FoundRecord | "unreadable" | undefined> {
    const path = this.#recordPath(id);
    let bytes: Uint8Array | null = null;
    try {
      const { data, stat } = await patience.read((call) => this.#client.getData(path, call));
      bytes = data;
      const record = decodeWorkerRecord(data);
      if (idOfClaim(record.claim) !== id) throw new TypeError(`${record.claim} is no claim of ${id}`);
      return { record, version: stat.version, stampMs: Number(stat.mtime) };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      if (isZkError(error)) throw error;
      if (error instanceof RecipeError) throw error;
      telemetryOf(this.#client).tell({ type: "badData", recipe: RECIPE, path, data: bytes, error });
      return "unreadable";
    }
  }

  /** For how long the number still rests; undefined when somebody has just taken it. */
  async #leftMs(id: number, found: FoundRecord, patience: Patience): Promise<number | undefined> {
    const client = this.#client;
    const path = this.#recordPath(id);
    const wholeMs = restMs(found.record, this.#rests);
    if (found.record.state === "held") {
      // Claims come with their records and with nothing else. It is looked for behind the record, so if it is not there, it has gone.
      const claim = childPath(this.#places.claims, found.record.claim);
      if ((await patience.read((call) => client.exists(claim, call))) !== null) return undefined;
      return (await this.#mark(path, found, { ...found.record, state: "lapsed" }, patience)) && wholeMs;
    }
    if (wholeMs === 0) return 0;
    const nowMs = await leaderStampMs(client, this.#places.clock, this.#options.acl, patience);
    if (nowMs >= found.stampMs) return found.stampMs + wholeMs - nowMs;
    // The leader's clock is behind that of the one before, by who knows how much: it rests by this one's.
    return (await this.#mark(path, found, found.record, patience)) && wholeMs;
  }

  async #mark(
    path: string,
    found: FoundRecord,
    record: WorkerRecord,
    patience: Patience,
  ): Promise<FoundRecord | undefined> {
    return await markRecord(this.#client, path, found, record, patience);
  }

  /** Undefined when something was not as it was seen. */
  async #take(
    entry: Entry,
    id: number,
    found: FoundRecord | undefined,
    patience: Patience,
  ): Promise<Outcome> {
    const client = this.#client;
    const { identity = "", acl } = this.#options;
    const claim = `${id}-${client.randomness.uuid()}`;
    const { sessionTimeoutMs } = client;
    const record: WorkerRecord = { state: "held", claim, sessionTimeoutMs, ...this.#rests };
    const taking = takeId(client, { places: this.#places, entry, id, found, record, identity, acl });
    try {
      return { claim: await patience.race(taking) };
    } catch (error) {
      if (patience.signal.aborted) {
        // Nobody has used it, so it is as good as given back.
        const givenBack = taking.then(
          (made) => giveBackId(client, made),
          () => ({ outcome: "removed" as const }),
        );
        await whileConnected(client, givenBack, client.sessionTimeoutMs / 3);
        throw error;
      }
      const isOther = ["NO_NODE", "BAD_VERSION", "NODE_EXISTS"].some((code) =>
        isZkError(error, code as never),
      );
      if (isOther) return undefined;
      throw error;
    }
  }

  #recordPath(id: number): string {
    return childPath(this.#places.records, String(id));
  }

  #allTaken(restsForMs: number): RecipeError {
    const next = Number.isFinite(restsForMs)
      ? `; one is free in ${Math.ceil(restsForMs)} ms at the latest`
      : "";
    const message = `none of the ${2 ** this.#options.bits} numbers is free${next}`;
    return new RecipeError({ code: "CAPACITY", message, ...this.#about });
  }
}

/** A year and a day. */
const REST_MS_MAX = 366 * 86_400_000;
