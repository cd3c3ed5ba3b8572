/** Faults in two-phase commits and rendezvous. */
import { type Plant, plantsIn } from "./plant.js";

const inAgreement = plantsIn("agreement");
const COMMIT = "agreement/two-phase-commit.ts";

export const OF_AGREEMENT: readonly Plant[] = [
  inAgreement(
    "late-vote-counts",
    "a site votes although it was decided since it has looked",
    COMMIT,
    "        transaction.check(this.path, { version: 0 });\n",
    "",
  ),
  inAgreement(
    "decision-overwritten",
    "a decision is written over another that was made meanwhile",
    COMMIT,
    "encodeBallot(ballot.id, verdict), { version: 0 });",
    "encodeBallot(ballot.id, verdict));",
  ),
  inAgreement(
    "own-verdict-told",
    "who comes to another verdict is told that, and not what was decided",
    COMMIT,
    "        if (ballot.decision !== undefined) return ballot.decision;\n        decision",
    "        if (ballot.decision !== undefined) return verdict;\n        decision",
  ),
  {
    name: "missing-vote-for-it",
    why: "a site that has said nothing counts as one that has voted for it",
    changes: [
      {
        file: "agreement/ballot.ts",
        find: 'return all.includes(undefined) ? undefined : "committed";',
        replace: 'return all.includes("commit") ? "committed" : undefined;',
      },
      { file: COMMIT, find: '          if (verdict === "committed")\n', replace: "          if (false)\n" },
    ],
    scenario: "agreement",
  },
  inAgreement(
    "aborts-before-its-time",
    "it is decided against as soon as a vote is missing, however long that may be",
    COMMIT,
    '(leftMs > 0 ? undefined : "aborted")',
    '"aborted"',
  ),
  inAgreement(
    "transaction-of-others-begun",
    "who finds a transaction of another at the path is told to have begun it",
    COMMIT,
    "if (head?.id === id) return true;",
    "if (head !== undefined) return true;",
  ),
  inAgreement(
    "undecided-removed",
    "a transaction goes although nothing is decided",
    COMMIT,
    '        if (ballot.decision === undefined) throw this.#error("REFUSED", "nothing is decided: abort it first");\n        sites = [...ballot.votes.keys()];\n        return undefined;\n      },\n      write: async (call) => {\n        const transaction = client.transaction();\n        for (const site of sites) transaction.remove(childPath(this.path, site));\n        transaction.remove(this.path, { version: 1 });\n',
    "        sites = [...ballot.votes.keys()];\n        return undefined;\n      },\n      write: async (call) => {\n        const transaction = client.transaction();\n        for (const site of sites) transaction.remove(childPath(this.path, site));\n        transaction.remove(this.path);\n",
  ),
  inAgreement(
    "given-up-decision-listens",
    "who gives up to wait for the votes goes on to watch them",
    COMMIT,
    "    using tree = watchTree(",
    "    const tree = watchTree(",
  ),
  inAgreement(
    "lost-answer-denied",
    "what ended before it was known what became of a write is told not to be done",
    "core/until-told.ts",
    "    throw isInDoubt && !isFinal(error) ? inDoubt(about, error) : error;\n",
    "    throw error;\n",
  ),
  inAgreement(
    "gone-since-denied",
    "what was done, its answer lost, and is gone since is told not to be done",
    "core/until-told.ts",
    'look(isInDoubt ? "maybe" : "no")',
    'look("no")',
  ),
  inAgreement(
    "empty-place-given",
    "who waits at a place that is empty is given nothing at once",
    "agreement/rendezvous.ts",
    "(node?.data?.length ?? 0) > 0;",
    "(node?.data?.length ?? 0) >= 0;",
  ),
];
