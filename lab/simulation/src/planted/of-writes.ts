/** Faults in what is said of writes. */
import type { Plant } from "./plant.js";

export const OF_WRITES: readonly Plant[] = [
  {
    name: "write-repeated",
    why: "a write whose answer was lost is sent again although nobody allowed it",
    changes: [
      {
        file: "core/call.ts",
        find: '    return !this.spec.isWrite || this.retry === "always";\n',
        replace: "    return true;\n",
      },
    ],
  },
  {
    name: "repeated-after-hand-over",
    why: "the last request that left is taken for one that did not",
    changes: [
      {
        file: "core/call-book.ts",
        find: "} else if (index >= firstUnsent) {",
        replace: "} else if (index + 1 >= firstUnsent) {",
      },
    ],
  },
  {
    name: "hand-over-not-noted",
    why: "requests that left are taken for ones that did not",
    changes: [{ file: "core/session-machine.ts", find: "      machine.book.handedOver();\n", replace: "" }],
  },
  {
    name: "no-after-hand-over",
    why: "a write whose answer was lost is called not applied",
    changes: [
      {
        file: "core/call.ts",
        find: 'return this.spec.isWrite && this.sends > 0 ? "maybe" : "no";',
        replace: 'return "no";',
      },
    ],
  },
  {
    name: "refusal-of-second-try",
    why: "the refusal of the second try is taken for that of the first",
    changes: [{ file: "core/call.ts", find: "return this.sends === 1 && name", replace: "return name" }],
  },
  {
    name: "transaction-of-second-try",
    why: "the same for transactions",
    changes: [
      {
        file: "core/answering.ts",
        find: "const isUnsure = call.spec.isWrite && call.sends > 1;",
        replace: "const isUnsure = false;",
      },
    ],
  },
  {
    name: "transaction-refusal-unseen",
    why: "a transaction that failed is read as one that went through",
    changes: [
      {
        file: "transaction.ts",
        find: "    if (failed >= 0) return this.#refusal(answers, failed);\n",
        replace: "    if (failed >= 0) return [];\n",
      },
    ],
  },
  {
    name: "transaction-late",
    why: "the answer of a transaction is handed out behind later ones",
    changes: [
      {
        file: "transaction.ts",
        find: "    return results as Promise<Results>;\n",
        replace: "    return Promise.resolve().then(() => results) as Promise<Results>;\n",
      },
    ],
  },
  {
    name: "protected-create-repeated",
    why: "a protected create is sent again before anybody looked whether it is there",
    changes: [
      {
        file: "careful-create.ts",
        find: 'const retry = protection === false ? options.retry : "none";',
        replace: 'const retry = "always" as const;',
      },
    ],
  },
  {
    name: "protected-create-behind-sync",
    why: "a lost create is looked for behind a sync, which a leader answers before what it has proposed is committed",
    changes: [
      {
        file: "protected-create.ts",
        find: "  await removeFound(client, joinPath(parent, prefix), step);\n",
        replace:
          "  void prefix;\n  await (client as unknown as { sync(path: string, step: CallOptions): Promise<void> }).sync(parent, step);\n",
      },
    ],
  },
  {
    name: "abort-frees-slot",
    why: "a call that is given up no longer awaits its reply, which then belongs to nobody",
    changes: [
      {
        file: "core/wishes.ts",
        find: "  machine.book.withdraw(target);\n",
        replace:
          '  machine.book.withdraw(target);\n  if (target.phase === "sent") machine.book.answered(target.xid);\n',
      },
    ],
  },
  {
    name: "settled-twice",
    why: "a call that timed out after it was given up is settled again",
    changes: [
      {
        file: "core/call-book.ts",
        find: 'if (call.phase !== "settled" && isDue(call)) due.push(call);',
        replace: "if (isDue(call)) due.push(call);",
      },
    ],
  },
  {
    name: "deadline-ignored",
    why: "a request that left has no deadline any more",
    changes: [
      {
        file: "core/call-book.ts",
        find: "      if (call.deadlineMs <= nowMs) return true;\n",
        replace:
          '      if (call.phase === "sent") return false;\n      if (call.deadlineMs <= nowMs) return true;\n',
      },
    ],
  },
];
