/**
 * A standing watch on one znode of ours: it is read, and read again whenever something happened to it. What is told is always
 * what was read after the last thing that happened.
 */
import { type Client, isZkError, type Stat, type WatchEvent } from "@zk/client";
import { isLost } from "./lost.js";
import { isOver } from "./sessions.js";

/** What a {@link Lookout} tells. */
export interface LookoutListener {
  /** The znode as it is; undefined when there is none. Nothing has happened to it since that is known here. */
  seen(stat: Stat | undefined): void;
  /** Its data, each time it was read. */
  data(data: Uint8Array | null, stat: Stat): void;
  /** It cannot be read, and trying again would not help. */
  failed(error: unknown): void;
}

/** See the head of this file. */
export class Lookout {
  readonly #client: Client;
  readonly #path: string;
  readonly #listener: LookoutListener;
  /** A look is under way; `again` when something happened since it began. */
  #looking: "no" | "once" | "again" = "no";
  #willLook = false;
  #isOver = false;
  readonly #onEvent = (event: WatchEvent): void => {
    if (event.type !== "None") this.look();
  };

  constructor(client: Client, path: string, listener: LookoutListener) {
    this.#client = client;
    this.#path = path;
    this.#listener = listener;
  }

  /** Reads the znode, because something happened. @param isNew the server may be one that does not know of everything yet */
  look(isNew = false): void {
    if (this.#isOver) return;
    if (this.#looking !== "no") {
      this.#looking = "again";
      return;
    }
    this.#looking = "once";
    this.#read(isNew).then(
      (stat) => this.#seen(stat),
      (error: unknown) => this.#notSeen(error),
    );
  }

  /**
   * Reads the znode, unless that is under way. Not at once: behind a stall the client is the first to ask its server, and bears
   * with it for longer than usual. A call of ours before that would make it believe that it had been awake all the time.
   */
  lookSoon(): void {
    if (this.#willLook || this.#looking !== "no") return;
    this.#willLook = true;
    const { clock } = this.#client;
    clock.afterReads(() =>
      clock.afterReads(() => {
        this.#willLook = false;
        if (this.#looking === "no" && this.#client.state === "connected") this.look(true);
      }),
    );
  }

  /** The watch is taken back, and nothing is told any more. */
  end(): void {
    this.#isOver = true;
    this.#client.unwatch(this.#path, this.#onEvent);
  }

  async #read(isNew: boolean): Promise<Stat | undefined> {
    const forever = { timeoutMs: Number.POSITIVE_INFINITY };
    const path = this.#path;
    if (isNew) await this.#client.sync(path, forever);
    try {
      const { data, stat } = await this.#client.getData(path, { ...forever, watch: this.#onEvent });
      if (this.#isOver) this.#client.unwatch(path, this.#onEvent);
      else this.#listener.data(data, stat);
      return stat;
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #seen(stat: Stat | undefined): void {
    const isNews = this.#looking === "once";
    this.#looking = "no";
    if (this.#isOver) return;
    // What was read before the last thing happened is told only if it is final.
    if (isNews || stat === undefined) this.#listener.seen(stat);
    else this.look(true);
  }

  #notSeen(error: unknown): void {
    this.#looking = "no";
    if (this.#isOver || isOver(this.#client.state)) return;
    if (isZkError(error, "QUEUE_FULL")) return void this.#client.drained().then(() => this.look());
    // Nothing is known; whoever hears that a server of the quorum serves us again looks again.
    if (this.#client.state !== "connected") return;
    if (isLost(error)) this.look(true);
    else this.#listener.failed(error);
  }
}
