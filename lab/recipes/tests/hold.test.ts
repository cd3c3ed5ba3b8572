// What a hold says of itself when time passes and servers go. The session timeout is 4 s.
import { Permission, type Transaction } from "@zk/client";
import { Lock } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { World } from "../src/index.js";

describe("a hold", () => {
  it("believes no server that is cut off from the quorum", async () => {
    await using world = await World.begin({ readOnlyMode: true });
    const { client } = await world.actor({ readOnly: true });
    const lock = new Lock(client, "/lock", { onSuspended: "wait" });
    const held = await world.let("the lock", lock.acquire());
    const server = await world.let("its server", world.ensemble.serverOf(client));
    for (const { id } of world.ensemble.servers) if (id !== server) await world.ensemble.kill(id);
    await world.until("it is served read-only", () => client.state === "readonly");
    await world.pass(6000);
    expect(client.state).toBe("readonly");
    expect(held.state).toBe("lost");
    expect(held.signal.reason).toMatchObject({ code: "HOLD_LOST" });
    for (const { id } of world.ensemble.servers) if (id !== server) world.ensemble.start(id).catch(() => {});
    await world.until("the quorum is back", () => client.state === "connected" || client.state === "expired");
  });

  it("is confirmed also while somebody asks for its state all the time", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    const held = await world.let("the lock", new Lock(client, "/lock", { onSuspended: "wait" }).acquire());
    const server = await world.let("its server", world.ensemble.serverOf(client));
    const states: string[] = [];
    held.onState((state) => states.push(state));
    client.on("diagnostic", () => held.state);
    await world.ensemble.kill(server ?? 0);
    await world.until("it is held again", () => states.at(-1) === "held", 3000);
    expect(states).toEqual(["suspect", "held"]);
  });

  it("comes to be in doubt when nobody answered for so long, though the client still calls itself connected", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const lock = new Lock(actor.client, "/lock", { onSuspended: "wait" });
    const held = await world.let("the lock", lock.acquire());
    await world.let("an answer", actor.client.sync());
    actor.fallAsleep();
    await world.pass(3000);
    expect(actor.client.state).toBe("connected");
    expect(held.state).toBe("suspect");
    actor.wake();
    await world.until("it is held again", () => held.state === "held");
  });

  it("is lost before anything else runs when the process stood still for longer than the session lives", async () => {
    await using world = await World.begin();
    const [one, other] = [await world.actor(), await world.actor()];
    const held = await world.let("the lock", new Lock(one.client, "/lock").acquire());
    const next = new Lock(other.client, "/lock").acquire();
    one.fallAsleep();
    await world.let("the next one", next);
    expect(held.state).toBe("lost");
    expect(held.signal.reason).toMatchObject({ code: "HOLD_SUSPECT" });
    one.wake();
    const write = held.guard((tx) => tx.create("/late")).catch((error: unknown) => error);
    expect(await world.let("the late write", write)).toMatchObject({ code: "HOLD_LOST" });
    expect(world.names("/")).not.toContain("late");
  });

  it("whose znode another has made anew is lost, and leaves that one alone", async () => {
    await using world = await World.begin();
    const [one, other] = [await world.actor(), await world.actor()];
    const held = await world.let("the lock", new Lock(one.client, "/lock").acquire());
    const replaced = other.client.transaction().remove(held.path).create(held.path).commit();
    await world.let("the replacement", replaced);
    await world.until("it is lost", () => held.state === "lost");
    await world.let("the release", held.release());
    expect(world.names("/lock")).toHaveLength(1);
  });

  it("is not lost because its guard may not look at it", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    const held = await world.let("the lock", new Lock(client, "/lock").acquire());
    await world.let("the first look", client.sync());
    const acl = [{ perms: Permission.ALL & ~Permission.READ, id: { scheme: "world", id: "anyone" } }];
    await world.let("a new list", client.setACL(held.path, acl));
    const write = held.guard((tx) => tx.create("/x")).catch((error: unknown) => error);
    expect(await world.let("the write", write)).toMatchObject({ code: "NO_AUTH", path: held.path });
    expect(held.state).toBe("held");
  });

  it("says what is missing of a guarded transaction that is not given back, and stays", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    const held = await world.let("the lock", new Lock(client, "/lock").acquire());
    const builders = [() => undefined, async (tx: Transaction) => tx.create("/late")];
    for (const build of builders) {
      const error = await held.guard(build as never).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("give the transaction back"),
      });
    }
    expect(held.state).toBe("held");
    expect(await world.let("the look", client.exists("/late"))).toBeNull();
  });
});
