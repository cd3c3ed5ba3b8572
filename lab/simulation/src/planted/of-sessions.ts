/** Faults in what is said of the session, and in holding on to it. */
import type { Plant } from "./plant.js";

export const OF_SESSIONS: readonly Plant[] = [
  {
    name: "expired-on-disconnect",
    why: "a server that closes the connection without an answer is taken to say that the session is over",
    changes: [
      {
        file: "core/losing.ts",
        find: 'import type { Machinery } from "./machinery.js";\n',
        replace: 'import { end } from "./ending.js";\nimport type { Machinery } from "./machinery.js";\n',
      },
      {
        file: "core/losing.ts",
        find: "      // Servers have one answer to many questions.\n",
        replace: '      if (machine.state === "suspended") return end(machine, "expired", reason);\n',
      },
    ],
  },
  {
    name: "loss-untold",
    why: "the state stays connected when the connection is lost",
    changes: [
      {
        file: "core/losing.ts",
        find: '  if (machine.state === "connected" || machine.state === "readonly") moveTo(machine, "suspended", reason);\n',
        replace: "",
      },
    ],
  },
  {
    name: "connected-too-early",
    why: "connected is told when the connection stands, before any server granted the session",
    changes: [
      {
        file: "core/connecting.ts",
        find: 'import { tell } from "./reporting.js";\n',
        replace: 'import { moveTo, tell } from "./reporting.js";\n',
      },
      {
        file: "core/connecting.ts",
        find: "  writeHandshake(machine.outbox, question);\n",
        replace:
          '  writeHandshake(machine.outbox, question);\n  if (asked !== undefined) moveTo(machine, "connected", "the connection stands");\n',
      },
    ],
  },
  {
    name: "stall-unnoticed",
    why: "after standing still for longer than the session lives, answers are handed out as if nothing had been",
    changes: [
      {
        file: "core/session-machine.ts",
        find: "      if (machine.stepGapMs > machine.times.stallMs) noticeStall(machine);\n",
        replace: "      void noticeStall;\n",
      },
    ],
  },
  {
    name: "silence-unnoticed",
    why: "a half-open connection is believed in for ten times as long",
    changes: [
      {
        file: "core/receiving.ts",
        find: 'deadlines.set("receive", nowMs + machine.times.receiveTimeoutMs);',
        replace: 'deadlines.set("receive", nowMs + 10 * machine.times.receiveTimeoutMs);',
      },
    ],
  },
  {
    name: "pings-too-late",
    why: "pings come after the session has timed out",
    changes: [
      {
        file: "core/liveness.ts",
        find: "Math.max(20, Math.min(PING_INTERVAL_MAX_MS, Math.floor(timeoutMs / 3)))",
        replace: "Math.floor(timeoutMs * 1.5)",
      },
    ],
  },
  {
    name: "granted-timeout-ignored",
    why: "the timeout that was asked for is used, not the one that was granted",
    changes: [
      {
        file: "core/adopting.ts",
        find: "  machine.times = livenessTimes(timeoutMs);\n",
        replace: "  machine.times = livenessTimes(machine.options.sessionTimeoutMs);\n",
      },
    ],
  },
  {
    name: "expired-session-asked-for",
    why: "after expiry connect() asks for the session that is gone",
    changes: [
      {
        file: "core/wishes.ts",
        find: "    machine.session = undefined;\n    machine.sessionIsGlobal = false;\n",
        replace: "",
      },
    ],
  },
  {
    name: "attempt-without-end",
    why: "a server that never answers is waited for without end",
    changes: [
      {
        file: "core/connecting.ts",
        find: '  machine.deadlines.set("attempt", machine.nowMs + limit);\n',
        replace: '  machine.deadlines.clear("attempt");\n',
      },
    ],
  },
  {
    name: "name-without-end",
    why: "a name service that never answers is waited for without end",
    changes: [
      {
        file: "core/connecting.ts",
        find: '  machine.deadlines.set("attempt", machine.nowMs + limitMs(machine));\n',
        replace: '  machine.deadlines.clear("attempt");\n',
      },
    ],
  },
  {
    name: "connect-without-end",
    why: "connect() does not give up",
    changes: [
      {
        file: "core/wishes.ts",
        find: '  machine.deadlines.setEarlier("connect", ticket.deadlineMs);\n',
        replace: "",
      },
    ],
  },
];
