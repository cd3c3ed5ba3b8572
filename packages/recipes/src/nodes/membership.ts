/** A place in a group, kept until it is left. */
import type { Data } from "@zk/client";
import type { WaitOptions } from "../core/patience.js";
import type { PersistentNode, PersistentNodeEvent, PersistentNodeState } from "./persistent-node.js";

/** What a {@link Membership} is made from. */
export interface MembershipDetails<T> {
  readonly id: string;
  readonly node: PersistentNode;
  readonly encode: (payload: T | undefined) => Data;
  readonly left: (membership: Membership<T>) => void;
}

/** See the head of this file. Made by {@link Group.join}. */
export class Membership<T = Uint8Array> implements AsyncDisposable {
  readonly id: string;
  readonly #details: MembershipDetails<T>;
  readonly #node: PersistentNode;

  constructor(details: MembershipDetails<T>) {
    this.id = details.id;
    this.#details = details;
    this.#node = details.node;
  }

  /** Whether we are a member now: `established`, or for what reason not. */
  get state(): PersistentNodeState {
    return this.#node.state;
  }

  /** The znode. */
  get path(): string {
    return this.#node.path;
  }

  /** The znode's czxid: one for each time that we joined. Undefined while we are no member. */
  get token(): bigint | undefined {
    return this.#node.token;
  }

  /** Aborts when we are a member no longer although we have not left, such as when somebody has taken the id; the reason says why. */
  get signal(): AbortSignal {
    return this.#node.signal;
  }

  /** Hears of what happens to the znode. @returns what ends it */
  onEvent(listener: (event: PersistentNodeEvent) => void): () => void {
    return this.#node.onEvent(listener);
  }

  /**
   * Says something else of ourselves, now if we are a member, otherwise when we are again. Resolves when the server has it.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, RELEASED, INVALID_ARGUMENT (the layout has no payload); ZkError for what a
   *   server refuses
   */
  async setPayload(payload: T, options: WaitOptions = {}): Promise<void> {
    await this.#node.setData(this.#details.encode(payload), options);
  }

  /**
   * Leaves the group. Resolves when the server has removed the znode, or when that cannot be had now: the janitor then goes on
   * until it is gone. May be called again.
   * @returns whether the znode is known to be gone
   * @throws RecipeError REFUSED when the server does not let us remove the znode
   */
  async leave(options: { readonly timeoutMs?: number } = {}): Promise<{ readonly confirmed: boolean }> {
    this.#details.left(this);
    return await this.#node.close(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}
