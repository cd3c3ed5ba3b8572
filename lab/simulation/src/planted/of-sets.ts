/** Faults in ready sets and in the partitioning of sets. */
import { type Plant, plantsIn } from "./plant.js";

const inReadySet = plantsIn("ready-set");
const inPartition = plantsIn("partition");

export const OF_SETS: readonly Plant[] = [
  inReadySet(
    "ready-before-written",
    "a set is called ready before all its parts are written",
    "config/ready-set.ts",
    "    await inParallel([...parts], ([name, data]) => this.#put(name, data));\n",
    "    inParallel([...parts], ([name, data]) => this.#put(name, data)).catch(() => {});\n",
  ),
  inReadySet(
    "half-read",
    "a reader takes for the set what it has read so far",
    "config/ready-set.ts",
    "    this.#cache.consistent().then(\n",
    "    Promise.resolve(this.#cache.snapshot()).then(\n",
  ),
  inPartition(
    "given-up-while-used",
    "an item is given up as soon as it is to go to another, whoever still uses it",
    "partition/partitioning.ts",
    "      if (!hold.signal.aborted) await use(hold);\n",
    "      if (!hold.signal.aborted) await patience.race(use(hold));\n",
  ),
  inPartition(
    "all-items-wanted",
    "everybody wants all items, and whoever is first has them",
    "partition/partitioning.ts",
    "this.#items.filter((item) => owners.get(item) === membership.id)",
    "this.#items.filter((item) => owners.has(item))",
  ),
  inPartition(
    "slice-goes-on",
    "a slice is not told that one of its items is to be given up",
    "partition/slices.ts",
    "    turn?.over.abort(hold.signal.reason);\n",
    "",
  ),
  inPartition(
    "slice-not-awaited",
    "an item of a slice is given up before the body of the loop has ended",
    "partition/slices.ts",
    "    await turn?.done;\n",
    "",
  ),
  inPartition(
    "news-not-told",
    "a slice goes on although there are other items by now, which nobody uses",
    "partition/slices.ts",
    '    this.#turn?.over.abort(this.#ended("there are other items"));\n',
    "",
  ),
  inPartition(
    "slice-not-stopped",
    "a loop over slices that is to end does not tell the slice that it is at",
    "partition/set-partitioner.ts",
    '    signal.addEventListener("abort", () => slices.stop(signal.reason), { once: true });\n',
    "",
  ),
];
