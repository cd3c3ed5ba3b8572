// Queues of Curator and kazoo: what they do to each other's items, and to items that somebody else wrote.
import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { briefly, bytes, hex, soon, text, waitUntil } from "./tools.js";

/** What Curator puts round items: a version, then each with its length, then an end. */
const envelope = (...items: string[]): Uint8Array =>
  hex(
    `00010001${items.map((item) => `01${item.length.toString(16).padStart(8, "0")}${Buffer.from(item).toString("hex")}`).join("")}02`,
  );

const sequential = { mode: CreateMode.PERSISTENT_SEQUENTIAL };

export function describeQueues(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [curator, kazoo] = [() => ground.peer(curatorKind), () => ground.peer("kazoo")];

  describe("Curator's queue", () => {
    it("gives out items that somebody else wrote, several of them in one znode, in the order of the numbers", async () => {
      const path = ground.path();
      await ground.client.create(path, "");
      await ground.client.create(`${path}/queue-`, envelope("a", "b"), sequential);
      await ground.client.create(`${path}/queue-`, envelope("c"), sequential);
      await using queue = await curator().open("curatorQueue", path);
      for (const item of ["a", "b", "c"]) expect(text(await queue.take(soon))).toBe(item);
      await waitUntil(async () => (await ground.client.getChildren(path)).length === 0);
    });

    it("gives out by priority and by due time what somebody else wrote", async () => {
      const [priorities, delays] = [ground.path(), ground.path()];
      for (const path of [priorities, delays]) await ground.client.create(path, "");
      await ground.client.create(`${priorities}/queue-100000005`, envelope("low"), sequential);
      await ground.client.create(`${priorities}/queue-0FFFFFFFB`, envelope("high"), sequential);
      await using first = await curator().open("curatorQueue", priorities, { kind: "priority" });
      for (const item of ["high", "low"]) expect(text(await first.take(soon))).toBe(item);

      await ground.client.create(`${delays}/queue-|7FFFFFFFFFFFFFFF|`, envelope("never"), sequential);
      await ground.client.create(`${delays}/queue-|18BCFE56800|`, envelope("later"), sequential);
      await ground.client.create(`${delays}/queue-|00000001|`, envelope("sooner"), sequential);
      await using second = await curator().open("curatorQueue", delays, { kind: "delay" });
      for (const item of ["sooner", "later"]) expect(text(await second.take(soon))).toBe(item);
      expect(await second.take(briefly)).toBe(null);
    });

    it("takes items away by their id", async () => {
      const path = ground.path();
      await using queue = await curator().open("curatorQueue", path, { kind: "id", consume: false });
      for (const itemId of ["one", "two", "one"]) await queue.put({ items: [bytes(itemId)], itemId });
      expect(await queue.removeById({ itemId: "one" })).toBe(2);
      await ground.client.sync(path);
      expect(await ground.client.getChildren(path)).toEqual([expect.stringMatching(/^queue-\|two\|\d{10}$/)]);
    });

    it("leaves an item to whoever has its lock", async () => {
      const path = ground.path();
      const [lockPath, item] = [`${path}-locks`, "queue-0000000000"];
      for (const each of [path, lockPath]) await ground.client.create(each, "");
      await ground.client.create(`${lockPath}/${item}`, "", { mode: CreateMode.EPHEMERAL });
      await ground.client.create(`${path}/queue-`, envelope("a"), sequential);
      await using queue = await curator().open("curatorQueue", path, { lockPath });
      expect(await queue.take(briefly)).toBe(null);
      await ground.client.remove(`${lockPath}/${item}`);
      // A lock that goes wakes nobody; a change of the list does.
      await ground.client.create(`${path}/queue-`, envelope("b"), sequential);
      expect([text(await queue.take(soon)), text(await queue.take(soon))].sort()).toEqual(["a", "b"]);
    });

    it("leaves kazoo's items alone", async () => {
      const path = ground.path();
      await using theirs = await kazoo().open("kazooQueue", path);
      await theirs.put({ items: [bytes("theirs")] });
      await using queue = await curator().open("curatorQueue", path);
      await queue.put({ items: [bytes("ours")] });
      expect(text(await queue.take(soon))).toBe("ours");
      expect(await queue.take(briefly)).toBe(null);
      expect(text(await theirs.take(soon))).toBe("theirs");
    });
  });

  describe("kazoo's queue", () => {
    it("takes what Curator put, envelope and all", async () => {
      const path = ground.path();
      await using theirs = await curator().open("curatorQueue", path, { consume: false });
      await theirs.put({ items: [bytes("ours")] });
      await using queue = await kazoo().open("kazooQueue", path);
      expect(await queue.take(soon)).toEqual(envelope("ours"));
    });

    it("gives out by priority what somebody else wrote", async () => {
      const path = ground.path();
      await ground.client.create(path, "");
      await ground.client.create(`${path}/entry-100-`, "low", sequential);
      await ground.client.create(`${path}/entry-007-`, "high", sequential);
      await using queue = await kazoo().open("kazooQueue", path);
      for (const item of ["high", "low"]) expect(text(await queue.take(soon))).toBe(item);
      expect(await queue.take(briefly)).toBe(null);
    });

    it("with locks leaves alone what somebody else has taken, and says so of its own", async () => {
      const path = ground.path();
      await using queue = await kazoo().open("kazooLockingQueue", path);
      await queue.put({ items: [bytes("a"), bytes("b")] });
      await ground.client.create(`${path}/taken/entry-100-0000000000`, "somebody", {
        mode: CreateMode.EPHEMERAL,
      });
      expect(text(await queue.take(soon))).toBe("b");
      expect(await queue.holdsClaim()).toBe(true);
      expect(await queue.acknowledge()).toBe(true);
      await ground.client.sync(path);
      expect(await ground.client.getChildren(`${path}/entries`)).toEqual(["entry-100-0000000000"]);
    });

    it("with locks says that an item is done with although its transaction failed, and keeps the claim", async () => {
      const path = ground.path();
      await using queue = await kazoo().open("kazooLockingQueue", path);
      await queue.put({ items: [bytes("a")] });
      await queue.take(soon);
      await ground.client.remove(`${path}/entries/entry-100-0000000000`);
      expect(await queue.acknowledge()).toBe(true);
      await ground.client.sync(path);
      expect(await ground.client.getChildren(`${path}/taken`)).toEqual(["entry-100-0000000000"]);
    });

    it("with locks throws instead of saying no when its claim is gone", async () => {
      const path = ground.path();
      await using queue = await kazoo().open("kazooLockingQueue", path);
      await queue.put({ items: [bytes("a")] });
      await queue.take(soon);
      await ground.client.remove(`${path}/taken/entry-100-0000000000`);
      await expect(queue.holdsClaim()).rejects.toMatchObject({ failure: { type: "NoNodeError" } });
    });
  });

  describe("Curator's simple queue", () => {
    it("gives out what somebody else wrote, in the order of the numbers", async () => {
      const path = ground.path();
      await ground.client.create(path, "");
      for (const item of ["a", "b"]) await ground.client.create(`${path}/qn-`, item, sequential);
      await using queue = await curator().open("simpleQueue", path);
      expect(text(await queue.peek())).toBe("a");
      for (const item of ["a", "b"]) expect(text(await queue.take(soon))).toBe(item);
      const waiting = queue.take(soon);
      await ground.client.create(`${path}/qn-`, "c", sequential);
      expect(text(await waiting)).toBe("c");
    });
  });
}
