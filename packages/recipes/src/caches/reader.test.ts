// What real servers do only now and then: answers that meet in the worst order.
import { type Client, type Stat, type WatchEvent, ZkError } from "@zk/client";
import { describe, expect, it } from "vitest";
import { Contents } from "./contents.js";
import { Reader } from "./reader.js";
import { Shape } from "./shape.js";
import type { NodeChange } from "./types.js";

interface Call {
  readonly name: "data" | "list" | "exists";
  readonly path: string;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Stands for a client whose answers the test gives. */
class ScriptedClient {
  state = "connected";
  sessionId = 1n;
  readonly unwatched: string[] = [];
  readonly calls: Call[] = [];
  readonly clock = {
    nowMs: () => 0,
    setTimer: (_delayMs: number, callback: () => void) => {
      this.timer = callback;
      return () => {
        this.timer = undefined;
      };
    },
  };
  readonly randomness = { seed: () => 0 };
  timer: (() => void) | undefined;
  #onState: (state: string) => void = () => {};
  #onEvent: (event: WatchEvent) => void = () => {};

  on(_name: string, listener: (state: string) => void): void {
    this.#onState = listener;
  }

  getData(path: string, options: { readonly watch: (event: WatchEvent) => void }): Promise<unknown> {
    this.#onEvent = options.watch;
    return this.#call("data", path);
  }

  getChildrenWithStat(path: string): Promise<unknown> {
    return this.#call("list", path);
  }

  exists(path: string): Promise<unknown> {
    return this.#call("exists", path);
  }

  unwatch(path: string): void {
    this.unwatched.push(path);
  }

  go(state: string): void {
    this.state = state;
    this.#onState(state);
  }

  event(type: Exclude<WatchEvent["type"], "None">, path: string): void {
    this.#onEvent({ type, path });
  }

  /** The calls that are not answered yet. */
  get pending(): string[] {
    return this.calls.map(({ name, path }) => `${name} ${path}`);
  }

  take(what: string): Call {
    const index = this.pending.indexOf(what);
    expect(this.pending).toContain(what);
    return this.calls.splice(index, 1)[0] as Call;
  }

  #call(name: Call["name"], path: string): Promise<unknown> {
    return new Promise((resolve, reject) => this.calls.push({ name, path, resolve, reject }));
  }
}

function statOf(fields: Partial<Stat>): Stat {
  const { czxid = 1n } = fields;
  const zero = { ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n };
  return { czxid, mzxid: czxid, pzxid: czxid, ...zero, dataLength: 0, numChildren: 0, ...fields };
}

const continuations = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function readerOf() {
  const client = new ScriptedClient();
  const told: string[] = [];
  const contents = new Contents("/r", new Shape({}), 100, {
    changed: (change: NodeChange) => told.push(`${change.type} ${change.path}`),
    forgotten: (path) => reader.forgotten(path),
  });
  const reader: Reader = new Reader(
    {
      client: client as unknown as Client,
      recipe: "Test",
      withData: true,
      nodesMax: 100,
      jitterMs: 10,
      persistent: false,
    },
    contents,
    {
      synced: () => told.push("synced"),
      current: () => {},
      stale: () => told.push("stale"),
      ended: () => told.push("ended"),
    },
  );
  const answer = async (what: string, value: unknown): Promise<void> => {
    const call = client.take(what);
    if (value instanceof Error) call.reject(value);
    else call.resolve(value);
    await continuations();
  };
  const node = (path: string, fields: Partial<Stat> = {}) =>
    answer(`data ${path}`, { data: null, stat: statOf(fields) });
  const list = (path: string, children: readonly string[], fields: Partial<Stat> = {}) =>
    answer(`list ${path}`, { children, stat: statOf(fields) });
  reader.start();
  return { client, reader, contents, told, answer, node, list };
}

const gone = (): ZkError => new ZkError({ code: "NO_NODE", message: "gone" });
const over = (): ZkError => new ZkError({ code: "SESSION_EXPIRED", message: "over" });

describe("a reader", () => {
  it("reads both again when the list is of another znode than the data", async () => {
    const { client, told, node, list } = readerOf();
    await node("/r", { czxid: 1n });
    await list("/r", ["a"], { czxid: 5n });
    expect(told).toEqual(["created /r"]);
    expect(client.pending).toEqual(["data /r", "list /r"]);
    await node("/r", { czxid: 5n });
    await list("/r", [], { czxid: 5n });
    expect(told).toEqual(["created /r", "recreated /r", "synced"]);
  });

  it("takes back the watch of a read that nobody wants any more when it is answered", async () => {
    const { client, told, node, list } = readerOf();
    await node("/r");
    await list("/r", ["a"], { pzxid: 2n });
    expect(client.pending).toEqual(["data /r/a", "list /r/a"]);
    client.event("NodeChildrenChanged", "/r");
    await list("/r", [], { pzxid: 3n });
    expect(client.unwatched).toEqual([]);
    await node("/r/a", { czxid: 2n });
    await list("/r/a", [], { czxid: 2n });
    expect(client.unwatched).toEqual(["/r/a"]);
    expect(told).toEqual(["created /r", "synced"]);
  });

  it("reads again what was told of while it was read, whatever was told", async () => {
    const { client, contents, node, list } = readerOf();
    await node("/r");
    await list("/r", ["a"], { pzxid: 2n });
    client.event("NodeDeleted", "/r/a");
    await node("/r/a", { czxid: 2n });
    await list("/r/a", [], { czxid: 2n });
    expect(contents.nodes.has("/r/a")).toBe(true);
    expect(client.pending).toEqual(["data /r/a", "list /r/a"]);
    client.take("data /r/a").reject(gone());
    client.take("list /r/a").reject(gone());
    await continuations();
    expect(contents.nodes.has("/r/a")).toBe(false);
    expect(client.unwatched).toEqual(["/r/a"]);
  });

  it("counts nothing of a session that is over", async () => {
    const { client, reader, told, node, list } = readerOf();
    let isCaughtUp = false;
    const caughtUp = reader.catchUp().then(() => {
      isCaughtUp = true;
    });
    const calls = [client.take("data /r"), client.take("list /r")];
    client.go("suspended");
    client.go("expired");
    for (const call of calls) call.reject(over());
    await continuations();
    expect([isCaughtUp, told]).toEqual([false, []]);
    client.sessionId = 2n;
    client.go("connecting");
    client.go("connected");
    client.timer?.();
    await node("/r");
    expect(isCaughtUp).toBe(false);
    await list("/r", []);
    await caughtUp;
    expect(told).toEqual(["created /r", "synced"]);
  });

  it("waits no longer for what was forgotten while it was read twice", async () => {
    const { client, reader, node, list } = readerOf();
    await node("/r");
    await list("/r", ["a"], { pzxid: 2n });
    client.event("NodeDataChanged", "/r/a");
    client.event("NodeChildrenChanged", "/r");
    let isCaughtUp = false;
    const caughtUp = reader.catchUp().then(() => {
      isCaughtUp = true;
    });
    await list("/r", [], { pzxid: 3n });
    await node("/r/a", { czxid: 2n });
    expect(isCaughtUp).toBe(false);
    await list("/r/a", [], { czxid: 2n });
    await caughtUp;
    expect(client.pending).toEqual([]);
  });

  it("says that it is in step again only when what the watches told on the way is read", async () => {
    const { client, told, node, list } = readerOf();
    await node("/r");
    await list("/r", ["a"], { pzxid: 2n });
    await node("/r/a", { czxid: 2n });
    await list("/r/a", [], { czxid: 2n });
    told.length = 0;
    client.go("suspended");
    client.go("connected");
    client.event("NodeDataChanged", "/r/a");
    client.timer?.();
    await node("/r");
    expect(told).toEqual(["stale"]);
    await node("/r/a", { czxid: 2n, mzxid: 4n });
    expect(told).toEqual(["stale", "changed /r/a", "synced"]);
  });

  it("sees a root that comes between two answers", async () => {
    const { client, told, answer, node, list } = readerOf();
    await answer("data /r", gone());
    await answer("list /r", gone());
    await answer("exists /r", statOf({}));
    expect(client.pending).toEqual(["data /r", "list /r"]);
    expect(told).toEqual([]);
    await node("/r");
    await list("/r", []);
    expect(told).toEqual(["created /r", "synced"]);
  });
});
