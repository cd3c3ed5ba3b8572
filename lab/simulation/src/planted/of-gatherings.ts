/** Faults in barriers, in what keeps a presence, and in caches, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inBarrier = plantsIn("barrier");
const inMembership = plantsIn("membership");
const inCache = plantsIn("cache");

export const OF_GATHERINGS: readonly Plant[] = [
  inBarrier(
    "ready-too-early",
    "a double barrier is ready when one member is missing",
    "barriers/double-barrier.ts",
    "        if (membersOf(names).length >= this.#options.members) {\n",
    "        if (names.length >= this.#options.members - 1) {\n",
  ),
  inBarrier(
    "member-left-behind",
    "who gives up while it waits for the others stays a member (Curator)",
    "barriers/double-barrier.ts",
    "        const removal = removeOwned(this.#client, own);\n",
    '        const removal = Promise.resolve({ outcome: "removed" });\n',
  ),
  inBarrier(
    "leave-without-waiting",
    "who leaves does not wait for the others",
    "barriers/double-barrier.ts",
    "          if (own === lowest && members.length === 1) break;\n",
    "          if (own !== lowest || members.length === 1) break;\n",
  ),
  inBarrier(
    "reopening-missed",
    "who waits at a gate does not notice that it was opened and closed again",
    "barriers/barrier.ts",
    "          if (stat === null || (closed !== null && closed !== stat.czxid)) return closed;\n",
    "          if (stat === null) return closed;\n",
  ),
  inMembership(
    "not-made-again",
    "a znode that is kept is not made again in the next session",
    "nodes/persistent-node.ts",
    "        return await this.#keep(made, patience);\n",
    '        return (await this.#keep(made, patience)) ?? { outcome: "removed" };\n',
  ),
  inMembership(
    "data-set-meanwhile-lost",
    "data that was set while the znode was not there is not written when it is again",
    "nodes/kept-data.ts",
    "    this.#written = znode.adopted ? -1 : this.#taken;\n",
    "    this.#written = this.#revision;\n",
  ),
  inMembership(
    "closed-while-made",
    "a znode whose answer was lost is forgotten when it is closed then (Curator)",
    "nodes/claimant.ts",
    "      if (this.#lost !== undefined && error instanceof RecipeError) await this.#clear(this.#lost);\n",
    "",
  ),
  inMembership(
    "given-up-for-lost",
    "a znode that was given up for lost is left when it is closed and the session lives after all",
    "nodes/persistent-node.ts",
    "    return removal ?? (await this.#maker.clear());\n",
    '    return removal ?? { outcome: "removed" };\n',
  ),
  inMembership(
    "taken-over-again",
    "two who take the name over from each other do so for ever",
    "nodes/persistent-node.ts",
    '    return onTaken === "takeOver" && !this.#hasBeenEstablished ? "replace" : "wait";\n',
    '    return onTaken === "takeOver" ? "replace" : "wait";\n',
  ),
  inMembership(
    "id-said-by-name",
    "a member whose layout has no place for its id in the name does not say it in its data",
    "nodes/group.ts",
    '    const saysId = this.#layout !== "curator" && options.payload === undefined;\n',
    "    const saysId = false;\n",
  ),
  inMembership(
    "members-by-name",
    "members are told in the order of their ids, not in that in which they came",
    "nodes/group.ts",
    "sort((a, b) => (a.token < b.token ? -1 : 1))",
    "sort((a, b) => (a.id < b.id ? -1 : 1))",
  ),
  inMembership(
    "oldest-is-newest",
    "the member that came last is called the oldest",
    "nodes/member.ts",
    "member.token < oldest.token",
    "member.token > oldest.token",
  ),
  inCache(
    "not-read-in-next-session",
    "a cache does not read again when a new session has begun",
    "caches/reader.ts",
    "      if (this.#needsLoad) this.#loadAll();\n      else this.#lookAtRoot();\n",
    "      this.#needsLoad = false;\n      this.#lookAtRoot();\n",
  ),
  inCache(
    "list-not-read",
    "a cache hears that children came and went, and does not read which",
    "caches/reader.ts",
    '    if (event.type === "NodeChildrenChanged") return this.#mark(path, { node: false, children: true });\n',
    '    if (event.type === "NodeChildrenChanged") return this.#mark(path, { node: true, children: false });\n',
  ),
  inCache(
    "event-while-reading-missed",
    "what a cache is told of a znode that it is just reading is forgotten",
    "caches/reader.ts",
    '    this.#mark(path, { node: true, children: event.type !== "NodeDataChanged" });\n',
    '    if (!this.#busy.has(path)) this.#mark(path, { node: true, children: event.type !== "NodeDataChanged" });\n',
  ),
];
