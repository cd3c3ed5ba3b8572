/**
 * Writes from several clients at once, with a book of what each was told, to be compared with what is really there.
 *
 * Every writer creates znodes of unique names, removes some of them again, and keeps a register that it sets under its
 * version. A write without an answer is looked up at once through the same client, as a program would, and everything is
 * read again at the end through another session.
 */
import { isZkError } from "@zk/client";
import { expect } from "vitest";
import { Successes } from "./outage.js";
import type { TestClient } from "./test-client.js";
import { until, within } from "./wait.js";

type Outcome = "acknowledged" | "maybe" | "no";

/** A znode as the book has it. */
interface Entry {
  readonly path: string;
  readonly data: string;
  readonly created: Outcome;
  removed: Outcome | "not asked";
}

/** A register: the values that it may have now. */
interface Register {
  readonly path: string;
  version: number;
  value: string;
}

/** What became of all writes. */
export interface LoadFigures {
  readonly acknowledged: number;
  /** Reported as `applied: "maybe"`. */
  readonly maybe: number;
  /** Those of them that were applied. */
  readonly maybeApplied: number;
  /** Reported as `applied: "no"`. */
  readonly no: number;
}

/** Writers that each client runs at once, unless told. */
const writersDefault = 4;
/** Requests that the last reading keeps under way. */
const readsAtOnce = 200;
/** Keeps the names of several loads in one chroot apart. */
let loads = 0;

/** Runs until {@link WriteLoad.stop}. */
export class WriteLoad {
  readonly #clients: readonly TestClient[];
  readonly #successes: Successes[];
  readonly #entries: Entry[] = [];
  readonly #registers: Register[] = [];
  readonly #writers: Promise<void>[] = [];
  #isStopping = false;
  #failure: { readonly error: unknown } | undefined;
  #acknowledged = 0;
  #maybe = 0;
  #maybeApplied = 0;
  #no = 0;

  constructor(clients: readonly TestClient[], options: { readonly writers?: number } = {}) {
    this.#clients = clients;
    this.#successes = clients.map(() => new Successes());
    const writers = options.writers ?? writersDefault;
    loads += 1;
    for (const index of clients.keys()) {
      for (let writer = 0; writer < writers; writer += 1)
        this.#writers.push(this.#run(index, `${loads}-${index}-${writer}`));
    }
    // Told by flows() and stop(); until then it must not count as unhandled.
    for (const writer of this.#writers)
      writer.catch((error: unknown) => {
        this.#failure ??= { error };
      });
  }

  get figures(): LoadFigures {
    return {
      acknowledged: this.#acknowledged,
      maybe: this.#maybe,
      maybeApplied: this.#maybeApplied,
      no: this.#no,
    };
  }

  /** Waits until every client was acknowledged so many writes after a moment of `performance.now()`. */
  async flows(writes: number, sinceMs: number): Promise<void> {
    await until(
      `every client to have ${writes} more writes acknowledged`,
      () => {
        if (this.#failure !== undefined) throw this.#failure.error;
        return this.#successes.every((successes) => successes.countSince(sinceMs) >= writes);
      },
      {
        limitMs: 60_000,
        describe: () => JSON.stringify([this.figures, this.#clients.map(({ stateNames }) => stateNames)]),
      },
    );
  }

  /** The longest time that any of the clients went without an acknowledgement. */
  outageMs(sinceMs: number): number {
    return Math.max(...this.#successes.map((successes) => successes.longestPauseMs(sinceMs)));
  }

  async stop(): Promise<LoadFigures> {
    this.#isStopping = true;
    await within("the last writes", 40_000, Promise.all(this.#writers));
    return this.figures;
  }

  /** Compares the book with what is there, read through a client that is not one of the writers. */
  async verify(reader: TestClient): Promise<void> {
    await reader.zk.sync("/");
    const wrong: string[] = [];
    for (let from = 0; from < this.#entries.length; from += readsAtOnce) {
      await Promise.all(
        this.#entries.slice(from, from + readsAtOnce).map(async (entry) => {
          const fault = judge(entry, await readOrNull(reader, entry.path));
          if (fault !== undefined) wrong.push(fault);
        }),
      );
    }
    for (const { path, version, value } of this.#registers) {
      const { data, stat } = await reader.zk.getData(path);
      const found = text(data);
      if (found !== value || stat.version !== version)
        wrong.push(
          `${path}: ${found} of version ${stat.version} where ${value} of version ${version} was acknowledged`,
        );
    }
    expect(wrong, "writes of which clients were told something untrue").toEqual([]);
  }

  async #run(index: number, name: string): Promise<void> {
    const client = this.#clients[index] as TestClient;
    const register: Register = { path: `/register-${name}`, version: 0, value: "0" };
    await client.zk.create(register.path, register.value);
    this.#registers.push(register);
    const mine: Entry[] = [];
    for (let count = 1; !this.#isStopping; count += 1) {
      if (count % 4 === 0) await this.#set(client, index, register, `${count}`);
      else if (count % 4 === 3) await this.#remove(client, index, mine.shift());
      else {
        const entry = await this.#create(client, index, `/node-${name}-${count}`, `${name}/${count}`);
        if (entry.created === "acknowledged") mine.push(entry);
      }
    }
  }

  async #create(client: TestClient, index: number, path: string, data: string): Promise<Entry> {
    const created = await this.#outcome(index, client.zk.create(path, data));
    const entry: Entry = { path, data, created, removed: "not asked" };
    this.#entries.push(entry);
    if (created === "maybe" && (await lookUp(client, path)) !== null) this.#maybeApplied += 1;
    return entry;
  }

  async #remove(client: TestClient, index: number, entry: Entry | undefined): Promise<void> {
    if (entry === undefined) return;
    entry.removed = await this.#outcome(index, client.zk.remove(entry.path));
    if (entry.removed === "maybe" && (await lookUp(client, entry.path)) === null) this.#maybeApplied += 1;
  }

  async #set(client: TestClient, index: number, register: Register, value: string): Promise<void> {
    const { path, version } = register;
    const outcome = await this.#outcome(index, client.zk.setData(path, value, { version }));
    if (outcome === "acknowledged") {
      register.version += 1;
      register.value = value;
      return;
    }
    // One writer alone writes here under a version, so it is either as before or as asked.
    const found = await lookUp(client, path);
    const wasApplied = found?.version === version + 1;
    expect(found, `${path} after a write without an answer`).toEqual(
      wasApplied ? { value, version: version + 1 } : { value: register.value, version },
    );
    if (!wasApplied) return;
    expect(outcome, `outcome told of a write to ${path} that was applied`).toBe("maybe");
    this.#maybeApplied += 1;
    register.version += 1;
    register.value = value;
  }

  async #outcome(index: number, write: Promise<unknown>): Promise<Outcome> {
    try {
      await write;
      this.#acknowledged += 1;
      this.#successes[index]?.add();
      return "acknowledged";
    } catch (error) {
      if (!isZkError(error)) throw error;
      // Anything but a lost connection would mean that the load itself is wrong, or that a write was done twice.
      expect(error.code, error.message).toBe("CONNECTION_LOSS");
      if (error.applied === "no") this.#no += 1;
      else this.#maybe += 1;
      return error.applied;
    }
  }
}

/** What is wrong with a znode, or undefined. */
function judge({ path, data, created, removed }: Entry, found: string | null): string | undefined {
  const story = `${path} (create: ${created}, remove: ${removed})`;
  if (found !== null && found !== data) return `${story} holds ${found}`;
  const mayBeThere = created !== "no" && removed !== "acknowledged";
  const mayBeMissing = created !== "acknowledged" || removed === "acknowledged" || removed === "maybe";
  if (found !== null && !mayBeThere) return `${story} is there`;
  if (found === null && !mayBeMissing) return `${story} is missing`;
  return undefined;
}

/** Reads what a write without an answer left, after everything that was under way has come to its end. */
async function lookUp(
  { zk }: TestClient,
  path: string,
): Promise<{ readonly value: string; readonly version: number } | null> {
  // Through the same session: its requests on the lost connection are refused once it has moved, so nothing comes later.
  await zk.sync(path);
  try {
    const { data, stat } = await zk.getData(path);
    return { value: text(data), version: stat.version };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return null;
    throw error;
  }
}

async function readOrNull({ zk }: TestClient, path: string): Promise<string | null> {
  try {
    return text((await zk.getData(path)).data);
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return null;
    throw error;
  }
}

function text(data: Uint8Array | null): string {
  return data === null ? "" : Buffer.from(data).toString();
}
