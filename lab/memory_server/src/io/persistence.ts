/**
 * What the servers remember, in a folder: one file a server, written a moment after something has changed and replaced in
 * one piece. A process that is killed may lose what happened in its last moments; one that ends in order loses nothing.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnsembleModel } from "../model/ensemble-model.js";
import type { ModelDriver } from "./driver.js";
import { MemoryServerError } from "./errors.js";

/** How long changes are gathered at least before they are written, in milliseconds. */
export const writeDelayMs = 20;
/** A server's disk is written whole, so a large one is written more seldom: this many times as seldom as it takes. */
const seldomFactor = 10;

const diskName = "disk.zk";
const lockName = "memory.lock";

/** A folder that belongs to one ensemble of one process until it is released. */
export class DiskFolder {
  readonly #dir: string;
  readonly #folders: readonly string[];
  readonly #waiting = new Map<number, NodeJS.Timeout>();
  readonly #writing = new Map<number, Promise<void>>();
  #lastTookMs = 0;
  #model: EnsembleModel | null = null;
  #stopListening: () => void = () => {};
  #failure: Error | null = null;

  private constructor(dir: string, folders: readonly string[]) {
    this.#dir = dir;
    this.#folders = folders;
  }

  /** Takes the folder. @throws MemoryServerError `WRONG_STATE` when another ensemble has it */
  static open(dir: string, folders: readonly string[]): DiskFolder {
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    takeLock(dir);
    return new DiskFolder(dir, folders);
  }

  /** What the servers wrote in earlier lives, by place. */
  read(): (Uint8Array | undefined)[] {
    return this.#folders.map((folder) => {
      try {
        const { buffer, byteOffset, length } = readFileSync(join(folder, diskName));
        return new Uint8Array(buffer, byteOffset, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new MemoryServerError(
          "STATE_UNREADABLE",
          `What a server remembers cannot be read: ${String(error)}.`,
          {
            cause: error,
            details: { folder },
          },
        );
      }
    });
  }

  /** Writes from now on whatever the model calls worth writing. */
  follow(model: EnsembleModel, driver: ModelDriver): void {
    this.#model = model;
    this.#stopListening = driver.listen({ dirty: (server) => this.#writeSoon(server) });
  }

  /** Writes what is not written yet and gives the folder back. @throws the error that kept something from being written */
  async close(): Promise<void> {
    this.#stopListening();
    for (const server of [...this.#waiting.keys()]) this.#write(server);
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing.values());
    this.release();
    if (this.#failure !== null) throw this.#failure;
  }

  /** Gives the folder back as it is. */
  release(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    rmSync(join(this.#dir, lockName), { force: true });
  }

  /** For the last moment of this process: writes at once. */
  flushNow(): void {
    for (const server of [...this.#waiting.keys(), ...this.#writing.keys()]) {
      const file = this.#fileOf(server);
      writeFileSync(`${file}.last`, this.#bytesOf(server));
      renameSync(`${file}.last`, file);
    }
    this.release();
  }

  #writeSoon(server: number): void {
    if (this.#waiting.has(server)) return;
    const delayMs = Math.max(writeDelayMs, seldomFactor * this.#lastTookMs);
    const timer = setTimeout(() => this.#write(server), delayMs);
    timer.unref();
    this.#waiting.set(server, timer);
  }

  #write(server: number): void {
    clearTimeout(this.#waiting.get(server));
    this.#waiting.delete(server);
    const before = this.#writing.get(server) ?? Promise.resolve();
    const file = this.#fileOf(server);
    const turn = before
      .then(async () => {
        // Taken when it is its turn: it is then the newest there is.
        await writeFile(`${file}.new`, this.#bytesOf(server));
        await rename(`${file}.new`, file);
      })
      .catch((error) => {
        this.#failure = error;
      })
      .finally(() => {
        if (this.#writing.get(server) === turn) this.#writing.delete(server);
      });
    this.#writing.set(server, turn);
  }

  #fileOf(server: number): string {
    return join(this.#folders[server - 1] ?? this.#dir, diskName);
  }

  #bytesOf(server: number): Uint8Array {
    const begun = performance.now();
    const bytes = this.#model?.server(server).disk() ?? new Uint8Array();
    this.#lastTookMs = performance.now() - begun;
    return bytes;
  }
}

/** The file holds the number of the process, and on Linux when that began: numbers come again. */
function takeLock(dir: string): void {
  const path = join(dir, lockName);
  const own = `${process.pid} ${startOf(process.pid) ?? ""}`;
  for (let attempt = 1; ; attempt++) {
    // Written before it is there, so that nobody finds it empty.
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, own);
    try {
      linkSync(draft, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 3) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const [pid = "", begun = ""] = readIfThere(path).split(" ");
    if (isAlive(Number(pid), begun)) {
      throw new MemoryServerError(
        "WRONG_STATE",
        `The folder ${dir} is in use by an ensemble of process ${pid}. Stop that one, or choose another folder.`,
        { details: { dir, pid: Number(pid) } },
      );
    }
    rmSync(path, { force: true });
  }
}

function isAlive(pid: number, begun: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const now = startOf(pid);
  if (now !== null && begun !== "") return now === begun;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function startOf(pid: number): string | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone in between, or no such system.
    return "";
  }
}
