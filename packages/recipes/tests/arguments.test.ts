import { type Client, createClient } from "@zk/client";
import { describe, expect, it } from "vitest";
import {
  AtomicInteger,
  AtomicLong,
  Barrier,
  ClockLease,
  DoubleBarrier,
  defineConfig,
  Election,
  Group,
  inspect,
  jsonCodec,
  LeaderLatch,
  Lock,
  MultiLock,
  migrate,
  type NewInstance,
  Patience,
  PersistentNode,
  patientChildren,
  planMigrations,
  publishReadySet,
  Queue,
  ReadWriteLock,
  Rendezvous,
  revoke,
  Semaphore,
  ServerClock,
  ServiceDiscovery,
  SetPartitioner,
  SharedCount,
  SharedValue,
  TwoPhaseCommit,
  textCodec,
  traceRecipes,
  until,
  updateConfig,
  watchChildren,
  watchConfig,
  watchNode,
  watchReadySet,
  watchTree,
} from "../src/index.js";

// Nobody asks this client for anything, so nobody has to be there.
const client = createClient("127.0.0.1:1");
const schema = {
  "~standard": { version: 1, vendor: "none", validate: (value: unknown) => ({ value }) },
} as const;
const configAt = (path: string) => defineConfig({ path, codec: jsonCodec(), schema });

type Make = (client: Client, path: string, options?: object) => unknown;

const withOptions: Record<string, Make> = {
  Lock: (...given) => new Lock(...given),
  MultiLock: (one, path, options) => new MultiLock(one, [path], options),
  ReadWriteLock: (...given) => new ReadWriteLock(...given),
  Semaphore: (one, path, options) => new Semaphore(one, path, { max: 2, ...options }),
  Election: (...given) => new Election(...given),
  LeaderLatch: (...given) => new LeaderLatch(...given),
  Queue: (...given) => new Queue(...given),
};

const all: Record<string, Make> = {
  ...withOptions,
  AtomicLong: (...given) => new AtomicLong(...given),
  Barrier: (one, path) => new Barrier(one, path),
  ClockLease: (one, path) => new ClockLease(one, path, { holder: "me", durationMs: 5000 }),
  DoubleBarrier: (one, path) => new DoubleBarrier(one, path, { members: 2 }),
  Group: (...given) => new Group(...given),
  PersistentNode: (...given) => new PersistentNode(...given),
  ServerClock: (one, path) => new ServerClock(one, path),
  ServiceDiscovery: (...given) => new ServiceDiscovery(...given),
  SetPartitioner: (one, path) => new SetPartitioner(one, path, ["a"]),
  SharedCount: (...given) => new SharedCount(...given),
  SharedValue: (...given) => new SharedValue(...given),
  Rendezvous: (...given) => new Rendezvous(...given),
  TwoPhaseCommit: (...given) => new TwoPhaseCommit(...given),
  inspect: (one, path) => inspect(one, path),
  migrate: (one, path) => migrate(one, { id: "set", path, migrations: [] }),
  planMigrations: (one, path) => planMigrations(one, { id: "set", path, migrations: [] }),
  patientChildren: (one, path) => patientChildren(one, path, { quietMs: 10 }),
  publishReadySet: (one, path) => publishReadySet(one, path, new Map()),
  revoke: (one, path) => revoke(one, path),
  until: (one, path) => until(one, path, () => true),
  watchChildren: (one, path) => watchChildren(one, path),
  watchNode: (one, path) => watchNode(one, path),
  watchReadySet: (one, path) => watchReadySet(one, path),
  watchTree: (one, path) => watchTree(one, path),
};

const migrated = (migrations: unknown) =>
  migrate(client, { id: "set", path: "/here", migrations: migrations as never });
const textQueue = () => new Queue(client, "/here", { codec: textCodec });
const wrapping = () => new AtomicInteger(client, "/here", { overflow: "wrap" });
const register = (instance: Partial<NewInstance<unknown>>) =>
  new ServiceDiscovery(client, "/here").register({ name: "web", ...instance });

/** What it says of what it is given, whether at once or by its promise. */
async function said(make: () => unknown): Promise<unknown> {
  try {
    return await make();
  } catch (error) {
    return error;
  }
}

describe("a recipe says at once what it cannot use", () => {
  it.each([null, undefined, "127.0.0.1:2181", {}])("as its client: %j", async (nobody) => {
    const recipes = { ...all, watchConfig: (one: Client, path: string) => watchConfig(one, configAt(path)) };
    for (const [name, make] of Object.entries(recipes)) {
      const error = await said(() => make(nobody as unknown as Client, "/here"));
      expect(error, name).toMatchObject({ name: "RecipeError", code: "INVALID_ARGUMENT" });
      expect((error as Error).message, name).toContain("needs a client");
    }
    const update = await said(() => updateConfig(nobody as unknown as Client, configAt("/here"), () => 1));
    expect(update).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it.each(["", "here", "/here/", "//here", "/a//b", "/a/../b", "/a/./b", "/a\u0000b", 5, null])(
    "as its path: %j",
    async (path) => {
      for (const [name, make] of Object.entries(all)) {
        const error = await said(() => make(client, path as string));
        expect(error, name).toMatchObject({ name: "RecipeError", code: "INVALID_ARGUMENT" });
      }
    },
  );

  it.each([
    [{ onSuspended: "Abort" }, 'onSuspended must be "abort" or "wait", not "Abort"'],
    [{ contenders: "all" }, 'contenders must be "own" or "any", not "all"'],
    [{ identity: 7 }, "identity must be text, not 7"],
  ])("as an option: %j", async (options, message) => {
    for (const [name, make] of Object.entries(withOptions)) {
      const error = await said(() => make(client, "/here", options));
      expect(error, name).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect((error as Error).message, name).toContain(message);
    }
  });

  it("as a dialect", async () => {
    const { LeaderLatch: _, ...spoken } = withOptions;
    for (const [name, make] of Object.entries(spoken)) {
      const error = await said(() => make(client, "/here", { dialect: "Kazoo" }));
      expect(error, name).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect((error as Error).message, name).toContain("dialect must be");
    }
    expect(await said(() => revoke(client, "/here", { dialect: "Kazoo" as never }))).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it.each<[string, () => unknown, string]>([
    ["no set of migrations", () => migrate(client, undefined as never), "needs a path"],
    ["no list of migrations", () => migrated("all"), "migrations must be a list"],
    ["no migration", () => migrated([null]), "the id of a migration must be"],
    ["a migration that does nothing", () => migrated([{ id: "a" }]), "must be a list or a function"],
    ["an operation that is none", () => migrated([{ id: "a", operations: [null] }]), '"a", operation 0: '],
    [
      "no options of a run",
      () => migrate(client, { id: "set", path: "/here", migrations: [] }, null as never),
      "options must be",
    ],
    [
      "text where a rendezvous has bytes",
      () => new Rendezvous(client, "/here").fill("text" as never),
      "string is no bytes",
    ],
    [
      "no sites of a two-phase commit",
      () => new TwoPhaseCommit(client, "/here").begin("bank" as never),
      "sites must be a list",
    ],
    ["no tracer", () => traceRecipes(client, {} as never), "tracer must be"],
    [
      "no options of a semaphore",
      () => new Semaphore(client, "/here", undefined as never),
      "options must be",
    ],
    [
      "no options of a double barrier",
      () => new DoubleBarrier(client, "/here", undefined as never),
      "options must be",
    ],
    ["no options of a lease", () => new ClockLease(client, "/here", undefined as never), "options must be"],
    ["no number of permits", () => new Semaphore(client, "/here", { max: null as never }), "max must be"],
    [
      "no time to be quiet for",
      () => patientChildren(client, "/here", undefined as never),
      "quietMs must be",
    ],
    ["no items", () => new SetPartitioner(client, "/here", undefined as never), "a list of names"],
    ["one item for many", () => new SetPartitioner(client, "/here", "shard-1"), "a list of names"],
    ["no path of a configuration", () => defineConfig({ schema } as never), "path of its own"],
    ["no schema", () => defineConfig({ path: "/here" } as never), "schema must be"],
    ["an unknown mode", () => new Queue(client, "/here").consume({ ack: "later" as never }), "ack must be"],
    [
      "an unknown naming",
      () => new PersistentNode(client, "/here", { naming: "any" as never }),
      "naming must be",
    ],
    [
      "an unknown answer",
      () => new PersistentNode(client, "/here", { onTaken: "steal" as never }),
      "onTaken must be",
    ],
    ["no time of grace", () => revoke(client, "/here", { graceMs: Number.NaN }), "graceMs must be"],
    ["text where a queue has bytes", () => new Queue(client, "/here").put("text" as never), "use a codec"],
    ["nothing where a queue has text", () => textQueue().put(undefined as never), "undefined is no text"],
    ["a number for a long", () => new AtomicLong(client, "/here").add(1 as never), "must be a bigint"],
    ["a fraction for an integer", () => new AtomicInteger(client, "/here").add(1.5), "must be whole"],
    // Wrapped it would be 0, and the number with it.
    ["no number, to be wrapped", () => wrapping().add(Number.NaN), "must be whole"],
    ["no number, to be written", () => wrapping().set(Number.NaN), "must be whole"],
    ["a port that is text", () => register({ port: "80" as never }), 'nobody could read: port is "80"'],
    ["an unknown type", () => register({ serviceType: "LAZY" as never }), "nobody could read: serviceType"],
  ])("as an argument: %s", async (_what, make, message) => {
    const error = (await said(make)) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toContain(message);
  });

  it("as the paths of several locks", () => {
    for (const paths of ["/one", [], undefined]) {
      expect(() => new MultiLock(client, paths as never)).toThrow("a list of the paths");
    }
  });

  it.each([
    [{ timeoutMs: Number.NaN }, "timeoutMs must be"],
    [{ timeoutMs: -1 }, "timeoutMs must be"],
    [{ timeoutMs: "5" }, "timeoutMs must be"],
    [{ signal: {} }, "signal must be an AbortSignal"],
    [{ signal: null }, "signal must be an AbortSignal"],
  ])("as the bounds of a wait: %j", (options, message) => {
    expect(() => new Patience(client, { recipe: "Lock", path: "/here" }, options as never)).toThrow(message);
  });
});
