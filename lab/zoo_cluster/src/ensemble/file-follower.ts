/** Follows a file that grows, and the one that takes its place when a new run begins. */
import { open, stat } from "node:fs/promises";
import { readTail } from "../files.js";
import type { Follower } from "./control.js";

/** Most bytes given at once; what is left comes with the next call. */
const readBytesMax = 1_048_576;
/** Of a line that is being written more than this is not looked for. */
const lineBytesMax = 65_536;

/** See {@link Follower}; asks for the path each time, as a new run may write to another file. */
export class FileFollower implements Follower {
  readonly #newest: () => string;
  #inode = 0;
  #position = 0;
  #rest = "";
  #before = "";

  private constructor(newest: () => string) {
    this.#newest = newest;
  }

  /** At the end of what is there now, of which it keeps so many bytes. */
  static async atEnd(newest: () => string, bytesMax: number): Promise<FileFollower> {
    const follower = new FileFollower(newest);
    const path = newest();
    const found = await stat(path).catch(() => null);
    if (found === null) return follower;
    follower.#inode = found.ino;
    follower.#position = found.size;
    // What stands behind the last line end becomes a line later on.
    const tail = await readTail(path, Math.max(bytesMax, lineBytesMax), found.size);
    const cut = tail.lastIndexOf("\n") + 1;
    follower.#rest = tail.slice(cut);
    follower.#before = tail.slice(0, cut);
    return follower;
  }

  get before(): string {
    return this.#before;
  }

  async read(): Promise<string[]> {
    const path = this.#newest();
    const found = await stat(path).catch(() => null);
    if (found === null) return [];
    if (found.ino !== this.#inode || found.size < this.#position) {
      this.#inode = found.ino;
      this.#position = 0;
    }
    if (found.size === this.#position) return [];
    const file = await open(path, "r");
    try {
      const buffer = Buffer.alloc(Math.min(found.size - this.#position, readBytesMax));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#position);
      this.#position += bytesRead;
      const lines = (this.#rest + buffer.toString("utf8", 0, bytesRead)).split("\n");
      this.#rest = lines.pop() ?? "";
      return lines;
    } finally {
      await file.close();
    }
  }
}
