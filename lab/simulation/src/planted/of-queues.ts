/** Faults in the queue, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inQueue = plantsIn("queue");

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
];
