/** Faults in the semaphore and in the read-write lock, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inSemaphore = plantsIn("semaphore");
const inReadWrite = plantsIn("read-write");

export const OF_HOLDS: readonly Plant[] = [
  inSemaphore(
    "permits-not-counted",
    "whoever is at the door takes its permits without counting those that are out",
    "locks/semaphore.ts",
    "        if (free.count >= permits) return",
    "        if (free.max >= permits) return",
  ),
  inSemaphore(
    "permits-forgotten",
    "permits whose answer was lost are made again, and the first ones stay out",
    "locks/semaphore-permits.ts",
    "      if (found.length === wanted.length) return found;\n",
    "      if (found.length === wanted.length) return undefined;\n",
  ),
  inSemaphore(
    "permits-not-watched",
    "who waits at the door does not hear that permits came back",
    "locks/semaphore.ts",
    "getChildren(directory, { ...call, watch: bell.at(directory) }),",
    "getChildren(directory, call),",
  ),
  inSemaphore(
    "door-ignored",
    "the turn at the door is not awaited",
    "locks/semaphore.ts",
    '    const entry = await contend(this.#door, { role: "lock", data, failOnExpiry, isPart: true }, patience);\n',
    '    const entry = await this.#door.enter("lock", data, patience);\n',
  ),
  inSemaphore(
    "slot-given-twice",
    "slot numbers are counted from 0 for each hold",
    "locks/semaphore.ts",
    "? freeSlots(taken, permits) : [];",
    "? freeSlots(NO_SLOTS, permits) : [];",
  ),
  inSemaphore(
    "run-keeps-permits",
    "permits that were taken for a piece of work are not given back behind it",
    "locks/semaphore.ts",
    "    await using hold = await this.acquire(options);\n",
    "    const hold = await this.acquire(options);\n",
  ),
  inSemaphore(
    "count-not-read",
    "the number that is told is the one that it began with, not the one that the znode says",
    "locks/semaphore.ts",
    "    return await this.#max(patience, bell);\n",
    '    const { max } = this.#options;\n    return typeof max === "number" ? max : max.initial;\n',
  ),
  inSemaphore(
    "growth-unheard",
    "who waits at the door does not hear that there are more permits than there were",
    "locks/semaphore-max.ts",
    "{ ...call, watch: bell.at(path) }",
    "{ ...call }",
  ),
  inSemaphore(
    "belief-not-compared",
    "whoever believes in another number of permits takes some as well",
    "locks/semaphore-agreement.ts",
    "      this.#compare(said);\n",
    "",
  ),
  inSemaphore(
    "refused-permits-tried-again",
    "permits that the servers do not let anybody make are tried again for ever",
    "locks/semaphore.ts",
    'if (!isZkError(error, "NO_NODE")) throw error;\n      // Somebody removed our contender',
    'if (!isZkError(error, "NO_NODE") && !isZkError(error, "NO_AUTH")) throw error;\n      // Somebody removed our contender',
  ),
  inReadWrite(
    "reader-ignores-writer",
    "a reader goes on although a writer is before it",
    "locks/read-write-lock.ts",
    'this.#role === "read" ? isWriterOf(dialect) : () => true;',
    'this.#role === "read" ? () => false : () => true;',
  ),
  inReadWrite(
    "writer-ignores-readers",
    "a writer waits for other writers only",
    "locks/read-write-lock.ts",
    'this.#role === "read" ? isWriterOf(dialect) : () => true;',
    "isWriterOf(dialect);",
  ),
  inReadWrite(
    "readers-exclude",
    "readers wait for each other (kazoo before 2.9)",
    "locks/read-write-lock.ts",
    'this.#role === "read" ? isWriterOf(dialect) : () => true;',
    "() => true;",
  ),
  inReadWrite(
    "upgrade-waits-for-upgrade",
    "two readers that upgrade wait for each other (Curator)",
    "locks/read-write-lock.ts",
    "        if (ahead.some(isWriterOf(dialect))) {\n",
    "        if (false) {\n",
  ),
  inReadWrite(
    "downgrade-loses-place",
    "a downgrade goes to the end of the line",
    "locks/read-write-lock.ts",
    "{formatSerial(serial)}`",
    "{formatSerial(serial + 1000)}`",
  ),
  inReadWrite(
    "release-forgets-conversion",
    "a hold that is given back while it becomes another leaves the znode of that one",
    "locks/read-write-lock.ts",
    "      undo: (made) => void removeOwned(client, made),\n",
    "      undo: () => {},\n",
  ),
  inReadWrite(
    "release-forgets-upgrade",
    "a reader that is given back while it waits to be a writer goes on waiting",
    "locks/read-write-lock.ts",
    "    const forget = this.onState(() => isAlive(this) || over.abort());\n",
    "    const forget = (): void => {};\n",
  ),
  inReadWrite(
    "refused-conversion-loses",
    "a hold that the servers do not let become another is lost",
    "core/hold.ts",
    "      this.#conversion = undefined;\n      if (this.#isOver) {\n",
    '      this.#conversion = undefined;\n      this.#lose(this.#lostError("it could not be converted"));\n      if (this.#isOver) {\n',
  ),
];
