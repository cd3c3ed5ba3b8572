/**
 * Every one-shot watch of every client, and what it must be told: once at most, of a change that happened, before any
 * reply that shows the change, and over reconnects too.
 */
import type { Change, Ledger } from "./ledger.js";

/** How a watch came to stand; decides which changes it hears of and how it is set again. */
export type WatchKind = "data" | "exist" | "child";

/** One watch, from the read that asks for it to its end. */
export interface Watch {
  readonly number: number;
  readonly owner: string;
  readonly path: string;
  /** As the client knows it. */
  readonly userPath: string;
  kind: WatchKind;
  /** `armed` from the reply to the read on. */
  phase: "asked" | "armed" | "over";
  /** The newest transaction that the server had applied when it answered the read. */
  armedAt: bigint;
  /** The first change behind that of which the watch must hear. */
  dueAt: bigint | undefined;
  /** Calls of its listener. */
  calls: number;
  /** Connections were lost while it stood. */
  outlived: boolean;
  /** What takes it back. */
  readonly listener: (event: { readonly type: string; readonly path: string }) => void;
}

/** See the head of this file. */
export class WatchBook {
  readonly #ledger: Ledger;
  readonly #armed = new Map<string, Set<Watch>>();
  readonly #due = new Map<string, Set<Watch>>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    ledger.changed = (change) => {
      for (const watch of this.#armed.get(change.path) ?? []) this.#apply(watch, change);
    };
  }

  /** The read was answered. */
  arm(watch: Watch, kind: WatchKind, at: bigint): void {
    watch.kind = kind;
    watch.phase = "armed";
    watch.armedAt = at;
    const there = this.#armed.get(watch.path);
    if (there === undefined) this.#armed.set(watch.path, new Set([watch]));
    else there.add(watch);
    for (const change of this.#ledger.changesAfter(watch.path, at)) this.#apply(watch, change);
  }

  /** It was told, taken back, or its session is over. */
  end(watch: Watch): void {
    watch.phase = "over";
    const there = this.#armed.get(watch.path);
    there?.delete(watch);
    if (there?.size === 0) this.#armed.delete(watch.path);
    this.#due.get(watch.owner)?.delete(watch);
  }

  /** A watch of one client that should have been told of a change up to `zxid`, and was not. */
  missing(owner: string, zxid: bigint): Watch | undefined {
    for (const watch of this.#due.get(owner) ?? []) {
      if (watch.dueAt !== undefined && watch.dueAt <= zxid && !this.#isExcused(watch)) return watch;
    }
    return undefined;
  }

  /** The watches of one client that stand. */
  *armedBy(owner: string): Generator<Watch> {
    for (const watches of this.#armed.values()) {
      for (const watch of watches) if (watch.owner === owner) yield watch;
    }
  }

  /** Whether anything happened to the znode of which such a watch can tell. */
  hasCause(watch: Watch, type: string): boolean {
    const kinds = CAUSES[type] ?? [];
    return this.#ledger.changesAfter(watch.path, watch.armedAt).some(({ kind }) => kinds.includes(kind));
  }

  #apply(watch: Watch, { kind, zxid }: Change): void {
    if (watch.dueAt !== undefined || zxid <= watch.armedAt) return;
    const concerns = watch.kind === "child" ? kind === "children" || kind === "deleted" : kind !== "children";
    if (!concerns) return;
    watch.dueAt = zxid;
    const due = this.#due.get(watch.owner);
    if (due === undefined) this.#due.set(watch.owner, new Set([watch]));
    else due.add(watch);
  }

  /**
   * SetWatches has a blind spot by design: a watch on a missing znode does not hear of one that came and went while the
   * connection was lost.
   */
  #isExcused(watch: Watch): boolean {
    if (watch.kind !== "exist" || !watch.outlived) return false;
    return this.#ledger.changesAfter(watch.path, watch.armedAt).some(({ kind }) => kind === "deleted");
  }
}

/** What can have happened when an event of a type comes. Of a znode removed and made anew the server tells as changed. */
const CAUSES: Readonly<Record<string, readonly string[]>> = {
  NodeCreated: ["created"],
  NodeDeleted: ["deleted"],
  NodeDataChanged: ["data", "created"],
  NodeChildrenChanged: ["children", "created"],
};
