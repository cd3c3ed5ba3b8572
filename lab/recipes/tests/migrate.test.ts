import { type Client, CreateMode, digestId, isZkError } from "@zk/client";
import {
  isRecipeError,
  Lock,
  MIGRATION_BYTES_MAX,
  type Migration,
  MigrationMismatch,
  type MigrationSet,
  migrate,
  planMigrations,
  recipeMetrics,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, childrenNow, cutter, stage, told, until, within } from "../src/index.js";

const zk = stage();

/** Each makes one child with a number of its own: made twice, there are two. */
function steps(...ids: string[]): Migration[] {
  return ids.map((id) => ({
    id,
    operations: (to) => to.create(`${zk.path}/did/${id}-`, id, { mode: CreateMode.PERSISTENT_SEQUENTIAL }),
  }));
}

function setOf(migrations: readonly Migration[]): MigrationSet {
  return { id: "set", path: `${zk.path}/migrations`, migrations };
}

const did = async (client: Client): Promise<string[]> =>
  (await childrenNow(client, `${zk.path}/did`)).map((name) => name.replace(/-\d+$/, "")).sort();
const records = async (client: Client): Promise<string[]> =>
  (await childrenNow(client, `${zk.path}/migrations/set`)).filter((name) => name !== "lock").sort();

async function begin(client: Client): Promise<void> {
  await client.create(`${zk.path}/did`, null, { createParents: true });
}

describe("migrations", () => {
  it("are applied together, once, and later ones behind them", async () => {
    const client = await zk.connect();
    await begin(client);
    const first = await migrate(client, setOf(steps("a", "b")));
    expect(first.applied).toEqual(["a", "b"]);
    const again = await migrate(client, setOf(steps("a", "b")));
    expect(again).toEqual({ applied: [], zxid: undefined });
    const more = await migrate(client, setOf(steps("a", "b", "c")));
    expect(more.applied).toEqual(["c"]);
    expect(await did(client)).toEqual(["a", "b", "c"]);
    const zxids = await Promise.all(
      (await records(client)).map(
        async (name) => (await client.exists(`${zk.path}/migrations/set/${name}`))?.czxid,
      ),
    );
    expect(zxids).toEqual([first.zxid, first.zxid, more.zxid]);
    expect(recipeMetrics(client)).toMatchObject({ holding: 0, waiting: 0, janitorPending: 0 });
  });

  it("with nothing to do write nothing, and do not wait for who has the lock", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await begin(client);
    await migrate(client, setOf(steps("a")));
    await using _held = await new Lock(other, `${zk.path}/migrations/set/lock`).acquire();
    const before = client.lastZxid;
    expect(await migrate(client, setOf(steps("a")), { timeoutMs: 10_000 })).toMatchObject({ applied: [] });
    const { pzxid } = (await client.exists(`${zk.path}/migrations/set`))!;
    expect(pzxid).toBeLessThanOrEqual(before);
    const waits = migrate(client, setOf(steps("a", "b")), { timeoutMs: 100 });
    await expect(waits).rejects.toMatchObject({ code: "WAIT_TIMEOUT", recipe: "migrate", applied: "no" });
    expect(await did(client)).toEqual(["a"]);
  });

  it("are planned without a write", async () => {
    const client = await zk.connect();
    const fresh = await planMigrations(client, setOf(steps("a", "b")));
    expect(fresh).toMatchObject({ applied: [], pending: [{ id: "a" }, { id: "b" }] });
    expect(await client.exists(`${zk.path}/migrations`)).toBeNull();
    await begin(client);
    const { zxid } = await migrate(client, setOf(steps("a")));
    const { applied, pending } = await planMigrations(client, setOf(steps("a", "b")));
    expect(applied).toEqual([{ id: "a", sha256: fresh.pending[0]?.sha256, zxid }]);
    expect(pending).toEqual([fresh.pending[1]]);
    expect(await did(client)).toEqual(["a"]);
  });

  it("have a fingerprint that other languages can make: SHA-256 of canonical JSON", async () => {
    const client = await zk.connect();
    const acl = [{ perms: 1, id: { scheme: "digest", id: "bob:x" } }];
    const { pending } = await planMigrations(
      client,
      setOf([
        {
          id: "all",
          operations: (to) =>
            to
              .create("/shop")
              .create("/shop/n-", "é", { mode: CreateMode.PERSISTENT_SEQUENTIAL, acl })
              .setData("/shop", new Uint8Array([0, 255]))
              .check("/shop", { version: 1 })
              .remove("/shop/é"),
        },
        {
          id: "the same as values",
          operations: [
            { type: "create", path: "/shop", mode: CreateMode.PERSISTENT, data: null },
            { type: "create", path: "/shop/n-", mode: CreateMode.PERSISTENT_SEQUENTIAL, data: "é", acl },
            { type: "setData", path: "/shop", data: new Uint8Array([0, 255]), version: -1 },
            { type: "check", path: "/shop", version: 1 },
            { type: "remove", path: "/shop/é" },
          ],
        },
      ]),
    );
    // By Python's hashlib, of the JSON written out by hand.
    const sha256 = "9e0827df1238367d08dbbd54836f3be88ab1f86215107a13dd49f71530eab385";
    expect(pending.map((each) => each.sha256)).toEqual([sha256, sha256]);
  });

  it.each([
    ["changed", ["a", "B", "c"], "b"],
    ["missing", ["a", "c"], "b"],
    ["missing", ["a"], "b"],
    ["missing", [], "a"],
    ["reordered", ["b", "a"], "a"],
    ["reordered", ["a", "new", "b"], "b"],
  ] as const)("that are %s are refused by name: %j", async (difference, ids, migration) => {
    const client = await zk.connect();
    await begin(client);
    await migrate(client, setOf(steps("a", "b")));
    const given = ids.map((id) => {
      const [step] = steps(id) as [Migration];
      return id === "B" ? { ...step, id: "b" } : step;
    });
    for (const call of [migrate, planMigrations]) {
      const error = await told(call(client, setOf(given)));
      expect(error).toBeInstanceOf(MigrationMismatch);
      expect(error).toMatchObject({ code: "REFUSED", difference, migration, applied: "no" });
      expect((error as Error).message).toContain(`"${migration}"`);
      expect(isRecipeError(error)).toBe(true);
    }
    expect(await did(client)).toEqual(["a", "b"]);
  });

  it("of which one fails leave nothing behind, and the error says which one and where", async () => {
    const client = await zk.connect();
    await begin(client);
    const bad: Migration = {
      id: "bad",
      operations: (to) => to.create(`${zk.path}/x`).create(`${zk.path}/x`),
    };
    const error = await told(migrate(client, setOf([...steps("a"), bad, ...steps("c")])));
    expect(error).toSatisfy((it: unknown) => isZkError(it, "NODE_EXISTS"));
    expect(error).toMatchObject({ operationIndex: 1, path: `${zk.path}/x`, applied: "no" });
    expect((error as Error).message).toContain(`operation 1 (create ${zk.path}/x) of the migration "bad"`);
    expect([await did(client), await records(client)]).toEqual([[], []]);
    expect((await migrate(client, setOf(steps("a")))).applied).toEqual(["a"]);
  });

  it("that do not fit into one transaction are refused whole", async () => {
    const client = await zk.connect();
    const half = (id: string, bytes: number): Migration => ({
      id,
      operations: (to) => to.create(`${zk.path}-${id}`, new Uint8Array(bytes)),
    });
    const both = setOf([half("one", MIGRATION_BYTES_MAX / 2), half("two", MIGRATION_BYTES_MAX / 2)]);
    for (const call of [migrate, planMigrations]) {
      await expect(call(client, both)).rejects.toMatchObject({
        code: "CAPACITY",
        message: expect.stringMatching(/"one", "two" take about 104\d{4} bytes.*never split/),
      });
    }
    expect(await client.exists(`${zk.path}-one`)).toBeNull();
    // One after the other they fit, and so does nearly as much as may be.
    expect((await migrate(client, setOf(both.migrations.slice(0, 1)))).applied).toEqual(["one"]);
    expect((await migrate(client, both)).applied).toEqual(["two"]);
    const rest = MIGRATION_BYTES_MAX - 600;
    expect((await migrate(client, setOf([...both.migrations, half("three", rest)]))).applied).toEqual([
      "three",
    ]);
    const small = await zk.connect({ limits: { requestBytesMax: 2000 } });
    const four = migrate(small, setOf([...both.migrations, half("three", rest), half("four", 3000)]));
    await expect(four).rejects.toMatchObject({
      code: "CAPACITY",
      cause: expect.objectContaining({ code: "REQUEST_TOO_LARGE" }),
    });
  });

  it("are looked at before anything is sent", async () => {
    const client = await zk.connect();
    const refused = async (migrations: readonly Migration[], says: RegExp): Promise<void> => {
      const error = await told(migrate(client, setOf(migrations)));
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(says) });
    };
    await refused(steps("a", "a"), /two migrations are called "a"/);
    await refused(steps(""), /id of a migration must be a text/);
    await refused([{ id: "a", operations: async () => {} }], /"a" must not be async/);
    await refused([{ id: "a", operations: (to) => to.create("/ok").check("no/path") }], /"a", operation 1: /);
    const own = `${zk.path}/migrations/set/lock`;
    await refused([{ id: "a", operations: (to) => to.remove(own) }], /belongs to the migrations themselves/);
    const mode = CreateMode.EPHEMERAL as never;
    await refused([{ id: "a", operations: (to) => to.create("/e", null, { mode }) }], /ephemeral/);
    await refused([{ id: "a", operations: [{ type: "rename", path: "/a" } as never] }], /no operation/);
    for (const id of ["", "a/b", "."]) {
      const wrong = migrate(client, { ...setOf([]), id });
      await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await client.exists(`${zk.path}/migrations`)).toBeNull();
  });

  it("whose records are none say so, and nothing is done", async () => {
    const client = await zk.connect();
    await begin(client);
    const directory = `${zk.path}/migrations/set`;
    const sets = [
      // As Curator's: the bare hash.
      ["meta-0000000000", new Uint8Array(32).fill(200), /meta-0000000000 is no record.*no JSON/],
      ["meta-0000000000", '{"format":2}', /format is 2/],
      ["meta-0000000000", '{"format":1,"id":1}', /must be texts/],
      ["meta-0000000001", "{}", /meta-0000000000 is missing/],
    ] as const;
    for (const [name, data, says] of sets) {
      await client.create(`${directory}/${name}`, data, { createParents: true });
      const error = await told(migrate(client, setOf(steps("a"))));
      expect(error).toMatchObject({ code: "CORRUPTED", message: expect.stringMatching(says) });
      await client.remove(`${directory}/${name}`);
    }
    expect(await did(client)).toEqual([]);
  });

  it("are guarded by an ACL, when one is given", async () => {
    const auth = [{ scheme: "digest", auth: "ann:pw" }] as const;
    const client = await zk.connect({ auth });
    const stranger = await zk.connect();
    const acl = [{ perms: 31, id: { scheme: "digest", id: digestId("ann", "pw") } }];
    await begin(client);
    await migrate(client, setOf(steps("a")), { acl });
    await expect(migrate(stranger, setOf(steps("a", "b")))).rejects.toSatisfy((error: unknown) =>
      isZkError(error, "NO_AUTH"),
    );
    expect((await migrate(client, setOf(steps("a", "b")), { acl })).applied).toEqual(["b"]);
  });
});

describe("migrations, when things go wrong,", () => {
  it("are applied once, however many begin at once and whosever connection is cut", async () => {
    const cuts = Array.from({ length: 6 }, () => cutter());
    const clients = await Promise.all(cuts.map(({ options }) => zk.connect(options)));
    await begin(clients[0]!);
    cuts.forEach((cut, index) => {
      cut.cut(index % 2 === 0 ? "replyDecoded" : "afterWrite", 1 + index);
    });
    const ids = ["a", "b", "c"];
    const ended = await within(
      "all",
      Promise.all(clients.map((client) => migrate(client, setOf(steps(...ids))))),
    );
    expect(ended.flatMap(({ applied }) => applied)).toEqual(ids);
    expect(await did(clients[0]!)).toEqual(ids);
    expect(await records(clients[0]!)).toHaveLength(3);
  });

  it.each(["request", "reply"] as const)("find out what became of them when the %s is lost", async (part) => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    await begin(client);
    const lost = cable.lose(part, "multi");
    const { applied, zxid } = await within("the run", migrate(client, setOf(steps("a", "b"))));
    await lost;
    expect(applied).toEqual(["a", "b"]);
    expect(await did(client)).toEqual(["a", "b"]);
    expect((await client.exists(`${zk.path}/migrations/set/meta-0000000001`))?.czxid).toBe(zxid);
    expect(recipeMetrics(client)).toMatchObject({ ambiguous: 1, holding: 0 });
  });

  it.each(["request", "reply"] as const)(
    "are found out in the next session when the %s is lost and the session ends",
    async (part) => {
      const [cable, cut] = [new Cable(), cutter()];
      const client = await zk.connect({
        ports: { transport: cable.transport },
        ...cut.options,
        afterExpiry: "renew",
      });
      await begin(client);
      const { sessionId } = client;
      // Nobody may take the session up again before it is ended from outside.
      client.on("state", (state) => {
        if (state === "suspended" && client.sessionId === sessionId) cut.cut("sessionAdopted", 1000);
        if (state === "expired") cut.cut("sessionAdopted", 0);
      });
      const lost = cable.lose(part, "multi");
      const running = migrate(client, setOf(steps("a", "b")));
      await lost;
      await until("it is suspended", () => client.state === "suspended");
      await zk.expire(client);
      expect((await within("the run", running)).applied).toEqual(["a", "b"]);
      expect(client.sessionId).not.toBe(sessionId);
      expect(await did(client)).toEqual(["a", "b"]);
      expect(await records(client)).toHaveLength(2);
    },
  );

  it("are told to be applied although another with a newer set went on before that was found out", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" });
    const other = await zk.connect();
    await begin(client);
    const running = migrate(client, setOf(steps("a")));
    await cable.lose("reply", "multi").then(() => cable.cut());
    await zk.expire(client);
    expect((await within("the other", migrate(other, setOf(steps("a", "b"))))).applied).toEqual(["b"]);
    cable.mend();
    expect((await within("the run", running)).applied).toEqual(["a"]);
    // The same without doubt: this program is older than the other by now.
    const again = told(migrate(client, setOf(steps("a"))));
    expect(await again).toMatchObject({ difference: "missing", migration: "b", applied: "no" });
  });

  it("are refused, and not in doubt, when another's stand where those would whose answer was lost", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "renew" });
    const other = await zk.connect();
    await begin(client);
    const running = told(migrate(client, setOf(steps("a"))));
    await cable.lose("request", "multi").then(() => cable.cut());
    await zk.expire(client);
    await within("the other", migrate(other, setOf(steps("a", "b"))));
    cable.mend();
    const error = await within("the run", running);
    expect(error).toMatchObject({ difference: "missing", migration: "b", applied: "no" });
    expect(await did(other)).toEqual(["a", "b"]);
  });

  it("say that it is not known when the wait ends before an answer came, and the next run finds it", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const other = await zk.connect();
    await begin(client);
    const abort = new AbortController();
    const running = told(migrate(client, setOf(steps("a")), { signal: abort.signal }));
    await cable.lose("reply", "multi").then(() => cable.cut());
    abort.abort("enough");
    const error = await within("the end", running);
    expect(error).toMatchObject({ code: "ABORTED", applied: "maybe", recipe: "migrate" });
    cable.mend();
    expect((await within("the other", migrate(other, setOf(steps("a", "b"))))).applied).toEqual(["b"]);
    expect(await did(other)).toEqual(["a", "b"]);
  });

  it("end with their session when nobody begins another, and say that it is not known", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport }, afterExpiry: "stay" });
    await begin(client);
    const running = told(migrate(client, setOf(steps("a"))));
    await cable.lose("reply", "multi").then(() => cable.cut());
    await zk.expire(client);
    cable.mend();
    const error = await within("the end", running);
    expect(error).toMatchObject({ code: "SESSION_EXPIRED", applied: "maybe" });
  });

  it("are not applied by who has lost the lock, and all the same by the next try", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await begin(client);
    await using held = await new Lock(other, `${zk.path}/migrations/set/lock`).acquire();
    const running = migrate(client, setOf(steps("a")));
    const ours = await until("it stands in line", async () =>
      (await childrenNow(other, `${zk.path}/migrations/set/lock`)).find((name) => !held.path.endsWith(name)),
    );
    await other.remove(`${zk.path}/migrations/set/lock/${ours}`);
    await held.release();
    expect((await within("the run", running)).applied).toEqual(["a"]);
    expect(await did(client)).toEqual(["a"]);
  });
});
