/**
 * How items get into the queue: once, although answers are lost, and only as many as there is room for.
 *
 * Room is counted strictly: who puts into a queue with a capacity demands, in the same transaction, that nobody else has put since
 * it counted, by the version of the directory. Producers who know of no capacity are not held back, and do not see that version.
 */
import {
  CreateMode,
  isZkError,
  type Stat,
  type Transaction,
  type TransactionResult,
  type ZkError,
} from "@zk/client";
import { counted } from "../core/contention.js";
import { makeDirectory } from "../core/directories.js";
import { commitOnce } from "../core/exactly-once.js";
import { WRAP_NEAR } from "../core/line.js";
import { isLost } from "../core/lost.js";
import { childPath, nameOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";
import { aclOf, type QueueSetup } from "./setup.js";
import { Change, WaitingRoom } from "./waiting-room.js";

/** A znode to be put. */
export interface Parcel {
  /** What stands before the number in its name. */
  readonly prefix: string;
  readonly data: Uint8Array;
}

/** What was put. */
export interface PutResult {
  /** The transaction: the `czxid` of the items. */
  readonly zxid: bigint;
  /**
   * The names of the znodes, in the order of the values. Undefined when the answer was lost and only the marker told that they
   * were put; somebody may have taken them since.
   */
  readonly names: readonly string[] | undefined;
}

/** See the head of this file. */
export class Putter {
  readonly #setup: QueueSetup;
  readonly #room: WaitingRoom;

  constructor(setup: QueueSetup) {
    this.#setup = setup;
    const { client, recipe, waiting, acl } = setup;
    this.#room = new WaitingRoom(client, recipe, `${waiting}/putters`, acl);
  }

  /**
   * Puts all parcels in one transaction, when there is room for them.
   *
   * @param once whether a marker decides when the answer is lost; otherwise that is AMBIGUOUS
   */
  async put(parcels: readonly Parcel[], once: boolean, patience: Patience): Promise<PutResult> {
    patience.check();
    const { capacity, client } = this.#setup;
    if (parcels.length > capacity) {
      const { recipe, path } = this.#setup;
      const message = `${parcels.length} items never fit into a queue that holds ${capacity}`;
      throw new RecipeError({ code: "CAPACITY", message, recipe, path });
    }
    if (!Number.isFinite(capacity)) return await this.#commit(parcels, undefined, once, patience);
    const put = await this.#putIfRoom(parcels, once, patience);
    if (put !== undefined) return put;
    return await counted(client, this.#setup, async () => {
      for (;;) {
        try {
          return await this.#room.whenFirst(patience, () => this.#putWhenRoom(parcels, once, patience));
        } catch (error) {
          if (!isSessionOver(error)) throw error;
          await sessionAgain(client, patience, this.#setup);
          telemetryOf(client).metrics.reentries += 1;
        }
      }
    });
  }

  /** As {@link Putter.put}, without waiting. @returns undefined when there is no room */
  async putIfRoom(
    parcels: readonly Parcel[],
    once: boolean,
    patience: Patience,
  ): Promise<PutResult | undefined> {
    patience.check();
    if (Number.isFinite(this.#setup.capacity)) return await this.#putIfRoom(parcels, once, patience);
    return await this.#commit(parcels, undefined, once, patience);
  }

  async #putWhenRoom(parcels: readonly Parcel[], once: boolean, patience: Patience): Promise<PutResult> {
    const { client, entries } = this.#setup;
    for (;;) {
      using change = new Change(client, [entries]);
      const put = await this.#putIfRoom(parcels, once, patience, change.watch);
      if (put !== undefined) return put;
      await change.happened(patience, Number.POSITIVE_INFINITY);
    }
  }

  async #putIfRoom(
    parcels: readonly Parcel[],
    once: boolean,
    patience: Patience,
    watch?: () => void,
  ): Promise<PutResult | undefined> {
    const { client, entries } = this.#setup;
    for (;;) {
      try {
        const { data, stat } = await patience.read((call) => client.getData(entries, call));
        if (this.#hasRoom(stat, parcels)) return await this.#commit(parcels, { data, stat }, once, patience);
        if (watch === undefined) return undefined;
        const now = await patience.read((call) => client.getChildrenWithStat(entries, { ...call, watch }));
        if (!this.#hasRoom(now.stat, parcels)) return undefined;
      } catch (error) {
        if (isZkError(error, "NO_NODE")) await this.#makeDirectory(patience);
        else if (isZkError(error, "BAD_VERSION")) telemetryOf(client).metrics.conflicts += 1;
        // Whoever watches stands in line, and does so again in the next session.
        else if (watch === undefined && isSessionOver(error))
          await sessionAgain(client, patience, this.#setup);
        else throw error;
      }
    }
  }

  #hasRoom(stat: Stat, parcels: readonly Parcel[]): boolean {
    return stat.numChildren + parcels.length <= this.#setup.capacity;
  }

  /** @param seen the directory when there was room: nobody may have put since */
  async #commit(
    parcels: readonly Parcel[],
    seen: { readonly data: Uint8Array | null; readonly stat: Stat } | undefined,
    once: boolean,
    patience: Patience,
  ): Promise<PutResult> {
    const { client, entries, markers, acl, recipe, path } = this.#setup;
    const build = (tx: Transaction): Transaction<readonly TransactionResult[]> => {
      if (seen !== undefined) tx.setData(entries, seen.data, { version: seen.stat.version });
      for (const { prefix, data } of parcels) {
        const mode = CreateMode.PERSISTENT_SEQUENTIAL;
        tx.create(childPath(entries, prefix), data, { mode, ...aclOf(this.#setup) });
      }
      return tx;
    };
    for (;;) {
      try {
        if (once) {
          const { results, zxid } = await commitOnce(client, { recipe, path, markers, acl }, build, patience);
          return { zxid, names: results === undefined ? undefined : this.#namesIn(results) };
        }
        const results = await build(client.transaction()).commit({ ...patience.call, retry: "none" });
        return { zxid: results[0]?.zxid ?? 0n, names: this.#namesIn(results) };
      } catch (error) {
        if (!isZkError(error)) throw error;
        if (patience.signal.aborted) throw patience.reasonOf(error);
        if (error.applied === "maybe") throw this.#ambiguous(error);
        if (error.code === "NO_NODE" && seen === undefined) await this.#makeDirectory(patience);
        else if (error.code === "QUEUE_FULL") await patience.race(client.drained());
        else if (error.code === "SESSION_EXPIRED") await sessionAgain(client, patience, { recipe, path });
        else if (!isLost(error)) throw error;
      }
    }
  }

  async #makeDirectory(patience: Patience): Promise<void> {
    const { client, entries, acl } = this.#setup;
    try {
      await patience.read((call) => makeDirectory(client, entries, acl, call));
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(client, patience, this.#setup);
    }
  }

  #namesIn(results: readonly TransactionResult[]): readonly string[] {
    const { client, recipe, path, layout } = this.#setup;
    const names = results.flatMap((result) => (result.type === "create" ? [nameOf(result.path)] : []));
    const serial = layout.parse(names.at(-1) ?? "")?.serial ?? 0;
    if (serial >= WRAP_NEAR) telemetryOf(client).tell({ type: "wrapNear", recipe, path, serial });
    return names;
  }

  #ambiguous(cause: ZkError): RecipeError {
    const { recipe, path } = this.#setup;
    const message = "the answer was lost, so it may have been put or not";
    return new RecipeError({ code: "AMBIGUOUS", message, recipe, path, applied: "maybe", cause });
  }
}
