/**
 * A group of processes that know of each other: who joins is a member until it leaves, or its session ends and it does not come
 * back.
 *
 * What it promises:
 * - A membership is kept over sessions, as a {@link PersistentNode} is.
 * - An id is one member's. Who joins with an id that somebody has is told so, and takes nothing over.
 * - We are among the members only when the servers said so.
 *
 * What it does not promise: that the members seen are those of this moment. A member whose process died stays one until its
 * session times out; a list that was read may be old by the time that it is looked at. Nor, in the layouts of kazoo, that an
 * id stays one member's: there it is no znode's name, so two members can have one after their sessions ended; it is looked
 * for when one joins.
 *
 * Layout: see {@link GroupLayout}; ephemeral. The token is the czxid of the member's znode, another one each time that it joins.
 */
import { type Acl, type Client, type Data, isZkError } from "@zk/client";
import { checkRecipe } from "../core/checks.js";
import { bytesCodec, type Codec } from "../core/codec.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";
import { RecipeError } from "../errors.js";
import { faultOfMemberId, type GroupLayout, memberName } from "./group-layouts.js";
import { GroupView } from "./group-view.js";
import { type Member, MemberReader, oldestMember } from "./member.js";
import { Membership } from "./membership.js";
import { PersistentNode } from "./persistent-node.js";

/** Options of {@link Group}. */
export interface GroupOptions<T = Uint8Array> {
  /** How our members are written, and so with whom the group is shared. All layouts are read. Default `curator`. */
  readonly layout?: GroupLayout;
  /** Turns payloads into bytes and back. Default: they are bytes. */
  readonly codec?: Codec<T>;
  /** Of our znodes, and of the directory if it is made. Default: anybody may do anything. */
  readonly acl?: readonly Acl[];
}

/** Options of {@link Group.join}. */
export interface JoinOptions<T = Uint8Array> extends WaitOptions {
  /**
   * What we say of ourselves. Not with the layout `party`, which has no place for it; with `shallowParty` the bytes of our id are
   * read as nothing, since kazoo writes them for nothing. Default: nothing.
   */
  readonly payload?: T;
  /**
   * What to do when a member has the id: `fail` with CONFLICT, or `wait` until it has gone, such as the znode of our own last
   * process. With `fail` a membership also ends when somebody takes the id between two of its sessions. Default `fail`.
   */
  readonly onTaken?: "fail" | "wait";
}

/** See the head of this file. */
export class Group<T = Uint8Array> {
  /** The directory of the group. */
  readonly path: string;
  readonly #client: Client;
  readonly #options: GroupOptions<T>;
  readonly #layout: GroupLayout;
  readonly #reader: MemberReader<T>;
  readonly #own = new Set<Membership<T>>();

  /**
   * @param path the group's own directory; made when it is needed
   * @throws RecipeError INVALID_ARGUMENT
   * @example
   * ```ts
   * const group = new Group(client, "/workers", { codec: jsonCodec<{ url: string }>() });
   * await using me = await group.join("worker-7", { payload: { url: "http://10.0.0.7" } });
   * using view = group.watch();
   * await view.until((members) => members.length >= 3);
   * ```
   */
  constructor(client: Client, path: string, options: GroupOptions<T> = {}) {
    checkRecipe(client, "Group", path, options);
    this.#client = client;
    this.path = path;
    this.#options = options;
    this.#layout = options.layout ?? "curator";
    if (!["curator", "party", "shallowParty"].includes(this.#layout))
      throw this.#error("INVALID_ARGUMENT", `there is no layout ${String(this.#layout)}`);
    this.#reader = new MemberReader(client, options.codec, (token) =>
      [...this.#own].some((membership) => membership.token === token),
    );
  }

  /**
   * Becomes a member. Resolves when the servers say so; nothing is left behind when it fails.
   *
   * @throws RecipeError CONFLICT (a member has the id), INVALID_ARGUMENT, ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and
   *   the like
   */
  async join(id: string, options: JoinOptions<T> = {}): Promise<Membership<T>> {
    const fault = faultOfMemberId(this.#layout, id);
    if (fault !== undefined) throw this.#error("INVALID_ARGUMENT", `the id ${JSON.stringify(id)} ${fault}`);
    const saysId = this.#layout !== "curator" && options.payload === undefined;
    const data = saysId ? id : this.#encode(options.payload);
    if (this.#layout === "curator") return await this.#start(id, data, options, options.onTaken ?? "fail");
    using patience = new Patience(this.#client, { recipe: "Group", path: this.path }, options);
    try {
      return await this.#joinParty(id, data, options.onTaken ?? "fail", patience);
    } catch (error) {
      // The steps were ended by the signal of the whole, which says whether it was told to end or had no more time.
      patience.check();
      throw error;
    }
  }

  /**
   * The members of now, the oldest first, as everybody's writes before the call have made them.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED; ZkError NO_AUTH and the like
   */
  async members(options: WaitOptions = {}): Promise<readonly Member<T>[]> {
    const about = { recipe: "Group", path: this.path };
    using patience = new Patience(this.#client, about, options);
    for (;;) {
      try {
        return await this.#list(patience);
      } catch (error) {
        if (!isSessionOver(error)) throw error;
        await sessionAgain(this.#client, patience, about);
      }
    }
  }

  /** The member of now that joined first, if there is one. All who see the same members see the same one. @throws as {@link members} */
  async oldest(options: WaitOptions = {}): Promise<Member<T> | undefined> {
    return oldestMember(await this.members(options));
  }

  /** Keeps the members in this process, and tells of those who come and go. It need not be joined for that. */
  watch(): GroupView<T> {
    return new GroupView(this.#client, this.path, this.#reader);
  }

  async #start(
    id: string,
    data: Data,
    options: WaitOptions,
    onTaken: "fail" | "wait",
  ): Promise<Membership<T>> {
    const client = this.#client;
    const { acl } = this.#options;
    const path = childPath(this.path, memberName(this.#layout, id, client.randomness.uuid()));
    const node = new PersistentNode(client, path, {
      data,
      onTaken,
      recipe: "Group",
      ...(acl === undefined ? {} : { acl }),
    });
    const membership = new Membership<T>({
      id,
      node,
      encode: (payload) => this.#encode(payload),
      left: (left) => this.#own.delete(left),
    });
    // Before it is there: who sees it then shall know it.
    this.#own.add(membership);
    try {
      const { signal, timeoutMs } = options;
      await node.start({
        ...(signal === undefined ? {} : { signal }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    } catch (error) {
      this.#own.delete(membership);
      throw error;
    }
    node.signal.addEventListener("abort", () => this.#own.delete(membership), { once: true });
    return membership;
  }

  /** In the layouts of kazoo the id is no znode's name: whoever comes later looks for who was there before, and goes again. */
  async #joinParty(
    id: string,
    data: Data,
    onTaken: "fail" | "wait",
    patience: Patience,
  ): Promise<Membership<T>> {
    const { signal } = patience;
    for (;;) {
      const membership = await this.#start(id, data, { signal }, "wait");
      try {
        if (!(await this.#hasElder(membership, patience))) return membership;
      } catch (error) {
        await membership.leave();
        throw error;
      }
      await membership.leave();
      if (onTaken === "fail") throw this.#error("CONFLICT", `a member has the id ${JSON.stringify(id)}`);
      using view = this.watch();
      await view.until((members) => !members.some((member) => member.id === id), { signal });
    }
  }

  /** Whether somebody who joined before us has our id. Of several who join at once the last one sees the others. */
  async #hasElder(membership: Membership<T>, patience: Patience): Promise<boolean> {
    const { id, token } = membership;
    // kazoo's default: all have the same, empty id.
    if (id === "") return false;
    for (;;) {
      try {
        const members = await this.#list(patience);
        return members.some((member) => member.id === id && token !== undefined && member.token < token);
      } catch (error) {
        if (!isSessionOver(error)) throw error;
        await sessionAgain(this.#client, patience, { recipe: "Group", path: this.path });
      }
    }
  }

  async #list(patience: Patience): Promise<readonly Member<T>[]> {
    const client = this.#client;
    let names: readonly string[];
    try {
      await patience.read((call) => client.sync(this.path, call));
      names = await patience.read((call) => client.getChildren(this.path, call));
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return [];
      throw error;
    }
    const read = await Promise.all(names.map((name) => this.#readMember(name, patience)));
    return read.filter((member) => member !== undefined).sort((a, b) => (a.token < b.token ? -1 : 1));
  }

  /** Undefined when it has left meanwhile. */
  async #readMember(name: string, patience: Patience): Promise<Member<T> | undefined> {
    const path = childPath(this.path, name);
    try {
      const { data, stat } = await patience.read((call) => this.#client.getData(path, call));
      return this.#reader.read(path, data, stat);
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #encode(payload: T | undefined): Data {
    if (this.#layout === "party")
      throw this.#error("INVALID_ARGUMENT", "the layout `party` has no place for a payload");
    if (payload === undefined) return "";
    // Without a codec T is Uint8Array.
    const codec = this.#options.codec ?? (bytesCodec as unknown as Codec<T>);
    return codec.encode(payload);
  }

  #error(code: "INVALID_ARGUMENT" | "CONFLICT", message: string): RecipeError {
    return new RecipeError({ code, message, recipe: "Group", path: this.path });
  }
}
