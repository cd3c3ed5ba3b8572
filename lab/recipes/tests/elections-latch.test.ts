import { CreateMode } from "@zk/client";
import { LeaderLatch, type LeaderLatchEvent, type Leadership, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { cutter, stage, told, until, World, within } from "../src/index.js";

const zk = stage();

function follow(latch: LeaderLatch) {
  const events: LeaderLatchEvent[] = [];
  latch.onEvent((event) => events.push(event));
  return { events, types: () => events.map(({ type }) => type) };
}

describe("a latch", () => {
  it("leads when it is first, and the next one does when it is closed; tokens grow", async () => {
    const clients = await Promise.all([zk.connect(), zk.connect(), zk.connect()]);
    const latches: LeaderLatch[] = [];
    for (const [index, client] of clients.entries()) {
      latches.push(new LeaderLatch(client, zk.path, { identity: `host-${index}` }).start());
      await until(
        "it is a candidate",
        async () => (await latches[0]!.candidates()).length === index + 1 || undefined,
      );
    }
    const tokens: bigint[] = [];
    for (const [index, latch] of latches.entries()) {
      const { id, token, signal } = await within("its turn", latch.leading());
      expect(id).toBe(`host-${index}`);
      expect(signal.aborted).toBe(false);
      expect(latches.map((each) => each.isLeader)).toEqual(latches.map((each) => each === latch));
      expect(await latch.leader()).toMatchObject({ id, token });
      tokens.push(token);
      await latch.close();
      expect(signal.reason).toMatchObject({ code: "RELEASED" });
      expect(latch).toMatchObject({ state: "closed", isLeader: false });
    }
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    expect(await latches[0]!.leader()).toBeNull();
    expect(await latches[0]!.candidates()).toEqual([]);
    for (const client of clients) expect(client.load.watches).toBe(0);
  });

  it("has the layout of Curator, with the identity as its data", async () => {
    const client = await zk.connect();
    await using latch = new LeaderLatch(client, zk.path, { identity: "host-ü" }).start();
    const { path, token } = await latch.leading();
    expect(path.slice(zk.path.length)).toMatch(/^\/_c_[0-9a-f-]{36}-latch-0000000000$/);
    const { data, stat } = await client.getData(path);
    expect(new TextDecoder().decode(data!)).toBe("host-ü");
    expect(stat).toMatchObject({ czxid: token, ephemeralOwner: client.sessionId });
    await using anonymous = new LeaderLatch(client, `${zk.path}/no`).start();
    expect((await client.getData((await anonymous.leading()).path)).data).toEqual(new Uint8Array(0));
  });

  it("guards writes by its term", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await one.create(`${zk.path}-log`);
    await using latch = new LeaderLatch(one, zk.path).start();
    const leadership = await latch.leading();
    await leadership.guard((tx) => tx.setData(`${zk.path}-log`, "1"));
    await leadership.verify();
    await two.remove(leadership.path);
    await expect(leadership.guard((tx) => tx.setData(`${zk.path}-log`, "2"))).rejects.toMatchObject({
      code: "HOLD_LOST",
      applied: "no",
    });
  });

  it("wait that is given up leaves it a candidate", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using first = new LeaderLatch(one, zk.path).start();
    await first.leading();
    await using second = new LeaderLatch(two, zk.path).start();
    await expect(second.leading({ timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    await expect(second.leading({ signal: AbortSignal.abort("no") })).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(second.state).toBe("waiting");
    await until("both are there", async () => (await first.candidates()).length === 2);
    await first.close();
    await within("its turn", second.leading());
  });

  it("refuses to be started twice, and to be waited for when it is not started or closed", async () => {
    const client = await zk.connect();
    const latch = new LeaderLatch(client, zk.path);
    await expect(latch.leading()).rejects.toMatchObject({ code: "RELEASED" });
    latch.start();
    expect(() => latch.start()).toThrow(/RELEASED/);
    await latch.leading();
    await latch.close();
    await latch.close();
    expect(() => latch.start()).toThrow(/RELEASED/);
    await expect(latch.leading()).rejects.toMatchObject({ code: "RELEASED" });
    expect(() => new LeaderLatch(client, "leader")).toThrow(/INVALID_ARGUMENT/);
  });

  it("that the server refuses says so, and leads when it may", async () => {
    const admin = await zk.connect({ auth: [{ scheme: "digest", auth: "admin:secret" }] });
    await admin.create(zk.path, null, { acl: [{ perms: 31, id: { scheme: "auth", id: "" } }] });
    const latch = new LeaderLatch(await zk.connect(), zk.path);
    const { events } = follow(latch);
    latch.start();
    await expect(latch.leading()).rejects.toMatchObject({ code: "NO_AUTH" });
    expect(events).toMatchObject([{ type: "refused", error: { code: "NO_AUTH" } }]);
    await admin.setACL(zk.path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    await until("it leads", () => latch.isLeader);
    await latch.close();
  });

  it("fails with its client", async () => {
    const client = await zk.connect();
    const latch = new LeaderLatch(client, zk.path).start();
    const { types } = follow(latch);
    await latch.leading();
    await client.close();
    await until("it has failed", () => latch.state === "failed");
    expect(latch.signal.reason).toMatchObject({ code: "CLOSED" });
    await expect(latch.leading()).rejects.toMatchObject({ code: "CLOSED" });
    expect(types()).toEqual(["leader", "notLeader", "failed"]);
    await latch.close();
  });
});

describe("observers of a latch", () => {
  it("hear of each leader and of nobody, without being candidates", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const observing = told(
      (async () => {
        for await (const leader of new LeaderLatch(two, zk.path).observe({ signal: stop.signal }))
          seen.push(leader?.id);
      })(),
    );
    await until("nobody leads", () => seen.length === 1);
    for (const identity of ["a", "b"]) {
      const latch = new LeaderLatch(one, zk.path, { identity }).start();
      await latch.leading();
      await until(`${identity} is seen`, () => seen.at(-1) === identity);
      await latch.close();
      await until("nobody is seen", () => seen.at(-1) === undefined);
    }
    expect(seen).toEqual([undefined, "a", undefined, "b", undefined]);
    stop.abort("enough");
    expect(await observing).toMatchObject({ code: "ABORTED", cause: "enough" });
    expect(two.load.watches).toBe(0);
  });

  it("never see a znode that is gone by then (CURATOR-358: NoNode for getLeader)", async () => {
    const [one, two, three] = [await zk.connect(), await zk.connect(), await zk.connect()];
    let over = false;
    const changing = (async () => {
      for (let round = 0; round < 40; round += 1) {
        const latch = new LeaderLatch(round % 2 === 0 ? one : two, zk.path, { identity: "x" }).start();
        await latch.leading();
        await latch.close();
      }
      over = true;
    })();
    const watching = new LeaderLatch(three, zk.path);
    let looks = 0;
    while (!over) {
      const leader = await watching.leader();
      expect([undefined, "x"]).toContain(leader?.id);
      for (const candidate of await watching.candidates()) expect(candidate.id).toBe("x");
      looks += 1;
    }
    await changing;
    expect(looks).toBeGreaterThan(0);
  });

  it("go on in the next session", async () => {
    const [one, two] = [await zk.connect(), await zk.connect({ afterExpiry: "renew" })];
    await using latch = new LeaderLatch(one, zk.path, { identity: "a" }).start();
    await latch.leading();
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const observing = told(
      (async () => {
        for await (const leader of new LeaderLatch(two, zk.path).observe({ signal: stop.signal }))
          seen.push(leader?.id);
      })(),
    );
    await until("a is seen", () => seen.at(-1) === "a");
    await zk.expire(two);
    await until("a new session", () => two.state === "connected");
    await latch.close();
    await until("nobody is seen", () => seen.at(-1) === undefined);
    expect(seen).toEqual(["a", undefined]);
    stop.abort();
    await observing;
  });

  it("see the leader that is first, also while its predecessor's last word stays (zk-ruby's leader_ack)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const first = new LeaderLatch(one, zk.path, { identity: "a" }).start();
    await first.leading();
    await using second = new LeaderLatch(two, zk.path, { identity: "b" }).start();
    await until("both are there", async () => (await second.candidates()).length === 2);
    await zk.expire(one);
    await second.leading();
    expect((await second.leader())?.id).toBe("b");
    await first.close();
  });
});

describe("a latch whose znodes are taken away", () => {
  it("learns that its own znode is gone (CURATOR-171)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using latch = new LeaderLatch(one, zk.path).start();
    const first = await latch.leading();
    const over = new Promise((resolve) => first.signal.addEventListener("abort", resolve));
    await two.remove(first.path);
    await within("the signal", over);
    expect(first.signal.reason).toMatchObject({ code: "HOLD_LOST" });
    const second = await within("the leadership", latch.leading());
    expect(second.token).toBeGreaterThan(first.token);
  });

  it("elects again after the whole directory has gone (CURATOR-724)", async () => {
    const [one, two, three] = [await zk.connect(), await zk.connect(), await zk.connect()];
    await using first = new LeaderLatch(one, zk.path).start();
    await first.leading();
    await using second = new LeaderLatch(two, zk.path).start();
    await until("both are there", async () => (await first.candidates()).length === 2);
    for (let round = 0; round < 5; round += 1) {
      await three.removeRecursive(zk.path);
      await until(
        "both are there again",
        async () => (await first.candidates()).length === 2 && first.isLeader !== second.isLeader,
      );
    }
  });
});

describe("a latch that begins or ends at a bad moment", () => {
  it("can be started before its client is connected (CURATOR-110)", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    actor.cable.cut();
    await world.until("the connection is lost", () => actor.client.state === "suspended");
    const latch = new LeaderLatch(actor.client, "/latch").start();
    const leading = latch.leading();
    await world.pass(500);
    expect(latch.state).toBe("waiting");
    actor.cable.mend();
    expect((await world.let("the leadership", leading)).token).toBeGreaterThan(0n);
    await world.let("its close", latch.close());
  });

  it.each(["none", "replyDecoded", "afterWrite"] as const)(
    "that is closed while its znode is made leaves none (CURATOR-18, 3), with the fault %s",
    async (fault) => {
      const cut = cutter();
      const [client, looking] = [await zk.connect(cut.options), await zk.connect()];
      await looking.create(zk.path);
      for (const moment of ["at once", "sent"] as const) {
        if (fault !== "none") cut.cut(fault);
        const latch = new LeaderLatch(client, zk.path).start();
        if (moment === "sent") await until("it is sent", () => client.load.inFlight > 0 || cut.left === 0);
        await latch.close();
        cut.cut("replyDecoded", 0);
        await until("nothing is left", async () => {
          await client.remove(`${zk.path}-none`).catch(() => {});
          await looking.sync(zk.path);
          const { length } = await looking.getChildren(zk.path);
          return length === 0 && recipeMetrics(client).janitorPending === 0;
        });
      }
    },
  );

  it("that is closed while its predecessor goes leaves no znode (CURATOR-3)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    for (let round = 0; round < 10; round += 1) {
      const first = new LeaderLatch(one, zk.path).start();
      await first.leading();
      const second = new LeaderLatch(two, zk.path).start();
      await until("both are there", async () => (await first.candidates()).length === 2);
      await Promise.all([first.close(), second.close()]);
      await until("nobody is there", async () => (await first.candidates()).length === 0);
    }
  });

  it("has one znode after the answer to its creation was lost", async () => {
    const cut = cutter();
    const client = await zk.connect(cut.options);
    for (let round = 0; round < 5; round += 1) {
      cut.cut(round % 2 === 0 ? "replyDecoded" : "afterWrite", 1 + (round % 3));
      const latch = new LeaderLatch(client, zk.path).start();
      const { path, token } = await within("the leadership", latch.leading());
      cut.cut("replyDecoded", 0);
      expect(await latch.candidates()).toMatchObject([{ path, token }]);
      await latch.close();
    }
  });

  it("does not mind what else lies in its directory", async () => {
    const client = await zk.connect();
    await client.create(`${zk.path}/!junk`, null, { createParents: true });
    for (const name of ["zjunk", "latch-", "_c_x-lock-0000000000"])
      await client.create(`${zk.path}/${name}`, null, { mode: CreateMode.PERSISTENT });
    await using latch = new LeaderLatch(client, zk.path).start();
    const leadership: Leadership = await within("the leadership", latch.leading({ timeoutMs: 5000 }));
    expect(await latch.candidates()).toMatchObject([{ path: leadership.path }]);
  });
});
