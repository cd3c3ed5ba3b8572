import { CREATOR_ALL_ACL, OPEN_ACL_UNSAFE } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { type Client, CreateMode, type CreateOptions, type ZkError } from "../src/index.js";
import type { ScriptedConnection } from "../src/testing/index.js";
import { connected, only, type Scene, scene, stat } from "./scene.js";

const CONFIG = "/zookeeper/config";
const container = { mode: CreateMode.CONTAINER } as const;
const ttl = { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs: 60_000 } as const;
const numbered = { mode: CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, ttlMs: 1 } as const;

/** The error of a promise that must not come true. */
const failure = (promise: Promise<unknown>): Promise<ZkError> =>
  promise.then(
    (value) => {
      throw new Error(`it came true: ${String(value)}`);
    },
    (error: ZkError) => error,
  );

/** Answers the question that goes before the first of them on a connection. */
async function beOf35(connection: ScriptedConnection): Promise<void> {
  const question = await connection.expect("exists");
  expect(question.body).toEqual({ path: CONFIG, watch: false });
  connection.reply(question, { stat });
}

/** Lets everything arrive that was sent before, and shows that the connection stands. */
async function stands(client: Client, connection: ScriptedConnection): Promise<void> {
  const syncing = client.sync("/");
  connection.reply(await connection.expect("sync"), { path: "/" });
  await syncing;
}

/** Ends the connection, and takes the client in on the next one. */
async function reconnect(s: Scene, connection: ScriptedConnection): Promise<ScriptedConnection> {
  const next = only(s).connection();
  connection.close();
  await s.ports.clock.advance(1000);
  const second = await next;
  await second.handshake();
  return second;
}

describe("a container", () => {
  it("is created by its own operation, once the server was seen to be of 3.5", async () => {
    const s = scene({ chroot: "/app" });
    const connection = await connected(s);
    const creating = s.client.create("/c", "x", { ...container, acl: CREATOR_ALL_ACL });
    await beOf35(connection);
    const request = await connection.expect("createContainer");
    expect(request.body).toMatchObject({ path: "/app/c", flags: 4, acl: CREATOR_ALL_ACL });
    const zxid = connection.reply(request, { path: "/app/c", stat });
    expect(await creating).toEqual({ path: "/c", zxid });
    // What was learned holds for the connection.
    const second = s.client.create("/d", null, container);
    connection.reply(await connection.expect("createContainer"), { path: "/app/d", stat });
    await second;
  });

  it("is asked of no server older than 3.5, and costs no connection", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = failure(s.client.create("/c", null, container));
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    const error = await creating;
    expect(error).toMatchObject({
      code: "UNIMPLEMENTED",
      operation: "create",
      path: "/c",
      applied: "no",
      serverCode: undefined,
    });
    expect(error.message).toContain("3.5.1");
    await stands(s.client, connection);
    expect(s.states).toEqual(["connecting", "connected"]);
  });

  it("is refused by a server of 3.5.0 at the price of the connection, once", async () => {
    const s = scene();
    const connection = await connected(s);
    const first = failure(s.client.create("/c", null, container));
    await beOf35(connection);
    connection.refuse(await connection.expect("createContainer"), "UNIMPLEMENTED", -1n);
    expect(await first).toMatchObject({ code: "UNIMPLEMENTED", applied: "no", serverCode: -6 });
    const second = await reconnect(s, connection);
    const again = failure(s.client.create("/c", null, container));
    await beOf35(second);
    expect(await again).toMatchObject({ code: "UNIMPLEMENTED", applied: "no" });
    await stands(s.client, second);
  });

  it("is created where nobody may read what the server is asked for", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/c", null, container);
    connection.refuse(await connection.expect("exists"), "NO_AUTH");
    connection.reply(await connection.expect("createContainer"), { path: "/c", stat });
    expect((await creating).path).toBe("/c");
  });

  it("goes to no server that was not asked, when another one takes over in between", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/c", null, container);
    // The answer and the end of the connection arrive in one go, before the create is sent.
    connection.reply(await connection.expect("exists"), { stat });
    const second = await reconnect(s, connection);
    await beOf35(second);
    second.reply(await second.expect("createContainer"), { path: "/c", stat });
    await creating;
  });

  it("that may be sent again asks the next server first, and its refusal says nothing of the first try", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = failure(s.client.create("/c", null, { ...container, retry: "always" }));
    await beOf35(connection);
    await connection.expect("createContainer");
    const second = await reconnect(s, connection);
    await beOf35(second);
    second.refuse(await second.expect("createContainer"), "NODE_EXISTS");
    expect(await creating).toMatchObject({ code: "NODE_EXISTS", applied: "maybe" });
  });

  it("that was lost on the way to an older server says that it may have been applied", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = failure(s.client.create("/c", null, { ...container, retry: "always" }));
    await beOf35(connection);
    await connection.expect("createContainer");
    const second = await reconnect(s, connection);
    second.refuse(await second.expect("exists"), "NO_NODE");
    expect(await creating).toMatchObject({ code: "UNIMPLEMENTED", applied: "maybe" });
  });

  it("whose answer is lost is not sent again unless told so", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = failure(s.client.create("/c", null, container));
    await beOf35(connection);
    await connection.expect("createContainer");
    connection.close();
    expect(await creating).toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe", path: "/c" });
  });

  it("gives the operation's own words when the question fails", async () => {
    const s = scene();
    await connected(s);
    const why = new Error("enough");
    const abort = new AbortController();
    const creating = failure(s.client.create("/c", null, { ...container, signal: abort.signal }));
    abort.abort(why);
    expect(await creating).toMatchObject({
      name: "AbortError",
      code: "ABORTED",
      operation: "create",
      path: "/c",
      applied: "no",
      cause: why,
    });
    const late = failure(s.client.create("/c", null, { ...container, timeoutMs: 10 }));
    await s.ports.clock.advance(10);
    expect(await late).toMatchObject({ code: "OPERATION_TIMEOUT", operation: "create", applied: "no" });
    expect(await failure(scene().client.create("/c", null, container))).toMatchObject({
      code: "NOT_CONNECTED",
      operation: "create",
    });
  });

  it("is made below parents that are missing, which are persistent", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/a/c", null, { ...container, createParents: true });
    await beOf35(connection);
    connection.refuse(await connection.expect("createContainer"), "NO_NODE");
    const parent = await connection.expect("create");
    expect(parent.body).toMatchObject({ path: "/a", flags: 0 });
    connection.reply(parent, { path: "/a" });
    connection.reply(await connection.expect("createContainer"), { path: "/a/c", stat });
    expect((await creating).path).toBe("/a/c");
  });
});

describe("parents as containers", () => {
  const options = { mode: CreateMode.EPHEMERAL, createParents: "containers" } as const;

  it("are made by a server of 3.5", async () => {
    const s = scene({ chroot: "/app" });
    const connection = await connected(s);
    const creating = s.client.create("/l/x", null, { ...options, acl: CREATOR_ALL_ACL });
    const first = await connection.expect("create");
    expect(first.body).toMatchObject({ path: "/app/l/x", flags: 1 });
    connection.refuse(first, "NO_NODE");
    await beOf35(connection);
    const parent = await connection.expect("createContainer");
    expect(parent.body).toMatchObject({ path: "/app/l", flags: 4, acl: CREATOR_ALL_ACL });
    connection.refuse(parent, "NO_NODE");
    const above = await connection.expect("createContainer");
    expect(above.body).toMatchObject({ path: "/app" });
    connection.refuse(above, "NODE_EXISTS");
    connection.reply(await connection.expect("createContainer"), { path: "/app/l", stat });
    connection.reply(await connection.expect("create"), { path: "/app/l/x" });
    expect((await creating).path).toBe("/l/x");
  });

  it("are persistent on an older server, which loses nothing by it", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/l/x", null, options);
    connection.refuse(await connection.expect("create"), "NO_NODE");
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    const parent = await connection.expect("create");
    expect(parent.body).toMatchObject({ path: "/l", flags: 0 });
    connection.reply(parent, { path: "/l" });
    connection.reply(await connection.expect("create"), { path: "/l/x" });
    await creating;
    expect(s.states).toEqual(["connecting", "connected"]);
  });

  it("are nobody's concern as long as none is missing", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/l/x", null, options);
    connection.reply(await connection.expect("create"), { path: "/l/x" });
    await creating;
    const wrong = { createParents: "container" as never };
    expect(await failure(s.client.create("/l/x", null, wrong))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("a znode with a time to live", () => {
  it("is created by its own operation, with its time", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/t", new Uint8Array([1]), { ...ttl, ttlMs: 1_099_511_627_775 });
    await beOf35(connection);
    const request = await connection.expect("createTTL");
    expect(request.body).toEqual({
      path: "/t",
      data: new Uint8Array([1]),
      acl: OPEN_ACL_UNSAFE,
      flags: 5,
      ttl: 0xff_ffff_ffffn,
    });
    const zxid = connection.reply(request, { path: "/t", stat });
    expect(await creating).toEqual({ path: "/t", zxid });
  });

  it("may be numbered", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/q/", null, numbered);
    await beOf35(connection);
    const request = await connection.expect("createTTL");
    expect(request.body).toMatchObject({ path: "/q/", flags: 6, ttl: 1n });
    connection.reply(request, { path: "/q/0000000007", stat });
    expect((await creating).path).toBe("/q/0000000007");
  });

  it("that the servers have switched off is told apart from one that they do not know", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = failure(s.client.create("/t", null, ttl));
    await beOf35(connection);
    connection.refuse(await connection.expect("createTTL"), "UNIMPLEMENTED");
    const error = await creating;
    expect(error).toMatchObject({ code: "TTL_DISABLED", applied: "no", serverCode: -6, path: "/t" });
    expect(error.message).toContain("zookeeper.extendedTypesEnabled=true");
    // It is asked again: somebody may have switched it on.
    const again = s.client.create("/t", null, ttl);
    connection.reply(await connection.expect("createTTL"), { path: "/t", stat });
    await again;
    const unknown = failure(s.client.create("/t", null, ttl));
    connection.refuse(await connection.expect("createTTL"), "UNIMPLEMENTED", -1n);
    expect(await unknown).toMatchObject({ code: "UNIMPLEMENTED", serverCode: -6 });
  });

  it("is found again under its protected name when the answer is lost, in another session too", async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = s.client.create("/q/i-", null, { ...numbered, ttlMs: 60_000, protected: true });
    await beOf35(connection);
    const request = await connection.expect("createTTL");
    const { path } = request.body as { path: string };
    expect(path).toMatch(/^\/q\/_c_[0-9a-f-]{36}-i-$/);
    const second = await reconnect(s, connection);
    second.refuse(await second.expect("delete"), "NO_NODE");
    const name = `${path.slice("/q/".length)}0000000003`;
    second.reply(await second.expect("getChildren2"), { children: ["other", name], stat });
    second.reply(await second.expect("exists"), { stat: { ...stat, czxid: 77n } });
    expect(await creating).toEqual({ path: `/q/${name}`, zxid: 77n });
  });

  it.each<[CreateOptions, RegExp]>([
    [{ mode: CreateMode.PERSISTENT_WITH_TTL }, /needs ttlMs/],
    [{ ...numbered, ttlMs: 0 }, /from 1 to 1099511627775/],
    [{ ...ttl, ttlMs: 1_099_511_627_776 }, /from 1 to 1099511627775/],
    [{ ...ttl, ttlMs: 1.5 }, /whole number/],
    [{ ...ttl, ttlMs: Number.NaN }, /whole number/],
    [{ ...ttl, ttlMs: "60000" as never }, /whole number/],
    [{ ttlMs: 1000 }, /not with PERSISTENT$/],
    [{ mode: CreateMode.EPHEMERAL, ttlMs: 1000 }, /not with EPHEMERAL$/],
    [{ ...container, ttlMs: 1000 }, /not with CONTAINER$/],
    [{ mode: 7 as never }, /mode 7 is none/],
    [{ mode: "CONTAINER" as never }, /mode CONTAINER is none/],
  ])("is refused before anything is sent: %o", async (options, words) => {
    const s = scene();
    const connection = await connected(s);
    const error = await failure(s.client.create("/t", null, options));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", operation: "create", path: "/t", applied: "no" });
    expect(error.message).toMatch(words);
    expect(() => s.client.transaction().create("/t", null, options)).toThrow(words);
    await stands(s.client, connection);
  });
});

describe("a transaction that creates them", () => {
  const made = (client: Client) =>
    client.transaction().create("/c", null, container).create("/c/t-", "x", numbered).setData("/v", "1");

  it("gives their paths, whether the server adds their stat or not", async () => {
    const s = scene({ chroot: "/app" });
    const connection = await connected(s);
    const first = made(s.client).commit();
    await beOf35(connection);
    const request = await connection.expect("multi");
    expect(request.body).toMatchObject([
      { type: 19, request: { path: "/app/c", flags: 4 } },
      { type: 21, request: { path: "/app/c/t-", flags: 6, ttl: 1n } },
      { type: 5 },
    ]);
    const zxid = connection.reply(request, [
      { type: 15, path: "/app/c", stat },
      { type: 1, path: "/app/c/t-0000000000" },
      { type: 5, stat },
    ]);
    expect(await first).toEqual([
      { type: "create", path: "/c", zxid },
      { type: "create", path: "/c/t-0000000000", zxid },
      { type: "setData", stat, zxid },
    ]);
  });

  it("is not sent to a server that is older than 3.5", async () => {
    const s = scene();
    const connection = await connected(s);
    const failing = failure(s.client.transaction().setData("/v", "1").create("/t", null, ttl).commit());
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    const error = await failing;
    expect(error).toMatchObject({
      code: "UNIMPLEMENTED",
      operation: "transaction.create",
      path: "/t",
      operationIndex: 1,
      applied: "no",
    });
    expect(error.message).toContain("3.5.3");
    await stands(s.client, connection);
  });

  it("says which part the servers have switched off", async () => {
    const s = scene();
    const connection = await connected(s);
    const failing = failure(made(s.client).commit());
    await beOf35(connection);
    connection.reply(await connection.expect("multi"), [
      { type: -1, err: 0 },
      { type: -1, err: -6 },
      { type: -1, err: -2 },
    ]);
    const error = await failing;
    expect(error).toMatchObject({
      code: "TTL_DISABLED",
      operationIndex: 1,
      path: "/c/t-",
      applied: "no",
      serverCode: -6,
    });
    expect(error.message).toContain("extendedTypesEnabled");
    expect(error.results).toMatchObject([
      { code: "OK" },
      { code: "TTL_DISABLED" },
      { code: "RUNTIME_INCONSISTENCY" },
    ]);
  });

  it("does not ask anything when it creates none", async () => {
    const s = scene();
    const connection = await connected(s);
    const committing = s.client.transaction().create("/a").commit();
    connection.reply(await connection.expect("multi"), [{ type: 1, path: "/a" }]);
    expect(await committing).toMatchObject([{ path: "/a" }]);
  });
});
