/**
 * A gate that is closed as long as a znode is there. Whoever waits goes on when somebody opens it.
 *
 * What it does not promise: that it is still open when a wait returns, or that everybody passes one opening. A barrier that is
 * opened and closed again at once lets pass who saw that it was another one: waits compare the transaction that closed it.
 *
 * Layout: `<path>` itself, as Curator's DistributedBarrier and kazoo's Barrier: there is a barrier if it is there.
 */
import { type Client, CreateMode, isZkError, type Stat } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { counted } from "../core/contention.js";
import { makeDirectory } from "../core/directories.js";
import { Hold } from "../core/hold.js";
import { directoryOf } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { RecipeError } from "../errors.js";

const RECIPE = "Barrier";

/** See the head of this file. */
export class Barrier {
  /** The znode that is the barrier. */
  readonly path: string;
  readonly #client: Client;

  /** @throws RecipeError INVALID_ARGUMENT */
  constructor(client: Client, path: string) {
    checkRecipe(client, RECIPE, path);
    this.#client = client;
    this.path = path;
  }

  /**
   * Closes the barrier; one that is closed stays so. Nobody but {@link Barrier.open} opens it.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError of any write
   */
  async close(options: WaitOptions = {}): Promise<void> {
    using patience = this.#patience(options);
    await this.#retrying(patience, () => makeDirectory(this.#client, this.path, undefined, patience.call));
  }

  /**
   * Closes the barrier for as long as we live: it opens when the hold is released, or when our session ends.
   *
   * @throws RecipeError CONFLICT when it is closed already; ABORTED, WAIT_TIMEOUT; ZkError of any write
   */
  async closeWhileAlive(options: WaitOptions = {}): Promise<Hold> {
    using patience = this.#patience(options);
    const client = this.#client;
    const parent = directoryOf(this.path);
    return await this.#retrying(patience, async () => {
      const sessionId = client.sessionId;
      if (parent !== "/") await makeDirectory(client, parent, undefined, patience.call);
      let token: bigint;
      try {
        // Sent again when its answer is lost: if it is there then, its owner says whose it is.
        const call = { ...patience.call, mode: CreateMode.EPHEMERAL, retry: "always" } as const;
        token = (await client.create(this.path, null, call)).zxid;
      } catch (error) {
        if (!isZkError(error, "NODE_EXISTS")) throw error;
        const stat = await patience.read((call) => client.exists(this.path, call));
        if (stat === null || stat.ephemeralOwner !== sessionId || sessionId === 0n) {
          throw this.#error("CONFLICT", "it is closed already");
        }
        token = stat.czxid;
      }
      const { path } = this;
      return new Hold({
        client,
        recipe: RECIPE,
        path,
        token,
        sessionId: client.sessionId,
        onSuspended: "wait",
      });
    });
  }

  /**
   * Opens the barrier; one that is open stays so.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT; ZkError of any write
   */
  async open(options: WaitOptions = {}): Promise<void> {
    using patience = this.#patience(options);
    await this.#retrying(patience, async () => {
      try {
        await this.#client.remove(this.path, { ...patience.call, retry: "always" });
      } catch (error) {
        if (!isZkError(error, "NO_NODE")) throw error;
      }
    });
  }

  /** Whether it is closed now, as far as our server knows. @throws ZkError of any read */
  async isClosed(options: WaitOptions = {}): Promise<boolean> {
    using patience = this.#patience(options);
    return (await patience.read((call) => this.#client.exists(this.path, call))) !== null;
  }

  /**
   * Waits until the barrier is open, over lost connections and sessions.
   *
   * @returns the transaction that had closed the barrier that we waited for: which closing it was; null when it was open
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError of any read
   */
  async wait(options: WaitOptions = {}): Promise<bigint | null> {
    using patience = this.#patience(options);
    return await counted(this.#client, { recipe: RECIPE, path: this.path }, async () => {
      let closed: bigint | null = null;
      for (;;) {
        const { stat, changed } = await this.#look(patience);
        try {
          if (stat === null || (closed !== null && closed !== stat.czxid)) return closed;
          closed = stat.czxid;
          await patience.race(changed.promise);
        } finally {
          this.#client.unwatch(this.path, changed.tell);
        }
      }
    });
  }

  /** The barrier's stat, and the next news of it. */
  async #look(
    patience: Patience,
  ): Promise<{ readonly stat: Stat | null; readonly changed: { promise: Promise<void>; tell: () => void } }> {
    let tell = (): void => {};
    const promise = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const stat = await this.#retrying(patience, () =>
      patience.read((call) => this.#client.exists(this.path, { ...call, watch: tell })),
    );
    return { stat, changed: { promise, tell } };
  }

  /** A barrier is nobody's: what the end of a session interrupted is asked again in the next one. */
  async #retrying<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        patience.check();
        if (isSessionOver(error))
          await sessionAgain(this.#client, patience, { recipe: RECIPE, path: this.path });
        else if (isZkError(error, "QUEUE_FULL")) await patience.race(this.#client.drained());
        else if (!isZkError(error, "CONNECTION_LOSS")) throw error;
      }
    }
  }

  #patience(options: WaitOptions): Patience {
    return new Patience(this.#client, { recipe: RECIPE, path: this.path }, options);
  }

  #error(code: "CONFLICT", message: string): RecipeError {
    return new RecipeError({ code, message, recipe: RECIPE, path: this.path });
  }
}
