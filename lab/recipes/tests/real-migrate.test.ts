// Migrations on real servers: that they take a transaction of the greatest size, and that lost answers, and the death of a leader, leave
// all of it or nothing. More of it, and on three servers:
// ZK_MIGRATE_ROUNDS=30 ZK_MIGRATE_SERVERS=3
import { type Client, type ClientOptions, CreateMode, createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { MIGRATION_BYTES_MAX, type Migration, migrate, planMigrations } from "@zk/recipes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cable, childrenNow, howMany, within } from "../src/index.js";

const ROUNDS = howMany("ZK_MIGRATE_ROUNDS", 2);
const SERVERS = howMany("ZK_MIGRATE_SERVERS", 1);

let ensemble: Ensemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ servers: SERVERS });
});

afterAll(async () => {
  await ensemble.stop();
});

async function connect(options: ClientOptions = {}): Promise<Client> {
  const client = createClient(ensemble.connectionString, { afterExpiry: "renew", ...options });
  await client.connect({ timeoutMs: 30_000 });
  return client;
}

it("are applied once by many at once, over lost answers and the death of leaders", async () => {
  const cables = [new Cable(), new Cable(), new Cable()];
  const clients = await Promise.all(cables.map(({ transport }) => connect({ ports: { transport } })));
  const [first] = clients as [Client];
  await first.create("/did");
  const migrations: Migration[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const ids = [`a${round}`, `b${round}`];
    for (const id of ids) {
      // Made twice, there are two.
      const mode = CreateMode.PERSISTENT_SEQUENTIAL;
      migrations.push({ id, operations: (to) => to.create(`/did/${id}-`, null, { mode }) });
    }
    for (const cable of cables) void cable.lose(round % 2 === 0 ? "reply" : "request", "multi");
    const running = clients.map((client) => migrate(client, { id: "race", path: "/migrations", migrations }));
    const victim = SERVERS > 1 && round % 5 === 4 ? await ensemble.leader() : undefined;
    if (victim !== undefined) await ensemble.kill(victim);
    const ended = await within("the round", Promise.all(running), 60_000);
    if (victim !== undefined) await ensemble.start(victim);
    expect(ended.flatMap(({ applied }) => applied)).toEqual(ids);
    for (const cable of cables) cable.spare();
  }
  const did = (await childrenNow(first, "/did")).map((name) => name.replace(/-\d+$/, ""));
  expect(did.toSorted()).toEqual(migrations.map(({ id }) => id).toSorted());
  await Promise.all(clients.map((client) => client.close()));
});

it("of the greatest size are taken by real servers", async () => {
  const data = new Uint8Array(MIGRATION_BYTES_MAX - 320);
  const create = (size: number) => [{ type: "create", path: "/big", data: data.subarray(0, size) }] as const;
  const setOf = (size: number) => ({
    id: "big",
    path: "/migrations",
    migrations: [{ id: "big", operations: create(size) }],
  });
  await using client = await connect();
  await migrate(client, setOf(data.length));
  expect((await client.exists("/big"))?.dataLength).toBe(data.length);
  const { applied, pending } = await planMigrations(client, setOf(data.length));
  expect([applied.length, pending.length]).toEqual([1, 0]);
  await expect(migrate(client, setOf(1))).rejects.toMatchObject({ difference: "changed" });
});
