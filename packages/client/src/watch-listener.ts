/** One-shot watches as users see them. */
import type { Chroot } from "./chroot.js";
import type { WatchNotice } from "./core/index.js";
import { callListener } from "./emitter.js";

/** What a one-shot watch tells, once. */
export type WatchEvent =
  | {
      /** What happened to the znode; `NodeChildrenChanged` only to watches set by getChildren. */
      readonly type: "NodeCreated" | "NodeDeleted" | "NodeDataChanged" | "NodeChildrenChanged";
      readonly path: string;
    }
  | {
      /** Nothing happened that we know of, and nothing will be told any more: the session is over. */
      readonly type: "None";
      readonly path: string;
      readonly state: "expired" | "authFailed" | "closed";
    };

/** Hears of one event. Set again it is told again; set twice at one path it is told once. */
export type WatchListener = (event: WatchEvent) => unknown;

/** Whoever stands in the watch table on behalf of the facade. */
export interface Notified {
  notify(notice: WatchNotice): void;
}

/** Gives every listener function one identity in the watch table. */
export class ListenerWatchers {
  readonly #watchers = new WeakMap<WatchListener, Notified>();
  readonly #chroot: Chroot;
  readonly #failed: (error: unknown) => void;

  constructor(chroot: Chroot, failed: (error: unknown) => void) {
    this.#chroot = chroot;
    this.#failed = failed;
  }

  watcherOf(listener: WatchListener): Notified {
    let watcher = this.#watchers.get(listener);
    if (watcher === undefined) {
      watcher = { notify: (notice) => callListener(listener, [this.#eventOf(notice)], this.#failed) };
      this.#watchers.set(listener, watcher);
    }
    return watcher;
  }

  #eventOf(notice: WatchNotice): WatchEvent {
    const path = this.#chroot.toUser(notice.serverPath);
    return notice.type === "None" ? { type: "None", path, state: notice.state } : { type: notice.type, path };
  }
}
