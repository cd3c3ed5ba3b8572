/** Faults that let something grow, or leave something behind. */
import type { Plant } from "./plant.js";

export const OF_BOUNDS: readonly Plant[] = [
  {
    name: "close-without-end",
    why: "close() waits for a server that is not there",
    changes: [
      {
        file: "core/wishes.ts",
        find: '  machine.deadlines.setEarlier("close", ticket.deadlineMs);\n',
        replace: "",
      },
    ],
  },
  {
    name: "close-leaves-timer",
    why: "timers outlive the client",
    changes: [{ file: "core/ending.ts", find: "  machine.deadlines.clearAll();\n", replace: "" }],
  },
  {
    name: "close-leaves-socket",
    why: "a connection that is given up stays open",
    changes: [{ file: "io/driver.ts", find: "    this.#connection.socket.close();\n", replace: "" }],
  },
  {
    name: "signal-kept",
    why: "a listener stays on the caller's signal when the call succeeded",
    changes: [
      {
        file: "io/driver.ts",
        find: "        target.release?.();\n        return target.resolve(output.value as never);\n",
        replace: "        return target.resolve(output.value as never);\n",
      },
    ],
  },
  {
    name: "weight-kept",
    why: "a call that is answered still counts with its bytes",
    changes: [
      {
        file: "core/call-book.ts",
        find: "    if (call !== undefined) this.#bytes -= call.weight;\n",
        replace: "",
      },
    ],
  },
  {
    name: "queue-unbounded",
    why: "the queue takes in more than its limit",
    changes: [
      {
        file: "core/call-book.ts",
        find: "if (this.#queued.size >= this.#limits.queuedCallsMax) {",
        replace: "if (this.#queued.size < 0) {",
      },
      {
        file: "core/call-book.ts",
        find: "if (this.#bytes > 0 && this.#bytes + call.weight > this.#limits.queuedBytesMax) {",
        replace: "if (this.#bytes < 0) {",
      },
    ],
  },
  {
    name: "one-too-many",
    why: "one request more than allowed is outstanding",
    changes: [
      {
        file: "core/call-book.ts",
        find: "this.#inFlight.size < this.#limits.outstandingMax",
        replace: "this.#inFlight.size <= this.#limits.outstandingMax",
      },
    ],
  },
];
