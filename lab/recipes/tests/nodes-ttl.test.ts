// On the model, which knows no times to live: what is emulated. real-ttl-node.test.ts has the rest.
import { type Client, CreateMode, ZkError } from "@zk/client";
import {
  PersistentTtlNode,
  type PersistentTtlNodeEvent,
  type PersistentTtlNodeOptions,
  Reaper,
  recipeMetrics,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, stage, told, until, within } from "../src/index.js";

const zk = stage();
const MINUTE = 60_000;

async function textAt(client: Client, path: string): Promise<string | null> {
  const { data } = await client.getData(path);
  return data === null ? null : new TextDecoder().decode(data);
}

function keep(client: Client, options: Partial<PersistentTtlNodeOptions> = {}, path = zk.path) {
  const node = new PersistentTtlNode(client, path, { ttlMs: MINUTE, ...options });
  const events: PersistentTtlNodeEvent[] = [];
  node.onEvent((event) => events.push(event));
  return { node, events, types: () => events.map(({ type }) => type) };
}

describe("a persistent TTL node on servers without times to live", () => {
  it("is a persistent znode, and says so", async () => {
    const client = await zk.connect();
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    const path = `${zk.path}/a/b`;
    const { node, events } = keep(client, { data: "hello" }, path);
    expect(node).toMatchObject({ state: "idle", emulated: undefined, token: undefined });
    expect(await node.start()).toBe(node);
    const stat = await client.exists(path);
    expect(stat).toMatchObject({ ephemeralOwner: 0n, czxid: node.token, numChildren: 0 });
    expect(await textAt(client, path)).toBe("hello");
    expect(node).toMatchObject({ state: "established", emulated: true });
    expect(events).toEqual([
      { type: "established", path, token: stat?.czxid, emulated: true, adopted: false },
    ]);
    expect(states).toEqual([]);
    expect(await node.close()).toEqual({ confirmed: true });
    expect(await client.exists(path)).toBeNull();
    expect(node).toMatchObject({ state: "closed", token: undefined });
    expect(await node.close()).toEqual({ confirmed: true });
    expect(client.load.watches).toBe(0);
  });

  it("is touched again and again, and nothing else happens to it", async () => {
    const client = await zk.connect();
    const { node, types } = keep(client, { ttlMs: 40, data: "same" });
    await node.start();
    const { token } = node;
    const stat = await until("some touches", async () => {
      const now = await client.exists(zk.path);
      return (now?.version ?? 0) >= 5 && now;
    });
    expect(stat).toMatchObject({ czxid: token, numChildren: 0 });
    expect(await textAt(client, zk.path)).toBe("same");
    expect(types()).toEqual(["established"]);
    await node.close();
  });

  it("outlives its keeper, and is taken over with all it says by the next", async () => {
    const [first, second] = [await zk.connect(), await zk.connect()];
    const { node } = keep(first, { data: "from before" });
    await node.start();
    await first.close();
    await until("the keeper to notice", () => node.state === "failed");
    expect(node.signal.reason).toMatchObject({ code: "CLOSED" });
    const { node: next, events } = keep(second);
    await next.start();
    const stat = await second.exists(zk.path);
    expect(events).toMatchObject([{ type: "established", token: stat?.czxid, adopted: true }]);
    expect(await textAt(second, zk.path)).toBe("from before");
    await until("a touch at once", async () => ((await second.exists(zk.path))?.version ?? 0) > 0);
    await second.remove(zk.path);
    await until("another one", () => events.length >= 3);
    expect(await textAt(second, zk.path)).toBe("from before");
    await next.close();
    const { node: third } = keep(second, { data: "new" });
    await second.create(zk.path, "old");
    await third.start();
    await until("our data", async () => (await textAt(second, zk.path)) === "new");
    await third.close();
    expect(await second.exists(zk.path)).toBeNull();
  });

  it("is left alone by a reaper for as long as it is kept, and goes when it is not", async () => {
    const [keeper, other] = [await zk.connect(), await zk.connect()];
    const path = `${zk.path}/kept`;
    const { node, types } = keep(keeper, { ttlMs: 400, data: "x" }, path);
    await node.start();
    await using reaper = new Reaper(other, {
      roots: [zk.path],
      withData: true,
      emptyForMs: 5,
      intervalMs: 5,
      untouchedFor: { forMs: 400, clock: `${zk.path}-clock` },
    }).start();
    const reaped: string[] = [];
    reaper.onEvent((event) => {
      if (event.type === "reaped") reaped.push(event.path);
    });
    await until("three touches", async () => ((await other.exists(path))?.version ?? 0) >= 3);
    expect(reaped).toEqual([]);
    expect(types()).toEqual(["established"]);
    await keeper.close();
    await until("it to be reaped", () => reaped.length > 0);
    expect(reaped).toEqual([path]);
  });

  it("is made again when somebody removes it, with another token", async () => {
    const client = await zk.connect();
    const { node, events, types } = keep(client, { data: "x" });
    await node.start();
    const { token } = node;
    await client.remove(zk.path);
    await until("another one", () => events.length >= 3);
    expect(types()).toEqual(["established", "gone", "established"]);
    expect(node.token).toBeGreaterThan(token!);
    expect(await textAt(client, zk.path)).toBe("x");
    await node.close();
  });

  it("says what it is told to, and bears with what others write", async () => {
    const client = await zk.connect();
    const { node, events } = keep(client, { ttlMs: 60, data: "one" });
    await expect(node.setData("two", { timeoutMs: 0 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    await node.start();
    await until("what was set before", async () => (await textAt(client, zk.path)) === "two");
    await node.setData("three");
    expect(await textAt(client, zk.path)).toBe("three");
    await client.setData(zk.path, "theirs");
    await until("it to be told", () => events.some(({ type }) => type === "changed"));
    const { version } = (await client.exists(zk.path))!;
    await until("touches", async () => ((await client.exists(zk.path))?.version ?? 0) >= version + 3);
    expect(await textAt(client, zk.path)).toBe("theirs");
    expect(events.filter(({ type }) => type === "changed")).toHaveLength(1);
    await node.close();
    await expect(node.setData("four")).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("does not call data set because it has found again the znode that it kept", async () => {
    const client = await zk.connect();
    const { node, types } = keep(client, { ttlMs: 60, data: "old" });
    await node.start();
    const set = client.setData.bind(client);
    const isAgain = () => types().filter((type) => type === "established").length === 2;
    const refusals = [new ZkError({ code: "UNIMPLEMENTED", message: "times to live are switched off" })];
    const losses = [new ZkError({ code: "CONNECTION_LOSS", message: "lost", applied: "maybe" })];
    client.setData = async (path, data, options) => {
      const error = data === "new" ? losses.pop() : refusals.pop();
      if (error !== undefined && data === "new") await until("it to be found again", isAgain);
      if (error !== undefined) throw error;
      return await set(path, data, options);
    };
    await node.setData("new");
    expect(await textAt(client, zk.path)).toBe("new");
    await node.close();
  });

  it("keeps its znode through the end of a session", async () => {
    const [client, other] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    const { node, types } = keep(client, { ttlMs: 100, data: "x" });
    await node.start();
    const { token } = node;
    await zk.expire(client);
    const { version } = (await other.exists(zk.path))!;
    await until("touches", async () => ((await other.exists(zk.path))?.version ?? 0) >= version + 3);
    expect(node).toMatchObject({ token, state: "established" });
    expect(types()).toEqual(["established"]);
    await node.close();
    await other.sync();
    expect(await other.exists(zk.path)).toBeNull();
  });

  it("is in doubt without a connection, and touched when there is one again", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const { node, types } = keep(client, { ttlMs: 100 });
    await node.start();
    cable.cut();
    cable.reset();
    await until("doubt", () => node.state === "suspect");
    cable.mend();
    await until("it to be sure again", () => node.state === "established");
    const { version } = (await client.exists(zk.path))!;
    await until("a touch", async () => ((await client.exists(zk.path))?.version ?? 0) > version);
    expect(types()).toEqual(["established"]);
    await node.close();
  });

  it("waits for an ephemeral znode to go, or ends with it", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await other.create(zk.path, null, { mode: CreateMode.EPHEMERAL });
    const failing = keep(client, { onTaken: "fail" });
    await expect(failing.node.start()).rejects.toMatchObject({ code: "CONFLICT", path: zk.path });
    expect(failing.types()).toEqual(["taken", "failed"]);
    const { node, events } = keep(client);
    const starting = node.start();
    await until("it to be told", () => node.state === "taken");
    expect(events).toMatchObject([{ type: "taken", owner: other.sessionId }]);
    await other.remove(zk.path);
    await within("the start", starting);
    await node.close();
    expect(client.load.watches).toBe(0);
  });

  it("is there once when the answer to its create is lost, and removed when it is closed meanwhile", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const lost = cable.lose("reply", "create");
    const { node } = keep(client, { data: "x" });
    await node.start();
    await lost;
    expect(await client.exists(zk.path)).toMatchObject({ czxid: node.token });
    await node.close();
    const again = cable.lose("reply", "create");
    const abort = new AbortController();
    const second = keep(client, { data: "y" });
    const starting = told(second.node.start({ signal: abort.signal }));
    cable.lose("request", "exists");
    await again;
    abort.abort(new Error("enough"));
    expect(await starting).toMatchObject({ code: "ABORTED" });
    await until("nothing to be left", async () => (await client.exists(zk.path)) === null);
    cable.spare();
  });

  it("does not remove what another made when the answer to its own create is lost and it is given up", async () => {
    const cable = new Cable();
    const [client, other] = [await zk.connect({ ports: { transport: cable.transport } }), await zk.connect()];
    await client.create(zk.path);
    const path = `${zk.path}/place`;
    const lost = cable.lose("request", "create");
    const { node } = keep(client, { data: "ours" }, path);
    const abort = new AbortController();
    const starting = told(node.start({ signal: abort.signal }));
    cable.lose("request", "exists");
    await lost;
    abort.abort(new Error("enough"));
    await other.create(path, "theirs");
    cable.spare();
    expect(await starting).toMatchObject({ code: "ABORTED" });
    await until("it to be looked for", () => recipeMetrics(client).janitorPending === 0);
    expect(await textAt(other, path)).toBe("theirs");
  });

  it("stays when it is to be left, or has children of others", async () => {
    const client = await zk.connect();
    const leaving = keep(client, { onClose: "leave" });
    await leaving.node.start();
    expect(await leaving.node.close()).toEqual({ confirmed: false });
    const { node } = keep(client);
    await node.start();
    await client.create(`${zk.path}/theirs`);
    expect(await node.close()).toEqual({ confirmed: false });
    expect(await client.getChildren(zk.path)).toEqual(["theirs"]);
    await client.removeRecursive(zk.path);
  });

  it("does not remove what took its place when it was closed", async () => {
    const cable = new Cable();
    const [client, other] = [await zk.connect({ ports: { transport: cable.transport } }), await zk.connect()];
    const { node } = keep(client);
    await node.start();
    cable.cut();
    const closing = node.close();
    await other.sync();
    await other.transaction().remove(zk.path).create(zk.path, "theirs").commit();
    cable.mend();
    expect(await closing).toEqual({ confirmed: true });
    expect(await textAt(other, zk.path)).toBe("theirs");
  });

  it("is not had if it may not be emulated", async () => {
    const client = await zk.connect();
    const { node, events } = keep(client, { emulate: false });
    await expect(node.start()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      recipe: "PersistentTtlNode",
      cause: { code: "UNIMPLEMENTED" },
    });
    expect(events).toMatchObject([{ type: "failed" }]);
    expect(await client.exists(zk.path)).toBeNull();
    expect(node.state).toBe("failed");
  });

  it("refuses what cannot be", async () => {
    const client = await zk.connect();
    for (const options of [
      { ttlMs: 1 },
      { ttlMs: 1.5 },
      { ttlMs: 1_099_511_627_776 },
      { ttlMs: 100, touchEveryMs: 100 },
      { ttlMs: 100, touchEveryMs: 0 },
      { childName: "" },
      { childName: "a/b" },
    ]) {
      expect(() => keep(client, options)).toThrow(/INVALID_ARGUMENT/);
    }
    expect(() => keep(client, {}, "/")).toThrow(/INVALID_ARGUMENT/);
    const { node } = keep(client);
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(node.start({ signal: aborted })).rejects.toMatchObject({ code: "ABORTED" });
    await node.start();
    await expect(node.start()).rejects.toMatchObject({ code: "RELEASED" });
    await node.close();
  });
});
