// What servers do not do on demand: a znode of the session before, which they are about to remove.
import { type Client, type Stat, type WatchListener, ZkError } from "@zk/client";
import { ManualClock } from "@zk/client/testing";
import { describe, expect, it } from "vitest";
import { Patience } from "../core/patience.js";
import { Claimant } from "./claimant.js";

/** Answers creates and looks as it is told, and keeps the watch that was set. */
class Stub {
  sessionId = 1n;
  lastZxid = 100n;
  readonly clock = new ManualClock();
  stat: Partial<Stat> | null = null;
  /** What the next create is told; the znode is made when it is undefined. */
  fail: ZkError | undefined;
  creates = 0;
  removes = 0;
  #watch: WatchListener | undefined;

  async create(path: string): Promise<{ path: string; zxid: bigint }> {
    this.creates += 1;
    if (this.fail !== undefined) throw this.fail;
    if (this.stat !== null) throw new ZkError({ code: "NODE_EXISTS", message: "there is one" });
    this.lastZxid += 1n;
    this.stat = { czxid: this.lastZxid, ephemeralOwner: this.sessionId, version: 0 };
    return { path, zxid: this.lastZxid };
  }

  async exists(_path: string, options: { watch?: WatchListener }): Promise<Partial<Stat> | null> {
    this.#watch = options.watch;
    return this.stat;
  }

  async remove(): Promise<void> {
    this.removes += 1;
  }

  unwatch(): void {
    this.#watch = undefined;
  }

  /** The servers remove the znode, and the watch tells. */
  async vanish(): Promise<void> {
    await soon(() => this.#watch !== undefined);
    const watch = this.#watch as WatchListener;
    this.stat = null;
    watch({ type: "NodeDeleted", path: "/a" });
  }
}

/** Lets what waits for promises go on until it is so. */
async function soon(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn += 1) {
    if (turn > 1000) throw new Error("it does not come to be so");
    await Promise.resolve();
  }
}

function setUp() {
  const stub = new Stub();
  const client = stub as unknown as Client;
  const taken: Stat[] = [];
  const claimant = new Claimant(client, {
    path: "/a",
    data: () => null,
    acl: undefined,
    taken: (stat) => {
      taken.push(stat);
      return "wait";
    },
  });
  const patience = new Patience(client, { recipe: "Test", path: "/a" }, {});
  return { stub, taken, claimant, patience };
}

describe("a claim", () => {
  it("waits for the znode of an earlier session of ours, and neither adopts nor removes it (CURATOR-498, 696)", async () => {
    const { stub, taken, claimant, patience } = setUp();
    const first = await claimant.claim(patience);
    stub.sessionId = 2n;
    const claiming = claimant.claim(patience);
    await stub.vanish();
    const second = await claiming;
    expect(second).toMatchObject({ sessionId: 2n, adopted: false });
    expect(second.czxid).toBeGreaterThan(first.czxid);
    expect(stub).toMatchObject({ creates: 3, removes: 0 });
    expect(taken).toEqual([]);
  });

  it("asks about a znode of our own session that it has not made", async () => {
    const { stub, taken, claimant, patience } = setUp();
    stub.stat = { czxid: 50n, ephemeralOwner: 1n, version: 0 };
    const claiming = claimant.claim(patience);
    await stub.vanish();
    expect(await claiming).toMatchObject({ adopted: false });
    expect(taken).toMatchObject([{ czxid: 50n }]);
  });

  it("does not take an older znode of our session for the one whose answer was lost", async () => {
    const { stub, taken, claimant, patience } = setUp();
    stub.stat = { czxid: 50n, ephemeralOwner: 1n, version: 0 };
    stub.fail = new ZkError({ code: "CONNECTION_LOSS", message: "lost", applied: "maybe" });
    const claiming = claimant.claim(patience);
    await soon(() => taken.length > 0);
    stub.fail = undefined;
    await stub.vanish();
    expect(await claiming).toMatchObject({ adopted: false });
  });

  it("keeps the one whose answer was lost", async () => {
    const { stub, taken, claimant, patience } = setUp();
    stub.stat = { czxid: 101n, ephemeralOwner: 1n, version: 0 };
    stub.fail = new ZkError({ code: "CONNECTION_LOSS", message: "lost", applied: "maybe" });
    expect(await claimant.claim(patience)).toMatchObject({ czxid: 101n, adopted: true });
    expect(taken).toEqual([]);
  });

  it("does not take the znode of another claimant on the same client for the one whose answer was lost", async () => {
    const one = setUp();
    const first = await one.claimant.claim(one.patience);
    const taken: Stat[] = [];
    const second = new Claimant(one.stub as unknown as Client, {
      path: "/a",
      data: () => null,
      acl: undefined,
      taken: (stat) => {
        taken.push(stat);
        return "wait";
      },
    });
    // The create is sent before the first one's znode is known here, and its answer is lost.
    one.stub.lastZxid = first.czxid - 1n;
    one.stub.fail = new ZkError({ code: "CONNECTION_LOSS", message: "lost", applied: "maybe" });
    const claiming = second.claim(one.patience);
    await soon(() => taken.length > 0);
    one.stub.fail = undefined;
    await one.stub.vanish();
    expect(await claiming).toMatchObject({ adopted: false });
    expect(taken).toMatchObject([{ czxid: first.czxid }]);
  });
});
