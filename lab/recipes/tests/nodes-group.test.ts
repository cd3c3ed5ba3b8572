import { type Client, CreateMode } from "@zk/client";
import {
  Group,
  type GroupLayout,
  type GroupOptions,
  type JoinOptions,
  jsonCodec,
  type MemberChange,
  type Membership,
  observeRecipes,
  oldestMember,
  type RecipeEvent,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, told, until, World, within } from "../src/index.js";

const zk = stage();
const layouts = ["curator", "party", "shallowParty"] as const;
const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

async function join(
  client: Client,
  id: string,
  options: JoinOptions = {},
  group: GroupOptions = {},
): Promise<Membership> {
  return await within("joining", new Group(client, zk.path, group).join(id, options));
}

describe("the layout of a group", () => {
  it.each([
    ["curator", /^me$/, "payload"],
    ["party", /^[0-9a-f]{32}__party__$/, "me"],
    ["shallowParty", /^[0-9a-f]{32}-me$/, "payload"],
  ] as const)("is that of %s", async (layout, name, data) => {
    const client = await zk.connect();
    const payload = layout === "party" ? {} : { payload: bytes("payload") };
    const membership = await join(client, "me", payload, { layout });
    const [child] = await client.getChildren(zk.path);
    expect(child).toMatch(name);
    const read = await client.getData(`${zk.path}/${child}`);
    expect(text(read.data)).toBe(data);
    expect(read.stat).toMatchObject({ ephemeralOwner: client.sessionId, czxid: membership.token });
    expect(await membership.leave()).toEqual({ confirmed: true });
    expect(await client.getChildren(zk.path)).toEqual([]);
  });

  it("does not matter to who reads: all three are members", async () => {
    const client = await zk.connect();
    const ids: string[] = [];
    for (const layout of layouts) {
      await join(client, `of ${layout}`, {}, { layout });
      ids.push(`of ${layout}`);
    }
    const members = await new Group(await zk.connect(), zk.path).members();
    expect(members.map(({ id, layout }) => [id, layout])).toEqual(
      layouts.map((layout) => [`of ${layout}`, layout]),
    );
    expect(members.map(({ isSelf }) => isSelf)).toEqual([false, false, false]);
    expect(oldestMember(members)?.id).toBe(ids[0]);
  });

  it("has no place for some ids and payloads", async () => {
    const client = await zk.connect();
    const refused = { code: "INVALID_ARGUMENT", recipe: "Group", path: zk.path };
    await expect(join(client, "a/b")).rejects.toMatchObject(refused);
    await expect(join(client, "")).rejects.toMatchObject(refused);
    await expect(join(client, "a", { payload: bytes("x") }, { layout: "party" })).rejects.toMatchObject(
      refused,
    );
    const membership = await join(client, "a/b", {}, { layout: "party" });
    await expect(membership.setPayload(bytes("x"))).rejects.toMatchObject(refused);
    expect(() => new Group(client, zk.path, { layout: "etcd" as GroupLayout })).toThrow(/INVALID_ARGUMENT/);
    expect(() => new Group(client, "group")).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("a membership", () => {
  it("is seen as ourselves by the group that joined, and only once the servers have it (Curator lists itself always)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const group = new Group(one, zk.path);
    expect(await group.members()).toEqual([]);
    const membership = await group.join("me");
    expect(await group.members()).toMatchObject([{ id: "me", isSelf: true, token: membership.token }]);
    // Somebody else takes the id: there is a member of our name, and it is not us.
    await two
      .transaction()
      .remove(membership.path)
      .create(membership.path, null, { mode: CreateMode.EPHEMERAL })
      .commit();
    expect(await group.members()).toMatchObject([{ id: "me", isSelf: false, sessionId: two.sessionId }]);
    await until("it has failed", () => membership.state === "failed");
    await membership.leave();
    expect(await group.members()).toMatchObject([{ id: "me", isSelf: false }]);
  });

  it.each(layouts)(
    "in the layout of %s joins again in the next session (kazoo does not, and says it participates)",
    async (layout) => {
      const client = await zk.connect({ afterExpiry: "renew" });
      const group = new Group(client, zk.path, { layout });
      const membership = await group.join("me");
      const before = membership.token!;
      await zk.expire(client);
      await until("it is gone", () => membership.token !== before);
      await until("it has joined again", () => membership.state === "established");
      expect(await group.members()).toMatchObject([{ id: "me", isSelf: true, sessionId: client.sessionId }]);
      expect(membership.token!).toBeGreaterThan(before);
    },
  );

  it("says something else of itself", async () => {
    const client = await zk.connect();
    const group = new Group(client, zk.path, { codec: jsonCodec<{ load: number }>() });
    const membership = await group.join("me", { payload: { load: 1 } });
    expect(await group.members()).toMatchObject([{ payload: { load: 1 } }]);
    await membership.setPayload({ load: 2 });
    expect(await group.members()).toMatchObject([{ payload: { load: 2 }, token: membership.token }]);
  });

  it("without a payload says nothing, and what cannot be read is told and is no payload", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    const group = new Group(client, zk.path, { codec: jsonCodec<{ load: number }>() });
    await group.join("a");
    await client.create(`${zk.path}/b`, "127.0.0.1", { mode: CreateMode.EPHEMERAL });
    expect((await group.members()).map(({ id, payload }) => [id, payload])).toEqual([
      ["a", undefined],
      ["b", undefined],
    ]);
    expect(events).toContainEqual(expect.objectContaining({ type: "badData", path: `${zk.path}/b` }));
  });
});

describe("a member of kazoo's shallow party", () => {
  it("has its id as its data, which is no payload (kazoo writes it there too)", async () => {
    const client = await zk.connect();
    const events: RecipeEvent[] = [];
    observeRecipes(client, (event) => events.push(event));
    const codec = jsonCodec<{ load: number }>();
    const group = new Group(client, zk.path, { layout: "shallowParty", codec });
    const membership = await group.join("me");
    expect(text((await client.getData(membership.path)).data)).toBe("me");
    expect(await group.members()).toMatchObject([{ id: "me", payload: undefined }]);
    expect(events.filter(({ type }) => type === "badData")).toEqual([]);
    await membership.setPayload({ load: 1 });
    expect(await group.members()).toMatchObject([{ id: "me", payload: { load: 1 } }]);
  });
});

describe("an id that a member has", () => {
  it.each(layouts)("is refused, and taken from nobody, in the layout of %s", async (layout) => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const first = await join(one, "me", {}, { layout });
    await expect(join(two, "me", {}, { layout })).rejects.toMatchObject({
      code: "CONFLICT",
      recipe: "Group",
    });
    // Nor can the same client have it twice.
    await expect(join(one, "me", {}, { layout })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await new Group(two, zk.path).members()).toMatchObject([{ id: "me", token: first.token }]);
  });

  it.each(layouts)("can be waited for, in the layout of %s", async (layout) => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const first = await join(one, "me", {}, { layout });
    const group = new Group(two, zk.path, { layout });
    await expect(group.join("me", { onTaken: "wait", timeoutMs: 60 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
    });
    expect(await group.members()).toMatchObject([{ token: first.token }]);
    const waiting = group.join("me", { onTaken: "wait" });
    await first.leave();
    const second = await within("the id", waiting);
    expect(await group.members()).toMatchObject([{ id: "me", isSelf: true, token: second.token }]);
  });

  it("is one's of many who join at once, in the layouts of kazoo too", async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => zk.connect()));
    for (const layout of layouts) {
      const joined: Membership[] = [];
      const refused: unknown[] = [];
      await Promise.all(
        clients.map((client) =>
          new Group(client, `${zk.path}/${layout}`, { layout }).join("me").then(
            (membership) => joined.push(membership),
            (error: unknown) => refused.push(error),
          ),
        ),
      );
      expect(joined).toHaveLength(1);
      expect(refused).toMatchObject(Array.from({ length: 3 }, () => ({ code: "CONFLICT" })));
    }
  });

  it("is no conflict when it is empty, as kazoo's is by default", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await join(one, "", {}, { layout: "party" });
    await join(two, "", {}, { layout: "party" });
    expect((await new Group(one, zk.path).members()).map(({ id }) => id)).toEqual(["", ""]);
  });

  it("ends the membership that lost it between two sessions, with the conflict as the reason", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor({ afterExpiry: "renew" }), await world.actor()];
    const first = await world.let("joining", new Group(one.client, "/group").join("me"));
    one.cable.cut();
    await world.until("its session has gone", () => world.names("/group").length === 0);
    const second = await world.let("joining", new Group(two.client, "/group").join("me"));
    one.cable.mend();
    await world.until("it has failed", () => first.state === "failed");
    expect(first.signal.reason).toMatchObject({ code: "CONFLICT" });
    expect(second.state).toBe("established");
    await world.let("leaving", first.leave());
    expect(world.names("/group")).toEqual(["me"]);
  });
});

describe("a view of a group", () => {
  it("tells who joined, left and says something else; who comes back has another token", async () => {
    const [one, two] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    await using view = new Group(two, zk.path).watch();
    const seen: string[] = [];
    const changes: MemberChange[] = [];
    const stop = new AbortController();
    const following = told(
      (async () => {
        for await (const change of view.changes({ signal: stop.signal })) {
          changes.push(change);
          seen.push(`${change.type} ${change.member.id}`);
        }
      })(),
    );
    await view.ready;
    expect(view.members).toEqual([]);
    const a = await join(one, "a", { payload: bytes("1") });
    await until("a is seen", () => seen.length === 1);
    const b = await join(two, "b");
    await until("b is seen", () => seen.length === 2);
    await a.setPayload(bytes("2"));
    await until("the update is seen", () => seen.length === 3);
    expect(changes[2]).toMatchObject({ member: { payload: bytes("2") }, previous: { payload: bytes("1") } });
    await zk.expire(one);
    await until("a is back", () => seen.length === 5);
    expect(changes[4]!.member.token).toBeGreaterThan(changes[3]!.member.token);
    // Who was away is the youngest now.
    expect(view.members.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(view.oldest).toMatchObject({ id: "b" });
    await b.leave();
    await until("b has left", () => seen.length === 6);
    expect(seen).toEqual(["joined a", "joined b", "updated a", "left a", "joined a", "left b"]);
    stop.abort();
    expect(await following).toMatchObject({ code: "ABORTED" });
    await a.leave();
  });

  it("can begin with who is there, and waits for a condition", async () => {
    const client = await zk.connect();
    await join(client, "a");
    using view = new Group(await zk.connect(), zk.path).watch();
    const first = await view.changes({ initial: true }).next();
    expect(first.value).toMatchObject({ type: "joined", member: { id: "a" } });
    const both = view.until((members) => members.length === 2, { timeoutMs: 20_000 });
    await join(client, "b");
    expect((await both).map(({ id }) => id)).toEqual(["a", "b"]);
    await expect(view.until(() => false, { timeoutMs: 20 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
  });

  it("knows the same oldest member as everybody else", async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => zk.connect()));
    const memberships = await Promise.all(clients.map((client, index) => join(client, `m${index}`)));
    const oldest = await Promise.all(clients.map((client) => new Group(client, zk.path).oldest()));
    const expected = memberships.toSorted((a, b) => Number(a.token! - b.token!))[0]!;
    for (const each of oldest) expect(each).toMatchObject({ id: expected.id, token: expected.token });
    await expected.leave();
    expect((await new Group(clients[0]!, zk.path).oldest())?.id).not.toBe(expected.id);
  });

  it("stays, and is behind, while there is no connection; a member that only lost its connection has not left", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const membership = await world.let("joining", new Group(one.client, "/group").join("me"));
    const view = new Group(two.client, "/group").watch();
    await world.let("the view", view.ready);
    const seen: string[] = [];
    void (async () => {
      for await (const { type } of view.changes()) seen.push(type);
    })();
    for (const { cable } of [one, two]) cable.reset();
    await world.pass(8000);
    expect(view.state).toBe("live");
    expect(view.members).toMatchObject([{ id: "me", token: membership.token }]);
    expect(seen).toEqual([]);
    view.close();
    await world.let("leaving", membership.leave());
  });
});
