/** Faults in what is said to the servers, and in what order. */
import type { Plant } from "./plant.js";

export const ON_THE_WIRE: readonly Plant[] = [
  {
    name: "xid-reused",
    why: "xids begin at 1 again on every connection, so two requests of one session share a number",
    changes: [
      {
        file: "core/adopting.ts",
        find: "  machine.link = link;\n",
        replace: "  machine.link = link;\n  machine.xid = 1;\n",
      },
    ],
  },
  {
    name: "watches-before-auth",
    why: "watches are set again before the server knows who we are",
    changes: [
      {
        file: "core/adopting.ts",
        find: "  sendCredentials(machine, link);\n  if (!rearm(machine, link)) return;\n",
        replace: "  if (!rearm(machine, link)) return;\n  sendCredentials(machine, link);\n",
      },
    ],
  },
  {
    name: "auth-not-replayed",
    why: "credentials are not sent on later connections",
    changes: [
      {
        file: "core/adopting.ts",
        find: "  sendCredentials(machine, link);\n",
        replace: "  if (!resumed) sendCredentials(machine, link);\n",
      },
    ],
  },
  {
    name: "password-not-sent",
    why: "a session is asked for without its password, and lost",
    changes: [
      {
        file: "core/connecting.ts",
        find: "    password: asked?.password.reveal(),\n",
        replace: "    password: undefined,\n",
      },
    ],
  },
  {
    name: "last-zxid-not-sent",
    why: "a server that is behind may take the session, and show the past",
    changes: [
      {
        file: "core/connecting.ts",
        find: "    lastZxid: machine.lastZxid,\n",
        replace: "    lastZxid: 0n,\n",
      },
    ],
  },
  {
    name: "last-zxid-too-high",
    why: "servers refuse a client that claims to have seen what never was",
    changes: [
      {
        file: "core/answering.ts",
        find: "if (zxid > machine.lastZxid) machine.lastZxid = zxid;",
        replace: "if (zxid > machine.lastZxid) machine.lastZxid = zxid + 1n;",
      },
    ],
  },
  {
    name: "last-zxid-falls",
    why: "an event, whose header says -1, takes lastZxid back",
    changes: [
      {
        file: "core/receiving.ts",
        find: "      return onEvent(machine);\n",
        replace: "      machine.lastZxid = zxid;\n      return onEvent(machine);\n",
      },
    ],
  },
  {
    name: "pong-moves-last-zxid",
    why: "the reply to a ping advances lastZxid past events that are still to come",
    changes: [
      {
        file: "core/receiving.ts",
        find: "      return onPong(machine, link, err);\n",
        replace:
          "      if (zxid > machine.lastZxid) machine.lastZxid = zxid;\n      return onPong(machine, link, err);\n",
      },
    ],
  },
  {
    name: "rearm-from-zero",
    why: "watches are set again as if nothing had been seen, and all fire",
    changes: [
      {
        file: "core/adopting.ts",
        find: "machine.watches.rearm(machine.lastZxid, bytesMax)",
        replace: "machine.watches.rearm(0n, bytesMax)",
      },
    ],
  },
  {
    name: "memory-written-again",
    why: "the memory of a write is used again while the system still sends from it",
    changes: [
      {
        file: "io/driver.ts",
        find: "if (socket.unsentBytes?.() === 0) this.#machine.giveBack(bytes);",
        replace: "this.#machine.giveBack(bytes);",
      },
    ],
  },
  {
    name: "sent-behind-close",
    why: "requests are sent behind the request to close",
    changes: [{ file: "core/wishes.ts", find: "  failQueued(machine);\n  if (link", replace: "  if (link" }],
  },
];
