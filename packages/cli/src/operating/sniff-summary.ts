/** What a trace comes to: operations grouped, and the watches that were set and never fired. */
import { plural } from "../output/figures.js";
import type { WireRecord } from "./wire-reader.js";

/** Watches that are remembered. */
const WATCHES_MAX = 100_000;
/** Durations that are remembered of one operation; later ones are counted. */
const DURATIONS_MAX = 10_000;
/** Watches that are named. */
const NAMED_MAX = 5;

/** Which events use up the watch that a request leaves. Source: ZooKeeper 3.4.6, DataTree.java, createNode, deleteNode, setData. */
const FIRED_BY: Readonly<Record<string, readonly string[]>> = {
  getData: ["NodeDataChanged", "NodeDeleted"],
  exists: ["NodeCreated", "NodeDataChanged", "NodeDeleted"],
  getChildren: ["NodeChildrenChanged", "NodeDeleted"],
  getChildren2: ["NodeChildrenChanged", "NodeDeleted"],
};

interface Group {
  calls: number;
  failed: number;
  readonly durationsMs: number[];
}

/** Takes records as they come. */
export class SniffSummary {
  readonly #groups = new Map<string, Group>();
  readonly #watches = new Map<string, { readonly op: string; readonly path: string }>();

  add({ kind, connection, op, path, code, ms, watch }: WireRecord): void {
    if (kind === "event") {
      for (const [watching, events] of Object.entries(FIRED_BY))
        if (events.includes(op)) this.#watches.delete(`${connection} ${watching} ${path}`);
      return;
    }
    if (kind !== "call" && kind !== "unanswered") return;
    const group = this.#groups.get(op) ?? { calls: 0, failed: 0, durationsMs: [] };
    this.#groups.set(op, group);
    group.calls++;
    if (kind === "unanswered" || (code !== null && code !== "OK")) group.failed++;
    if (ms !== null && group.durationsMs.length < DURATIONS_MAX) group.durationsMs.push(ms);
    const isSet = code === "OK" || (op === "exists" && code === "NO_NODE");
    if (watch && isSet && path !== null && this.#watches.size < WATCHES_MAX)
      this.#watches.set(`${connection} ${op} ${path}`, { op, path });
  }

  /** Lines for people, the most frequent operations first; none when there was nothing. */
  lines(): string[] {
    const groups = [...this.#groups].sort(
      ([one, { calls }], [other, { calls: more }]) => more - calls || (one < other ? -1 : 1),
    );
    const lines = groups.map(([op, { calls, failed, durationsMs }]) => {
      const sorted = [...durationsMs].sort((one, other) => one - other);
      const at = (share: number): string => {
        const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
        return value === undefined ? "-" : `${value} ms`;
      };
      return `${op.padEnd(14)} ${plural(calls, "call")}, ${failed} failed, half within ${at(0.5)}, 95% within ${at(0.95)}`;
    });
    const waiting = [...this.#watches.values()];
    if (waiting.length > 0) {
      const named = waiting.slice(0, NAMED_MAX).map(({ op, path }) => `${path} (${op})`);
      lines.push(
        `${waiting.length} watch${waiting.length === 1 ? "" : "es"} set and never fired: ${named.join(", ")}${waiting.length > NAMED_MAX ? ", …" : ""}`,
      );
    }
    return lines;
  }
}
