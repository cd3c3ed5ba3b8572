import { utf8Text } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { TreeBench, text } from "../../tests/tree-bench.js";
import { DataTree } from "./data-tree.js";

const LIMITS = "/zookeeper/quota/a/zookeeper_limits";
const STATS = "/zookeeper/quota/a/zookeeper_stats";

function bench(): TreeBench {
  const made = new TreeBench();
  made.create("/a", { data: text("12345") });
  made.create("/a/b", { data: text("123") });
  made.create("/zookeeper/quota/a");
  made.create(LIMITS, { data: text("count=5,bytes=-1") });
  made.create(STATS, { data: text("count=0,bytes=0") });
  return made;
}

const statsOf = (tree: DataTree) => utf8Text(tree.data(STATS)!);

describe("quotas", () => {
  it("counts what there is, and follows every change below", () => {
    const made = bench();
    expect(statsOf(made.tree)).toBe("count=2,bytes=8");
    made.create("/a/b/c", { data: text("1") });
    made.create("/ab", { data: text("not below") });
    expect(statsOf(made.tree)).toBe("count=3,bytes=9");
    made.setData("/a/b", -1, null);
    expect(statsOf(made.tree)).toBe("count=3,bytes=6");
    made.delete("/a/b/c");
    expect(statsOf(made.tree)).toBe("count=2,bytes=5");
  });

  it("changes no version and fires no watch", () => {
    const made = bench();
    const before = made.tree.stat(STATS)!;
    made.events.length = 0;
    made.create("/a/x");
    expect(made.tree.stat(STATS)).toEqual(before);
    expect(made.events.map(({ path }) => path)).toEqual(["/a/x", "/a"]);
  });

  it("stops when the limits go, and is found again in a snapshot", () => {
    const made = bench();
    made.setData(STATS, -1, text("count=0,bytes=0"));
    const restored = DataTree.restore(made.tree.snapshot());
    expect(statsOf(restored)).toBe("count=2,bytes=8");
    made.delete(LIMITS);
    made.create("/a/x");
    expect(statsOf(made.tree)).toBe("count=0,bytes=0");
  });

  it("leaves nonsense alone, where a real server would exit", () => {
    const made = bench();
    made.setData(STATS, -1, text("nonsense"));
    expect(made.create("/a/x")).toBe(0);
    expect(statsOf(made.tree)).toBe("nonsense");
    expect(made.create("/zookeeper/quota/zookeeper_limits")).toBe(0);
    expect(made.create("/zookeeper/zookeeper_limits")).toBe(0);
    expect(made.delete("/zookeeper/zookeeper_limits")).toBe(0);
    expect(made.delete("/zookeeper/quota/zookeeper_limits")).toBe(0);
    expect(made.setData("")).toBe(0);
  });
});
