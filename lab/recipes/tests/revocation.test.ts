import { Lock, ReadWriteLock, revoke } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf, stage, until, within } from "../src/index.js";

const zk = stage();

describe("a lock that somebody asks for", () => {
  it("is given back by a holder that listens", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    held.revocation.addEventListener("abort", () => void held.release());
    expect(await within("the answer", revoke(two, zk.path))).toBe("released");
    expect(held.state).toBe("released");
    expect(two.load.watches).toBe(0);
    expect(await revoke(two, zk.path)).toBe("free");
    expect(await revoke(two, `${zk.path}-nowhere`)).toBe("free");
  });

  it("is held on by one that does not, until it is taken by force; the next holder is not hit", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire();
    expect(await revoke(two, zk.path, { graceMs: 30 })).toBe("ignored");
    expect(held.state).toBe("held");
    expect(held.revocation.aborted).toBe(true);
    const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    expect(await revoke(two, zk.path, { graceMs: 30, force: true })).toBe("forced");
    await within("the loss", lost);
    expect((await within("the next", next)).revocation.aborted).toBe(false);
  });

  it("writes what Curator writes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using held = await new Lock(one, zk.path).acquire();
    await revoke(two, zk.path, { graceMs: 0 });
    const { data } = await two.getData(held.path);
    expect(new TextDecoder().decode(data!)).toBe("__REVOKE__");
  });

  it("is waited for no longer than one likes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, zk.path).acquire();
    await expect(revoke(two, zk.path, { timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
  });

  it("is taken by force by two at once, and neither fails because the other has asked too", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const force = { graceMs: 300, force: true };
    const outcomes = await Promise.all([one, two].map((client) => revoke(client, zk.path, force)));
    expect(outcomes.sort()).toEqual(["forced", "released"]);
    await until("it is lost", () => held.state === "lost");
  });
});

describe.each(["curator", "kazoo"] as const)("a read-write lock, in the dialect of %s,", (dialect) => {
  it("is given back by a writer that listens, and those who wait are not asked", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const [ours, theirs] = [one, two].map((client) => new ReadWriteLock(client, zk.path, { dialect }));
    const writing = await ours!.write.acquire();
    const next = theirs!.read.acquire();
    await until("it waits", async () => (await childrenOf(two, zk.path)).length === 2);
    writing.revocation.addEventListener("abort", () => void writing.release());
    expect(await within("the answer", revoke(two, zk.path, { dialect }))).toBe("released");
    expect((await within("the reader", next)).revocation.aborted).toBe(false);
  });

  it("is asked of all readers that have it", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const [ours, theirs] = [one, two].map((client) => new ReadWriteLock(client, zk.path, { dialect }));
    const [first, second] = [await ours!.read.acquire(), await theirs!.read.acquire()];
    const writer = theirs!.write.acquire();
    await until("it waits", async () => (await childrenOf(two, zk.path)).length === 3);
    first.revocation.addEventListener("abort", () => void first.release());
    const asking = revoke(two, zk.path, { dialect, graceMs: 200 });
    await until("both were asked", () => second.revocation.aborted && first.state === "released");
    expect(await asking).toBe("ignored");
    expect(second.state).toBe("held");
    expect(await revoke(two, zk.path, { dialect, graceMs: 20, force: true })).toBe("forced");
    expect((await within("the writer", writer)).revocation.aborted).toBe(false);
  });
});
