/**
 * A znode with a time to live, as it is made, touched and removed on servers that have such znodes and on those that have not.
 *
 * - Where there are TTL znodes it is one, and so is its child, `touch`. The child is written to again and again, which keeps it,
 *   and its parent with it, and disturbs nobody who watches the parent. Source: Apache Curator 5, PersistentTtlNode.java.
 * - Elsewhere it is a persistent znode whose own data is written again as it is, and somebody else removes it when that ends.
 */
import {
  type Acl,
  type CallOptions,
  type Client,
  CreateMode,
  type Data,
  isZkError,
  type Stat,
} from "@zk/client";
import { type Removal, removeBy } from "../core/janitor.js";
import { isLost } from "../core/lost.js";
import { childPath, directoryOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { settleWrites, unusedPath } from "../core/settle.js";
import { telemetryOf } from "../core/telemetry.js";
import { isSame } from "./kept-data.js";

/** What a {@link TtlZnode} is made from. */
export interface TtlZnodeDetails {
  readonly path: string;
  readonly childName: string;
  readonly ttlMs: number;
  readonly acl: readonly Acl[] | undefined;
  /** The data to make it with; asked at each try. */
  readonly data: () => Data;
}

/** A znode that is there and is to be kept. */
export interface TtlKept {
  readonly czxid: bigint;
  /** It is a persistent znode, because the servers have no others. */
  readonly emulated: boolean;
  /** The stat of one that lay there already. */
  readonly found: Stat | undefined;
}

/** What was found instead of a place for it: an ephemeral znode. */
export interface TtlTaken {
  readonly taken: Stat;
}

const FOREVER: CallOptions = { timeoutMs: Number.POSITIVE_INFINITY };

/** See the head of this file. */
export class TtlZnode {
  readonly #client: Client;
  readonly #details: TtlZnodeDetails;
  readonly #child: string;
  /** Creates whose answers were lost: each may have made a znode, with its data, later than this zxid. */
  #lost: { readonly afterZxid: bigint; readonly data: readonly Data[] } | undefined;

  constructor(client: Client, details: TtlZnodeDetails) {
    this.#client = client;
    this.#details = details;
    this.#child = childPath(details.path, details.childName);
  }

  /**
   * Makes it, or takes over what lies there, unless that is ephemeral.
   *
   * @param mayEmulate whether a persistent znode will do
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses, among that UNIMPLEMENTED and TTL_DISABLED if it
   *   may not be emulated
   */
  async make(patience: Patience, mayEmulate: boolean): Promise<TtlKept | TtlTaken> {
    let emulated = false;
    for (;;) {
      try {
        const czxid = await this.#create(patience, emulated);
        this.#lost = undefined;
        return { czxid, emulated, found: undefined };
      } catch (error) {
        patience.check();
        if (hasNoTtl(error) && mayEmulate) emulated = true;
        else if (isZkError(error, "QUEUE_FULL")) await patience.race(this.#client.drained());
        else if (isZkError(error, "NODE_EXISTS")) {
          const stat = await patience.read((call) => this.#client.exists(this.#details.path, call));
          if (stat === null) continue;
          if (stat.ephemeralOwner !== 0n) return { taken: stat };
          this.#lost = undefined;
          return { czxid: stat.czxid, emulated, found: stat };
        } else if (!isLost(error)) throw error;
      }
    }
  }

  /**
   * Puts its end off by another time to live.
   *
   * @returns `gone` when it is not there any more; `changed` when the servers have lost or got TTL znodes since it was made
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError for what a server refuses
   */
  async touch(kept: TtlKept, patience: Patience): Promise<"touched" | "gone" | "changed"> {
    try {
      if (kept.emulated) await this.#rewrite(kept, patience);
      else await this.#touchChild(patience);
      return "touched";
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return "gone";
      if (hasNoTtl(error)) return "changed";
      throw error;
    }
  }

  /**
   * Removes it, and nothing that took its place. Never rejects.
   *
   * @param kept undefined when nobody knows of one: then what a create made whose answer was lost, unless it was written to since
   * @returns undefined when it has children that are not ours; it goes by itself when they have gone
   */
  async remove(kept: TtlKept | undefined): Promise<Removal | undefined> {
    const client = this.#client;
    const { path } = this.#details;
    let hasChildren = false;
    const removal = await removeBy(client, { path, sessionId: client.sessionId }, async () => {
      const stat = await this.#look(kept);
      if (stat === undefined) return;
      try {
        await client.remove(this.#child, { ...FOREVER, retry: "always" });
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
      }
      for (let version = stat.version; ; ) {
        try {
          return await client.remove(path, { ...FOREVER, version, retry: "none" });
        } catch (error) {
          hasChildren = isZkError(error, "NOT_EMPTY");
          if (hasChildren) return;
          if (!isZkError(error, "BAD_VERSION")) throw error;
          const now = await client.exists(path, FOREVER);
          if (now?.czxid !== stat.czxid) return;
          version = now.version;
        }
      }
    });
    return hasChildren ? undefined : removal;
  }

  async #create(patience: Patience, emulated: boolean): Promise<bigint> {
    const client = this.#client;
    const { path, ttlMs, acl } = this.#details;
    const data = this.#details.data();
    const { lastZxid } = client;
    try {
      const { zxid } = await client.create(path, data, {
        ...patience.call,
        ...(emulated ? {} : { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs }),
        ...(acl === undefined ? {} : { acl }),
        createParents: true,
        retry: "none",
      });
      return zxid;
    } catch (error) {
      if (isZkError(error) && error.applied === "maybe") {
        telemetryOf(client).metrics.ambiguous += 1;
        const { afterZxid = lastZxid, data: earlier = [] } = this.#lost ?? {};
        this.#lost = { afterZxid, data: earlier.includes(data) ? earlier : [...earlier, data] };
      }
      throw error;
    }
  }

  async #touchChild(patience: Patience): Promise<void> {
    const client = this.#client;
    const { ttlMs, acl } = this.#details;
    const retry = "always";
    try {
      await patience.read((call) => client.setData(this.#child, null, { ...call, retry }));
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
      const kind = { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs, ...(acl === undefined ? {} : { acl }) };
      try {
        await patience.read((call) => client.create(this.#child, null, { ...call, ...kind, retry }));
      } catch (second) {
        // Somebody else who keeps the same znode was faster, or it was ours.
        if (!isZkError(second, "NODE_EXISTS")) throw second;
      }
    }
  }

  /** What it says stays what it says, whoever has written it. */
  async #rewrite(kept: TtlKept, patience: Patience): Promise<void> {
    const client = this.#client;
    const { path } = this.#details;
    const { data, stat } = await patience.read((call) => client.getData(path, call));
    // Another one took its place: whoever watches it says so.
    if (stat.czxid !== kept.czxid) return;
    const { version } = stat;
    try {
      await patience.read((call) => client.setData(path, data, { ...call, version, retry: "always" }));
    } catch (error) {
      // Written to in between, and that is a touch as well; or it was ours, whose answer was lost.
      if (!isZkError(error, "BAD_VERSION")) throw error;
    }
  }

  /** The znode that is to be removed, as it is now. */
  async #look(kept: TtlKept | undefined): Promise<Stat | undefined> {
    const client = this.#client;
    const { path } = this.#details;
    if (kept === undefined) return await this.#lookForLost();
    // The server that we are on may not know yet what others did.
    await client.sync(path, FOREVER);
    const stat = await client.exists(path, FOREVER);
    return stat?.czxid === kept.czxid ? stat : undefined;
  }

  /** Servers do not tell who made a znode: one that says something else, or was written to, may be another's and is left. */
  async #lookForLost(): Promise<Stat | undefined> {
    const lost = this.#lost;
    if (lost === undefined) return undefined;
    const client = this.#client;
    const { path } = this.#details;
    await settleWrites(client, unusedPath(client, directoryOf(path)), FOREVER);
    const { data, stat } = await client.getData(path, FOREVER);
    const isOurs =
      stat.czxid > lost.afterZxid &&
      stat.version === 0 &&
      stat.ephemeralOwner === 0n &&
      lost.data.some((each) => isSame(data, each));
    return isOurs ? stat : undefined;
  }
}

/** Whether the servers have no znodes with a time to live, or have them switched off. */
export function hasNoTtl(error: unknown): boolean {
  return isZkError(error, "UNIMPLEMENTED") || isZkError(error, "TTL_DISABLED");
}
