import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  decodeInstance,
  encodeInstance,
  observeRecipes,
  type RecipeEvent,
  ServiceDiscovery,
  type ServiceInstance,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage();

const shop = { name: "shop", id: "one", address: "10.0.0.1", port: 80 };

/** What the real library wrote; captured by the tests of other people's recipes. */
function written(curator: string, layout: string): string {
  const file = new URL(`../../interop/fixtures/layouts/${curator}/${layout}.json`, import.meta.url);
  const { while_open: nodes } = JSON.parse(readFileSync(fileURLToPath(file), "utf8"));
  return nodes.at(-1).data;
}

describe("the JSON of an instance", () => {
  it.each(
    ["curator-4", "curator-5"].flatMap((curator) =>
      [
        "discovery",
        "discovery-all-fields",
        "discovery-text-payload",
        "discovery-with-enabled",
        "discovery-sequential",
      ].map((layout) => [curator, layout] as const),
    ),
  )("is byte for byte that of %s: %s", (curator, layout) => {
    const text = written(curator, layout);
    const instance = decodeInstance(new TextEncoder().encode(text));
    const enabled = layout === "discovery-with-enabled";
    expect(new TextDecoder().decode(encodeInstance(instance, { enabled }))).toBe(text);
  });
});

describe("a service", () => {
  it("is registered, found, changed in place and taken out", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await using discovery = new ServiceDiscovery(client, zk.path);
    const registration = await discovery.register({
      ...shop,
      registrationTimeUTC: 7,
      uriSpec: "{scheme}://{address}:{port}",
    });
    expect(registration).toMatchObject({ path: `${zk.path}/shop/one`, isRegistered: true });
    await using finder = new ServiceDiscovery(other, zk.path);
    expect(await finder.names()).toEqual(["shop"]);
    const [found] = await finder.instances("shop");
    expect(found).toMatchObject({ ...shop, serviceType: "DYNAMIC", registrationTimeUTC: 7, enabled: true });
    expect(finder.uriOf(found!)).toBe("http://10.0.0.1:80");
    const before = await other.exists(registration.path);
    expect(before?.ephemeralOwner).toBe(client.sessionId);
    await registration.update({ port: 81 });
    expect(await finder.instance("shop", "one")).toMatchObject({ port: 81, id: "one" });
    expect((await other.exists(registration.path))?.czxid).toBe(before?.czxid);
    expect(await registration.unregister()).toEqual({ confirmed: true });
    expect(registration.isRegistered).toBe(false);
    expect(await finder.instances("shop")).toEqual([]);
    expect(await finder.instances("none")).toEqual([]);
    await expect(registration.update({ port: 82 })).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("has an id, an address and a time of its own if it is not told", async () => {
    const client = await zk.connect();
    await using discovery = new ServiceDiscovery(client, zk.path);
    const { instance } = await discovery.register({ name: "shop" });
    expect(instance.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(instance.registrationTimeUTC).toBeGreaterThan(1_700_000_000_000);
    expect(instance.address).not.toBe("127.0.0.1");
  });

  it("that is static or permanent stays when its discovery is closed (CURATOR-94)", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const discovery = new ServiceDiscovery(client, zk.path);
    for (const serviceType of ["DYNAMIC", "STATIC", "PERMANENT"] as const)
      await discovery.register({ ...shop, id: serviceType, serviceType });
    await discovery.close();
    await using finder = new ServiceDiscovery(other, zk.path);
    const found = await finder.instances("shop");
    expect(found.map(({ id }) => id).sort()).toEqual(["PERMANENT", "STATIC"]);
    const again = await finder.register({ ...shop, id: "STATIC", serviceType: "STATIC", port: 90 });
    await again.update({ port: 91 });
    expect(await finder.instance("shop", "STATIC")).toMatchObject({ port: 91 });
    await again.unregister();
    expect(await finder.instance("shop", "STATIC")).toBeUndefined();
    await expect(discovery.register(shop)).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("does not come and go for those who watch when its server dies (Curator's does, CURATOR-320)", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await using discovery = new ServiceDiscovery(client, zk.path);
    const registration = await discovery.register(shop);
    await using finder = new ServiceDiscovery(other, zk.path);
    using cache = finder.watch("shop");
    await cache.ready;
    const changes: string[] = [];
    cache.onChange(({ type }) => changes.push(type));
    const before = await other.exists(registration.path);
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    const states: string[] = [];
    client.on("state", (state) => states.push(state));
    await zk.ensemble.kill(server);
    await until("it is connected again", () => states.includes("suspended") && states.at(-1) === "connected");
    await registration.update({ port: 99 });
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
    await cache.sync();
    expect((await other.exists(registration.path))?.czxid).toBe(before?.czxid);
    expect(changes).toEqual(["updated"]);
  });

  it("is registered again in the next session as it was last updated (CURATOR-181)", async () => {
    const [client, other] = [await zk.connect({ afterExpiry: "renew" }), await zk.connect()];
    await using discovery = new ServiceDiscovery(client, zk.path);
    const registration = await discovery.register(shop);
    await registration.update({ port: 81, enabled: false });
    const before = client.sessionId;
    await zk.expire(client);
    await until("it is there again", async () => {
      const stat = await other.exists(registration.path);
      return stat !== null && stat.ephemeralOwner !== before;
    });
    await using finder = new ServiceDiscovery(other, zk.path);
    expect(await finder.instance("shop", "one")).toMatchObject({ port: 81, enabled: false });
  });

  it("of which one cannot be read has all the others (CURATOR-574), and says which", async () => {
    const client = await zk.connect();
    const told: RecipeEvent[] = [];
    observeRecipes(client, (event) => told.push(event));
    await using discovery = new ServiceDiscovery<{ weight: number }>(client, zk.path, {
      payload: (payload) => {
        const { weight } = payload as { weight: number };
        if (typeof weight !== "number") throw new TypeError("there is no weight");
        return { weight };
      },
    });
    await discovery.register({ ...shop, payload: { weight: 1 } });
    for (const [name, data] of [
      ["empty", ""],
      ["none", null],
      ["junk", "{"],
      ["other", '{"name":"shop","id":"x","payload":{}}'],
    ] as const)
      await client.create(`${zk.path}/shop/${name}`, data);
    expect((await discovery.instances("shop")).map(({ id }) => id)).toEqual(["one"]);
    using cache = discovery.watch("shop");
    await cache.ready;
    expect(cache.instances.map(({ payload }) => payload)).toEqual([{ weight: 1 }]);
    const paths = told.flatMap((event) =>
      event.type === "badData" ? [event.path.slice(zk.path.length)] : [],
    );
    expect(paths.sort()).toEqual(
      ["empty", "junk", "none", "other"].flatMap((name) => [`/shop/${name}`, `/shop/${name}`]),
    );
    // One that becomes bad is not offered any more.
    await client.setData(`${zk.path}/shop/one`, "bad");
    await cache.sync();
    expect(cache.instances).toEqual([]);
  });

  it("refuses what would not work", async () => {
    const client = await zk.connect();
    await using discovery = new ServiceDiscovery(client, zk.path);
    const sequential = discovery.register({ ...shop, serviceType: "DYNAMIC_SEQUENTIAL" });
    await expect(sequential).rejects.toMatchObject({ code: "REFUSED" });
    for (const wrong of [
      { name: "a/b" },
      { name: "" },
      { name: "shop", id: "a/b" },
      { name: "shop", uriSpec: "{" },
    ])
      await expect(discovery.register(wrong)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(() => discovery.watch("a/b")).toThrow(/INVALID_ARGUMENT/);
    await discovery.register(shop);
    const [other] = [await zk.connect()];
    await using second = new ServiceDiscovery(other, zk.path);
    await expect(second.register(shop, { onTaken: "fail" })).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(second.register(shop, { timeoutMs: 50 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
  });
});

describe("a provider", () => {
  const stageOf = async (ids: readonly string[]) => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const discovery = new ServiceDiscovery(client, zk.path);
    const registrations = await Promise.all(ids.map((id) => discovery.register({ ...shop, id })));
    return { client, discovery, registrations, finder: new ServiceDiscovery(other, zk.path) };
  };

  it("takes turns among those that are enabled and pass the filters", async () => {
    const { registrations, finder } = await stageOf(["a", "b", "c", "d"]);
    await registrations[1]!.update({ enabled: false });
    using provider = finder.provider("shop", { filters: [({ id }) => id !== "d"] });
    await provider.ready;
    await provider.cache.sync();
    expect([1, 2, 3].map(() => provider.pick()?.id)).toEqual(["a", "c", "a"]);
    await registrations[0]!.unregister();
    await provider.cache.sync();
    expect([1, 2].map(() => provider.pick()?.id)).toEqual(["c", "c"]);
  });

  it("waits for an instance to come", async () => {
    const { discovery, finder } = await stageOf([]);
    using provider = finder.provider("shop");
    await expect(provider.get({ timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    const getting = provider.get();
    await discovery.register(shop);
    expect((await within("an instance", getting)).id).toBe("one");
    provider.close();
    const closed = finder.provider("none");
    const never = expect(closed.get()).rejects.toMatchObject({ code: "RELEASED" });
    closed.close();
    await never;
  });

  it("uses another instance when one fails, and leaves alone who fails again and again", async () => {
    const { finder } = await stageOf(["a", "b"]);
    using provider = finder.provider("shop", { down: { failures: 2, windowMs: 60_000 } });
    const calls: string[] = [];
    const work = ({ id }: ServiceInstance): string => {
      calls.push(id);
      if (id === "a") throw new Error("a is ill");
      return id;
    };
    expect([await provider.use(work), await provider.use(work), await provider.use(work)]).toEqual([
      "b",
      "b",
      "b",
    ]);
    expect(calls.filter((id) => id === "a")).toHaveLength(2);
    expect(provider.available.map(({ id }) => id)).toEqual(["b"]);
    const failed = await provider
      .use(() => Promise.reject(new Error("all are ill")))
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "UNAVAILABLE", cause: { errors: [{ message: "all are ill" }] } });
    const refused = provider.use(() => Promise.reject(new TypeError("mine")), {
      isFailure: (error) => !(error instanceof TypeError),
    });
    await expect(refused).rejects.toThrow("mine");
    await expect(finder.provider("none").use(work)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("has who was left alone back by the time alone, and who is registered anew at once", async () => {
    const { registrations, discovery, finder } = await stageOf(["a"]);
    using provider = finder.provider("shop", { down: { failures: 1, windowMs: 150 } });
    await provider.ready;
    provider.failed(provider.pick()!);
    expect(provider.pick()).toBeUndefined();
    expect((await within("it is back", provider.get())).id).toBe("a");
    provider.failed(provider.pick()!);
    await registrations[0]!.unregister();
    await discovery.register({ ...shop, id: "a" });
    await provider.cache.sync();
    expect(provider.pick()?.id).toBe("a");
    using any = finder.provider("shop", { down: { failures: 1 }, whenAllDown: "any" });
    await any.ready;
    any.failed(any.pick()!);
    expect(any.pick()?.id).toBe("a");
  });

  it("gives up with its signal, and blames no instance for it", async () => {
    const { finder } = await stageOf(["a"]);
    using provider = finder.provider("shop", { down: { failures: 1 } });
    await provider.ready;
    const abort = new AbortController();
    const work = provider.use(
      (_instance, signal) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
      {
        signal: abort.signal,
      },
    );
    abort.abort("enough");
    await expect(work).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
    expect(provider.available).toHaveLength(1);
  });
});
