import { AddWatchMode, WatcherType } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import type { AddWatchOptions, Client, PersistentWatch, PersistentWatchEvent } from "../src/index.js";
import type { ScriptedConnection } from "../src/testing/index.js";
import { connected, only, scene, stat } from "./scene.js";

interface Added {
  readonly watch: PersistentWatch;
  readonly heard: string[];
}

async function add(
  client: Client,
  connection: ScriptedConnection,
  path: string,
  options: AddWatchOptions = {},
): Promise<Added> {
  const heard: string[] = [];
  const listener = ({ type, path: at }: PersistentWatchEvent): unknown => heard.push(`${type} ${at}`);
  const adding = client.addWatch(path, listener, options);
  connection.reply(await connection.expect("exists"), { stat });
  connection.reply(await connection.expect("addWatch"), { err: 0 });
  return { watch: await adding, heard };
}

/** Lets everything arrive that was sent before. */
async function arrived(client: Client, connection: ScriptedConnection): Promise<void> {
  const syncing = client.sync("/");
  connection.reply(await connection.expect("sync"), { path: "/" });
  await syncing;
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a persistent watch", () => {
  it("stays, and hears of everything at and below its path", async () => {
    const { client, ...rest } = scene();
    const connection = await connected({ client, ...rest });
    const { watch, heard } = await add(client, connection, "/a");
    expect(watch).toMatchObject({ path: "/a", recursive: true });
    for (const [type, path] of [
      ["NodeCreated", "/a"],
      ["NodeDataChanged", "/a"],
      ["NodeDataChanged", "/a"],
      ["NodeCreated", "/a/b/c"],
      ["NodeDeleted", "/a/b/c"],
      // For a one-shot watch of somebody else further down.
      ["NodeChildrenChanged", "/a/b"],
      ["NodeDataChanged", "/ab"],
    ] as const) {
      connection.notify({ type, path });
    }
    await arrived(client, connection);
    expect(heard).toEqual([
      "NodeCreated /a",
      "NodeDataChanged /a",
      "NodeDataChanged /a",
      "NodeCreated /a/b/c",
      "NodeDeleted /a/b/c",
    ]);
    expect(client.load.watches).toBe(1);
  });

  it("that is not recursive hears of its own znode, its children included, and of nothing below", async () => {
    const s = scene();
    const connection = await connected(s);
    const { heard, watch } = await add(s.client, connection, "/a", { recursive: false });
    expect(watch.recursive).toBe(false);
    connection.notify({ type: "NodeChildrenChanged", path: "/a" });
    connection.notify({ type: "NodeDataChanged", path: "/a/b" });
    connection.notify({ type: "NodeDeleted", path: "/a" });
    await arrived(s.client, connection);
    expect(heard).toEqual(["NodeChildrenChanged /a", "NodeDeleted /a"]);
  });

  it("of the root hears of everything, and under a chroot of the user's paths", async () => {
    const s = scene({ chroot: "/app" });
    const connection = await connected(s);
    const heard: string[] = [];
    const adding = s.client.addWatch("/", ({ type, path }) => heard.push(`${type} ${path}`));
    const probe = await connection.expect("exists");
    expect(probe.body).toMatchObject({ path: "/zookeeper/config", watch: false });
    connection.reply(probe, { stat });
    const request = await connection.expect("addWatch");
    expect(request.body).toEqual({ path: "/app", mode: AddWatchMode.PERSISTENT_RECURSIVE });
    connection.reply(request, { err: 0 });
    await adding;
    connection.notify({ type: "NodeCreated", path: "/app/x" });
    connection.notify({ type: "NodeDataChanged", path: "/app" });
    await arrived(s.client, connection);
    expect(heard).toEqual(["NodeCreated /x", "NodeDataChanged /"]);
  });

  it("is over when its connection is, and is not set again", async () => {
    const s = scene();
    const connection = await connected(s);
    const { watch, heard } = await add(s.client, connection, "/a");
    const next = only(s).connection();
    connection.close();
    await s.ports.clock.advance(1000);
    const second = await next;
    await second.handshake();
    expect(watch.signal.reason).toMatchObject({ code: "CONNECTION_LOSS", operation: "addWatch", path: "/a" });
    // Nothing comes before it: no SetWatches of either kind.
    await arrived(s.client, second);
    second.notify({ type: "NodeCreated", path: "/a" });
    await arrived(s.client, second);
    expect(heard).toEqual([]);
    expect(s.client.load.watches).toBe(0);
  });

  it("is over when the client is closed", async () => {
    const s = scene();
    const connection = await connected(s);
    const { watch } = await add(s.client, connection, "/a");
    const closing = s.client.close();
    connection.acknowledge(await connection.expect("closeSession"));
    await closing;
    expect(watch.signal.aborted).toBe(true);
  });

  it("is asked of no server older than 3.5, which would close the connection over it", async () => {
    const s = scene();
    const connection = await connected(s);
    const adding = failure(s.client.addWatch("/a", () => {}));
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    expect(await adding).toMatchObject({ code: "UNIMPLEMENTED", operation: "addWatch", path: "/a" });
    await arrived(s.client, connection);
  });

  it("costs the connection to a server of 3.5 once", async () => {
    const s = scene();
    const connection = await connected(s);
    const ask = (): Promise<unknown> => failure(s.client.addWatch("/a", () => {}));
    const first = ask();
    connection.reply(await connection.expect("exists"), { stat });
    const next = only(s).connection();
    connection.refuse(await connection.expect("addWatch"), "UNIMPLEMENTED", -1n);
    connection.close();
    expect(await first).toMatchObject({ code: "UNIMPLEMENTED" });
    await s.ports.clock.advance(1000);
    const second = await next;
    await second.handshake();
    const again = ask();
    second.reply(await second.expect("exists"), { stat });
    expect(await again).toMatchObject({ code: "UNIMPLEMENTED" });
    await arrived(s.client, second);
  });

  it("is closed on the server too, by a type that takes nobody else's watch", async () => {
    const s = scene();
    const connection = await connected(s);
    const { watch, heard } = await add(s.client, connection, "/a");
    const { watch: other, heard: others } = await add(s.client, connection, "/a");
    watch.close();
    watch.close();
    expect(watch.signal.reason).toMatchObject({ code: "CLOSED" });
    connection.notify({ type: "NodeDataChanged", path: "/a" });
    await arrived(s.client, connection);
    expect([heard, others]).toEqual([[], ["NodeDataChanged /a"]]);
    other[Symbol.dispose]();
    const removal = await connection.expect("removeWatches");
    expect(removal.body).toEqual({ path: "/a", type: WatcherType.PERSISTENT_RECURSIVE });
    // A server before 3.9.0 says that it does not know the type.
    connection.refuse(removal, "MARSHALLING_ERROR");
    connection.notify({ type: "NodeDataChanged", path: "/a" });
    await arrived(s.client, connection);
    expect([heard, others]).toEqual([[], ["NodeDataChanged /a"]]);
  });

  it("gives way to a one-shot watch at the very path, and says so", async () => {
    const s = scene();
    const connection = await connected(s);
    const { watch } = await add(s.client, connection, "/a");
    const below = await add(s.client, connection, "/a/b");
    const reading = s.client.exists("/a", { watch: () => {} });
    connection.reply(await connection.expect("exists"), { stat });
    await reading;
    expect(watch.signal.reason).toMatchObject({
      code: "CONNECTION_LOSS",
      message: expect.stringMatching(/ZOO|kind/),
    });
    expect(below.watch.signal.aborted).toBe(false);
  });

  it("does not push in where a watch of another kind stands, or is on its way", async () => {
    const s = scene();
    const connection = await connected(s);
    const conflict = { code: "WATCH_CONFLICT", applied: "no", path: "/a" };
    const reading = s.client.exists("/a", { watch: () => {} });
    const early = failure(s.client.addWatch("/a", () => {}));
    const read = await connection.expect("exists");
    connection.reply(read, { stat });
    await reading;
    connection.reply(await connection.expect("exists"), { stat });
    expect(await early).toMatchObject(conflict);
    connection.notify({ type: "NodeDataChanged", path: "/a" });
    const { watch } = await add(s.client, connection, "/a");
    const late = failure(s.client.addWatch("/a", () => {}, { recursive: false }));
    connection.reply(await connection.expect("exists"), { stat });
    expect(await late).toMatchObject(conflict);
    expect(watch.signal.aborted).toBe(false);
  });

  it("that overtakes a one-shot watch on its way is over right behind its answer", async () => {
    const s = scene();
    const connection = await connected(s);
    const adding = s.client.addWatch("/a", () => {});
    connection.reply(await connection.expect("exists"), { stat });
    const request = await connection.expect("addWatch");
    const reading = s.client.exists("/a", { watch: () => {} });
    connection.reply(request, { err: 0 });
    const watch = await adding;
    expect(watch.signal.aborted).toBe(true);
    connection.reply(await connection.expect("exists"), { stat });
    await reading;
    expect(s.client.load.watches).toBe(1);
  });

  it("counts as a watch, and tells what its listener throws like others do", async () => {
    const s = scene({ limits: { watchesMax: 1 } });
    const connection = await connected(s);
    const failures: unknown[] = [];
    s.client.on("listenerError", (error) => failures.push(error));
    const failing = new Error("no");
    const adding = s.client.addWatch("/a", () => {
      throw failing;
    });
    connection.reply(await connection.expect("exists"), { stat });
    connection.reply(await connection.expect("addWatch"), { err: 0 });
    await adding;
    connection.notify({ type: "NodeDataChanged", path: "/a" });
    await arrived(s.client, connection);
    expect(failures).toEqual([failing]);
    expect(await failure(s.client.exists("/b", { watch: () => {} }))).toMatchObject({ code: "WATCHES_FULL" });
  });

  it("refuses what cannot be", async () => {
    const s = scene();
    expect(await failure(s.client.addWatch("a", () => {}))).toMatchObject({ code: "INVALID_PATH" });
    const nobody = undefined as unknown as () => void;
    expect(await failure(s.client.addWatch("/a", nobody))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await failure(s.client.addWatch("/a", () => {}))).toMatchObject({ code: "NOT_CONNECTED" });
  });
});
