import { CreateMode, isZkError } from "@zk/client";
import { describe, expect, it } from "vitest";
import { Cable, stage, World } from "../src/index.js";

const zk = stage();

describe("a cable", () => {
  it("loses the reply of one operation: it was done, and nobody knows", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const lost = cable.lose("reply", "create", 1);
    await client.create(zk.path);
    const create = client.create(`${zk.path}/a`);
    await expect(create).rejects.toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    await lost;
    expect(await client.exists(`${zk.path}/a`)).not.toBeNull();
  });

  it("loses the request of one operation: it was not done, and nobody knows", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const lost = cable.lose("request", "multi");
    const commit = client.transaction().create(zk.path).commit();
    await expect(commit).rejects.toMatchObject({ code: "CONNECTION_LOSS", applied: "maybe" });
    await lost;
    expect(await client.exists(zk.path)).toBeNull();
  });

  it("loses an event, and the client hears of the change when it is connected again", async () => {
    const cable = new Cable();
    const client = await zk.connect({ ports: { transport: cable.transport } });
    const other = await zk.connect();
    await client.create(zk.path);
    const heard = new Promise((resolve) => client.getData(zk.path, { watch: resolve }));
    await client.sync();
    const lost = cable.lose("reply", "event");
    await other.setData(zk.path, "1");
    await lost;
    expect(await heard).toMatchObject({ type: "NodeDataChanged" });
  });
});

describe("a world", () => {
  it("holds back what is sent over a cut cable, and the session ends in its own time", async () => {
    await using world = await World.begin();
    const { client, cable } = await world.actor();
    await world.let("a create", client.create("/e", null, { mode: CreateMode.EPHEMERAL }));
    cable.cut();
    await world.pass(1500);
    cable.mend();
    await world.let("a read", client.getData("/e"));
    cable.cut();
    await world.pass(3000);
    expect(world.names("/")).toContain("e");
    await world.pass(3000);
    expect(world.names("/")).not.toContain("e");
    cable.mend();
    await world.until("it hears of it", () => client.state === "expired");
  });

  it("stops one process while the others go on", async () => {
    await using world = await World.begin();
    const [one, other] = [await world.actor(), await world.actor()];
    one.fallAsleep();
    await world.pass(10_000);
    expect(other.client.state).toBe("connected");
    const read = one.client.exists("/");
    one.wake();
    const error = await world.let(
      "an answer",
      read.then(() => undefined).catch((failed: unknown) => failed),
    );
    expect(isZkError(error, "SESSION_EXPIRED")).toBe(true);
  });

  it("goes on through the death of its leader", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    const killed = await world.let("a kill", world.ensemble.killLeader());
    await world.let("a write", client.create("/a", null, { retry: "always" }));
    await world.let("a start", world.ensemble.start(killed));
    expect(world.names("/")).toContain("a");
  });
});
