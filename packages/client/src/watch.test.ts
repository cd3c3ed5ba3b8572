/** The watch stream against a tree in memory that fires one-shot watches as a server does, with losses where they hurt. */
import { baseName, type GetChildren2Response, parentPath, type Stat } from "@zk/protocol";
import { expect, test } from "vitest";
import { isZkError, ZkError } from "./core/index.js";
import { startWatch, type WatchChange, type WatchHost, type WatchStream } from "./watch.js";
import type { Notified } from "./watch-listener.js";

class Tree implements WatchHost {
  readonly nodes = new Map<string, { czxid: bigint; mzxid: bigint; pzxid: bigint }>();
  readonly dataWatches = new Map<string, Set<Notified>>();
  readonly childWatches = new Map<string, Set<Notified>>();
  reads = 0;
  /** Asked before each read; what it throws the read rejects with. */
  fault: (path: string) => void = () => {};
  readonly #names = new Map<string, Set<string>>();
  readonly #pending = new Set<{ readonly path: string; readonly watcher: object }>();
  #zxid = 0n;

  constructor(...paths: string[]) {
    for (const path of paths) this.create(path);
  }

  async drained(): Promise<void> {}

  toUser(path: string): string {
    return path;
  }

  create(path: string): void {
    this.#zxid += 1n;
    this.nodes.set(path, { czxid: this.#zxid, mzxid: this.#zxid, pzxid: this.#zxid });
    this.#names.set(parentPath(path), (this.#names.get(parentPath(path)) ?? new Set()).add(baseName(path)));
    this.#touchParent(path);
    this.#fire(this.dataWatches, path, "NodeCreated");
    this.#fire(this.childWatches, parentPath(path), "NodeChildrenChanged");
  }

  set(path: string): void {
    this.#zxid += 1n;
    const node = this.nodes.get(path);
    if (node === undefined) throw new Error(`no ${path}`);
    node.mzxid = this.#zxid;
    this.#fire(this.dataWatches, path, "NodeDataChanged");
  }

  remove(path: string): void {
    this.#zxid += 1n;
    this.nodes.delete(path);
    this.#names.get(parentPath(path))?.delete(baseName(path));
    this.#touchParent(path);
    this.#fire(this.dataWatches, path, "NodeDeleted");
    this.#fire(this.childWatches, path, "NodeDeleted");
    this.#fire(this.childWatches, parentPath(path), "NodeChildrenChanged");
  }

  async readStat(path: string, watcher: object): Promise<Stat | null> {
    await this.#answer(path, watcher, this.dataWatches);
    return this.nodes.has(path) ? this.#stat(path) : null;
  }

  async readChildren(path: string, watcher: object): Promise<GetChildren2Response> {
    await this.#answer(path, watcher, this.childWatches);
    return { children: this.#children(path), stat: this.#stat(path) };
  }

  unwatch(path: string, watcher: object): void {
    for (const pending of this.#pending) {
      if (pending.path === path && pending.watcher === watcher) this.#pending.delete(pending);
    }
    for (const table of [this.dataWatches, this.childWatches]) {
      table.get(path)?.delete(watcher as Notified);
      if (table.get(path)?.size === 0) table.delete(path);
    }
  }

  get watches(): number {
    return this.dataWatches.size + this.childWatches.size;
  }

  /** Sets the watch unless it is taken back before the answer. */
  async #answer(path: string, watcher: object, table: Map<string, Set<Notified>>): Promise<void> {
    this.reads += 1;
    const pending = { path, watcher };
    this.#pending.add(pending);
    await Promise.resolve();
    const isWanted = this.#pending.delete(pending);
    this.fault(path);
    if (table === this.childWatches && !this.nodes.has(path))
      throw new ZkError({ code: "NO_NODE", message: "gone", path });
    if (isWanted) setWatch(table, path, watcher as Notified);
  }

  /** Another znode in place of one, as a client learns of it that was away meanwhile: it hears of one change. */
  replace(path: string): void {
    this.#zxid += 1n;
    this.nodes.set(path, { czxid: this.#zxid, mzxid: this.#zxid, pzxid: this.#zxid });
    this.#fire(this.dataWatches, path, "NodeDataChanged");
  }

  #touchParent(path: string): void {
    const parent = this.nodes.get(parentPath(path));
    if (parent !== undefined) parent.pzxid = this.#zxid;
  }

  #fire(table: Map<string, Set<Notified>>, path: string, type: WatchChange["type"]): void {
    const watchers = table.get(path);
    table.delete(path);
    for (const watcher of watchers ?? []) watcher.notify({ type, serverPath: path });
  }

  #children(path: string): string[] {
    return [...(this.#names.get(path) ?? [])];
  }

  #stat(path: string): Stat {
    const node = this.nodes.get(path) as { czxid: bigint; mzxid: bigint; pzxid: bigint };
    const rest = {
      ctime: 0n,
      mtime: 0n,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 0,
    };
    return { ...node, ...rest, numChildren: this.#names.get(path)?.size ?? 0 };
  }
}

function setWatch(table: Map<string, Set<Notified>>, path: string, watcher: Notified): void {
  table.set(path, (table.get(path) ?? new Set()).add(watcher));
}

async function take(stream: WatchStream, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value } = await stream.next();
    told.push(`${value?.type} ${value?.path}`);
  }
  return told;
}

test("what is there at the start is told by nobody; what changes after ready is", async () => {
  const tree = new Tree("/a", "/a/b");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  tree.set("/a/b");
  tree.create("/a/c");
  expect((await take(stream, 2)).sort()).toEqual(["NodeCreated /a/c", "NodeDataChanged /a/b"]);
});

test("a change between the reads of the start is not lost", async () => {
  const tree = new Tree("/a");
  const stream = startWatch(tree, "/a", {});
  let raced = false;
  tree.fault = () => {
    // After the stat was read and before the children are.
    if (!raced && tree.dataWatches.has("/a")) {
      raced = true;
      tree.create("/a/late");
    }
  };
  await stream.ready;
  tree.set("/a");
  expect(await take(stream, 1)).toEqual(["NodeDataChanged /a"]);
  tree.create("/a/later");
  expect(await take(stream, 1)).toEqual(["NodeChildrenChanged /a"]);
});

test("a whole subtree that goes is told deepest first", async () => {
  const tree = new Tree("/a", "/a/b", "/a/b/c");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  for (const path of ["/a/b/c", "/a/b", "/a"]) tree.remove(path);
  expect(await take(stream, 3)).toEqual(["NodeDeleted /a/b/c", "NodeDeleted /a/b", "NodeDeleted /a"]);
  // Only the wait for the root's return is left.
  while (tree.watches !== 1) await Promise.resolve();
  tree.create("/a");
  expect(await take(stream, 1)).toEqual(["NodeCreated /a"]);
});

test("removed and made again between two looks is told as both", async () => {
  const tree = new Tree("/a", "/a/b");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  tree.remove("/a/b");
  tree.create("/a/b");
  expect(await take(stream, 2)).toEqual(["NodeDeleted /a/b", "NodeCreated /a/b"]);
  tree.set("/a/b");
  expect(await take(stream, 1)).toEqual(["NodeDataChanged /a/b"]);
});

test("a znode that was replaced while nobody looked is watched on", async () => {
  const tree = new Tree("/a", "/a/b");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  tree.replace("/a/b");
  expect(await take(stream, 2)).toEqual(["NodeDeleted /a/b", "NodeCreated /a/b"]);
  tree.set("/a/b");
  expect(await take(stream, 1)).toEqual(["NodeDataChanged /a/b"]);
  stream.close();
  expect(tree.watches).toBe(0);
});

test("a znode that goes and comes back while it is read is watched on", async () => {
  const tree = new Tree("/a", "/a/b");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  // The change begins a read; before its answer the znode is removed and made again.
  tree.set("/a/b");
  tree.remove("/a/b");
  tree.create("/a/b");
  expect(await take(stream, 2)).toEqual(["NodeDeleted /a/b", "NodeCreated /a/b"]);
  tree.set("/a/b");
  expect(await take(stream, 1)).toEqual(["NodeDataChanged /a/b"]);
  tree.remove("/a/b");
  expect(await take(stream, 1)).toEqual(["NodeDeleted /a/b"]);
  // The root's two are left.
  while (tree.watches !== 2) await Promise.resolve();
  stream.close();
  expect(tree.watches).toBe(0);
});

test("a lost connection in the middle of a read only delays", async () => {
  const tree = new Tree("/a", "/a/b");
  let losses = 5;
  tree.fault = (path) => {
    if (losses > 0) {
      losses -= 1;
      throw new ZkError({ code: "CONNECTION_LOSS", message: "lost", path });
    }
  };
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  losses = 3;
  tree.create("/a/c");
  expect(await take(stream, 1)).toEqual(["NodeCreated /a/c"]);
});

test("a part that may not be read is left out, a root that may not be read is an error", async () => {
  const tree = new Tree("/a", "/a/secret", "/a/open");
  const refuse = (secret: string) => (path: string) => {
    if (path === secret) throw new ZkError({ code: "NO_AUTH", message: "no", path });
  };
  tree.fault = refuse("/a/secret");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  tree.set("/a/open");
  expect(await take(stream, 1)).toEqual(["NodeDataChanged /a/open"]);
  tree.fault = refuse("/a");
  await expect(startWatch(tree, "/a", {}).next()).rejects.toMatchObject({ code: "NO_AUTH" });
});

test("a slow consumer holds the reading back, and loses nothing", async () => {
  const tree = new Tree("/a");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  for (let index = 0; index < 5000; index += 1) tree.create(`/a/n-${index}`);
  // Reading stops by itself: no read begins any more although the stream is far behind.
  for (let reads = -1; reads !== tree.reads; ) {
    reads = tree.reads;
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  }
  expect(tree.reads).toBeLessThan(2 * 1024 + 200);
  const told = new Set(await take(stream, 5000));
  expect(told.size).toBe(5000);
  stream.close();
  expect(tree.watches).toBe(0);
});

test("leaving the loop takes every watch back", async () => {
  const tree = new Tree("/a", "/a/b");
  const stream = startWatch(tree, "/a", { recursive: true });
  await stream.ready;
  tree.set("/a/b");
  for await (const change of stream) {
    expect(change.type).toBe("NodeDataChanged");
    break;
  }
  expect(tree.watches).toBe(0);
  tree.create("/a/c");
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test("several who wait are told one change each, and all are told of the end", async () => {
  const tree = new Tree("/a");
  const stream = startWatch(tree, "/a", {});
  await stream.ready;
  const waiting = [stream.next(), stream.next(), stream.next()];
  tree.set("/a");
  expect((await waiting[0])?.value?.type).toBe("NodeDataChanged");
  stream.close();
  expect(await Promise.all(waiting.slice(1))).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
});

test("nodesMax must make sense", () => {
  try {
    startWatch(new Tree(), "/a", { nodesMax: 0 });
    expect.unreachable();
  } catch (error) {
    expect(isZkError(error, "INVALID_ARGUMENT")).toBe(true);
  }
});
