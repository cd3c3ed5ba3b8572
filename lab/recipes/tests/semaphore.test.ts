import type { Client } from "@zk/client";
import {
  observeRecipes,
  type RecipeEvent,
  recipeMetrics,
  Semaphore,
  type SemaphoreOptions,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { Cable, childrenOf, isSettled, stage, until, within } from "../src/index.js";

const zk = stage();

async function actor(
  options: Partial<SemaphoreOptions> = {},
): Promise<{ readonly client: Client; readonly cable: Cable; readonly semaphore: Semaphore }> {
  const cable = new Cable();
  const client = await zk.connect({ ports: { transport: cable.transport } });
  const semaphore = new Semaphore(client, zk.path, { max: 2, onSuspended: "wait", ...options });
  return { client, cable, semaphore };
}

const leases = (client: Client): Promise<readonly string[]> => childrenOf(client, `${zk.path}/leases`);
const atDoor = (client: Client): Promise<readonly string[]> => childrenOf(client, `${zk.path}/locks`);

async function nothingLeft(client: Client): Promise<void> {
  await until("nobody has or wants a permit", async () => {
    return (await leases(client)).length + (await atDoor(client)).length === 0;
  });
}

describe("a semaphore", () => {
  it("gives out as many permits as there are, in the order in which they were asked for", async () => {
    const [a, b, c, d] = await Promise.all([actor(), actor(), actor(), actor()]);
    const first = await a.semaphore.acquire();
    const second = await b.semaphore.acquire();
    expect(second.token).toBeGreaterThan(first.token);
    const third = c.semaphore.acquire();
    await until("one waits at the door", async () => (await atDoor(a.client)).length === 1);
    const fourth = d.semaphore.acquire();
    await until("two wait at the door", async () => (await atDoor(a.client)).length === 2);
    expect(await isSettled(third)).toBe(false);
    await second.release();
    const held = await within("the third", third);
    expect(await isSettled(fourth)).toBe(false);
    expect(await leases(a.client)).toHaveLength(2);
    await first.release();
    await (await within("the fourth", fourth)).release();
    await held.release();
    await nothingLeft(a.client);
  });

  it("has the layout of Curator's, and says in it who has what", async () => {
    const { client, semaphore } = await actor({ identity: "me", slots: true });
    await using held = await semaphore.acquire({ permits: 2 });
    expect(await leases(client)).toHaveLength(2);
    for (const lease of held.leases) {
      expect(lease.path).toMatch(
        /\/leases\/_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lease-000000000[01]$/,
      );
      const { data, stat } = await client.getData(lease.path);
      expect(stat).toMatchObject({ czxid: lease.token, ephemeralOwner: client.sessionId });
      expect(JSON.parse(new TextDecoder().decode(data!))).toEqual({
        identity: "me",
        max: 2,
        slot: lease.slot,
      });
    }
    expect([...held.slots].sort()).toEqual([0, 1]);
    expect(await atDoor(client)).toEqual([]);
  });

  it("has the layout of kazoo's, and its agreement on the number of permits", async () => {
    const { client } = await actor();
    const options = { dialect: "kazoo", identity: "me" } as const;
    const held = await new Semaphore(client, zk.path, { ...options, max: 2 }).acquire();
    const { data } = await client.getData(zk.path);
    expect(new TextDecoder().decode(data!)).toBe("2");
    expect(held.leases[0]?.path).toMatch(/^\/t\d+\/[0-9a-f]{32}$/);
    expect(new TextDecoder().decode((await client.getData(held.leases[0]!.path)).data!)).toBe("me");
    expect(await childrenOf(client, `${zk.path}-__lock__`)).toEqual([]);
    const other = new Semaphore(client, zk.path, { ...options, max: 3 });
    await expect(other.acquire()).rejects.toMatchObject({ code: "CONFLICT" });
    // kazoo makes the directory first and fills it then.
    await client.setData(zk.path, "");
    const second = await new Semaphore(client, zk.path, { ...options, max: 2 }).tryAcquire();
    expect(new TextDecoder().decode((await client.getData(zk.path)).data!)).toBe("2");
    expect(await new Semaphore(client, zk.path, { ...options, max: 2 }).tryAcquire()).toBeNull();
    await held.release();
    await second?.release();
    expect(await childrenOf(client, zk.path)).toEqual([]);
  });

  it("of kazoo's layout is had although its directory goes while nobody has a permit", async () => {
    const { client, semaphore } = await actor({ dialect: "kazoo" });
    const other = await zk.connect();
    const read = client.getData.bind(client);
    let isGone = false;
    // The number of permits is read from the directory, behind the list of those that are taken.
    client.getData = async (...given) => {
      if (!isGone) await other.remove(zk.path);
      isGone = true;
      return await read(...given);
    };
    await using permit = await semaphore.acquire({ timeoutMs: 5000 });
    expect([isGone, permit.state]).toEqual([true, "held"]);
    expect(new TextDecoder().decode((await other.getData(zk.path)).data!)).toBe("2");
  });

  it("two who want 2 of 2 do not block each other (Curator 5.4.0 does)", async () => {
    const [a, b] = await Promise.all([actor(), actor()]);
    let turns = 0;
    const goRound = async ({ semaphore }: { readonly semaphore: Semaphore }): Promise<void> => {
      for (let turn = 0; turn < 5; turn += 1) {
        await semaphore.run(
          (hold) => {
            expect(hold.leases).toHaveLength(2);
            turns += 1;
          },
          { permits: 2, timeoutMs: 20_000 },
        );
      }
    };
    await within("both", Promise.all([goRound(a), goRound(b)]));
    expect(turns).toBe(10);
    await nothingLeft(a.client);
  });

  it("gives several permits at once or none, and nobody overtakes who waits for them", async () => {
    const [a, b, c] = await Promise.all([actor(), actor(), actor()]);
    const first = await a.semaphore.acquire();
    const both = b.semaphore.acquire({ permits: 2 });
    await until("it waits at the door", async () => (await atDoor(a.client)).length === 1);
    expect(await leases(a.client)).toHaveLength(1);
    expect(await c.semaphore.tryAcquire()).toBeNull();
    await first.release();
    const held = await within("both", both);
    expect(held.leases.map(({ token }) => token)).toEqual([held.token, held.token]);
    await held.release();
    await nothingLeft(a.client);
  });

  it("that are there are had by all who try at once", async () => {
    const actors = await Promise.all([
      actor({ max: 3 }),
      actor({ max: 3 }),
      actor({ max: 3 }),
      actor({ max: 3 }),
    ]);
    for (let round = 0; round < 5; round += 1) {
      const tried = await Promise.all(actors.map(({ semaphore }) => semaphore.tryAcquire()));
      const held = tried.filter((hold) => hold !== null);
      expect(held).toHaveLength(3);
      for (const hold of held) await hold.release();
    }
    await nothingLeft(actors[0]!.client);
  });

  it("does not count what is no permit (kazoo counts any child), and tells of it", async () => {
    const { client, semaphore } = await actor();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    for (const name of ["!junk", "zjunk", "lock-0000000000"])
      await client.create(`${zk.path}/leases/${name}`, null, { createParents: true });
    await using _held = await semaphore.acquire({ permits: 2, timeoutMs: 5000 });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "foreignChildren", path: `${zk.path}/leases` }),
    );
  });

  it("counts the permits of a Curator process, whose data says nothing", async () => {
    const { client, semaphore } = await actor();
    const foreign = `${zk.path}/leases/_c_01234567-89ab-4def-8123-456789abcdef-lease-0000000007`;
    await client.create(foreign, "10.0.0.1", { createParents: true });
    await using _held = await semaphore.acquire();
    expect(await semaphore.tryAcquire()).toBeNull();
  });

  it("whose number another believes to be different is refused, until that one is gone", async () => {
    const [a, b, c] = await Promise.all([
      actor(),
      actor({ max: 3 }),
      actor({ max: { path: `${zk.path}-max`, initial: 2 } }),
    ]);
    const held = await a.semaphore.acquire();
    await expect(b.semaphore.acquire()).rejects.toMatchObject({ code: "CONFLICT", path: zk.path });
    await expect(c.semaphore.tryAcquire()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await atDoor(a.client)).toEqual([]);
    await held.release();
    await (await b.semaphore.acquire({ permits: 3 })).release();
  });

  it("gives each permit a slot that no other has, the smallest there is", async () => {
    const [a, b] = await Promise.all([actor({ max: 3, slots: true }), actor({ max: 3, slots: true })]);
    const [one, two, three] = [
      await a.semaphore.acquire(),
      await b.semaphore.acquire(),
      await a.semaphore.acquire(),
    ];
    expect([one, two, three].map(({ slots }) => slots)).toEqual([[0], [1], [2]]);
    await two.release();
    const again = await a.semaphore.acquire();
    expect(again.slots).toEqual([1]);
    for (const hold of [one, three, again]) await hold.release();
  });

  it.each([
    [{ max: 0 }, "INVALID_ARGUMENT"],
    [{ max: 1.5 }, "INVALID_ARGUMENT"],
    [{ max: 2, dialect: "kazoo", slots: true }, "INVALID_ARGUMENT"],
    [{ max: { path: "no", initial: 1 } }, "INVALID_ARGUMENT"],
  ] as const)("cannot be made with %j", async (options, code) => {
    const client = await zk.connect();
    expect(() => new Semaphore(client, "/s", options)).toThrow(expect.objectContaining({ code }));
  });

  it("refuses more permits than there ever are, and sizes that cannot be changed", async () => {
    const { semaphore } = await actor();
    await expect(semaphore.acquire({ permits: 3 })).rejects.toMatchObject({ code: "REFUSED" });
    await expect(semaphore.acquire({ permits: 0 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(semaphore.resize(3)).rejects.toMatchObject({ code: "REFUSED" });
  });
});

describe("a semaphore whose number is kept in a znode", () => {
  const resizable = (): Partial<SemaphoreOptions> => ({ max: { path: `${zk.path}-max`, initial: 1 } });

  it("has it in four bytes, and wakes who waits when it grows (Curator once did not notice)", async () => {
    const [a, b] = await Promise.all([actor(resizable()), actor(resizable())]);
    const held = await a.semaphore.acquire();
    expect(Array.from((await a.client.getData(`${zk.path}-max`)).data!)).toEqual([0, 0, 0, 1]);
    const waiting = b.semaphore.acquire();
    await until("it waits", async () => (await atDoor(a.client)).length === 1);
    await a.semaphore.resize(258);
    await using _second = await within("the second", waiting);
    expect(Array.from((await a.client.getData(`${zk.path}-max`)).data!)).toEqual([0, 0, 1, 2]);
    expect(await b.semaphore.max()).toBe(258);
    await held.release();
  });

  it("takes no permit away when it shrinks, and gives none out until enough came back", async () => {
    const [a, b] = await Promise.all([actor(resizable()), actor(resizable())]);
    await a.semaphore.resize(2);
    const holds = [await a.semaphore.acquire(), await a.semaphore.acquire()] as const;
    await a.semaphore.resize(1);
    expect(holds.map(({ state }) => state)).toEqual(["held", "held"]);
    const waiting = b.semaphore.acquire();
    // For the permits and for their number.
    await until("it waits", () => b.client.load.watches === 2 && b.client.load.inFlight === 0);
    await holds[0].release();
    await until("it has looked", () => recipeMetrics(b.client).wakeUps > 0);
    expect(await isSettled(waiting)).toBe(false);
    await holds[1].release();
    await (await within("the last", waiting)).release();
  });

  it("is filled where another made it empty, and refused where it is no number", async () => {
    const { client, semaphore } = await actor(resizable());
    await client.create(`${zk.path}-max`);
    expect(await semaphore.max()).toBe(1);
    await client.setData(`${zk.path}-max`, "12345678");
    await expect(semaphore.acquire()).rejects.toMatchObject({ code: "CORRUPTED" });
    expect(await atDoor(client)).toEqual([]);
  });
});

describe("a wait for permits", () => {
  it.each(["aborted", "out of time"] as const)("that is %s leaves nothing behind", async (how) => {
    const [a, b] = await Promise.all([actor(), actor()]);
    const held = await a.semaphore.acquire({ permits: 2 });
    const abort = new AbortController();
    const options = how === "aborted" ? { signal: abort.signal } : { timeoutMs: 50 };
    const ended = expect(b.semaphore.acquire(options)).rejects.toMatchObject({
      code: how === "aborted" ? "ABORTED" : "WAIT_TIMEOUT",
    });
    await until("it waits", async () => (await atDoor(a.client)).length === 1);
    abort.abort();
    await ended;
    expect(await atDoor(a.client)).toEqual([]);
    expect(b.client.load.watches).toBe(0);
    expect(recipeMetrics(b.client)).toMatchObject({ waiting: 0, janitorPending: 0 });
    await held.release();
    await nothingLeft(a.client);
  });

  it.each(["reply", "request"] as const)("whose %s is lost takes the permits once", async (part) => {
    const { client, cable, semaphore } = await actor({ max: 4 });
    for (const operation of ["multi", "create", "getChildren"] as const) {
      void cable.lose(part, operation);
      const held = await within(`permits behind a lost ${operation}`, semaphore.acquire({ permits: 3 }));
      expect(await leases(client)).toHaveLength(3);
      expect(await atDoor(client)).toEqual([]);
      for (const lease of held.leases) expect((await client.exists(lease.path))?.czxid).toBe(held.token);
      await until("they are held", () => held.state === "held");
      await held.release();
      await nothingLeft(client);
    }
  });

  it("that is aborted while its answer is lost leaves nothing behind", async () => {
    const { client, cable, semaphore } = await actor();
    const abort = new AbortController();
    const lost = cable.lose("reply", "multi");
    const ended = expect(semaphore.acquire({ permits: 2, signal: abort.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
    await lost;
    abort.abort();
    await ended;
    await nothingLeft(client);
    await until("the janitor rests", () => recipeMetrics(client).janitorPending === 0);
  });

  it("goes on in the next session, and when its place at the door was taken away", async () => {
    const cable = new Cable();
    const other = await actor();
    const client = await zk.connect({ afterExpiry: "renew", ports: { transport: cable.transport } });
    const semaphore = new Semaphore(client, zk.path, { max: 2 });
    const held = await other.semaphore.acquire({ permits: 2 });
    const waiting = semaphore.acquire();
    const waits = (): Promise<string | undefined> =>
      until("it waits", async () => (await atDoor(other.client))[0]);
    const first = await waits();
    await zk.expire(client);
    await until("another stands at the door", async () => {
      const [name] = await atDoor(other.client);
      return name !== undefined && name !== first;
    });
    await other.client.remove(`${zk.path}/locks/${await waits()}`);
    await held.release();
    const hold = await within("the permit", waiting);
    expect(hold.leases[0]?.sessionId).toBe(client.sessionId);
    await hold.release();
    await nothingLeft(other.client);
  });
});

describe("permits", () => {
  it("guard writes together: when one is gone nothing is written, and the others are given back", async () => {
    const [a, b] = await Promise.all([actor({ max: 3 }), actor({ max: 3 })]);
    const held = await a.semaphore.acquire({ permits: 3 });
    const [made] = await held.guard((tx) => tx.create(`${zk.path}-x`));
    expect(made.path).toBe(`${zk.path}-x`);
    await b.client.remove(held.leases[1]!.path);
    await until("it is lost", () => held.state === "lost");
    expect(held.signal.aborted).toBe(true);
    await expect(held.guard((tx) => tx.create(`${zk.path}-y`))).rejects.toMatchObject({
      code: expect.stringMatching(/HOLD_LOST|RELEASED/),
    });
    await nothingLeft(b.client);
  });

  it("can be given back one by one", async () => {
    const { client, semaphore } = await actor();
    const held = await semaphore.acquire({ permits: 2 });
    await held.leases[0]!.release();
    await using other = await semaphore.acquire();
    expect(other.state).toBe("held");
    await held.release();
    expect(await leases(client)).toHaveLength(1);
  });
});
