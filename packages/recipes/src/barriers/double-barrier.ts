/**
 * A computation that a number of members begin together, and end together.
 *
 * What it promises: `enter` returns when so many have entered, to each of them, the slow ones included that look when the
 * fast ones have left already; `leave` returns when everybody has left. A member that gives up is no member any more before its
 * error is told, unless everybody had entered by then: then it has entered, and is told so.
 *
 * What it does not promise: that all members see the same in time. A member whose session ends while it is inside is gone for
 * the others.
 *
 * Layout: `<path>/<uuid>` for each member, ephemeral, and `<path>/ready` when all have entered, as Curator's
 * DistributedDoubleBarrier and kazoo's DoubleBarrier; both may take part.
 */
import { type Client, CreateMode, isZkError } from "@zk/client";
import { checkInteger, checkRecipe } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { makeDirectory } from "../core/directories.js";
import { Hold } from "../core/hold.js";
import { type Owned, removeOwned, whileConnected } from "../core/janitor.js";
import { childPath, nameOf } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver } from "../core/sessions.js";
import { telemetryOf } from "../core/telemetry.js";
import { RecipeError } from "../errors.js";

const RECIPE = "DoubleBarrier";
const READY = "ready";
const SESSION_WENT = "the session ended, and our membership with it";

/** Options of {@link DoubleBarrier}. */
export interface DoubleBarrierOptions {
  /** How many members begin together; at least 1. All have to say the same. */
  readonly members: number;
  /** What our znode says of us: UTF-8. Default: empty. */
  readonly identity?: string;
}

/** A member that has entered. Its signal aborts when its session is lost, and with it its membership. */
export class DoubleBarrierMember extends Hold {
  /** How many members were seen when it entered: as many as were asked for, or more that came too late to be needed. */
  readonly size: number;
  /** The member's place among them in the order of their names, from 0; -1 if it was not seen any more. */
  readonly index: number;
  /**
   * The transaction in which the barrier became ready: the same for all members of one round, and it grows. Null for a member so
   * slow that the others had left when it looked.
   */
  readonly generation: bigint | null;
  readonly #leave: (options: WaitOptions) => Promise<void>;

  /** Made by {@link DoubleBarrier.enter}. */
  constructor(
    details: ConstructorParameters<typeof Hold>[0],
    entered: { readonly size: number; readonly index: number; readonly generation: bigint | null },
    leave: (member: DoubleBarrierMember, options: WaitOptions) => Promise<void>,
  ) {
    super(details);
    this.size = entered.size;
    this.index = entered.index;
    this.generation = entered.generation;
    this.#leave = (options) => leave(this, options);
  }

  /**
   * Leaves, and waits until everybody has. Releasing the member instead leaves without waiting.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT (it has left all the same), SESSION_EXPIRED; ZkError of any read
   */
  leave(options: WaitOptions = {}): Promise<void> {
    return this.#leave(options);
  }
}

/** See the head of this file. */
export class DoubleBarrier {
  /** The directory of the barrier. It belongs to the barrier alone. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: DoubleBarrierOptions;
  readonly #ready: string;

  /** @throws RecipeError INVALID_ARGUMENT */
  constructor(client: Client, path: string, options: DoubleBarrierOptions) {
    checkRecipe(client, RECIPE, path, options ?? null);
    checkInteger({ recipe: RECIPE, path }, "members", options.members, { min: 1, max: 1_000_000 });
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#ready = childPath(path, READY);
  }

  /**
   * Enters, and waits until everybody has.
   *
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED (our membership went with the session); ZkError of any write.
   *   We are no member any more then, or the janitor sees to it.
   */
  async enter(options: WaitOptions = {}): Promise<DoubleBarrierMember> {
    using patience = this.#patience(options);
    return await counted(this.#client, { recipe: RECIPE, path: this.path }, () => this.#enter(patience));
  }

  async #enter(patience: Patience): Promise<DoubleBarrierMember> {
    const ready = new News();
    try {
      await makeDirectory(this.#client, this.path, undefined, patience.call);
    } catch (error) {
      // Of our membership there is nothing yet.
      patience.check();
      throw this.#told(error);
    }
    try {
      // Watched before we are there: it may come and go while we wait for our own answer.
      await this.#sees(this.#ready, ready, patience);
      const own = await this.#join(patience);
      let generation: bigint | null;
      try {
        generation = await this.#untilReady(own, ready, patience);
      } catch (error) {
        const removal = removeOwned(this.#client, own);
        await whileConnected(this.#client, removal, this.#client.sessionTimeoutMs / 3);
        const late = patience.signal.aborted ? await this.#wasReady(ready) : undefined;
        if (late === undefined) throw this.#told(error);
        generation = late;
      }
      const members = await this.#membersSeen();
      return new DoubleBarrierMember(
        { client: this.#client, recipe: RECIPE, ...own, onSuspended: "wait" },
        { size: Math.max(members.length, 1), index: members.indexOf(nameOf(own.path)), generation },
        (member, waiting) => this.#leave(member, waiting),
      );
    } finally {
      this.#client.unwatch(this.#ready, ready.tell);
    }
  }

  /** Our own znode. Its name is a uuid, so one that is there when the create is sent again is ours. */
  async #join(patience: Patience): Promise<Owned & { readonly token: bigint }> {
    const client = this.#client;
    const path = childPath(this.path, client.randomness.uuid());
    const making = client
      .create(path, this.#options.identity ?? "", {
        mode: CreateMode.EPHEMERAL,
        // An empty directory may go at any time.
        createParents: true,
        retry: "always",
        timeoutMs: Number.POSITIVE_INFINITY,
      })
      .then(
        ({ zxid }) => zxid,
        async (error: unknown) => {
          if (!isZkError(error, "NODE_EXISTS")) throw error;
          const stat = await client.exists(path, { timeoutMs: Number.POSITIVE_INFINITY });
          if (stat === null) throw error;
          return stat.czxid;
        },
      )
      .then((token) => ({ path, token, sessionId: client.sessionId }));
    try {
      return await patience.race(making);
    } catch (error) {
      const gone = making.then(
        (own) => removeOwned(client, own),
        () => ({ outcome: "removed" }) as const,
      );
      if (patience.signal.aborted) await whileConnected(client, gone, client.sessionTimeoutMs / 3);
      throw this.#told(error);
    }
  }

  /** Resolves when the barrier is ready, whoever makes it so. @returns the generation */
  async #untilReady(own: Owned, ready: News, patience: Patience): Promise<bigint | null> {
    for (;;) {
      const changed = new News();
      try {
        const is = await this.#sees(this.#ready, ready, patience);
        if (is !== undefined) return is;
        // It was there and is gone again: everybody had entered, and the fast ones have left.
        if (ready.wasCreated) return null;
        const names = await this.#namesWatched(changed, patience);
        this.#checkMembership(own, names);
        if (membersOf(names).length >= this.#options.members) {
          const made = await this.#makeReady(patience);
          if (made !== undefined) return made;
        }
        await patience.race(Promise.race([changed.told, ready.told]));
        telemetryOf(this.#client).metrics.wakeUps += 1;
      } finally {
        this.#client.unwatch(this.path, changed.tell);
      }
    }
  }

  /** All children, and news of them; none if somebody has removed the directory. */
  async #namesWatched(changed: News, patience: Patience): Promise<readonly string[]> {
    try {
      return await patience.read((call) =>
        this.#client.getChildren(this.path, { ...call, watch: changed.tell }),
      );
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  #checkMembership(own: Owned, names: readonly string[]): void {
    if (this.#client.sessionId !== own.sessionId) throw this.#error("SESSION_EXPIRED", SESSION_WENT);
    if (!names.includes(nameOf(own.path)))
      throw this.#error("HOLD_LOST", "our znode was removed by somebody else");
  }

  /** @returns the generation, or undefined when it has to be looked for again */
  async #makeReady(patience: Patience): Promise<bigint | undefined> {
    try {
      const made = await this.#client.create(this.#ready, null, { ...patience.call, retry: "always" });
      return made.zxid;
    } catch (error) {
      patience.check();
      // Without a directory we are no member any more, and find that out by looking again.
      const toBeSeen = ["NODE_EXISTS", "CONNECTION_LOSS", "NO_NODE"] as const;
      if (toBeSeen.some((code) => isZkError(error, code))) return undefined;
      throw error;
    }
  }

  /** Whether a znode is there; news of it from now on. @returns its czxid */
  async #sees(path: string, news: News, patience: Patience): Promise<bigint | undefined> {
    news.renew();
    const stat = await patience.read((call) => this.#client.exists(path, { ...call, watch: news.tell }));
    return stat?.czxid;
  }

  /** After we have gone: whether everybody had entered before. */
  async #wasReady(ready: News): Promise<bigint | null | undefined> {
    if (this.#client.state !== "connected") return undefined;
    try {
      await this.#client.sync(this.path);
      const stat = await this.#client.exists(this.#ready);
      return stat?.czxid ?? (ready.wasCreated ? null : undefined);
    } catch (error) {
      // Who gave up and hears nothing more has given up.
      if (isZkError(error)) return undefined;
      throw error;
    }
  }

  async #membersSeen(): Promise<readonly string[]> {
    try {
      return membersOf(await this.#client.getChildren(this.path)).sort();
    } catch (error) {
      if (isZkError(error)) return [];
      throw error;
    }
  }

  /**
   * The lowest stays until the others are gone, and watches the highest; the others go at once, and watch the lowest. So one
   * removal wakes one member, but for the last.
   */
  async #leave(member: DoubleBarrierMember, options: WaitOptions): Promise<void> {
    using patience = this.#patience(options);
    await counted(this.#client, { recipe: RECIPE, path: this.path }, async () => {
      try {
        for (;;) {
          const members = await this.#present(patience);
          const [lowest] = members;
          if (lowest === undefined) break;
          const own = nameOf(member.path);
          if (own !== lowest || members.length === 1) await member.release();
          if (own === lowest && members.length === 1) break;
          await this.#untilGone(own === lowest ? (members.at(-1) as string) : lowest, patience);
        }
        await this.#notReady(member.generation, patience);
      } catch (error) {
        await member.release();
        throw this.#told(error);
      }
    });
  }

  async #present(patience: Patience): Promise<readonly string[]> {
    try {
      return membersOf(await patience.read((call) => this.#client.getChildren(this.path, call))).sort();
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  async #untilGone(name: string, patience: Patience): Promise<void> {
    const path = childPath(this.path, name);
    const gone = new News();
    try {
      await patience.read((call) => this.#client.getData(path, { ...call, watch: gone.tell }));
      await patience.race(gone.told);
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    } finally {
      this.#client.unwatch(path, gone.tell);
    }
  }

  /** Everybody who leaves sees to it, so that it does not depend on the last one. The next round's is left alone. */
  async #notReady(generation: bigint | null, patience: Patience): Promise<void> {
    if (generation === null) return;
    const stat = await patience.read((call) => this.#client.exists(this.#ready, call));
    if (stat === null || stat.czxid > generation) return;
    try {
      await patience.ask((call) => this.#client.remove(this.#ready, { ...call, retry: "always" }));
    } catch (error) {
      if (!isZkError(error, "NO_NODE")) throw error;
    }
  }

  #told(error: unknown): unknown {
    return isSessionOver(error) ? this.#error("SESSION_EXPIRED", SESSION_WENT, error) : error;
  }

  #error(code: "SESSION_EXPIRED" | "HOLD_LOST", message: string, cause?: unknown): RecipeError {
    return new RecipeError({ code, message, recipe: RECIPE, path: this.path, cause });
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, { recipe: RECIPE, path: this.path }, options);
  }
}

/** One-shot news of a znode, and whether it ever was of its creation. */
class News {
  wasCreated = false;
  #told: Promise<void> = Promise.resolve();
  #resolve = (): void => {};
  readonly tell = (event: { readonly type: string }): void => {
    if (event.type === "NodeCreated") this.wasCreated = true;
    this.#resolve();
  };

  constructor() {
    this.renew();
  }

  /** Resolves with the next news. */
  get told(): Promise<void> {
    return this.#told;
  }

  /** Forgets that there was news, and waits for more. */
  renew(): void {
    this.#told = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
}

/** `ready` is no member. */
function membersOf(names: readonly string[]): string[] {
  return names.filter((name) => name !== READY);
}
