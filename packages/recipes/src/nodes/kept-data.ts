/** The data that a kept znode is to have, and the writing of it whenever the znode is there. */
import { type Client, type Data, isZkError } from "@zk/client";
import { isOver } from "../core/sessions.js";
import type { Claimed } from "./claimant.js";

interface Waiter {
  readonly revision: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** See the head of this file. */
export class KeptData {
  readonly #client: Client;
  readonly #foreign: (data: Uint8Array | null) => void;
  #wanted: Data;
  /** Counts what was wanted so far. */
  #revision = 0;
  /** The revision that was handed out for a create. */
  #taken = 0;
  /** The newest revision that the server is known to have, in the znode of the present. */
  #written = 0;
  /** What we have sent last: seen again, it is no news. */
  #sent: Data;
  #znode: Claimed | undefined;
  #isWriting = false;
  #waiters: readonly Waiter[] = [];

  /** @param foreign hears of data that is not ours */
  constructor(client: Client, initial: Data, foreign: (data: Uint8Array | null) => void) {
    this.#client = client;
    this.#foreign = foreign;
    this.#wanted = initial;
    this.#sent = initial;
  }

  /** The data to make the znode with. */
  take(): Data {
    this.#taken = this.#revision;
    this.#sent = this.#wanted;
    return this.#wanted;
  }

  /** Whether anything was set since it was made. */
  get wasSet(): boolean {
    return this.#revision > 0;
  }

  /** Resolves when the server has it. */
  set(data: Data): Promise<void> {
    this.#wanted = data;
    this.#revision += 1;
    const { promise, waiter } = newWaiter(this.#revision);
    this.#waiters = [...this.#waiters, waiter];
    void this.#write();
    return promise;
  }

  /** The znode is there. */
  attach(znode: Claimed): void {
    this.#znode = znode;
    // One that lay there already may have any data.
    this.#written = znode.adopted ? -1 : this.#taken;
    this.#settle((waiter) => waiter.resolve());
    void this.#write();
  }

  /** Nothing was wanted so far: what it says is what it is to say. */
  adopt(data: Uint8Array | null): void {
    if (this.#revision > 0) return;
    this.#wanted = data;
    this.#sent = data;
  }

  /** It is there still, in another session: what was written stays written. */
  attachAgain(znode: Claimed): void {
    this.#znode = znode;
    void this.#write();
  }

  /** It is gone. */
  detach(): void {
    this.#znode = undefined;
  }

  /** What the znode was seen to have. */
  seen(data: Uint8Array | null): void {
    // Before a write of ours, it is what we mean to replace.
    if (this.#written < this.#revision) return;
    if (!isSame(data, this.#wanted) && !isSame(data, this.#sent)) this.#foreign(data);
  }

  /** Nothing is written any more. */
  end(error: unknown): void {
    this.#znode = undefined;
    this.#settle((waiter) => waiter.reject(error), Number.POSITIVE_INFINITY);
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#znode !== undefined && this.#written < this.#revision) await this.#writeOnce(this.#znode);
    } catch (error) {
      this.#settle((waiter) => waiter.reject(error), Number.POSITIVE_INFINITY);
    }
    this.#isWriting = false;
  }

  async #writeOnce(znode: Claimed): Promise<void> {
    const client = this.#client;
    const revision = this.#revision;
    const forever = { timeoutMs: Number.POSITIVE_INFINITY };
    try {
      const stat = await client.exists(znode.path, forever);
      // The next one is made with the data that is wanted.
      if (stat?.czxid !== znode.czxid) return this.#gone(znode);
      this.#sent = this.#wanted;
      const { version } = stat;
      // Sent again after a lost answer, it writes the same: nobody else has a say in this znode.
      await client.setData(znode.path, this.#wanted, { ...forever, version, retry: "none" });
      if (this.#znode === znode) this.#written = revision;
      this.#settle((waiter) => waiter.resolve(), revision);
    } catch (error) {
      if (isZkError(error, "NO_NODE") || isOver(client.state)) return this.#gone(znode);
      if (isZkError(error, "QUEUE_FULL")) return await client.drained();
      if (!isZkError(error, "CONNECTION_LOSS") && !isZkError(error, "BAD_VERSION")) throw error;
    }
  }

  #gone(znode: Claimed): void {
    if (this.#znode === znode) this.#znode = undefined;
  }

  #settle(tell: (waiter: Waiter) => void, upTo = this.#written): void {
    const settled = this.#waiters.filter(({ revision }) => revision <= upTo);
    this.#waiters = this.#waiters.filter(({ revision }) => revision > upTo);
    for (const waiter of settled) tell(waiter);
  }
}

function newWaiter(revision: number): { readonly promise: Promise<void>; readonly waiter: Waiter } {
  let resolve = (): void => {};
  let reject = (_error: unknown): void => {};
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, waiter: { revision, resolve, reject } };
}

/** Whether bytes are what some data is as bytes. */
export function isSame(bytes: Uint8Array | null, data: Data): boolean {
  if (bytes === null || data === null) return bytes === data;
  const other = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return bytes.length === other.length && bytes.every((byte, index) => byte === other[index]);
}
