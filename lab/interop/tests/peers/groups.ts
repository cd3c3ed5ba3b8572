// Groups, parties, services and leases: what each library reads of what somebody else wrote.
import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { bytes, soon, text, waitUntil } from "./tools.js";

const ephemeral = { mode: CreateMode.EPHEMERAL };

export function describeGroups(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [curator, kazoo] = [() => ground.peer(curatorKind), () => ground.peer("kazoo")];

  describe("Curator's discovery", () => {
    const write = async (json: object): Promise<string> => {
      const path = ground.path();
      await ground.client.create(path, "");
      await ground.client.create(`${path}/shop`, "");
      await ground.client.create(`${path}/shop/1`, JSON.stringify(json), ephemeral);
      return path;
    };

    it("lists an instance that somebody else wrote with all fields, and its provider picks it", async () => {
      const path = await write({
        name: "shop",
        id: "1",
        address: "10.0.0.7",
        port: 80,
        sslPort: null,
        payload: { "@class": "java.util.LinkedHashMap", weight: 3 },
        registrationTimeUTC: 1_700_000_000_000,
        serviceType: "DYNAMIC",
        uriSpec: {
          parts: [
            { value: "http://", variable: false },
            { value: "address", variable: true },
          ],
        },
      });
      const expected = {
        name: "shop",
        id: "1",
        address: "10.0.0.7",
        port: 80,
        sslPort: null,
        payload: { weight: 3 },
        registrationTimeUTC: 1_700_000_000_000n,
        serviceType: "DYNAMIC",
        enabled: true,
      };
      await using discovery = await curator().open("discovery", path, { payload: "map" });
      expect(await discovery.names()).toEqual(["shop"]);
      expect(await discovery.instances({ name: "shop" })).toMatchObject([expected]);
      await using provider = await curator().open("serviceProvider", path, { payload: "map", name: "shop" });
      expect(await provider.instance()).toMatchObject(expected);
    });

    it("needs no more than name and id, ignores what it does not know, and takes an object without a class", async () => {
      const least = { name: "shop", id: "1" };
      for (const [json, read] of [
        [least, { ...least, enabled: true, payload: null }],
        [
          { ...least, colour: "red" },
          { ...least, enabled: true },
        ],
        [{ ...least, payload: { weight: 3 } }, { payload: { weight: 3 } }],
        [{ ...least, enabled: false }, { enabled: false }],
      ] as const) {
        await using discovery = await curator().open("discovery", await write(json), { payload: "map" });
        expect(await discovery.instances({ name: "shop" })).toMatchObject([read]);
      }
    });

    it("fails on a payload of a class that it does not have, and on a text where a map is expected", async () => {
      const unknown = await write({ name: "shop", id: "1", payload: { "@class": "no.such.Class" } });
      await using one = await curator().open("discovery", unknown, { payload: "map" });
      await expect(one.instances({ name: "shop" })).rejects.toMatchObject({ code: "FAILED" });
      const plain = await write({ name: "shop", id: "1", payload: "three" });
      await using two = await curator().open("discovery", plain, { payload: "map" });
      await expect(two.instances({ name: "shop" })).rejects.toMatchObject({ code: "FAILED" });
      await using three = await curator().open("discovery", plain, { payload: "string" });
      expect(await three.instances({ name: "shop" })).toMatchObject([{ payload: "three" }]);
    });

    it("provider sees instances come and go, and takes turns", async () => {
      const path = ground.path();
      await using discovery = await curator().open("discovery", path);
      await using provider = await curator().open("serviceProvider", path, { name: "shop" });
      expect(await provider.instance()).toBe(null);
      for (const id of ["1", "2"]) await discovery.register({ name: "shop", id, address: "10.0.0.1" });
      await waitUntil(async () => (await provider.instances()).length === 2);
      const picked = [];
      for (let turn = 0; turn < 4; turn += 1) picked.push((await provider.instance())?.id);
      expect([...picked].sort()).toEqual(["1", "1", "2", "2"]);
      await discovery.unregister({ name: "shop", id: "1", address: "10.0.0.1" });
      await waitUntil(async () => (await provider.instances()).length === 1);
    });
  });

  describe("Curator's group member", () => {
    it("lists whoever has a znode there, in any layout, and always itself", async () => {
      const path = ground.path();
      await using member = await curator().open("groupMember", path, {
        identity: "ann",
        payload: bytes("loud"),
      });
      await using party = await kazoo().open("party", path, { identity: "kim" });
      await party.join();
      await ground.client.create(`${path}/bob`, "quiet", ephemeral);
      await waitUntil(async () => Object.keys(await member.members()).length === 3);
      const members = await member.members();
      expect(
        Object.values(members)
          .map((data) => text(data))
          .sort(),
      ).toEqual(["kim", "loud", "quiet"]);
      await ground.client.sync(path);
      await ground.client.remove(`${path}/ann`);
      expect(Object.keys(await member.members())).toContain("ann");
    });
  });

  describe("kazoo's party", () => {
    it("lists what children of its own form say of themselves; the shallow one lists all children by their names", async () => {
      const path = ground.path();
      await using party = await kazoo().open("party", path, { identity: "kim" });
      await party.join();
      await ground.client.create(`${path}/bob`, "bob's data", ephemeral);
      await ground.client.create(`${path}/0123456789abcdef0123456789abcdef__party__`, "lea", ephemeral);
      await ground.client.create(`${path}/0123456789abcdef0123456789abcdef-max`, "no matter", ephemeral);
      expect([...(await party.members())].sort()).toEqual(["kim", "lea"]);
      await using shallow = await kazoo().open("shallowParty", path, { identity: "lou" });
      await shallow.join();
      const others = (await shallow.members()).filter((name) => !name.endsWith("__party__"));
      expect(others.sort()).toEqual(["bob", "lou", "max"]);
      expect(await shallow.members()).toHaveLength(5);
    });
  });

  describe("kazoo's lease", () => {
    const written = async (end: Date, holder: string): Promise<string> => {
      const path = ground.path();
      await ground.client.create(path, "");
      const json = { version: 1, holder, end: end.toISOString().slice(0, 19) };
      await ground.client.create(`${path}/lease_holder`, JSON.stringify(json));
      return path;
    };
    const inAnHour = new Date(Date.now() + 3_600_000);
    const anHourAgo = new Date(Date.now() - 3_600_000);

    it("minds what somebody else wrote: not to be had before its end, to be renewed by its holder", async () => {
      const options = { identity: "ann", durationMs: 60_000 };
      const held = await kazoo().open("lease", await written(inAnHour, "bob"), options);
      expect(await held.obtain()).toBe(false);
      const own = await kazoo().open("lease", await written(inAnHour, "ann"), options);
      expect(await own.obtain()).toBe(true);
      const over = await kazoo().open("lease", await written(anHourAgo, "bob"), options);
      expect(await over.obtain()).toBe(true);
      expect(await over.obtain()).toBe(true);
    });
  });

  describe("revocation", () => {
    it("is these bytes in the holder's znode, whoever writes them", async () => {
      const path = ground.path();
      await using mutex = await curator().open("mutex", path, { revocable: true });
      expect(await mutex.acquire(soon)).toBe(true);
      const node = (await mutex.node()) as string;
      await ground.client.setData(node, "unlock");
      await ground.client.setData(node, "__REVOKE__");
      await waitUntil(async () => (await mutex.revocations()) === 1);
      await mutex.revoke({ node });
      await waitUntil(async () => (await mutex.revocations()) === 2);
      expect(await mutex.isHeld()).toBe(true);
    });
  });
}
