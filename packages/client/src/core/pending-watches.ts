/** The calls under way that will set a watch when they are answered, so that the watch can be taken back before. */
import { type Call, isPersistentKind } from "./call.js";
import type { Watcher } from "./watch-table.js";

/** See the head of this file. */
export class PendingWatches {
  readonly #byPath = new Map<string, Set<Call>>();
  #size = 0;

  /** How many calls there are. */
  get size(): number {
    return this.#size;
  }

  add(call: Call): void {
    const calls = this.#byPath.get(call.serverPath);
    if (calls === undefined) this.#byPath.set(call.serverPath, new Set([call]));
    else calls.add(call);
    this.#size += 1;
  }

  /** Whether a call is under way that will set a watch at the path, of the given sort. */
  willStandAt(path: string, isPersistent: boolean): boolean {
    for (const { watch } of this.#byPath.get(path) ?? []) {
      if (watch !== undefined && isPersistentKind(watch.kind) === isPersistent) return true;
    }
    return false;
  }

  /** The call is answered, or given up. */
  remove(call: Call): void {
    const calls = this.#byPath.get(call.serverPath);
    if (calls?.delete(call) !== true) return;
    this.#size -= 1;
    if (calls.size === 0) this.#byPath.delete(call.serverPath);
  }

  /** The watcher is not wanted any more at a path: answers that are still to come set no watch for it. */
  cancel(path: string, watcher: Watcher): void {
    for (const call of this.#byPath.get(path) ?? []) {
      if (call.watch?.watcher !== watcher) continue;
      call.watch = undefined;
      this.remove(call);
    }
  }
}
