// Which states prove that a lost transaction was not applied. Servers come to each of them only by luck.
import { type Client, type Stat, ZkError } from "@zk/client";
import { describe, expect, it } from "vitest";
import { Patience } from "../core/patience.js";
import { fateOf } from "./fate.js";
import { ReadWriteSet, type Seen, type Wanted } from "./read-write-set.js";

const about = { recipe: "Test", path: "/a" };

function seen(text: string, fields: Partial<Stat>): Seen {
  return { data: new TextEncoder().encode(text), stat: { czxid: 5n, version: 3, ...fields } as Stat };
}

function clientOf(nodes: Readonly<Record<string, Seen>>, pzxid: bigint): Client {
  const gone = (): Promise<never> => Promise.reject(new ZkError({ code: "NO_NODE", message: "gone" }));
  return {
    remove: gone,
    randomness: { uuid: () => "uuid", seed: () => 0 },
    getData: (path: string) => (nodes[path] ? Promise.resolve(nodes[path]) : gone()),
    exists: async (path: string) => (path === "/d" ? { pzxid } : path === "/" ? { pzxid: 1n } : null),
  } as unknown as Client;
}

async function fate(before: Seen, now: Seen, wanted: Wanted, parentPzxid = 1n): Promise<string> {
  const set = new ReadWriteSet();
  set.seen.set("/d/a", before);
  set.wanted.set("/d/a", wanted);
  const client = clientOf({ "/d/a": now }, parentPzxid);
  using patience = new Patience(client, about, {});
  return await fateOf(client, set, 10n, patience, about);
}

const write: Wanted = { type: "write", data: "new", acl: undefined };
const remove: Wanted = { type: "remove" };

describe("a transaction whose answer was lost", () => {
  it.each([
    ["what was read is there as it was", seen("old", {}), seen("old", {}), write],
    ["one write came, and it is another's", seen("old", {}), seen("other", { version: 4 }), write],
    [
      "that came where the version wraps",
      seen("old", { version: 2147483647 }),
      seen("x", { version: -2147483648 }),
      write,
    ],
    ["what was to be removed is there", seen("old", {}), seen("other", { version: 9 }), remove],
    ["nothing was made, nor anything beside it", null, null, write],
  ])("certainly was not applied: %s", async (_what, before, now, wanted) => {
    expect(await fate(before, now, wanted)).toBe("no");
  });

  it.each([
    ["one write came, and it is like ours", seen("old", {}), seen("new", { version: 4 }), write],
    ["more than one write came", seen("old", {}), seen("other", { version: 5 }), write],
    ["it is another znode now", seen("old", {}), seen("old", { czxid: 6n }), write],
    ["it is gone", seen("old", {}), null, write],
    ["what was to be removed is gone", seen("old", {}), null, remove],
    ["something was made", null, seen("other", { version: 0 }), write],
  ])("may have been applied: %s", async (_what, before, now, wanted) => {
    expect(await fate(before, now, wanted)).toBe("maybe");
  });

  it("may have been applied: nothing is there, but something was beside it", async () => {
    expect(await fate(null, null, write, 11n)).toBe("maybe");
  });

  it("was not applied if one of its writes certainly was not", async () => {
    const set = new ReadWriteSet();
    set.seen.set("/d/a", seen("old", {}));
    set.seen.set("/d/b", seen("old", {}));
    set.wanted.set("/d/a", write);
    set.wanted.set("/d/b", write);
    const client = clientOf({ "/d/a": seen("new", { version: 4 }), "/d/b": seen("old", {}) }, 1n);
    using patience = new Patience(client, about, {});
    expect(await fateOf(client, set, 10n, patience, about)).toBe("no");
  });
});
