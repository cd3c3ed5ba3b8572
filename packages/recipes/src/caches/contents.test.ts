import type { Stat } from "@zk/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPath, directoryOf } from "../core/paths.js";
import { Contents } from "./contents.js";
import { Shape } from "./shape.js";
import type { CachedNode, NodeChange } from "./types.js";

function statOf(fields: Partial<Stat>): Stat {
  const { czxid = 1n } = fields;
  return {
    czxid,
    mzxid: czxid,
    pzxid: czxid,
    ctime: 0n,
    mtime: 0n,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    dataLength: 0,
    numChildren: 0,
    ...fields,
  };
}

function contentsOf(options: { readonly nodesMax?: number; readonly filter?: string } = {}) {
  const { nodesMax = 1000, filter = "**" } = options;
  const changes: NodeChange[] = [];
  const contents = new Contents("/r", new Shape({ filter }), nodesMax, {
    changed: (change) => changes.push(change),
    forgotten: () => {},
  });
  const told = (): string[] => changes.splice(0).map(({ type, path }) => `${type} ${path}`);
  return { contents, told };
}

describe("contents", () => {
  it("take a node of another czxid for another, though its version is the same (CuratorCache does not)", () => {
    const { contents, told } = contentsOf();
    contents.learnNode("/r", null, statOf({ czxid: 5n }));
    contents.learnNode("/r", null, statOf({ czxid: 9n }));
    expect(told()).toEqual(["created /r", "recreated /r"]);
  });

  it("tell what was below a recreated node as deleted before, and have it listed again", () => {
    const { contents, told } = contentsOf();
    contents.learnNode("/r", null, statOf({ czxid: 1n }));
    expect(contents.learnChildren("/r", ["a"], statOf({ czxid: 1n, pzxid: 2n }), 1).read).toEqual(["/r/a"]);
    contents.learnNode("/r/a", null, statOf({ czxid: 2n }));
    told();
    expect(contents.learnNode("/r", null, statOf({ czxid: 7n }))).toBe("new");
    expect(told()).toEqual(["deleted /r/a", "recreated /r"]);
    expect(contents.wants("/r/a")).toBe(false);
  });

  it("do not go back to what is older", () => {
    const { contents, told } = contentsOf();
    contents.learnNode("/r", null, statOf({ czxid: 1n, mzxid: 8n }));
    contents.learnNode("/r", null, statOf({ czxid: 1n, mzxid: 7n }));
    contents.learnChildren("/r", ["a"], statOf({ czxid: 1n, mzxid: 8n, pzxid: 9n }), 1);
    contents.learnChildren("/r", [], statOf({ czxid: 1n, mzxid: 8n, pzxid: 8n }), 1);
    expect(told()).toEqual(["created /r"]);
    expect(contents.nodes.get("/r")?.stat.mzxid).toBe(8n);
    expect(contents.wants("/r/a")).toBe(true);
    expect(contents.zxid).toBe(9n);
  });

  it("do not mix a list with a node that it is not of", () => {
    const { contents } = contentsOf();
    contents.learnNode("/r", null, statOf({ czxid: 1n }));
    expect(contents.learnChildren("/r", ["a"], statOf({ czxid: 4n }), 1)).toEqual({
      learned: "mixed",
      read: [],
    });
  });

  it("have a child asked for once in a load, and again in the next", () => {
    const { contents } = contentsOf();
    contents.learnNode("/r", null, statOf({}));
    const list = (load: number) => contents.learnChildren("/r", ["a"], statOf({}), load).read;
    expect([list(1), list(1), list(2)]).toEqual([["/r/a"], [], ["/r/a"]]);
  });

  it("show a list's stat without a word, as long as the data is the same", () => {
    const { contents, told } = contentsOf();
    contents.learnNode("/r", null, statOf({}));
    told();
    contents.learnChildren("/r", ["a"], statOf({ pzxid: 3n, numChildren: 1 }), 1);
    expect(contents.nodes.get("/r")?.stat.numChildren).toBe(1);
    expect(told()).toEqual([]);
  });

  it("end at their bound and not before", () => {
    const { contents } = contentsOf({ nodesMax: 2 });
    contents.learnNode("/r", null, statOf({}));
    contents.learnChildren("/r", ["a", "b"], statOf({ pzxid: 3n }), 1);
    expect(contents.learnNode("/r/a", null, statOf({ czxid: 2n }))).toBe("new");
    expect(contents.learnNode("/r/a", null, statOf({ czxid: 4n }))).toBe("new");
    expect(contents.learnNode("/r/b", null, statOf({ czxid: 3n }))).toBe("full");
  });

  it("pass through what is not kept, and say nothing of it", () => {
    const { contents, told } = contentsOf({ filter: "*/x" });
    expect(contents.learnChildren("/r", ["a"], statOf({}), 1).read).toEqual(["/r/a"]);
    expect(contents.learnChildren("/r/a", ["x", "y"], statOf({ czxid: 2n }), 1).read).toEqual(["/r/a/x"]);
    contents.learnNode("/r/a/x", null, statOf({ czxid: 3n }));
    contents.forget("/r/a");
    expect(told()).toEqual(["created /r/a/x", "deleted /r/a/x"]);
  });
});

/** A tree that can be changed, and read as a server would let one. */
class Tree {
  readonly nodes = new Map<string, Stat>();
  #zxid = 0n;

  create(path: string): void {
    if (this.nodes.has(path)) return;
    if (path !== "/r" && !this.nodes.has(directoryOf(path))) return;
    this.#zxid += 1n;
    this.nodes.set(path, statOf({ czxid: this.#zxid }));
    this.#touch(directoryOf(path));
  }

  write(path: string): void {
    const stat = this.nodes.get(path);
    if (stat !== undefined) this.nodes.set(path, { ...stat, mzxid: ++this.#zxid });
  }

  remove(path: string): void {
    if (this.childrenOf(path).length > 0 || !this.nodes.delete(path)) return;
    this.#zxid += 1n;
    this.#touch(directoryOf(path));
  }

  childrenOf(path: string): string[] {
    return [...this.nodes.keys()].filter((each) => each !== "/r" && directoryOf(each) === path);
  }

  #touch(path: string): void {
    const stat = this.nodes.get(path);
    if (stat !== undefined) this.nodes.set(path, { ...stat, pzxid: this.#zxid });
  }
}

const paths = ["/r", "/r/a", "/r/b", "/r/a/x", "/r/a/y", "/r/b/x", "/r/a/x/1"];
const step = fc.record({
  what: fc.constantFrom("create", "write", "remove", "readNode", "readList"),
  path: fc.constantFrom(...paths),
});

describe("contents, whatever is changed and read when", () => {
  it("tell the way from one state to the next, parents first, and end with what is there", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const tree = new Tree();
        const seen = new Map<string, CachedNode>();
        const contents = new Contents("/r", new Shape({}), 1000, {
          changed: (change) => follow(seen, change),
          forgotten: () => {},
        });
        const readNode = (path: string): void => {
          if (!contents.wants(path)) return;
          const stat = tree.nodes.get(path);
          if (stat === undefined) contents.forget(path);
          else contents.learnNode(path, null, stat);
        };
        const readList = (path: string, load: number): void => {
          if (!contents.wants(path)) return;
          const stat = tree.nodes.get(path);
          if (stat === undefined) return contents.forget(path);
          const names = tree.childrenOf(path).map((child) => child.slice(path.length + 1));
          contents.learnChildren(path, names, stat, load);
        };
        for (const { what, path } of steps) {
          if (what === "readNode") readNode(path);
          else if (what === "readList") readList(path, 1);
          else tree[what](path);
          expect([...seen.entries()].sort()).toEqual([...contents.nodes.entries()].map(shown(seen)).sort());
        }
        for (const path of paths) {
          readNode(path);
          readList(path, 2);
        }
        expect([...contents.nodes.keys()].sort()).toEqual([...tree.nodes.keys()].sort());
        for (const [path, { stat }] of contents.nodes) expect(stat).toEqual(tree.nodes.get(path));
      }),
    );
  });
});

/** What was told and what is shown differ only in what lists said of a stat. */
function shown(seen: ReadonlyMap<string, CachedNode>) {
  return ([path, node]: [string, CachedNode]): [string, CachedNode] => {
    const told = seen.get(path);
    return [path, told?.stat.mzxid === node.stat.mzxid ? told : node];
  };
}

function follow(seen: Map<string, CachedNode>, change: NodeChange): void {
  const { path } = change;
  const isRoot = path === "/r";
  if (change.type === "created") {
    expect(seen.has(path)).toBe(false);
    expect(isRoot || seen.has(directoryOf(path))).toBe(true);
  } else {
    expect(seen.get(path)?.stat.mzxid).toBe(change.previous.stat.mzxid);
  }
  if (change.type === "changed") expect(change.node.stat.mzxid).toBeGreaterThan(change.previous.stat.mzxid);
  if (change.type === "recreated") expect(change.node.stat.czxid).toBeGreaterThan(change.previous.stat.czxid);
  if (change.type === "deleted" || change.type === "recreated") {
    expect([...seen.keys()].filter((each) => each.startsWith(childPath(path, "")))).toEqual([]);
  }
  if (change.type === "deleted") seen.delete(path);
  else seen.set(path, change.node);
}
