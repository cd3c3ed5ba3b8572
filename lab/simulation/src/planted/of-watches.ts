/** Faults in what watches are told. */
import type { Plant } from "./plant.js";

export const OF_WATCHES: readonly Plant[] = [
  {
    name: "event-behind-reply",
    why: "an event is handed out behind the reply that shows its change",
    changes: [
      {
        file: "io/driver.ts",
        find: "return this.#inMicrotask(() => this.#listeners.watch(output.watcher, output.notice));",
        replace:
          "return this.#ports.clock.afterReads(() => this.#guarded(() => this.#listeners.watch(output.watcher, output.notice)));",
      },
    ],
  },
  {
    name: "watches-not-set-again",
    why: "watches end with the connection",
    changes: [
      { file: "core/adopting.ts", find: "  if (watches === 0) return true;\n", replace: "  return true;\n" },
    ],
  },
  {
    name: "watch-lost-between-chunks",
    why: "the watch at the edge of two frames is in neither",
    changes: [
      {
        file: "core/watch-table.ts",
        find: "          count = 0;\n        }\n",
        replace: "          count = 0;\n          continue;\n        }\n",
      },
    ],
  },
  {
    name: "child-set-again-as-data",
    why: "watches on children are set again as watches on data",
    changes: [
      {
        file: "core/watch-table.ts",
        find: "return { relativeZxid, dataWatches: chunk.data, existWatches: chunk.exist, childWatches: chunk.child };",
        replace:
          "return { relativeZxid, dataWatches: [...chunk.data, ...chunk.child], existWatches: chunk.exist, childWatches: [] };",
      },
    ],
  },
  {
    name: "exist-kept-as-data",
    why: "a watch on a missing znode is kept as one on data, and told that the znode was removed",
    changes: [
      {
        file: "core/answering.ts",
        find: 'arm(machine, call, "exist")',
        replace: 'arm(machine, call, "data")',
      },
    ],
  },
  {
    name: "deletion-untold-to-children",
    why: "a watch on children does not hear that the znode itself is gone",
    changes: [
      {
        file: "core/watch-table.ts",
        find: "        return this.#takeFrom(KINDS, path);\n",
        replace: "        return this.#takeFrom(DATA_KINDS, path);\n",
      },
    ],
  },
  {
    name: "watch-told-twice",
    why: "a watch that was told stays and is told again",
    changes: [
      {
        file: "core/watch-table.ts",
        find: "      this.#tables[kind].delete(path);\n      this.#size -= sizeOf(watchers);\n",
        replace: "",
      },
    ],
  },
  {
    name: "watch-set-by-failed-read",
    why: "a read of a missing znode leaves a watch that the server does not have",
    changes: [
      {
        file: "core/answering.ts",
        find: "  failCall(machine, call, call.refusal(err, server, isUnknownOp), zxid);\n",
        replace:
          '  arm(machine, call, "exist");\n  failCall(machine, call, call.refusal(err, server, isUnknownOp), zxid);\n',
      },
    ],
  },
  {
    name: "unwatch-forgets-nothing",
    why: "a watch that was taken back is told all the same",
    changes: [{ file: "core/wishes.ts", find: "  machine.watches.remove(path, watcher);\n", replace: "" }],
  },
  {
    name: "end-untold",
    why: "the end of the session is not told to its watches",
    changes: [
      {
        file: "core/ending.ts",
        find: '    machine.outputs.push({ kind: "watch", watcher, notice: { type: "None", serverPath: path, state } });\n',
        replace: "    void watcher;\n    void path;\n",
      },
    ],
  },
  {
    name: "chroot-shows-through",
    why: "events name the servers' path, not the one below the client's root",
    changes: [
      {
        file: "watch-listener.ts",
        find: "const path = this.#chroot.toUser(notice.serverPath);",
        replace: "const path = notice.serverPath;",
      },
    ],
  },
  {
    name: "stream-drops-new-watch",
    why: "a stream takes back the watch on a znode that came back while it was read",
    changes: [
      {
        file: "watch.ts",
        find: "if (!this.#busy.has(path)) this.#host.unwatch",
        replace: "this.#host.unwatch",
      },
    ],
  },
];
