/** A copy of a subtree kept by nothing but what a recursive watch tells, and the means to compare it with the truth. */
import type { Client, Stat, WatchChange, WatchStream } from "@zk/client";

/** Path → zxid of the last change of the data. */
export type TreeState = ReadonlyMap<string, bigint>;

/** Follows a stream from an empty subtree on. */
export class TreeMirror {
  readonly #nodes = new Map<string, bigint>();
  readonly #faults: string[] = [];
  readonly #ended: Promise<void>;
  changes = 0;

  constructor(stream: WatchStream) {
    this.#ended = this.#follow(stream);
    this.#ended.catch(() => {});
  }

  /** What is wrong with the stream itself: a znode created twice, or changed while it was not there. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  get state(): TreeState {
    return this.#nodes;
  }

  /** Rejects with what ended the stream, if it was not closed. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async #follow(stream: WatchStream): Promise<void> {
    for await (const change of stream) this.#take(change);
  }

  #take({ type, path, stat }: WatchChange): void {
    this.changes += 1;
    const isThere = this.#nodes.has(path);
    if (isThere !== (type !== "NodeCreated"))
      this.#faults.push(`${type} ${path} while it was ${isThere ? "" : "not "}there`);
    if (type === "NodeDeleted") this.#nodes.delete(path);
    else this.#nodes.set(path, (stat as Stat).mzxid);
  }
}

/** What is really below a path, the path included. */
export async function readTree(zk: Client, path: string): Promise<TreeState> {
  await zk.sync(path);
  const found = new Map<string, bigint>();
  const open = [path];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const { children, stat } = await zk.getChildrenWithStat(node);
    found.set(node, stat.mzxid);
    for (const child of children) open.push(`${node}/${child}`);
  }
  return found;
}

/** The differences, for people; empty when there are none. */
export function differences(mirror: TreeState, truth: TreeState): string[] {
  const wrong: string[] = [];
  for (const [path, mzxid] of truth) {
    const seen = mirror.get(path);
    if (seen !== mzxid)
      wrong.push(`${path}: ${seen === undefined ? "not seen" : `seen as of ${seen}`}, is of ${mzxid}`);
  }
  for (const path of mirror.keys()) if (!truth.has(path)) wrong.push(`${path}: seen, is not there`);
  return wrong;
}
