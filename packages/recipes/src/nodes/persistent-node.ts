/**
 * An ephemeral znode that is kept: made again in the next session, and after somebody removed it, for as long as we live.
 *
 * What it does not promise: that the znode is there at every moment. Between two sessions it is not, and its events say so. Nor
 * that the name is ours for ever: when our session ends somebody else may take it, and then we wait for it, or end, as told.
 *
 * Rules:
 * - What is kept is a znode of ours, known by its czxid. Another's is never changed or removed (see {@link removeExactly} for
 *   what a server can and cannot be asked), unless `takeOver` asks for it, and then once, at the start: two who took over from
 *   each other would do so for ever.
 * - A lost connection alone changes nothing. Only when the session is over, or may be, is the znode told to be gone.
 * - Data that was set while there was no connection is written when there is one again.
 * - Closing resolves when the server has removed the znode, also when it was being made just then.
 *
 * Layout: the path itself, ephemeral; or `<directory>/_c_<uuid>-<name>`, and with a number behind it, as Apache Curator's
 * PersistentNode with protection has it. A numbered znode keeps its number in later sessions. The token is its czxid, another one
 * each time that it is made.
 */
import type { Acl, Client, Data, Stat } from "@zk/client";
import { Backoff } from "../core/backoff.js";
import { checkOneOf, checkRecipe } from "../core/checks.js";
import { goOn } from "../core/going-on.js";
import { Hold, type HoldState } from "../core/hold.js";
import { type Removal, removeExactly, whileConnected } from "../core/janitor.js";
import { Listeners } from "../core/listeners.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { RecipeError } from "../errors.js";
import type { Claimed } from "./claimant.js";
import { KeptData } from "./kept-data.js";
import { type Naming, NodeMaker } from "./node-maker.js";

/** Options of {@link PersistentNode}. */
export interface PersistentNodeOptions {
  /** What the znode says. Default: nothing (null). */
  readonly data?: Data;
  /**
   * The name of the znode: the path as it is (`plain`); `_c_<uuid>-` before its last part (`protected`), so that nobody else
   * has it; or that and a number behind it (`sequential`). Default `plain`.
   */
  readonly naming?: Naming;
  /**
   * What to do when somebody else has the znode: wait until it is gone (`wait`), end with CONFLICT (`fail`), or put ours in its
   * place (`takeOver`), which is done at the start only and is `wait` later on. Default `wait`.
   */
  readonly onTaken?: "wait" | "fail" | "takeOver";
  /** Of the znode, and of the parents if they are made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
  /** How errors and telemetry call it. Default `PersistentNode`. */
  readonly recipe?: string;
}

/** What {@link PersistentNode.onEvent} tells. */
export type PersistentNodeEvent =
  /** The znode is there and ours. */
  | { readonly type: "established"; readonly path: string; readonly token: bigint }
  /** It is not there any more, or nobody can say; it will be made again. */
  | { readonly type: "gone"; readonly path: string; readonly token: bigint; readonly reason: unknown }
  /** Another session has a znode at the path; 0n for one that is not ephemeral. */
  | { readonly type: "taken"; readonly path: string; readonly owner: bigint; readonly czxid: bigint }
  /** Somebody else has changed its data. That is left as it is until the znode is made again or its data is set. */
  | { readonly type: "changed"; readonly path: string; readonly data: Uint8Array | null }
  /** The server does not let us make it; it is tried again after this time. */
  | { readonly type: "refused"; readonly error: unknown; readonly retryMs: number }
  /** It is kept no longer. */
  | { readonly type: "failed"; readonly error: unknown };

/**
 * - `idle`: not started.
 * - `establishing`: there is no znode of ours now.
 * - `taken`: nor can there be, because somebody else has one there.
 * - `established`: the znode is there.
 * - `suspect`: it was, and the connection is lost or in doubt.
 * - `closed`, `failed`: final.
 */
export type PersistentNodeState =
  | "idle"
  | "establishing"
  | "taken"
  | "established"
  | "suspect"
  | "closed"
  | "failed";

/** A znode that lived so long was not lost for a reason that comes back at once. */
const CALM_MS = 10_000;

/** See the head of this file. */
export class PersistentNode implements AsyncDisposable {
  /** The path as it was asked for. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: PersistentNodeOptions;
  readonly #about: { readonly recipe: string; readonly path: string };
  readonly #events = new Listeners<PersistentNodeEvent>();
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  readonly #data: KeptData;
  readonly #maker: NodeMaker;
  readonly #backoff: Backoff;
  #running: Promise<Removal> | undefined;
  #hold: Hold | undefined;
  #isTaken = false;
  #toldTaken: bigint | undefined;
  #hasBeenEstablished = false;
  #removals = 0;
  /** Those who wait until it is established for the first time. */
  #first: { resolve(): void; reject(error: unknown): void } | undefined;

  /**
   * @param path of the znode; its parents are made when they are needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * await using node = await new PersistentNode(client, "/alive/worker-7", { data: "10.0.0.7:8080" }).start();
   * ```
   */
  constructor(client: Client, path: string, options: PersistentNodeOptions = {}) {
    const recipe = options.recipe ?? "PersistentNode";
    checkRecipe(client, recipe, path, options);
    const about = { recipe, path };
    checkOneOf(about, "naming", options.naming, ["plain", "protected", "sequential"]);
    checkOneOf(about, "onTaken", options.onTaken, ["wait", "fail", "takeOver"]);
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#about = about;
    this.#data = new KeptData(client, options.data ?? null, (data) => {
      this.#events.tell({ type: "changed", path: this.actualPath ?? path, data });
    });
    this.#maker = new NodeMaker(client, {
      path,
      naming: options.naming ?? "plain",
      data: this.#data,
      acl: options.acl,
      taken: (taken, stat) => this.#taken(taken, stat),
    });
    this.#backoff = new Backoff(client);
  }

  /** Where it stands now. */
  get state(): PersistentNodeState {
    if (this.#ended.signal.aborted) return "failed";
    if (this.#stop.signal.aborted) return "closed";
    if (this.#running === undefined) return "idle";
    const state: HoldState | undefined = this.#hold?.state;
    if (state === "held") return "established";
    if (state === "suspect") return "suspect";
    return this.#isTaken ? "taken" : "establishing";
  }

  /** The path of the znode that is there, with its prefix and number; undefined while there is none. */
  get actualPath(): string | undefined {
    return this.hold?.path;
  }

  /** The znode's czxid; undefined while there is none. */
  get token(): bigint | undefined {
    return this.hold?.token;
  }

  /** The znode of the present, for its signal and for guarded writes; undefined while there is none. */
  get hold(): Hold | undefined {
    const state = this.#hold?.state;
    return state === "held" || state === "suspect" ? this.#hold : undefined;
  }

  /** Aborts when the znode is kept no longer although nobody closed it; the reason is the error. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Hears of what happens to the znode. @returns what ends it */
  onEvent(listener: (event: PersistentNodeEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Begins, and resolves when the znode is there. If that fails it is closed again, and nothing is left.
   *
   * @returns itself
   * @throws RecipeError CONFLICT (somebody else has it, with `onTaken: "fail"`), ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED
   *   (it was closed meanwhile, or has been started before); ZkError NO_AUTH and the like
   */
  async start(options: WaitOptions = {}): Promise<this> {
    if (this.#running !== undefined || this.#stop.signal.aborted) {
      throw this.#error("RELEASED", "it can be started once; make another one");
    }
    using patience = new Patience(this.#client, this.#about, options);
    patience.check();
    const established = new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
    });
    this.#running = this.#run();
    try {
      await patience.race(established);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#first = undefined;
    }
    return this;
  }

  /**
   * Changes the data, now if the znode is there, otherwise when it is. Resolves when the server has it. A wait that ends before
   * takes nothing back.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, RELEASED; ZkError for what a server refuses
   */
  async setData(data: Data, options: WaitOptions = {}): Promise<void> {
    this.#refuseIfOver();
    using patience = new Patience(this.#client, this.#about, options);
    await patience.race(this.#data.set(data));
  }

  /**
   * Ends it. Resolves when the server has removed the znode, or when that cannot be had now: the janitor then goes on until it
   * is gone. May be called again.
   *
   * @param options `timeoutMs`: how long to wait for the server while it is connected; default a third of the session timeout
   * @returns whether the znode is known to be gone
   * @throws RecipeError REFUSED when the server does not let us remove the znode
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<{ readonly confirmed: boolean }> {
    this.#stop.abort();
    const closed = this.#error("RELEASED", "it was closed");
    this.#data.end(closed);
    this.#first?.reject(closed);
    if (this.#running === undefined) return { confirmed: true };
    const limitMs = options.timeoutMs ?? this.#client.sessionTimeoutMs / 3;
    const ended = await whileConnected(this.#client, this.#running, limitMs);
    if (ended?.outcome === "failed")
      throw this.#error("REFUSED", "its znode could not be removed", ended.error);
    return { confirmed: ended !== undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes the znode again and again. Never rejects. @returns what became of the last one */
  async #run(): Promise<Removal> {
    const removal = await goOn({
      client: this.#client,
      about: this.#about,
      stop: this.#stop.signal,
      round: async (patience, calm) => {
        const made = await this.#maker.make(patience);
        if ("outcome" in made) return made;
        calm();
        return await this.#keep(made, patience);
      },
      troubled: (error, retryMs) => {
        this.#first?.reject(error);
        if (retryMs !== undefined) this.#events.tell({ type: "refused", error, retryMs });
      },
      failed: (error) => {
        this.#ended.abort(error);
        this.#data.end(error);
        this.#first?.reject(error);
        this.#events.tell({ type: "failed", error });
      },
    });
    return removal ?? (await this.#maker.clear());
  }

  #taken(path: string, { ephemeralOwner: owner, czxid }: Stat): "wait" | "replace" {
    const { onTaken = "wait" } = this.#options;
    this.#isTaken = true;
    if (this.#toldTaken !== czxid) {
      this.#toldTaken = czxid;
      this.#events.tell({ type: "taken", path, owner, czxid });
    }
    if (onTaken === "fail") {
      const whose = owner === 0n ? "nobody's session" : `the session 0x${owner.toString(16)}`;
      throw this.#error("CONFLICT", `there is a znode already, of ${whose}`);
    }
    return onTaken === "takeOver" && !this.#hasBeenEstablished ? "replace" : "wait";
  }

  /** Resolves when the znode is ours no longer. @returns its removal, if it was closed */
  async #keep(claimed: Claimed, patience: Patience): Promise<Removal | undefined> {
    const client = this.#client;
    const { path, sessionId, czxid: token } = claimed;
    let removal: Promise<Removal> | undefined;
    const remove = (): Promise<Removal> => {
      removal ??= removeExactly(client, claimed);
      return removal;
    };
    const hold = new Hold({
      client,
      recipe: this.#about.recipe,
      path,
      token,
      sessionId,
      onSuspended: "wait",
      onData: (data) => this.#data.seen(data),
      // When it is lost while the session lives, it is found and kept, or was removed.
      remove: () => (this.#stop.signal.aborted ? remove() : Promise.resolve({ outcome: "sessionOver" })),
    });
    if (hold.state === "lost") return undefined;
    const sinceMs = client.clock.nowMs();
    this.#established(hold, claimed);
    try {
      await patience.race(whenOver(hold));
    } catch {
      // It was closed. What becomes of the znode is told by its removal, which the hold begins.
      hold.release().catch(() => {});
      return await remove();
    } finally {
      this.#hold = undefined;
      this.#data.detach();
      this.#maker.forget(claimed);
    }
    this.#events.tell({ type: "gone", path, token, reason: hold.signal.reason });
    if (client.sessionId === sessionId) await this.#calmDown(client.clock.nowMs() - sinceMs, patience);
    return undefined;
  }

  #established(hold: Hold, claimed: Claimed): void {
    this.#hold = hold;
    this.#isTaken = false;
    this.#toldTaken = undefined;
    this.#hasBeenEstablished = true;
    this.#data.attach(claimed);
    this.#first?.resolve();
    this.#events.tell({ type: "established", path: hold.path, token: hold.token });
  }

  /** Somebody removes it: the first time it is made again at once, later with pauses that grow. */
  async #calmDown(livedMs: number, patience: Patience): Promise<void> {
    this.#removals = livedMs >= CALM_MS ? 1 : this.#removals + 1;
    if (this.#removals === 1) this.#backoff.calm();
    else await this.#backoff.pause(patience);
  }

  #refuseIfOver(): void {
    this.#ended.signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw this.#error("RELEASED", "it was closed");
  }

  #error(code: "RELEASED" | "CONFLICT" | "REFUSED", message: string, cause?: unknown): RecipeError {
    return new RecipeError({ code, message, ...this.#about, cause });
  }
}

function whenOver(hold: Hold): Promise<void> {
  return new Promise((resolve) => {
    const look = (state: HoldState): void => {
      if (state === "lost" || state === "released") resolve();
    };
    hold.onState(look);
    look(hold.state);
  });
}
