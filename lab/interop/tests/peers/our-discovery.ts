// Our service discovery on one path with Curator's, in both directions.
import { CreateMode } from "@zk/client";
import { observeRecipes, type RecipeEvent, ServiceDiscovery } from "@zk/recipes";
import { describe, expect, it, vi } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { PayloadOptions, ServiceInstance } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { bothWays } from "./pairs.js";
import { soon, waitUntil } from "./tools.js";

const least = {
  name: "shop",
  id: "1",
  address: "10.0.0.7",
  port: null,
  sslPort: null,
  payload: null,
  registrationTimeUTC: 1_700_000_000_000n,
  serviceType: "DYNAMIC",
  enabled: true,
} as const satisfies ServiceInstance;

/** What is registered, and what the other reads where that is more. */
const instances: readonly {
  readonly what: string;
  readonly options?: PayloadOptions;
  readonly instance: ServiceInstance;
  readonly read?: Partial<ServiceInstance>;
}[] = [
  { what: "the least", instance: least },
  {
    what: "all fields",
    options: { payload: "map" },
    instance: {
      ...least,
      id: "ä b|{}%",
      port: 80,
      sslPort: 443,
      payload: { weight: 3, zone: "east", tags: ["a", "b"], nested: { on: true, off: null } },
      uriSpec:
        "{scheme}://{address}:{port}/{name}/{id}?{service-type}&{ssl-port}&{registration-time-utc}{[}{]}",
    },
    read: { uri: "https://10.0.0.7:80/shop/ä b|{}%?dynamic&443&1700000000000{}" },
  },
  { what: "a text as payload", options: { payload: "string" }, instance: { ...least, payload: "three" } },
  { what: "a static one", instance: { ...least, serviceType: "STATIC", port: 1 } },
  {
    what: "one that is not enabled",
    options: { compatible: false },
    instance: { ...least, serviceType: "PERMANENT", enabled: false },
  },
  { what: "one that says it is enabled", options: { compatible: false }, instance: least },
];

export function describeOurDiscovery(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [ours, curator] = [() => ground.ours(), () => ground.peer(curatorKind)];
  const withCurator = bothWays(ours, curator, curatorKind);

  describe("our service discovery", () => {
    const cases = withCurator.flatMap((pair) => instances.map((each) => ({ ...pair, ...each })));
    it.each(cases)("$name: the one registers, the other reads, $what", async (of) => {
      const { options = {}, instance, read = {} } = of;
      const path = ground.path();
      await using one = await of.first().open("discovery", path, options);
      await using two = await of.second().open("discovery", path, options);
      await one.register(instance);
      const { uriSpec: _, ...fields } = instance;
      const expected = { ...fields, ...read };
      expect(await two.names()).toEqual(["shop"]);
      expect(await two.instances({ name: "shop" })).toEqual([expect.objectContaining(expected)]);
      expect(await one.instances({ name: "shop" })).toEqual([expect.objectContaining(expected)]);
      await one.unregister(instance);
      expect(await two.instances({ name: "shop" })).toEqual([]);
    });

    it.each(withCurator)(
      "$name: the provider of the one sees instances of the other come, change and go, and takes turns",
      async ({ first, second }) => {
        const path = ground.path();
        await using discovery = await first().open("discovery", path, { compatible: false });
        await using provider = await second().open("serviceProvider", path, { name: "shop" });
        expect(await provider.instance()).toBe(null);
        const ids = ["1", "2", "3"];
        for (const id of ids) await discovery.register({ ...least, id });
        await waitUntil(async () => (await provider.instances()).length === 3);
        const picked: unknown[] = [];
        for (let turn = 0; turn < 6; turn += 1) picked.push((await provider.instance())?.id);
        expect([...picked].sort()).toEqual(["1", "1", "2", "2", "3", "3"]);
        await discovery.update({ ...least, id: "1", port: 8080 });
        const ports = async (): Promise<unknown[]> =>
          (await provider.instances()).map(({ port }) => port).sort();
        await waitUntil(async () => (await ports()).includes(8080));
        await discovery.update({ ...least, id: "2", enabled: false });
        await waitUntil(async () => (await provider.instances()).length === 2);
        for (let turn = 0; turn < 4; turn += 1) expect((await provider.instance())?.id).not.toBe("2");
        await discovery.unregister({ ...least, id: "1" });
        await waitUntil(async () => (await provider.instances()).length === 1);
        expect(await provider.instance()).toMatchObject({ id: "3" });
      },
    );

    it("reads Curator's instance with a number behind its id", async () => {
      const path = ground.path();
      await using theirs = await curator().open("discovery", path);
      await theirs.register({ ...least, serviceType: "DYNAMIC_SEQUENTIAL" });
      await using own = await ours().open("discovery", path);
      expect(await own.instances({ name: "shop" })).toMatchObject([
        { id: "1", serviceType: "DYNAMIC_SEQUENTIAL", address: "10.0.0.7" },
      ]);
    });

    it("leaves out what it cannot read and says so, where Curator fails for all instances", async () => {
      const path = ground.path();
      const { client } = ground.ours();
      await using theirs = await curator().open("discovery", path);
      await theirs.register(least);
      await ground.client.create(`${path}/shop/bad`, "{", { mode: CreateMode.EPHEMERAL });
      await expect(theirs.instances({ name: "shop" })).rejects.toMatchObject({ code: "FAILED" });
      const told: RecipeEvent[] = [];
      const end = observeRecipes(client, (event) => told.push(event));
      expect(await new ServiceDiscovery(client, path).instances("shop")).toMatchObject([{ id: "1" }]);
      end();
      expect(told).toContainEqual(expect.objectContaining({ type: "badData", path: `${path}/shop/bad` }));
    });

    it("of an id that Curator has registered waits, or says CONFLICT if told", async () => {
      const path = ground.path();
      await using theirs = await curator().open("discovery", path);
      await theirs.register(least);
      await using own = new ServiceDiscovery(ground.ours().client, path);
      const instance = { name: "shop", id: "1", port: 81 };
      await expect(own.register(instance, { onTaken: "fail" })).rejects.toMatchObject({ code: "CONFLICT" });
      const waiting = own.register(instance, soon);
      await theirs.unregister(least);
      await waiting;
      expect(await theirs.instances({ name: "shop" })).toMatchObject([{ id: "1", port: 81 }]);
    });

    it("is put out of its id by Curator, which takes what it wants, and says so", async () => {
      const path = ground.path();
      await using own = new ServiceDiscovery(ground.ours().client, path);
      const registration = await own.register({ name: "shop", id: "1", port: 81 });
      const told: string[] = [];
      registration.onEvent(({ type }) => told.push(type));
      await using theirs = await curator().open("discovery", path);
      // It removes what it finds and makes its own; when ours was there again by then, it leaves it at that.
      await vi.waitFor(async () => {
        await theirs.register({ ...least, port: 80 });
        expect(await own.instances("shop")).toMatchObject([{ id: "1", port: 80 }]);
      }, 20_000);
      await waitUntil(async () => told.at(-1) === "taken");
      expect(told).toContain("gone");
      expect(registration.isRegistered).toBe(false);
      await theirs.unregister(least);
      await waitUntil(async () => registration.isRegistered);
      expect(await theirs.instances({ name: "shop" })).toMatchObject([{ id: "1", port: 81 }]);
    });
  });
}
