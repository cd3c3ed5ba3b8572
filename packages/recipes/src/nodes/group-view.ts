/**
 * The members of a group, kept in this process, and told of as they come and go.
 *
 * What it promises and what not: see {@link ZnodeCache}. A member that lost its session and has joined again is told as one that
 * left and one that joined, with another token.
 */
import type { Client } from "@zk/client";
import type { CacheState } from "../caches/cache.js";
import { type ChildrenCache, watchChildren } from "../caches/children-cache.js";
import type { CacheChange, CachedNode, CacheOverflow } from "../caches/types.js";
import type { WaitOptions } from "../core/patience.js";
import { type Member, type MemberReader, oldestMember } from "./member.js";

/** What {@link GroupView.changes} tells. */
export type MemberChange<T = Uint8Array> =
  | { readonly type: "joined"; readonly member: Member<T> }
  | { readonly type: "left"; readonly member: Member<T> }
  /** It says something else of itself. */
  | { readonly type: "updated"; readonly member: Member<T>; readonly previous: Member<T> };

/** Options of {@link GroupView.changes}. */
export interface MemberChangesOptions {
  /** Ends the stream: iterating rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Begin by telling who is a member as `joined`. Default false. */
  readonly initial?: boolean;
}

/** See the head of this file. Made by {@link Group.watch}. */
export class GroupView<T = Uint8Array> implements Disposable, AsyncDisposable {
  readonly #cache: ChildrenCache;
  readonly #reader: MemberReader<T>;

  constructor(client: Client, path: string, reader: MemberReader<T>) {
    this.#cache = watchChildren(client, path);
    this.#reader = reader;
  }

  /** Resolves when all members are known. Rejects when the view failed or was closed before. */
  get ready(): Promise<void> {
    return this.#cache.ready;
  }

  /** Whether it is told of every change (`live`), or may be behind. */
  get state(): CacheState {
    return this.#cache.state;
  }

  /** Aborts when nothing is read any more; the reason says why. */
  get signal(): AbortSignal {
    return this.#cache.signal;
  }

  /** The members, the oldest first. We are among them only when the servers said so. */
  get members(): readonly Member<T>[] {
    return inOrder(this.#cache.children.map((node) => this.#read(node)));
  }

  /** The member that joined first: the same one for all who see the same members. */
  get oldest(): Member<T> | undefined {
    return oldestMember(this.members);
  }

  /**
   * The members that come and go from now on. When the reader is slow, changes are left out whose effect has passed.
   *
   * @example
   * ```ts
   * for await (const { type, member } of view.changes({ initial: true })) console.log(type, member.id);
   * ```
   */
  changes({
    initial = false,
    signal,
  }: MemberChangesOptions = {}): AsyncGenerator<MemberChange<T>, void, undefined> {
    const stream = this.#cache.changes({ initial, ...(signal === undefined ? {} : { signal }) });
    const known = new Map<string, Member<T>>();
    if (!initial) for (const node of this.#cache.children) known.set(node.path, this.#read(node));
    return this.#follow(stream, known);
  }

  /**
   * Resolves when the condition holds. It is looked at when all members are known, and after every change.
   * @throws RecipeError ABORTED, WAIT_TIMEOUT, SESSION_EXPIRED, RELEASED when it is closed; what the condition throws
   */
  async until(
    condition: (members: readonly Member<T>[]) => boolean,
    options: WaitOptions = {},
  ): Promise<readonly Member<T>[]> {
    await this.#cache.until(() => condition(this.members), options);
    return this.members;
  }

  /** Ends it. What it shows stays as it is. */
  close(): void {
    this.#cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async *#follow(
    stream: AsyncIterableIterator<CacheChange | CacheOverflow>,
    known: Map<string, Member<T>>,
  ): AsyncGenerator<MemberChange<T>, void, undefined> {
    for await (const change of stream) {
      if (change.type === "overflow") yield* this.#catchUp(change.snapshot.nodes, known);
      else if ("path" in change)
        yield* this.#learn(change.path, "node" in change ? change.node : undefined, known);
    }
  }

  /** What it takes to come from what is known to what is there. */
  *#catchUp(
    nodes: ReadonlyMap<string, CachedNode>,
    known: Map<string, Member<T>>,
  ): Generator<MemberChange<T>, void, undefined> {
    for (const path of [...known.keys()]) if (!nodes.has(path)) yield* this.#learn(path, undefined, known);
    for (const [path, node] of nodes) yield* this.#learn(path, node, known);
  }

  *#learn(
    path: string,
    node: CachedNode | undefined,
    known: Map<string, Member<T>>,
  ): Generator<MemberChange<T>, void, undefined> {
    const previous = known.get(path);
    const member = node === undefined ? undefined : this.#read(node);
    if (member === undefined) known.delete(path);
    else known.set(path, member);
    if (previous !== undefined && previous.token !== member?.token) yield { type: "left", member: previous };
    if (member === undefined) return;
    if (previous?.token !== member.token) yield { type: "joined", member };
    else if (node !== undefined && this.#versions.get(member) !== this.#versions.get(previous))
      yield { type: "updated", member, previous };
  }

  /** The version of the data that a member was read from: what it says may be the same, and it said it again. */
  readonly #versions = new WeakMap<Member<T>, number>();

  #read({ path, data, stat }: CachedNode): Member<T> {
    const member = this.#reader.read(path, data, stat);
    this.#versions.set(member, stat.version);
    return member;
  }
}

function inOrder<T>(members: readonly Member<T>[]): readonly Member<T>[] {
  return members.toSorted((a, b) => (a.token < b.token ? -1 : 1));
}
