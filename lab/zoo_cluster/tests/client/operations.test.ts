/**
 * Every operation of the client on a real 3.4.6 ensemble, each answer looked at field by field.
 *
 * Stays whole: one ensemble serves all, and the list is read from top to bottom as what a client can do.
 */
import {
  type Client,
  CREATOR_ALL_ACL,
  CreateMode,
  createClient,
  digestId,
  Permission,
  ZkError,
} from "@zk/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Ensemble, startEnsemble } from "../../src/index.js";

let ensemble: Ensemble;
let client: Client;
let other: Client;
let chroots = 0;

beforeAll(async () => {
  ensemble = await startEnsemble();
});

afterAll(() => ensemble?.stop());

beforeEach(async () => {
  await client?.close();
  await other?.close();
  chroots += 1;
  client = createClient(`${ensemble.connectionString}/test-${chroots}`);
  other = createClient(`${ensemble.connectionString}/test-${chroots}`);
  await Promise.all([client.connect(), other.connect()]);
  await client.create("/start", null, { createParents: true });
  await other.sync();
});

afterAll(async () => {
  await client?.close();
  await other?.close();
});

const text = (data: Uint8Array | null): string | null =>
  data === null ? null : new TextDecoder().decode(data);

async function refusalOf(work: Promise<unknown>): Promise<ZkError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ZkError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("create", () => {
  test("of containers and TTL znodes is refused without being sent, and the connection is unharmed", async () => {
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    await client.create("/e", null, { mode: CreateMode.EPHEMERAL });
    const container = { mode: CreateMode.CONTAINER } as const;
    const ttl = { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs: 60_000 } as const;
    const refused = { code: "UNIMPLEMENTED", applied: "no", serverCode: undefined };
    expect(await refusalOf(client.create("/c", null, container))).toMatchObject(refused);
    expect(await refusalOf(client.create("/t", null, ttl))).toMatchObject(refused);
    const transaction = client.transaction().create("/a").create("/c", null, container);
    expect(await refusalOf(transaction.commit())).toMatchObject({ ...refused, operationIndex: 1 });
    expect([...(await client.getChildren("/"))].sort()).toEqual(["e", "start"]);
    expect(states).toEqual([]);
  });

  test.each([
    ["null", null, null, 0],
    ["empty", new Uint8Array(0), "", 0],
    ["text", "grüß", "grüß", 6],
    ["bytes", new Uint8Array([65, 66]), "AB", 2],
  ])("keeps %s data as it is", async (_, data, shown, length) => {
    const { path, zxid } = await client.create("/a", data);
    expect(path).toBe("/a");
    const read = await client.getData("/a");
    expect(text(read.data)).toBe(shown);
    expect(read.stat).toMatchObject({
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: length,
      numChildren: 0,
    });
  });

  test("sequential names count every child of the parent", async () => {
    const names: string[] = [];
    for (const mode of [CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL_SEQUENTIAL]) {
      names.push((await client.create("/start/n-", null, { mode })).path);
    }
    names.push((await client.create("/start/", null, { mode: CreateMode.PERSISTENT_SEQUENTIAL })).path);
    expect(names).toEqual(["/start/n-0000000000", "/start/n-0000000001", "/start/0000000002"]);
  });

  test("an ephemeral belongs to its session, has no children, and goes when the session is closed", async () => {
    await client.create("/e", null, { mode: CreateMode.EPHEMERAL });
    expect((await client.exists("/e"))?.ephemeralOwner).toBe(client.sessionId);
    expect(await refusalOf(client.create("/e/child"))).toMatchObject({
      code: "NO_CHILDREN_FOR_EPHEMERALS",
      applied: "no",
    });
    expect(await client.close()).toEqual({ confirmed: true });
    await other.sync();
    expect(await other.exists("/e")).toBeNull();
  });

  test("says what is wrong: the node exists, or its parent does not", async () => {
    await client.create("/a");
    expect(await refusalOf(client.create("/a"))).toMatchObject({
      code: "NODE_EXISTS",
      serverCode: -110,
      operation: "create",
      path: "/a",
      server: client.server,
      applied: "no",
    });
    expect(await refusalOf(client.create("/missing/a"))).toMatchObject({
      code: "NO_NODE",
      path: "/missing/a",
    });
  });

  test("createParents makes what is missing, the chroot included, also when many do it at once", async () => {
    const fresh = createClient(`${ensemble.connectionString}/fresh-${chroots}/deep`);
    await fresh.connect();
    const paths = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        fresh.create(`/x/y/z-${index % 4}/n-${index}`, "v", { createParents: true }),
      ),
    );
    expect(paths.map(({ path }) => path)).toEqual(
      Array.from({ length: 20 }, (_, index) => `/x/y/z-${index % 4}/n-${index}`),
    );
    expect([...(await fresh.getChildren("/x/y"))].sort()).toEqual(["z-0", "z-1", "z-2", "z-3"]);
    await fresh.close();
  });

  test("a protected create carries its mark and can be sequential and ephemeral", async () => {
    const { path } = await client.create("/start/lock-", null, {
      mode: CreateMode.EPHEMERAL_SEQUENTIAL,
      protected: true,
    });
    expect(path).toMatch(/^\/start\/_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-0000000000$/);
  });
});

describe("remove", () => {
  test("removes only the version that was named", async () => {
    await client.create("/a");
    await client.setData("/a", "1");
    expect(await refusalOf(client.remove("/a", { version: 0 }))).toMatchObject({
      code: "BAD_VERSION",
      applied: "no",
    });
    await client.remove("/a", { version: 1 });
    expect(await client.exists("/a")).toBeNull();
    expect(await refusalOf(client.remove("/a"))).toMatchObject({ code: "NO_NODE" });
  });

  test("leaves a node with children alone; removeRecursive does not", async () => {
    for (let index = 0; index < 30; index += 1)
      await client.create(`/t/a-${index % 3}/b-${index}`, null, { createParents: true });
    expect(await refusalOf(client.remove("/t"))).toMatchObject({ code: "NOT_EMPTY" });
    expect(await client.removeRecursive("/t")).toBe(34);
    expect(await client.exists("/t")).toBeNull();
    expect(await client.removeRecursive("/t")).toBe(0);
  });

  test("removeRecursive ends although somebody keeps adding children for a while", async () => {
    let adding = 200;
    await client.create("/busy");
    const adder = (async () => {
      while (adding > 0) {
        adding -= 1;
        await other.create("/busy/n-", null, { mode: CreateMode.PERSISTENT_SEQUENTIAL }).catch(() => {
          adding = 0;
        });
      }
    })();
    await client.removeRecursive("/busy");
    await adder;
    expect(await client.exists("/busy")).toBeNull();
  });
});

describe("data, children and ACLs", () => {
  test("setData gives the new stat, and refuses another version", async () => {
    const { zxid } = await client.create("/a", "0");
    const stat = await client.setData("/a", "longer", { version: 0 });
    expect(stat).toMatchObject({ czxid: zxid, version: 1, dataLength: 6 });
    expect(stat.mzxid > zxid).toBe(true);
    expect(await refusalOf(client.setData("/a", "x", { version: 0 }))).toMatchObject({
      code: "BAD_VERSION",
      applied: "no",
    });
    expect(text((await client.getData("/a")).data)).toBe("longer");
    expect((await client.setData("/a", null)).dataLength).toBe(0);
    expect((await client.getData("/a")).data).toBeNull();
  });

  test("data up to the server's frame limit passes, more is refused before it is sent", async () => {
    const most = 1_048_575 - 8 - 4 - `/test-${chroots}/a`.length - 4 - 4;
    await client.create("/a");
    expect((await client.setData("/a", new Uint8Array(most))).dataLength).toBe(most);
    expect((await client.getData("/a")).data?.length).toBe(most);
    expect(await refusalOf(client.setData("/a", new Uint8Array(most + 1)))).toMatchObject({
      code: "REQUEST_TOO_LARGE",
      applied: "no",
    });
    expect(client.state).toBe("connected");
  });

  test("children come with and without the stat", async () => {
    await client.create("/p");
    for (const name of ["a", "b", "ü"]) await client.create(`/p/${name}`);
    expect([...(await client.getChildren("/p"))].sort()).toEqual(["a", "b", "ü"]);
    const { children, stat } = await client.getChildrenWithStat("/p");
    expect([...children].sort()).toEqual(["a", "b", "ü"]);
    expect(stat).toMatchObject({ numChildren: 3, cversion: 3 });
    expect(await refusalOf(client.getChildren("/nothing"))).toMatchObject({
      code: "NO_NODE",
      operation: "getChildren",
    });
  });

  test("a list of children far above the servers' own frame limit is read", async () => {
    await client.create("/many");
    const name = "x".repeat(200);
    const creates: Promise<unknown>[] = [];
    for (let index = 0; index < 6000; index += 1) creates.push(client.create(`/many/${name}${index}`));
    await Promise.all(creates);
    expect((await client.getChildren("/many")).length).toBe(6000);
    expect(await client.removeRecursive("/many")).toBe(6001);
  });

  test("ACLs are kept, versioned, and enforced", async () => {
    await client.addAuth("digest", "bob:secret");
    await client.create("/private", "x", { acl: CREATOR_ALL_ACL });
    expect((await client.getACL("/private")).acl).toEqual([
      { perms: Permission.ALL, id: { scheme: "digest", id: digestId("bob", "secret") } },
    ]);
    await other.sync();
    expect(await refusalOf(other.getData("/private"))).toMatchObject({ code: "NO_AUTH", applied: "no" });
    expect(await refusalOf(other.setData("/private", "y"))).toMatchObject({ code: "NO_AUTH", applied: "no" });
    await other.addAuth("digest", new TextEncoder().encode("bob:secret"));
    expect(text((await other.getData("/private")).data)).toBe("x");
    const open = [{ perms: Permission.READ, id: { scheme: "world", id: "anyone" } }];
    expect(await refusalOf(client.setACL("/private", open, { version: 7 }))).toMatchObject({
      code: "BAD_VERSION",
    });
    expect((await client.setACL("/private", open, { version: 0 })).aversion).toBe(1);
    const third = createClient(`${ensemble.connectionString}/test-${chroots}`, {
      auth: [{ scheme: "digest", auth: "ann:x" }],
    });
    await third.connect();
    await third.sync();
    expect(text((await third.getData("/private")).data)).toBe("x");
    expect(
      await refusalOf(
        third.create("/q", null, { acl: [{ perms: 31, id: { scheme: "ip", id: "nonsense" } }] }),
      ),
    ).toMatchObject({
      code: "INVALID_ACL",
    });
    await third.close();
  });

  test("a scheme that the server does not know ends the session as authFailed", async () => {
    const states: string[] = [];
    other.on("state", (state) => states.push(state));
    const pending = other.addAuth("nonsense", "x");
    const read = other.getData("/start");
    const codes = await Promise.all([
      refusalOf(pending),
      read.then(
        () => undefined,
        (error) => error,
      ),
    ]);
    expect(codes[0].code).toBe("AUTH_FAILED");
    expect(codes[1] === undefined || codes[1].code === "AUTH_FAILED").toBe(true);
    expect(states).toEqual(["authFailed"]);
    expect(await refusalOf(other.exists("/start"))).toMatchObject({ code: "AUTH_FAILED", applied: "no" });
    expect(await refusalOf(other.connect())).toMatchObject({ code: "AUTH_FAILED" });
  });

  test("sync then read is never behind a write that was acknowledged elsewhere", async () => {
    await client.create("/s", "0");
    for (let round = 1; round <= 50; round += 1) {
      await client.setData("/s", `${round}`);
      await other.sync("/s");
      expect(text((await other.getData("/s")).data)).toBe(`${round}`);
    }
  });
});

describe("transaction", () => {
  test("does everything with one zxid, later operations seeing earlier ones", async () => {
    await client.create("/v", "0");
    const [check, parent, child, set, removed] = await client
      .transaction()
      .check("/v", { version: 0 })
      .create("/p", "x")
      .create("/p/c-", null, { mode: CreateMode.EPHEMERAL_SEQUENTIAL })
      .setData("/v", "1", { version: 0 })
      .remove("/start")
      .commit();
    expect(check.type).toBe("check");
    expect(parent).toMatchObject({ type: "create", path: "/p" });
    expect(child.path).toBe("/p/c-0000000000");
    expect(set.stat.version).toBe(1);
    expect(removed.type).toBe("remove");
    expect((await client.exists("/p/c-0000000000"))?.czxid).toBe(check.zxid);
    expect(new Set([check, parent, child, set, removed].map(({ zxid }) => zxid)).size).toBe(1);
  });

  test("does nothing when one operation fails, and names that one", async () => {
    const error = await refusalOf(
      client.transaction().create("/a").check("/start", { version: 5 }).remove("/start").commit(),
    );
    expect(error).toMatchObject({
      code: "BAD_VERSION",
      applied: "no",
      operation: "transaction.check",
      path: "/start",
      operationIndex: 1,
      results: [
        { type: "create", path: "/a", code: "OK" },
        { type: "check", path: "/start", code: "BAD_VERSION" },
        { type: "remove", path: "/start", code: "RUNTIME_INCONSISTENCY" },
      ],
    });
    expect(await client.exists("/a")).toBeNull();
    expect(await client.exists("/start")).not.toBeNull();
  });

  test("the first operation failing is told as such", async () => {
    const error = await refusalOf(client.transaction().remove("/nothing").create("/a").commit());
    expect(error).toMatchObject({ code: "NO_NODE", operationIndex: 0, path: "/nothing" });
  });

  test("an empty one succeeds without being sent; none is committed twice", async () => {
    expect(await client.transaction().commit()).toEqual([]);
    const transaction = client.transaction().create("/once");
    await transaction.commit();
    expect(await refusalOf(transaction.commit())).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("watches", () => {
  test("a watch hears of its change before the reply that shows it, once", async () => {
    const heard: string[] = [];
    await client.create("/w", "0");
    await client.getData("/w", { watch: ({ type, path }) => heard.push(`${type} ${path}`) });
    const stat = await client.setData("/w", "1");
    heard.push(`reply ${stat.version}`);
    await client.setData("/w", "2");
    expect(heard).toEqual(["NodeDataChanged /w", "reply 1"]);
  });

  test("each kind of watch hears of its own kind of change", async () => {
    const heard: string[] = [];
    const note = (who: string) => (event: { type: string; path: string }) =>
      heard.push(`${who}: ${event.type} ${event.path}`);
    await client.exists("/x", { watch: note("exists") });
    await client.getChildren("/", { watch: note("children") });
    await client.create("/x");
    await client.exists("/x", { watch: note("exists") });
    await client.getChildren("/x", { watch: note("children of x") });
    await client.remove("/x");
    await client.sync();
    expect(heard).toEqual([
      "exists: NodeCreated /x",
      "children: NodeChildrenChanged /",
      "exists: NodeDeleted /x",
      "children of x: NodeDeleted /x",
    ]);
    expect(client.load.watches).toBe(0);
  });

  test("one listener set twice at a path is told once; taken back, not at all", async () => {
    let heard = 0;
    const listener = (): void => {
      heard += 1;
    };
    await client.create("/w");
    await client.getData("/w", { watch: listener });
    await client.getData("/w", { watch: listener });
    await client.setData("/w", "1");
    await client.sync();
    expect(heard).toBe(1);
    await client.getData("/w", { watch: listener });
    client.unwatch("/w", listener);
    await client.setData("/w", "2");
    await client.sync();
    expect(heard).toBe(1);
  });

  test("a read that fails leaves no watch", async () => {
    await refusalOf(client.getData("/none", { watch: () => {} }));
    await refusalOf(client.getChildren("/none", { watch: () => {} }));
    expect(client.load.watches).toBe(0);
  });

  test("close tells every watch that it will hear nothing more", async () => {
    const heard: unknown[] = [];
    await other.exists("/never", { watch: (event) => heard.push(event) });
    await other.close();
    expect(heard).toEqual([{ type: "None", path: "/never", state: "closed" }]);
  });

  test("a listener that throws disturbs nobody", async () => {
    const errors: unknown[] = [];
    client.on("listenerError", (error) => errors.push(error));
    await client.create("/w");
    await client.getData("/w", {
      watch: () => {
        throw new Error("mine");
      },
    });
    let heard = 0;
    await client.getData("/w", { watch: () => (heard += 1) });
    await client.setData("/w", "1");
    expect(heard).toBe(1);
    expect(errors.map(String)).toEqual(["Error: mine"]);
    expect(client.state).toBe("connected");
  });
});

describe("watch streams", () => {
  test("tell the life of one znode, from before its creation to after its removal", async () => {
    const stream = client.watch("/life");
    expect(stream.emulated).toBe(true);
    await stream.ready;
    const told = async (): Promise<string> => {
      const { value } = await stream.next();
      return `${value?.type} ${value?.stat?.version ?? "-"}`;
    };
    await other.create("/life", "0");
    expect(await told()).toBe("NodeCreated 0");
    await other.setData("/life", "1");
    expect(await told()).toBe("NodeDataChanged 1");
    await other.create("/life/child");
    expect(await told()).toBe("NodeChildrenChanged 1");
    await other.removeRecursive("/life");
    let last = "";
    while (!last.startsWith("NodeDeleted")) last = await told();
    await other.create("/life", "again");
    expect(await told()).toBe("NodeCreated 0");
    stream.close();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(client.load.watches).toBe(0);
  });

  test("recursive: come to the true state of the whole tree, whatever happens in it", async () => {
    const seen = new Map<string, bigint>();
    const stream = client.watch("/", { recursive: true });
    await stream.ready;
    const done = (async () => {
      for await (const { type, path, stat } of stream) {
        if (type === "NodeDeleted") expect(seen.delete(path)).toBe(true);
        else if (type === "NodeCreated") {
          expect(seen.has(path)).toBe(false);
          seen.set(path, stat?.mzxid ?? -1n);
        } else if (seen.has(path)) seen.set(path, stat?.mzxid ?? -1n);
        if (path === "/end" && type === "NodeCreated") break;
      }
    })();
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed % below;
    };
    for (let step = 0; step < 400; step += 1) {
      const path = `/r/${random(4)}/${random(4)}`;
      const action = random(4);
      if (action <= 1) await other.create(path, `${step}`, { createParents: true }).catch(() => {});
      else if (action === 2) await other.setData(path, `${step}`).catch(() => {});
      else await other.removeRecursive(random(5) === 0 ? `/r/${random(4)}` : path);
    }
    // The marker comes last of all: the stream has caught up with everything before it when it tells it.
    await client.sync();
    await untilQuiet(client);
    await other.create("/end");
    await done;
    const truth = new Map<string, bigint>();
    const walk = async (path: string): Promise<void> => {
      const { children, stat } = await client.getChildrenWithStat(path);
      if (path.startsWith("/r")) truth.set(path, stat.mzxid);
      for (const child of children) await walk(path === "/" ? `/${child}` : `${path}/${child}`);
    };
    await walk("/");
    seen.delete("/end");
    expect([...seen].sort()).toEqual([...truth].sort());
    expect(client.load.watches).toBe(0);
  });

  test("end with the signal's reason as cause, and take their watches back", async () => {
    const controller = new AbortController();
    const stream = client.watch("/", { recursive: true, signal: controller.signal });
    await stream.ready;
    expect(client.load.watches).toBeGreaterThan(0);
    const waiting = refusalOf(stream.next());
    controller.abort(new Error("enough"));
    expect(await waiting).toMatchObject({ name: "AbortError", code: "ABORTED", cause: new Error("enough") });
    expect(client.load.watches).toBe(0);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("have a bound on the znodes in sight", async () => {
    for (let index = 0; index < 20; index += 1) await client.create(`/start/n-${index}`);
    const stream = client.watch("/start", { recursive: true, nodesMax: 10 });
    expect(await refusalOf(stream.next())).toMatchObject({ code: "WATCHES_FULL" });
    expect(client.load.watches).toBe(0);
  });

  test("are over when the session is closed, and fail when it expires", async () => {
    const closed = client.watch("/start");
    const expired = other.watch("/start");
    await Promise.all([closed.ready, expired.ready]);
    const ends = [closed.next(), refusalOf(expired.next())] as const;
    await client.close();
    await ensemble.expireSession(other);
    expect(await ends[0]).toEqual({ done: true, value: undefined });
    expect(await ends[1]).toMatchObject({ code: "SESSION_EXPIRED" });
  });
});

describe("signals and deadlines", () => {
  test("an aborted call rejects at once; its late reply harms nobody", async () => {
    const controller = new AbortController();
    const write = refusalOf(client.setData("/start", "late", { signal: controller.signal }));
    const read = refusalOf(client.getData("/start", { signal: controller.signal }));
    controller.abort();
    expect(await read).toMatchObject({ name: "AbortError", code: "ABORTED", applied: "no" });
    expect((await write).code).toBe("ABORTED");
    expect(await client.exists("/start")).not.toBeNull();
    expect(client.load).toMatchObject({ queued: 0, inFlight: 0, bytes: 0 });
  });

  test("a signal that is aborted already sends nothing", async () => {
    const error = await refusalOf(client.create("/no", null, { signal: AbortSignal.abort("before") }));
    expect(error).toMatchObject({ code: "ABORTED", applied: "no", cause: "before" });
    expect(await client.exists("/no")).toBeNull();
  });
});

/** Waits until no read of the client is under way, its watch streams' included. */
async function untilQuiet(watched: Client): Promise<void> {
  for (;;) {
    await watched.sync();
    if (watched.load.inFlight === 0 && watched.load.queued === 0) return;
  }
}
