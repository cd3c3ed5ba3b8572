/**
 * A lease: something that one holder has until a moment in time, whether its process is there or not. For jobs that run now and
 * then and exit. Whoever stays up had better take a {@link Lock}, which is free again as soon as its holder is gone.
 *
 * Time is the servers': each decision is made by the stamp of a write of our own, so clocks of clients need not agree. kazoo goes
 * by the clocks of its clients; the option `skewMs` is for them, and for a next leader whose clock is another.
 *
 * What it does not promise: that a process knows when its time is over, if its clock stood still, as that of a sleeping machine
 * does. A write through {@link ClockTerm.guard} goes through only while nobody else has had the lease. Beside kazoo, which makes
 * the znode anew and its version with it, that is so only until somebody has the lease after kazoo.
 *
 * Layout, as kazoo's NonBlockingLease and MultiNonBlockingLease: `<path>/lease_holder`, persistent, see `clock-text.ts`; behind
 * kazoo's lock at `<path>`. With `slots` the same below `<path>/0`, `<path>/1` and so on.
 *
 * The token is the mzxid of that znode; it grows from holder to holder.
 *
 * Source: kazoo 2.11 recipe/lease.py
 */
import { type Acl, type Client, isZkError, type Transaction } from "@zk/client";
import { Bell, rungOrAfter } from "../core/bell.js";
import { commitCertainly } from "../core/certain.js";
import { checkInteger, checkRecipe } from "../core/checks.js";
import { contend, counted } from "../core/contention.js";
import { baseOf } from "../core/dialects.js";
import { type Entry, Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { RecipeError } from "../errors.js";
import { ClockTerm, CLOCK_LEASE as RECIPE } from "./clock-term.js";
import { decodeLeaseRecord, encodeLeaseRecord, type LeaseRecord } from "./clock-text.js";

/** Options of {@link ClockLease}. */
export interface ClockLeaseOptions {
  /** Who wants it. The same holder may take it again at any time, from wherever. */
  readonly holder: string;
  /** Milliseconds for which it is taken; rounded up to a second. */
  readonly durationMs: number;
  /**
   * Milliseconds by which clocks may differ: what others have is waited for so much longer, and what we have is believed in for so
   * much less. Default 1000.
   */
  readonly skewMs?: number;
  /** How many may have it at a time, in places of their own. Default: one, without a place. */
  readonly slots?: number;
  /** Of our znodes, and of the directories if they are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** What the znode says: who has it, or had it. A record of null is of a later version. */
interface Found {
  readonly record: LeaseRecord | null;
  readonly version: number;
}

/** What one try gave: a term, or how long somebody else has it; undefined when the turn was lost. */
type Outcome = { readonly term: ClockTerm } | { readonly takenForMs: number } | undefined;

/** See the head of this file. */
export class ClockLease {
  /** The directory of the lease. It belongs to the lease alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: ClockLeaseOptions;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #places: readonly { readonly line: Line; readonly slot: number | undefined }[];

  /**
   * @param path the lease's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const lease = new ClockLease(client, "/leases/nightly", { holder: "host-7", durationMs: 3_600_000 });
   * const term = await lease.tryObtain();
   * if (term !== null) await runTheJob(term.signal);
   * ```
   */
  constructor(client: Client, path: string, options: ClockLeaseOptions) {
    checkRecipe(client, RECIPE, path, options ?? null);
    this.path = path;
    this.#client = client;
    this.#options = options;
    this.#about = { recipe: RECIPE, path };
    const { durationMs, skewMs = SKEW_MS, slots, acl } = options;
    checkInteger(this.#about, "skewMs", skewMs, { min: 0, max: 86_400_000 });
    checkInteger(this.#about, "durationMs", durationMs, { min: skewMs + 1, max: DURATION_MS_MAX });
    if (slots !== undefined) checkInteger(this.#about, "slots", slots, { min: 1, max: 10_000 });
    const bases = [baseOf("kazoo", "lock")];
    const lineAt = (directory: string): Line =>
      new Line(client, { recipe: RECIPE, directory, dialect: "kazoo", bases, acl, expects: [HOLDER] });
    this.#places =
      slots === undefined
        ? [{ line: lineAt(path), slot: undefined }]
        : Array.from({ length: slots }, (_, slot) => ({ line: lineAt(childPath(path, String(slot))), slot }));
  }

  /**
   * Takes the lease if nobody else has it now; the same holder takes it anew.
   *
   * @returns null when somebody else has it
   * @throws RecipeError CORRUPTED, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like
   */
  async tryObtain(options: WaitOptions = {}): Promise<ClockTerm | null> {
    using patience = new Patience(this.#client, this.#about, options);
    return await counted(this.#client, { ...this.#about, isTry: true }, async () => {
      const outcome = await this.#tryAll(patience);
      return "term" in outcome ? outcome.term : null;
    });
  }

  /**
   * Waits until nobody else has the lease, and takes it.
   * @throws as {@link ClockLease.tryObtain}
   */
  async obtain(options: WaitOptions = {}): Promise<ClockTerm> {
    using patience = new Patience(this.#client, this.#about, options);
    return await counted(this.#client, this.#about, async () => {
      for (;;) {
        using bell = new Bell(this.#client);
        const outcome = await this.#tryAll(patience, bell);
        if ("term" in outcome) return outcome.term;
        // The term is over by itself, or it is given back before.
        await rungOrAfter(this.#client, this.#about, bell, outcome.takenForMs, patience);
      }
    });
  }

  /** One place after another. */
  async #tryAll(
    patience: Patience,
    bell?: Bell,
  ): Promise<{ readonly term: ClockTerm } | { readonly takenForMs: number }> {
    let takenForMs = Number.POSITIVE_INFINITY;
    for (const { line, slot } of this.#places) {
      let outcome: Outcome;
      do outcome = await this.#turn(line, slot, patience, bell);
      while (outcome === undefined);
      if ("term" in outcome) return outcome;
      takenForMs = Math.min(takenForMs, outcome.takenForMs);
    }
    return { takenForMs };
  }

  async #turn(
    line: Line,
    slot: number | undefined,
    patience: Patience,
    bell: Bell | undefined,
  ): Promise<Outcome> {
    const { holder } = this.#options;
    const entry = await contend(line, { role: "lock", data: holder, isPart: true }, patience);
    let outcome: Outcome;
    try {
      outcome = await this.#judge(line, entry, slot, patience, bell);
    } catch (error) {
      if (!isSessionOver(error)) {
        await line.leave(entry);
        throw error;
      }
      await sessionAgain(this.#client, patience, this.#about);
      return undefined;
    }
    // The transaction that takes the lease gives up the turn as well.
    if (outcome === undefined || !("term" in outcome)) await line.leave(entry);
    return outcome;
  }

  async #judge(
    line: Line,
    entry: Entry,
    slot: number | undefined,
    patience: Patience,
    bell: Bell | undefined,
  ): Promise<Outcome> {
    const { holder, durationMs, skewMs = SKEW_MS } = this.#options;
    const path = childPath(line.options.directory, HOLDER);
    const sentMs = this.#client.clock.nowMs();
    const nowMs = await this.#serverNowMs(entry, holder, patience);
    if (nowMs === undefined) return undefined;
    const found = await this.#read(path, patience, bell);
    if (found?.record === null) return { takenForMs: Number.POSITIVE_INFINITY };
    const takenForMs = (found?.record.endMs ?? 0) + skewMs - nowMs;
    if (found !== undefined && found.record.holder !== holder && takenForMs > 0) return { takenForMs };
    const endMs = Math.ceil((nowMs + durationMs) / 1000) * 1000;
    const taken = await this.#take(entry, path, { holder, endMs }, found, patience);
    if (taken === undefined) return undefined;
    // The stamp was made after our write was sent, and less than a millisecond after what it says: this is before the servers' end.
    const believedUntilMs = sentMs + (endMs - skewMs - nowMs) - 1;
    return { term: new ClockTerm(this.#client, { ...taken, path, endMs, slot, believedUntilMs }) };
  }

  /** The leader's clock, as it stamps a write to our own place in line; undefined when that is gone. */
  async #serverNowMs(entry: Entry, holder: string, patience: Patience): Promise<number | undefined> {
    try {
      const { mtime } = await patience.race(
        this.#client.setData(entry.path, holder, { timeoutMs: Number.POSITIVE_INFINITY, retry: "always" }),
      );
      return Number(mtime);
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  /** Undefined when nobody ever had it. */
  async #read(path: string, patience: Patience, bell: Bell | undefined): Promise<Found | undefined> {
    try {
      const watch = bell === undefined ? {} : { watch: bell.at(path) };
      const { data, stat } = await patience.read((call) => this.#client.getData(path, { ...call, ...watch }));
      return { record: this.#decode(path, data) ?? null, version: stat.version };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #decode(path: string, data: Uint8Array | null): LeaseRecord | undefined {
    try {
      return decodeLeaseRecord(data);
    } catch (cause) {
      const message = `it says nothing that a lease says: ${(cause as Error).message}`;
      throw new RecipeError({ code: "CORRUPTED", message, recipe: RECIPE, path, cause });
    }
  }

  /** Undefined when the turn was not ours any more, or somebody wrote without having it. */
  async #take(
    entry: Entry,
    path: string,
    record: LeaseRecord,
    found: Found | undefined,
    patience: Patience,
  ): Promise<{ readonly token: bigint; readonly version: number } | undefined> {
    const client = this.#client;
    const { acl } = this.#options;
    const text = encodeLeaseRecord(record);
    const next = (found?.version ?? 0) + 1;
    const making = commitCertainly(client, {
      sessionId: entry.sessionId,
      directory: entry.path.slice(0, entry.path.lastIndexOf("/")),
      commit: async (call) => {
        let transaction = client.transaction().check(entry.path) as unknown as Transaction;
        if (found === undefined) {
          const options = acl === undefined ? {} : { acl };
          transaction = transaction.create(path, text, options) as unknown as Transaction;
        }
        // Also when it was just made: a znode that kazoo makes has the version 0.
        const done = await transaction
          .setData(path, text, { version: next - 1 })
          .remove(entry.path)
          .commit(call);
        return { token: done[0].zxid, version: next };
      },
      find: async (call) => {
        // Behind a transaction that was applied the turn is another's, who may have taken the lease in its turn.
        if ((await client.exists(entry.path, call)) !== null) return undefined;
        const { data, stat } = await client.getData(path, call);
        const isOurs = stat.version === next && new TextDecoder().decode(data ?? new Uint8Array(0)) === text;
        return isOurs ? { token: stat.mzxid, version: next } : undefined;
      },
    });
    try {
      return await patience.race(making);
    } catch (error) {
      // What it may yet become is given back: nobody has it, or we as long as we had it before.
      if (patience.signal.aborted) {
        const before = found?.record?.holder === record.holder ? found.record : { holder: "", endMs: 0 };
        making
          .then(async ({ version }) => {
            await client.setData(path, encodeLeaseRecord(before), { version, retry: "always" });
          })
          .catch(() => {
            // It was not taken, or another has it by now.
          });
        throw error;
      }
      const isLost = ["NO_NODE", "BAD_VERSION", "NODE_EXISTS"].some((code) =>
        isZkError(error, code as never),
      );
      if (isLost) return undefined;
      throw error;
    }
  }
}

const HOLDER = "lease_holder";
const SKEW_MS = 1000;
/** A year and a day. */
const DURATION_MS_MAX = 366 * 86_400_000;
