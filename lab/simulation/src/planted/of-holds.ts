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
];
