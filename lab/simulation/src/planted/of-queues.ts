/** Faults in the queue, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inQueue = plantsIn("queue");
const inModes = plantsIn("queue-modes");

export const OF_QUEUES: readonly Plant[] = [
  {
    name: "ack-without-claim",
    why: "an acknowledgement takes the item out without looking whether the claim stands",
    scenario: "queue",
    changes: [
      {
        file: "queues/item.ts",
        find: "      const removed = tx.remove(item, { version: this.#claim.version }).remove(this.path);\n",
        replace: "      const removed = tx.remove(item).check(item.slice(0, item.lastIndexOf('/')));\n",
      },
      {
        file: "queues/item.ts",
        find: "guardedCommit(client, this.path, ending,",
        replace: 'guardedCommit(client, "/", ending,',
      },
    ],
  },
  inQueue(
    "ack-believed",
    "an acknowledgement whose answer was lost is called a success (kazoo's LockingQueue)",
    "queues/item.ts",
    "    if (claim?.czxid === this.token) return false;\n",
    "    if (claim?.czxid === this.token) return true;\n",
  ),
  inQueue(
    "claim-not-recognised",
    "a claim whose answer was lost is taken for another's, and the item stays blocked (kazoo's LockingQueue)",
    "queues/claims.ts",
    '      return isOurs ? { token: stat.czxid, sessionId } : "busy";\n',
    '      return "busy";\n',
  ),
  inQueue(
    "claim-of-what-is-gone",
    "a claim is made without looking whether the item is there",
    "queues/claims.ts",
    "        : transaction.check(item, { version: stat.version });\n",
    '        : transaction.check("/");\n',
  ),
  {
    name: "put-repeated",
    why: "a put whose answer was lost is sent again, with nothing to tell the two apart",
    scenario: "queue",
    changes: [
      { file: "queues/putter.ts", find: "        if (once) {\n", replace: "        if (false) {\n" },
      {
        file: "queues/putter.ts",
        find: '.commit({ ...patience.call, retry: "none" });',
        replace: '.commit({ ...patience.call, retry: "always" });',
      },
    ],
  },
  inQueue(
    "claims-not-watched",
    "who waits for an item does not hear that another gave one back",
    "queues/taker.ts",
    "this.claimed(patience, watch)]);",
    "this.claimed(patience)]);",
  ),
  inQueue(
    "prefetched-kept",
    "a stream that is left keeps the items that it has claimed ahead",
    "queues/consumer.ts",
    "    await Promise.all(rest.map((item) => item.release()));\n",
    "",
  ),
  inQueue(
    "placement-ignored",
    "items come in the order in which they were put, whatever their priority",
    "queues/candidates.ts",
    "  return inOrder(entries).sort(byPlacement);\n",
    "  return inOrder(entries);\n",
  ),
  inModes(
    "prefetch-not-counted",
    "a stream counts only what it has not handed out yet, and claims more than it may hold",
    "queues/consumer.ts",
    "        while (this.#held.size >= this.#prefetch) await",
    "        while (this.#ready.length >= this.#prefetch) await",
  ),
  inModes(
    "handed-out-early",
    "items are handed out whether they are due or not",
    "queues/candidates.ts",
    "  return other.dueMs === undefined || other.dueMs <= dueMs;\n",
    "  return true;\n",
  ),
  inModes(
    "due-by-own-clock",
    "when an item is due goes by the clock of whoever puts it",
    "core/server-clock.ts",
    "    return clock.nowMs() + measured.offsetMs;\n",
    "    return clock.nowMs();\n",
  ),
  inModes(
    "before-not-awaited",
    "an item is handed out before the servers say that it is out",
    "queues/consumer.ts",
    "    await item.takeOut(patience);\n",
    "    item.takeOut(patience).catch(() => {});\n",
  ),
  inModes(
    "given-as-lost",
    "an item that is out of the queue is handed out as one that was lost, because the session ended meanwhile",
    "queues/item.ts",
    "    const options = { certain: true, takesItem: true, isUnseen: true };\n",
    "    const options = { certain: true, takesItem: true, isUnseen: false };\n",
  ),
  inModes(
    "after-not-awaited",
    "the next item is handed out before the one whose work is done is acknowledged",
    "queues/consumer.ts",
    "      await item.ack(undefined, limit);\n",
    "      item.ack(undefined, limit).catch(() => {});\n",
  ),
  inModes(
    "removed-from-others",
    "an item is removed by its id although somebody works on it",
    "queues/queue.ts",
    "              .create(claim, null, { mode, ...aclOf(this.#setup) })\n              .remove(childPath(entries, name))\n              .remove(claim),\n",
    "              .remove(childPath(entries, name)),\n",
  ),
  inModes(
    "together-one-by-one",
    "values that are put together become an item each",
    "queues/queue.ts",
    "    const parcels = await this.#parcels([values], options, patience);\n",
    "    const parcels = await this.#parcels(values.map((value) => [value]), options, patience);\n",
  ),
  inModes(
    "put-back-past-session",
    "an item that is put back, while its session ends and the time is asked for, is not called lost",
    "queues/item.ts",
    '        if (!this.#isUndecided) throw this.lose("its session is over");\n',
    "        throw error;\n",
  ),
  inModes(
    "put-back-due-as-it-was",
    "an item that is to be due again after a while keeps the time at which it was due",
    "queues/item.ts",
    'if (to !== "end" || (order !== "due" && delayMs === undefined)) return',
    'if (to !== "end" || order === "due" || delayMs === undefined) return',
  ),
  inModes(
    "claimed-by-whoever-asks",
    "who works on an item is said to be who asks",
    "queues/queue.ts",
    "      const { ephemeralOwner: sessionId, czxid: token, ctime } = stat;\n",
    "      const { czxid: token, ctime } = stat;\n      const { sessionId } = this.#client;\n",
  ),
  inModes(
    "size-of-what-is-claimed",
    "only the items that somebody works on are counted",
    "queues/queue.ts",
    "    const { entries } = this.#setup;\n    const stat = await",
    "    const { claims: entries } = this.#setup;\n    const stat = await",
  ),
  inModes(
    "taken-out-unsaid",
    "an item that was acknowledged does not say that it is out of the queue",
    "queues/item.ts",
    "        this.#isTakenOut = options.takesItem;\n",
    "",
  ),
];
