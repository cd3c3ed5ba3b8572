/** Containers and TTL znodes on servers that have them, and on one that has the latter switched off. Those of 3.4.6: operations.test.ts. */
import { type Client, type ClientOptions, CreateMode, createClient, type ZkError } from "@zk/client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Ensemble, type EnsembleOptions, startEnsemble } from "../../src/index.js";

const MINUTE = 60_000;
const ttl = { mode: CreateMode.PERSISTENT_WITH_TTL } as const;

/** One server for the tests of a group; all of them are started at once. */
function server(options: EnsembleOptions): {
  connect(more?: ClientOptions): Promise<{ readonly client: Client; readonly states: string[] }>;
} {
  let starting: Promise<Ensemble> | undefined;
  const clients: Client[] = [];
  beforeAll(() => {
    starting = startEnsemble({ servers: 1, ...options });
    starting.catch(() => {});
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });
  afterAll(async () => {
    await (await starting)?.stop();
  });
  return {
    async connect(more = {}) {
      const client = createClient((await starting)?.connectionString ?? "", more);
      clients.push(client);
      const states: string[] = [];
      await client.connect();
      client.on("state", (state) => states.push(state));
      return { client, states };
    },
  };
}

const failure = (promise: Promise<unknown>): Promise<ZkError> =>
  promise.then(
    (value) => {
      throw new Error(`it came true: ${String(value)}`);
    },
    (error: ZkError) => error,
  );

/** Resolves when a znode has gone. */
function gone(client: Client, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const watch = ({ type }: { readonly type: string }): void => {
      if (type === "NodeDeleted") resolve();
    };
    client.exists(path, { watch }).then((stat) => {
      if (stat === null) resolve();
    }, reject);
  });
}

const on = server({
  version: "3.9.3",
  config: { extendedTypesEnabled: "true" },
  javaFlags: ["-Dznode.container.checkIntervalMs=100"],
});
const off = server({ version: "3.6.3", javaFlags: ["-Dznode.container.checkIntervalMs=100"] });

describe("on a server of 3.9.3 with extendedTypesEnabled", () => {
  it("a container goes when its last child has gone, and not before it had one", async () => {
    const { client } = await on.connect();
    const { path, zxid } = await client.create("/c", "data", { mode: CreateMode.CONTAINER });
    await client.create("/unused", null, { mode: CreateMode.CONTAINER });
    expect(path).toBe("/c");
    // To clients it looks like any other.
    expect(await client.exists("/c")).toMatchObject({ czxid: zxid, ephemeralOwner: 0n, dataLength: 4 });
    await client.create("/c/child");
    await client.remove("/c/child");
    await gone(client, "/c");
    expect(await client.exists("/unused")).not.toBeNull();
    const error = await failure(client.create("/unused", null, { mode: CreateMode.CONTAINER }));
    expect(error).toMatchObject({ code: "NODE_EXISTS", applied: "no" });
  });

  it("a znode with a time to live goes when nobody writes to it, and stays while it has a child", async () => {
    const { client, states } = await on.connect();
    const { path, zxid } = await client.create("/t/n-", null, {
      mode: CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL,
      ttlMs: 200,
      createParents: true,
    });
    expect(path).toBe("/t/n-0000000000");
    expect(await client.exists(path)).toMatchObject({ czxid: zxid, ephemeralOwner: 0n });
    await client.create("/parent", null, { ...ttl, ttlMs: 1500 });
    await client.create("/parent/child", null, { ...ttl, ttlMs: MINUTE });
    await gone(client, path);
    expect(await client.exists("/parent/child")).not.toBeNull();
    await client.remove("/parent/child");
    await gone(client, "/parent");
    await client.create("/long", null, { ...ttl, ttlMs: 0xff_ffff_ffff });
    expect(states).toEqual([]);
  });

  it("a protected one whose answer is lost is there once", async () => {
    let armed = false;
    const { client } = await on.connect({
      failpoint: (name) => {
        if (!armed || name !== "replyDecoded") return "continue";
        armed = false;
        return "drop";
      },
    });
    await client.create("/q");
    for (const mode of [CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, CreateMode.CONTAINER] as const) {
      const kind = mode === CreateMode.CONTAINER ? { mode } : { mode, ttlMs: MINUTE };
      // The question has been answered, so the next answer is the create's own.
      await client.create("/q/asked", null, kind);
      armed = true;
      const { path, zxid } = await client.create("/q/i-", null, { ...kind, protected: true });
      expect(armed).toBe(false);
      expect(await client.exists(path)).toMatchObject({ czxid: zxid });
      expect((await client.getChildren("/q")).filter((name) => name.startsWith("_c_"))).toHaveLength(1);
      await client.remove(path);
      await Promise.all((await client.getChildren("/q")).map((name) => client.remove(`/q/${name}`)));
    }
  });
});

describe.each([
  ["3.9.3", on],
  ["3.6.3", off],
] as const)("a transaction on a server of %s", (_, zk) => {
  it("creates them, and gives their paths", async () => {
    const { client } = await zk.connect();
    const [made, below] = await client
      .transaction()
      .create("/tx", null, { mode: CreateMode.CONTAINER })
      .create("/tx/n-", null, { mode: CreateMode.PERSISTENT_SEQUENTIAL })
      .commit();
    expect([made.path, below.path]).toEqual(["/tx", "/tx/n-0000000000"]);
    expect(await client.exists("/tx")).toMatchObject({ czxid: made.zxid });
    await client.remove(below.path);
    await gone(client, "/tx");
  });
});

it("a transaction on a server of 3.9.3 creates a znode that does not last", async () => {
  const { client } = await on.connect();
  const [made] = await client
    .transaction()
    .create("/tt", null, { ...ttl, ttlMs: 50 })
    .commit();
  expect(made.path).toBe("/tt");
  await gone(client, "/tt");
});

describe("on a server of 3.6.3 without extendedTypesEnabled", () => {
  it("a time to live is refused in words that say what to switch on, and the connection stays", async () => {
    const { client, states } = await off.connect();
    await client.create("/e", null, { mode: CreateMode.EPHEMERAL });
    const error = await failure(client.create("/t", null, { ...ttl, ttlMs: MINUTE }));
    expect(error).toMatchObject({ code: "TTL_DISABLED", applied: "no", serverCode: -6 });
    const tx = client
      .transaction()
      .create("/a")
      .create("/t", null, { ...ttl, ttlMs: MINUTE });
    expect(await failure(tx.commit())).toMatchObject({
      code: "TTL_DISABLED",
      operationIndex: 1,
      applied: "no",
    });
    expect(await client.exists("/a")).toBeNull();
    expect(states).toEqual([]);
  });
});
