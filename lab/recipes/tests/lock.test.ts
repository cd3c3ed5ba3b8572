import { ZkError } from "@zk/client";
import { Election, isRecipeError, Lock, observeRecipes, type RecipeEvent, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf as children, stage, until, within } from "../src/index.js";

const zk = stage();

describe("a lock", () => {
  it("is one client's at a time, in the order in which they asked", async () => {
    const clients = await Promise.all([zk.connect(), zk.connect(), zk.connect()]);
    const order: number[] = [];
    const tokens: bigint[] = [];
    let inside = 0;
    const first = await new Lock(clients[0]!, zk.path).acquire();
    const waiting: Promise<void>[] = [];
    for (const [index, client] of clients.entries()) {
      waiting.push(
        new Lock(client, zk.path).run((hold) => {
          inside += 1;
          expect(inside).toBe(1);
          order.push(index);
          tokens.push(hold.token);
          inside -= 1;
        }),
      );
      await until("it stands in line", async () => (await children(client, zk.path)).length === index + 2);
    }
    await first.release();
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2]);
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
    expect(first.token).toBeLessThan(tokens[0]!);
    expect(await children(clients[0]!, zk.path)).toEqual([]);
  });

  it("has the layout of Curator by default, and of kazoo if asked", async () => {
    const client = await zk.connect();
    await using curator = await new Lock(client, `${zk.path}/c`, { identity: "me" }).acquire();
    expect(curator.path.slice(zk.path.length)).toMatch(/^\/c\/_c_[0-9a-f-]{36}-lock-0000000000$/);
    const { data, stat } = await client.getData(curator.path);
    expect(new TextDecoder().decode(data!)).toBe("me");
    expect(stat).toMatchObject({ czxid: curator.token, ephemeralOwner: client.sessionId });
    await using kazoo = await new Lock(client, `${zk.path}/k`, { dialect: "kazoo" }).acquire();
    expect(kazoo.path.slice(zk.path.length)).toMatch(/^\/k\/[0-9a-f]{32}__lock__0000000000$/);
  });

  it("in a directory that is to be a container is had on servers without such, and costs no connection", async () => {
    const client = await zk.connect();
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    const lock = new Lock(client, `${zk.path}/deep/c`, { containers: true });
    for (let turn = 0; turn < 3; turn += 1) await (await lock.acquire()).release();
    expect(await children(client, `${zk.path}/deep/c`)).toEqual([]);
    expect(states).toEqual([]);
    const both = { containers: true, lockDelayMs: 1000 };
    expect(() => new Lock(client, zk.path, both)).toThrow(/INVALID_ARGUMENT.*containers/);
    expect(() => new Election(client, zk.path, both)).toThrow(/INVALID_ARGUMENT.*containers/);
  });

  it("that is not to be had at once leaves nothing behind", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using held = await new Lock(one, zk.path).acquire();
    expect(await new Lock(two, zk.path).tryAcquire()).toBeNull();
    expect(await children(two, zk.path)).toHaveLength(1);
    await held.release();
    await using mine = await new Lock(two, zk.path).tryAcquire();
    expect(mine?.state).toBe("held");
  });

  it.each(["aborted", "out of time"] as const)("wait that is %s leaves nothing behind", async (how) => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, zk.path).acquire();
    const abort = new AbortController();
    const waiting = new Lock(two, zk.path).acquire(
      how === "aborted" ? { signal: abort.signal } : { timeoutMs: 50 },
    );
    const ended = waiting.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    if (how === "aborted") {
      await until("it waits", () => recipeMetrics(two).waiting === 1);
      abort.abort("enough");
    }
    const error = await ended;
    expect(error).toMatchObject(
      how === "aborted"
        ? { code: "ABORTED", name: "AbortError", cause: "enough", path: zk.path }
        : { code: "WAIT_TIMEOUT", recipe: "Lock", path: zk.path },
    );
    expect(await children(two, zk.path)).toHaveLength(1);
    expect(recipeMetrics(two)).toMatchObject({ waiting: 0, janitorPending: 0 });
  });

  it("aborted before it began sends nothing", async () => {
    const client = await zk.connect();
    const gone = new Lock(client, zk.path).acquire({ signal: AbortSignal.abort("never") });
    await expect(gone).rejects.toMatchObject({ code: "ABORTED", cause: "never" });
    expect(await client.exists(zk.path)).toBeNull();
  });

  it("is not wide open because of foreign children, and says that they are there", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    await client.create(zk.path);
    const hex = "0123456789abcdef0123456789abcdef";
    for (const name of ["!junk", "zjunk", "lock-", `${hex}__lock__0000000000`])
      await client.create(`${zk.path}/${name}`);
    await using _held = await new Lock(client, zk.path).acquire({ timeoutMs: 5000 });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "foreignChildren", names: expect.arrayContaining(["!junk", "zjunk"]) }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: "incompatibleContenders", names: [`${hex}__lock__0000000000`] }),
    );
    const any = new Lock(client, zk.path, { contenders: "any" });
    expect(await any.tryAcquire()).toBeNull();
  });

  it("waits for whom it blocks behind alone: one release, one list", async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => zk.connect()));
    const held = await new Lock(clients[0]!, zk.path).acquire();
    const holds = clients.slice(1).map((client) => new Lock(client, zk.path).acquire());
    await until("all stand in line", async () => (await children(clients[0]!, zk.path)).length === 6);
    await until("all wait", () =>
      clients.slice(1).every((client) => client.load.watches === 1 && client.load.inFlight === 0),
    );
    const before = clients.map((client) => recipeMetrics(client).wakeUps);
    await held.release();
    const next = await holds[0]!;
    const woken = clients.map((client, index) => recipeMetrics(client).wakeUps - before[index]!);
    expect(woken).toEqual([0, 1, 0, 0, 0, 0]);
    await next.release();
    for (const hold of holds.slice(1)) await (await hold).release();
  });

  it("can be taken again from within, if reentrant, and not otherwise", async () => {
    const client = await zk.connect();
    const lock = new Lock(client, zk.path, { reentrant: true });
    const inner = await lock.run(async (outer) => {
      await Promise.resolve();
      return lock.run((hold) => hold === outer);
    });
    expect(inner).toBe(true);
    const plain = new Lock(client, zk.path);
    await plain.run(async () => {
      await expect(plain.run(() => {}, { timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    });
    expect(await children(client, zk.path)).toEqual([]);
  });

  it.each(["", "locks", "/", "/locks/"])("refuses the path %j", async (path) => {
    const client = await zk.connect();
    expect(() => new Lock(client, path)).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("a hold", () => {
  it("is lost when its session expires, and another gets the lock", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire();
    const aborted = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    await zk.expire(one);
    await within("the next one", next);
    await within("the signal", aborted);
    expect(isRecipeError(held.signal.reason)).toBe(true);
    await until("it is lost", () => held.state === "lost");
    await expect(held.guard((tx) => tx.create(`${zk.path}-x`))).rejects.toMatchObject({
      code: "HOLD_LOST",
      applied: "no",
    });
    expect(await two.exists(`${zk.path}-x`)).toBeNull();
    expect(await held.release()).toEqual({ confirmed: true });
    await (await next).release();
  });

  it("is lost when somebody removes its znode", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    await two.remove(held.path);
    await within("the signal", lost);
    expect(held.signal.reason).toMatchObject({ code: "HOLD_LOST", path: held.path });
    expect(held.state).toBe("lost");
    expect(recipeMetrics(one)).toMatchObject({ holding: 0, holdsLost: 1 });
  });

  it("guards writes: the transaction goes through while it stands, its results are the caller's", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(`${zk.path}-report`);
    const held = await new Lock(one, zk.path).acquire();
    const [set, made] = await held.guard((tx) =>
      tx.setData(`${zk.path}-report`, "1").create(`${zk.path}-log`),
    );
    expect(set.stat.version).toBe(1);
    expect(made.path).toBe(`${zk.path}-log`);
    const refused = held.guard((tx) => tx.create(`${zk.path}-new`).create(`${zk.path}-log`));
    await expect(refused).rejects.toSatisfy(
      (error: unknown) =>
        error instanceof ZkError && error.code === "NODE_EXISTS" && error.operationIndex === 1,
    );
    // Before our own watch can tell.
    const removed = two.remove(held.path);
    const late = held
      .guard((tx) => tx.setData(`${zk.path}-report`, "2"))
      .catch((error: unknown) => expect(error).toMatchObject({ code: "HOLD_LOST" }));
    await removed;
    await late;
    await expect(held.guard((tx) => tx.setData(`${zk.path}-report`, "3"))).rejects.toMatchObject({
      code: "HOLD_LOST",
    });
  });

  it("that was released says so", async () => {
    const client = await zk.connect();
    const held = await new Lock(client, zk.path).acquire();
    expect(await held.release()).toEqual({ confirmed: true });
    expect(await held.release()).toEqual({ confirmed: true });
    expect(held.state).toBe("released");
    expect(held.signal.aborted).toBe(false);
    await expect(held.verify()).rejects.toMatchObject({ code: "RELEASED" });
    await expect(held.guard((tx) => tx.create("/never"))).rejects.toMatchObject({ code: "RELEASED" });
    expect(client.load.watches).toBe(0);
  });

  it("is in doubt while its server is gone, and held again after the next one has confirmed it", async () => {
    const client = await zk.connect();
    const held = await new Lock(client, zk.path, { onSuspended: "wait" }).acquire();
    const states: string[] = [];
    held.onState((state) => states.push(state));
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    await zk.ensemble.kill(server);
    await until("it is held again", () => states.at(-1) === "held");
    expect(states).toEqual(["suspect", "held"]);
    expect(held.signal.aborted).toBe(false);
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
    await held.release();
  });

  it("aborts as soon as it is in doubt, unless told to wait", async () => {
    const client = await zk.connect();
    await using held = await new Lock(client, zk.path).acquire();
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    await zk.ensemble.kill(server);
    await until("the signal", () => held.signal.aborted);
    expect(held.signal.reason).toMatchObject({ code: "HOLD_SUSPECT" });
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
  });
});

describe("a wait", () => {
  it("goes on at the end of the line in the next session", async () => {
    const [one, two] = [await zk.connect(), await zk.connect({ afterExpiry: "renew" })];
    const held = await new Lock(one, zk.path).acquire();
    const waiting = new Lock(two, zk.path).acquire();
    await until("it stands in line", async () => (await children(one, zk.path)).length === 2);
    const before = two.sessionId;
    await zk.expire(two);
    await until("a new session", () => two.state === "connected" && two.sessionId !== before);
    await held.release();
    const hold = await within("the lock", waiting);
    expect(hold.sessionId).toBe(two.sessionId);
    expect(recipeMetrics(two).reentries).toBe(1);
    await hold.release();
  });

  it("ends when the session does and nobody begins another, or if so asked", async () => {
    const [one, two, three] = [await zk.connect(), await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, zk.path).acquire();
    const stays = new Lock(two, zk.path).acquire();
    const fails = new Lock(three, zk.path).acquire({ failOnExpiry: true });
    const both = Promise.all(
      [stays, fails].map((wait) => expect(wait).rejects.toMatchObject({ code: "SESSION_EXPIRED" })),
    );
    await until("both stand in line", async () => (await children(one, zk.path)).length === 3);
    await zk.expire(two);
    await zk.expire(three);
    await both;
  });

  it("whose znode is taken away stands in line again", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const waiting = new Lock(two, zk.path).acquire();
    const name = await until("it stands in line", async () =>
      (await children(one, zk.path)).find((child) => !held.path.endsWith(child)),
    );
    await one.remove(`${zk.path}/${name}`);
    await held.release();
    await (await within("the lock", waiting)).release();
  });

  it("ends with the client", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, zk.path).acquire();
    const waiting = expect(new Lock(two, zk.path).acquire()).rejects.toMatchObject({ code: "CLOSED" });
    await until("it stands in line", async () => (await children(one, zk.path)).length === 2);
    await two.close();
    await waiting;
    expect(await children(one, zk.path)).toHaveLength(1);
  });
});
