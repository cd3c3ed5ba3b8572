/** Follows a subtree with `client.watch()` and looks in the end whether the stream came to what the servers have. */
import type { WatchChange, WatchStream } from "@zk/client";
import type { World } from "../world/world.js";
import type { Actor } from "./actor.js";

/** See the head of this file. */
export class Follower {
  readonly #world: World;
  readonly #actor: Actor;
  readonly #root: string;
  readonly #last = new Map<string, WatchChange>();
  readonly #stream: WatchStream;
  #readyAt: bigint | undefined;
  #isOver = false;

  constructor(world: World, actor: Actor, root: string) {
    this.#world = world;
    this.#actor = actor;
    this.#root = root;
    this.#stream = actor.client.watch(actor.toUser(root), { recursive: true });
    this.#stream.ready.then(
      () => {
        this.#readyAt = actor.client.lastZxid;
      },
      () => {},
    );
    void this.#follow();
  }

  /** Whether it still follows. */
  get isFollowing(): boolean {
    return !this.#isOver;
  }

  /** Ends it. */
  close(): void {
    this.#stream.close();
  }

  /** When all is quiet: what was told last of every znode is what it is. */
  check(): void {
    const readyAt = this.#readyAt;
    if (this.#isOver || readyAt === undefined) return;
    const { ledger } = this.#world;
    const paths = new Set([...this.#last.keys(), ...ledger.below(this.#root)]);
    for (const path of paths) {
      const now = ledger.now(path);
      const told = this.#last.get(path);
      if (now === null) {
        if (told !== undefined && told.type !== "NodeDeleted")
          this.#report(`${path} is gone and was told as there`);
        if (told === undefined && ledger.at(path, readyAt) !== null) this.#report(`${path} is gone, untold`);
      } else if (now.mzxid > readyAt && told?.stat?.mzxid !== now.mzxid) {
        this.#report(
          `${path} was changed by ${now.mzxid.toString(16)}, told was ${told?.stat?.mzxid.toString(16)}`,
        );
      }
    }
  }

  async #follow(): Promise<void> {
    try {
      for await (const change of this.#stream) this.#last.set(this.#actor.toServer(change.path), change);
    } catch {
      // The session is over, or the client closed: the stream says so and ends.
    }
    this.#isOver = true;
  }

  #report(message: string): void {
    this.#world.findings.report("watches", `${this.#actor.name}: the stream at ${this.#root}: ${message}`);
  }
}
