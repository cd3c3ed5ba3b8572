/** Everything that a session machine asks of the world, in the order in which it is to be done. */
import type { Call } from "./call.js";
import type { Diagnostic } from "./diagnostics.js";
import type { ZkError } from "./errors.js";
import type { HistoryRecord } from "./history.js";
import type { Ticket } from "./inputs.js";
import type { SessionState } from "./session-state.js";
import type { Watcher } from "./watch-table.js";

/** What a watcher is told. */
export type WatchNotice =
  | {
      readonly type: "NodeCreated" | "NodeDeleted" | "NodeDataChanged" | "NodeChildrenChanged";
      /** The znode as the server knows it, chroot included. */
      readonly serverPath: string;
    }
  | {
      readonly type: "None";
      readonly serverPath: string;
      readonly state: "expired" | "authFailed" | "closed";
    };

/** One output of {@link SessionMachine.drain}. */
export type Output =
  | { readonly kind: "resolve"; readonly epoch: number; readonly host: string }
  | { readonly kind: "open"; readonly epoch: number; readonly address: string; readonly port: number }
  | { readonly kind: "write"; readonly epoch: number; readonly bytes: Uint8Array }
  | { readonly kind: "disconnect"; readonly epoch: number }
  | { readonly kind: "probe"; readonly epoch: number; readonly host: string; readonly port: number }
  | { readonly kind: "settled"; readonly target: Call | Ticket; readonly value: unknown }
  | { readonly kind: "failed"; readonly target: Call | Ticket; readonly error: ZkError }
  | { readonly kind: "watch"; readonly watcher: Watcher; readonly notice: WatchNotice }
  /** A persistent watch stands no longer. */
  | { readonly kind: "watchEnded"; readonly watcher: Watcher; readonly reason: string }
  | { readonly kind: "state"; readonly state: SessionState; readonly reason: string }
  | { readonly kind: "room" }
  | { readonly kind: "diagnostic"; readonly event: Diagnostic }
  | { readonly kind: "history"; readonly record: HistoryRecord };
