import { type Client, CreateMode } from "@zk/client";
import {
  PersistentNode,
  type PersistentNodeEvent,
  type PersistentNodeOptions,
  type RecipeError,
  recipeMetrics,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { cutter, stage, until, within } from "../src/index.js";

const zk = stage();

async function ownerOf(client: Client, path: string): Promise<bigint | undefined> {
  return (await client.exists(path))?.ephemeralOwner;
}

async function textAt(client: Client, path: string): Promise<string | null> {
  const { data } = await client.getData(path);
  return data === null ? null : new TextDecoder().decode(data);
}

async function keep(client: Client, path: string, options: PersistentNodeOptions = {}) {
  const node = new PersistentNode(client, path, options);
  const events: PersistentNodeEvent[] = [];
  node.onEvent((event) => events.push(event));
  return { node, events, types: () => events.map(({ type }) => type) };
}

describe("a persistent node", () => {
  it("is there with its data and our session as owner until it is closed", async () => {
    const client = await zk.connect();
    const { node, events } = await keep(client, `${zk.path}/a/me`, { data: "hello" });
    expect(node.state).toBe("idle");
    await node.start();
    expect(node).toMatchObject({ state: "established", actualPath: `${zk.path}/a/me` });
    const { data, stat } = await client.getData(`${zk.path}/a/me`);
    expect(new TextDecoder().decode(data!)).toBe("hello");
    expect(stat).toMatchObject({ ephemeralOwner: client.sessionId, czxid: node.token });
    expect(events).toEqual([{ type: "established", path: `${zk.path}/a/me`, token: stat.czxid }]);
    expect(await node.close()).toEqual({ confirmed: true });
    expect(node).toMatchObject({ state: "closed", token: undefined });
    expect(await client.exists(`${zk.path}/a/me`)).toBeNull();
    expect(await node.close()).toEqual({ confirmed: true });
    expect(client.load.watches).toBe(0);
  });

  it("is made again in the next session, and says gone and established", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    const { node, types } = await keep(client, zk.path, { data: "x" });
    await node.start();
    const [first, session] = [node.token!, client.sessionId];
    await zk.expire(client);
    await until("it is there again", () => node.token !== undefined && node.token !== first);
    expect(client.sessionId).not.toBe(session);
    expect(await ownerOf(client, zk.path)).toBe(client.sessionId);
    expect(node.token!).toBeGreaterThan(first);
    expect(types()).toEqual(["established", "gone", "established"]);
    await node.close();
  });

  it("is made again in the next session that somebody begins by hand", async () => {
    const client = await zk.connect();
    const { node } = await keep(client, zk.path);
    await node.start();
    await zk.expire(client);
    await until("it is gone", () => node.state === "establishing" && client.state === "expired");
    await client.connect();
    await until("it is there again", () => node.state === "established");
    expect(await ownerOf(client, zk.path)).toBe(client.sessionId);
    await node.close();
  });

  it("is made again after somebody removed it, again and again, with pauses that grow", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const { node, types } = await keep(one, zk.path);
    await node.start();
    for (let round = 0; round < 3; round += 1) {
      const before = node.token!;
      await until("it is there", () => two.remove(zk.path).then(() => true));
      await until("it is there again", () => node.token !== undefined && node.token !== before);
    }
    expect(types()).toEqual([
      "established",
      "gone",
      "established",
      "gone",
      "established",
      "gone",
      "established",
    ]);
    await node.close();
  });

  it("does not flap when only the connection is lost", async () => {
    const client = await zk.connect();
    const { node, types } = await keep(client, zk.path);
    await node.start();
    const { token } = node;
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    const states: string[] = [];
    client.on("state", () => states.push(node.state));
    await zk.ensemble.kill(server);
    await until("it is there", () => states.length > 0 && node.state === "established");
    expect(states[0]).toBe("suspect");
    expect(node.token).toBe(token);
    expect(types()).toEqual(["established"]);
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
    await node.close();
  });

  it("takes data that is set, and writes what was set while disconnected (CURATOR-241)", async () => {
    const client = await zk.connect();
    const { node, types } = await keep(client, zk.path, { data: "1" });
    await node.start();
    await node.setData("2");
    expect(await textAt(client, zk.path)).toBe("2");
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    const written = new Promise<void>((resolve, reject) => {
      client.on("state", (state) => {
        if (state === "suspended") node.setData("3").then(resolve, reject);
      });
    });
    await zk.ensemble.kill(server);
    await within("the write", written);
    expect(await textAt(client, zk.path)).toBe("3");
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
    await zk.expire(client);
    await until("it is gone", () => client.state === "expired");
    const setting = node.setData("4");
    await client.connect();
    await within("the write", setting);
    expect(await textAt(client, zk.path)).toBe("4");
    expect(types().filter((type) => type === "changed")).toEqual([]);
    await node.close();
  });

  it("tells of data that somebody else wrote, and leaves it", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const { node, events } = await keep(one, zk.path, { data: "mine" });
    await node.start();
    await two.setData(zk.path, "drain");
    const event = await until("the event", () => events.find(({ type }) => type === "changed"));
    expect(event).toEqual({ type: "changed", path: zk.path, data: new TextEncoder().encode("drain") });
    expect(await textAt(two, zk.path)).toBe("drain");
    await node.close();
  });

  it.each(["plain", "protected", "sequential"] as const)(
    "that is closed while it is being made leaves nothing (CURATOR-297): %s",
    async (naming) => {
      const cut = cutter();
      const [client, looking] = [await zk.connect(cut.options), await zk.connect()];
      await looking.create(zk.path);
      for (const fault of ["none", "replyDecoded", "afterWrite"] as const) {
        for (const moment of ["at once", "sent"] as const) {
          if (fault !== "none") cut.cut(fault);
          const node = new PersistentNode(client, `${zk.path}/me`, { naming });
          const starting = node.start().then(
            () => undefined,
            (error: unknown) => error,
          );
          if (moment === "sent") await until("it is sent", () => client.load.inFlight > 0 || cut.left === 0);
          await node.close();
          expect([undefined, "RELEASED"]).toContain(((await starting) as RecipeError | undefined)?.code);
          cut.cut("replyDecoded", 0);
          await until("nothing is left", async () => {
            // Comes behind all that this session has sent.
            await client.remove(`${zk.path}-none`).catch(() => {});
            await looking.sync(zk.path);
            const { length } = await looking.getChildren(zk.path);
            return length === 0 && recipeMetrics(client).janitorPending === 0;
          });
        }
      }
      expect(recipeMetrics(client).janitorFailed).toBe(0);
    },
  );

  it("that is closed after it was given up for lost leaves nothing when its session has outlived that", async () => {
    const client = await zk.connect({ sessionTimeoutMs: 2000 });
    const { node, types } = await keep(client, zk.path);
    await node.start();
    const { sessionId } = client;
    const servers = zk.ensemble.servers.map(({ id }) => id);
    await Promise.all(servers.map((id) => zk.ensemble.kill(id)));
    await until("it is given up for lost", () => types().includes("gone"));
    expect(await node.close()).toEqual({ confirmed: false });
    // Sessions live on when servers begin again.
    await Promise.all(servers.map((id) => zk.ensemble.start(id)));
    const looking = await zk.connect();
    await until(
      "all is done",
      () => client.state === "connected" && recipeMetrics(client).janitorPending === 0,
    );
    await looking.sync(zk.path);
    expect(client.sessionId).toBe(sessionId);
    expect(await looking.exists(zk.path)).toBeNull();
  });

  it.each(["replyDecoded", "afterWrite", "beforeWrite"] as const)(
    "knows its znode when the answer to its creation is lost at %s",
    async (place) => {
      const cut = cutter();
      const client = await zk.connect(cut.options);
      for (const naming of ["plain", "protected", "sequential"] as const) {
        cut.cut(place, 2);
        const { node, types } = await keep(client, `${zk.path}/${naming}/me`, { naming, onTaken: "fail" });
        await within("the start", node.start());
        cut.cut(place, 0);
        expect(await client.getChildren(`${zk.path}/${naming}`)).toHaveLength(1);
        expect((await client.exists(node.actualPath!))?.czxid).toBe(node.token);
        expect(types()).toEqual(["established"]);
        await node.close();
        expect(await client.getChildren(`${zk.path}/${naming}`)).toEqual([]);
      }
    },
  );

  it("never removes a znode that took the place of ours (CURATOR-506)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const { node } = await keep(one, zk.path);
    await node.start();
    // One transaction: our znode is replaced, and the server that we are on may not have heard of it.
    await two.transaction().remove(zk.path).create(zk.path, "other").commit();
    expect(await node.close()).toEqual({ confirmed: true });
    expect(await textAt(two, zk.path)).toBe("other");
  });

  it("waits for its name while somebody else has it, and says so once", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(zk.path, "1", { mode: CreateMode.EPHEMERAL });
    const { node, events } = await keep(two, zk.path, { data: "2" });
    const starting = node.start();
    await until("it is taken", () => node.state === "taken");
    await one.setData(zk.path, "still here");
    await one.setData(zk.path, "and here");
    await one.remove(zk.path);
    await within("the start", starting);
    expect(events).toEqual([
      { type: "taken", path: zk.path, owner: one.sessionId, czxid: expect.any(BigInt) },
      { type: "established", path: zk.path, token: node.token },
    ]);
    expect(await textAt(two, zk.path)).toBe("2");
    await node.close();
  });

  it("refuses a name that somebody else has, if told to", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(zk.path, "1", { mode: CreateMode.EPHEMERAL });
    const node = new PersistentNode(two, zk.path, { onTaken: "fail" });
    await expect(node.start()).rejects.toMatchObject({ code: "CONFLICT", recipe: "PersistentNode" });
    expect(node.state).toBe("failed");
    expect(node.signal.reason).toMatchObject({ code: "CONFLICT" });
    expect(await textAt(one, zk.path)).toBe("1");
    await expect(node.start()).rejects.toMatchObject({ code: "RELEASED" });
    await expect(node.setData("2")).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("refuses a name that another one on the same client has", async () => {
    const client = await zk.connect();
    await using _first = await new PersistentNode(client, zk.path, { data: "1" }).start();
    const second = new PersistentNode(client, zk.path, { onTaken: "fail", data: "2" });
    await expect(second.start()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await textAt(client, zk.path)).toBe("1");
  });

  it("takes a name over if told to, once: of two who do, the first one waits", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const first = await keep(one, zk.path, { data: "1", onTaken: "takeOver" });
    await first.node.start();
    const second = await keep(two, zk.path, { data: "2", onTaken: "takeOver" });
    await second.node.start();
    await until("the first one is taken", () => first.node.state === "taken");
    expect(await textAt(one, zk.path)).toBe("2");
    expect(second.types()).toEqual(["taken", "established"]);
    await second.node.close();
    await until("the first one is back", () => first.node.state === "established");
    expect(first.types()).toEqual(["established", "gone", "taken", "established"]);
    await first.node.close();
  });

  it("takes a name over with another version, so that what the other one has under way is refused", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _first = await new PersistentNode(one, zk.path, { data: "1" }).start();
    const { version } = (await one.exists(zk.path))!;
    await using _second = await new PersistentNode(two, zk.path, { data: "2", onTaken: "takeOver" }).start();
    await expect(one.setData(zk.path, "3", { version })).rejects.toMatchObject({ code: "BAD_VERSION" });
    await expect(one.remove(zk.path, { version })).rejects.toMatchObject({ code: "BAD_VERSION" });
    expect(await textAt(two, zk.path)).toBe("2");
  });

  it("waits for the znode of its own last session, and does not take it for its own (CURATOR-154)", async () => {
    // A znode whose owner is an earlier session of ours, as seen by a client that was renewed before the servers removed it.
    const cut = cutter();
    const client = await zk.connect({ ...cut.options, afterExpiry: "renew" });
    const { node, types } = await keep(client, zk.path, { onTaken: "fail" });
    await node.start();
    for (let round = 0; round < 5; round += 1) {
      const before = node.token!;
      await zk.expire(client);
      await until("it is there again", () => node.token !== undefined && node.token !== before);
      expect(await ownerOf(client, zk.path)).toBe(client.sessionId);
    }
    expect(types().filter((type) => type === "taken" || type === "failed")).toEqual([]);
    await node.close();
  });

  it("keeps its number over sessions, and its name does not grow (CURATOR-190)", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    await client.create(zk.path);
    await client.create(`${zk.path}/another`);
    const { node } = await keep(client, `${zk.path}/me-`, { naming: "sequential", data: "x" });
    await node.start();
    const path = node.actualPath!;
    expect(path.slice(zk.path.length)).toMatch(/^\/_c_[0-9a-f-]{36}-me-0000000001$/);
    for (let round = 0; round < 3; round += 1) {
      const before = node.token!;
      await zk.expire(client);
      await until("it is there again", () => node.token !== undefined && node.token !== before);
      expect(node.actualPath).toBe(path);
    }
    expect(await client.getChildren(zk.path)).toHaveLength(2);
    await node.close();
    expect(await client.getChildren(zk.path)).toEqual(["another"]);
  });

  it("that the server refuses says so, and does not ask all the time (CURATOR-228)", async () => {
    const admin = await zk.connect({ auth: [{ scheme: "digest", auth: "admin:secret" }] });
    await admin.create(zk.path);
    const client = await zk.connect({ afterExpiry: "renew" });
    const { node, events } = await keep(client, `${zk.path}/me`);
    await node.start();
    const acl = [{ perms: 31, id: { scheme: "auth", id: "" } }];
    await admin.setACL(zk.path, acl);
    await admin.remove(`${zk.path}/me`);
    const refused = await until("it is refused", () => events.find(({ type }) => type === "refused"));
    expect(refused).toMatchObject({ error: { code: "NO_AUTH" } });
    await admin.setACL(zk.path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    await until("it is there again", () => node.state === "established");
    expect(events.filter(({ type }) => type === "refused").length).toBeLessThan(12);
    await node.close();
    await admin.setACL(zk.path, acl);
    const late = new PersistentNode(client, `${zk.path}/late`);
    await expect(late.start()).rejects.toMatchObject({ code: "NO_AUTH" });
    expect(late.state).toBe("closed");
  });

  it.each(["aborted", "out of time"] as const)("start that is %s leaves nothing behind", async (how) => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(zk.path, null, { mode: CreateMode.EPHEMERAL });
    const abort = new AbortController();
    const node = new PersistentNode(two, zk.path);
    const starting = expect(
      node.start(how === "aborted" ? { signal: abort.signal } : { timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: how === "aborted" ? "ABORTED" : "WAIT_TIMEOUT" });
    if (how === "aborted") {
      await until("it is taken", () => node.state === "taken");
      abort.abort();
    }
    await starting;
    expect(node.state).toBe("closed");
    expect(two.load.watches).toBe(0);
    await one.remove(zk.path);
    expect(await one.exists(zk.path)).toBeNull();
  });

  it("ends with the client", async () => {
    const client = await zk.connect();
    const { node, types } = await keep(client, zk.path);
    await node.start();
    await client.close();
    await until("it has failed", () => node.state === "failed");
    expect(node.signal.reason).toMatchObject({ code: "CLOSED" });
    expect(types()).toEqual(["established", "gone", "failed"]);
    expect(await node.close()).toEqual({ confirmed: true });
  });

  it("start ends when the session does and nobody begins another", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(zk.path, null, { mode: CreateMode.EPHEMERAL });
    const node = new PersistentNode(two, zk.path);
    const starting = expect(node.start()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    await until("it is taken", () => node.state === "taken");
    await zk.expire(two);
    await starting;
    expect(node.state).toBe("closed");
  });

  it.each(["", "alive", "/", "/alive/"])("refuses the path %j", async (path) => {
    const client = await zk.connect();
    expect(() => new PersistentNode(client, path)).toThrow(/INVALID_ARGUMENT: PersistentNode/);
  });
});
