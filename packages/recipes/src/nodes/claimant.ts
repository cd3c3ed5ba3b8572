/**
 * Puts an ephemeral znode at a path that others may want as well.
 *
 * Whose a znode is that lies there already, is told by its owner and its czxid, never by its name or data:
 * - Of our session, and made by a create of ours whose answer was lost, or known from before: it is ours, and kept.
 * - Of an earlier session of ours: the servers are about to remove it, since that session is over. It is waited for. To replace
 *   it would be a little faster and might hit another's: a server compares versions, and every new znode has the same one.
 * - Anybody else's, be it of our own session: the claimant is asked.
 */
import {
  type Acl,
  type CallOptions,
  type Client,
  CreateMode,
  type Data,
  isZkError,
  type Stat,
  type ZkErrorCode,
} from "@zk/client";
import { type Owned, type Removal, removeBy, removeExactly } from "../core/janitor.js";
import { nextEvent } from "../core/next-event.js";
import { directoryOf } from "../core/paths.js";
import type { Patience } from "../core/patience.js";
import { settleWrites, unusedPath } from "../core/settle.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";

/** A znode that is ours. */
export interface Claimed extends Owned {
  readonly czxid: bigint;
  /** It lay there already, so its data may be old. */
  readonly adopted: boolean;
}

/** What is claimed, and what to do when it is taken. */
export interface ClaimDetails {
  readonly path: string;
  /** Asked at each try. */
  readonly data: () => Data;
  readonly acl: readonly Acl[] | undefined;
  /** Whether to wait until another's znode is gone, or to put ours in its place. What it throws ends the claim. */
  readonly taken: (stat: Stat) => "wait" | "replace";
}

/** A create whose answer was lost: it may have made a znode of this session, later than this zxid. */
interface LostCreate {
  readonly sessionId: bigint;
  readonly afterZxid: bigint;
}

/** Sessions remembered at most: a znode of a session before those is long gone. */
const SESSIONS_MAX = 16;

/** Znodes that claimants of a client have, by czxid: several of them may want the same path. */
const claimedOf = new WeakMap<Client, Set<bigint>>();

/** See the head of this file. */
export class Claimant {
  readonly #client: Client;
  readonly #details: ClaimDetails;
  readonly #others: Set<bigint>;
  #sessions: readonly bigint[] = [];
  #last: Claimed | undefined;
  #lost: LostCreate | undefined;

  constructor(client: Client, details: ClaimDetails) {
    this.#client = client;
    this.#details = details;
    let claimed = claimedOf.get(client);
    if (claimed === undefined) {
      claimed = new Set();
      claimedOf.set(client, claimed);
    }
    this.#others = claimed;
  }

  /**
   * Resolves when the path is ours.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, and whatever `taken` throws, after which nothing of ours is left; ZkError for what
   *   a server refuses, and SESSION_EXPIRED, after which it is to be asked again
   */
  async claim(patience: Patience): Promise<Claimed> {
    try {
      for (;;) {
        const claimed = (await this.#create(patience)) ?? (await this.#look(patience));
        if (claimed !== undefined) return claimed;
      }
    } catch (error) {
      if (this.#lost !== undefined && error instanceof RecipeError) await this.#clear(this.#lost);
      throw error;
    }
  }

  /** Says that the znode at the path, which was made by other means, is ours. */
  knows(claimed: Claimed): void {
    this.#mine({ path: claimed.path, zxid: claimed.czxid }, false);
  }

  /** Says that the znode is ours no longer. */
  forget(claimed: Claimed): void {
    this.#others.delete(claimed.czxid);
  }

  /**
   * Removes the znode that was ours last, if it is there: one that was believed to be lost, because no server answered for so long,
   * stands when the session has outlived that. Never rejects.
   */
  clear(): Promise<Removal> {
    return this.#last === undefined
      ? Promise.resolve({ outcome: "removed" })
      : removeExactly(this.#client, this.#last);
  }

  /** Undefined when there is a znode already, or the answer was lost. */
  async #create(patience: Patience): Promise<Claimed | undefined> {
    const { path, data, acl } = this.#details;
    patience.check();
    return await this.#once(patience, ["NODE_EXISTS"], async (call) => {
      const created = await this.#client.create(path, data(), {
        ...call,
        mode: CreateMode.EPHEMERAL,
        createParents: true,
        ...(acl === undefined ? {} : { acl }),
      });
      return this.#mine(created, false);
    });
  }

  /** What lies at the path: ours, or gone by the time that this returns undefined. */
  async #look(patience: Patience): Promise<Claimed | undefined> {
    const { path } = this.#details;
    const { promise: changed, listener } = nextEvent();
    try {
      const stat = await patience.read((call) => this.#client.exists(path, { ...call, watch: listener }));
      if (stat === null) return undefined;
      if (this.#isOurs(stat)) return this.#mine({ path, zxid: stat.czxid }, true);
      const isPast = this.#sessions.includes(stat.ephemeralOwner) && !this.#isOfThisSession(stat);
      if (!isPast && this.#details.taken(stat) === "replace") return await this.#replace(stat, patience);
      await patience.race(changed);
      return undefined;
    } finally {
      this.#client.unwatch(path, listener);
    }
  }

  /**
   * All at once, so that nobody sees the path without a znode, and only if the znode is as it was seen. Ours gets another version:
   * whoever had the other one may be about to change or remove it, and servers tell the two apart by nothing else.
   */
  async #replace({ version }: Stat, patience: Patience): Promise<Claimed | undefined> {
    const { path, data, acl } = this.#details;
    return await this.#once(patience, ["BAD_VERSION", "NO_NODE"], async (call) => {
      const bytes = data();
      const replacing = this.#client
        .transaction()
        .remove(path, { version })
        .create(path, bytes, { mode: CreateMode.EPHEMERAL, ...(acl === undefined ? {} : { acl }) });
      const [, created] = await (version === 0 ? replacing.setData(path, bytes) : replacing).commit(call);
      return this.#mine(created, false);
    });
  }

  /**
   * Sends a write that makes our znode, once: a second one would find the first one's znode and not know whose it is.
   * @returns undefined when the server answered one of the codes, or when the answer was lost, which is remembered
   */
  async #once(
    patience: Patience,
    codes: readonly ZkErrorCode[],
    send: (call: CallOptions) => Promise<Claimed>,
  ): Promise<Claimed | undefined> {
    const client = this.#client;
    const afterZxid = client.lastZxid;
    try {
      return await send({ ...patience.call, retry: "none" });
    } catch (error) {
      this.#remember();
      if (!isZkError(error)) throw error;
      if (error.applied === "maybe" && this.#lost?.sessionId !== client.sessionId) {
        telemetryOf(client).metrics.ambiguous += 1;
        this.#lost = { sessionId: client.sessionId, afterZxid };
      }
      patience.check();
      if (error.code === "QUEUE_FULL") await patience.race(client.drained());
      else if (error.code !== "CONNECTION_LOSS" && !codes.includes(error.code)) throw error;
      return undefined;
    }
  }

  #mine({ path, zxid }: { readonly path: string; readonly zxid: bigint }, adopted: boolean): Claimed {
    this.#remember();
    this.#lost = undefined;
    this.#last = { path, czxid: zxid, sessionId: this.#client.sessionId, adopted };
    this.#others.add(zxid);
    return this.#last;
  }

  #isOurs(stat: Stat): boolean {
    if (!this.#isOfThisSession(stat)) return false;
    if (stat.czxid === this.#last?.czxid) return true;
    if (this.#others.has(stat.czxid)) return false;
    const lost = this.#lost;
    return lost?.sessionId === stat.ephemeralOwner && stat.czxid > lost.afterZxid;
  }

  #isOfThisSession(stat: Stat): boolean {
    return stat.ephemeralOwner === this.#client.sessionId;
  }

  /** A create that was sent just now was of this session. */
  #remember(): void {
    const { sessionId } = this.#client;
    if (sessionId === 0n || this.#sessions.at(-1) === sessionId) return;
    this.#sessions = [...this.#sessions, sessionId].slice(-SESSIONS_MAX);
  }

  /** Removes what a lost create may have made. */
  async #clear(lost: LostCreate): Promise<void> {
    const { path } = this.#details;
    const client = this.#client;
    const forever = { timeoutMs: Number.POSITIVE_INFINITY };
    await removeBy(client, { path, sessionId: lost.sessionId }, async () => {
      await settleWrites(client, unusedPath(client, directoryOf(path)), forever);
      const stat = await client.exists(path, forever);
      if (stat === null || !this.#isOurs(stat)) return;
      await removeExactly(client, { path, sessionId: lost.sessionId, czxid: stat.czxid });
    });
  }
}
