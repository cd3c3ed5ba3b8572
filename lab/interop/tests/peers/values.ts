// Counters and values of Curator and kazoo on one path.
import { describe, expect, it } from "vitest";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { bytes, hex, waitUntil } from "./tools.js";

const underflow = { failure: { type: "BufferUnderflowException" } };

export function describeValues(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">): void {
  const [curator, kazoo] = [() => ground.peer(curatorKind), () => ground.peer("kazoo")];

  describe("shared count and kazoo's counter", () => {
    it("with support_curator, on a seeded node: each sees what the other added", async () => {
      const path = ground.path();
      await using count = await curator().open("sharedCount", path, { seed: 10 });
      await using counter = await kazoo().open("counter", path, { encoding: "int32" });
      expect(await counter.get()).toBe(10);
      expect(await counter.add({ by: -13 })).toBe(-3);
      await waitUntil(async () => (await count.get()) === -3);
      expect(await count.add({ by: 5 })).toBe(2);
      expect(await counter.add({ by: 2 ** 31 - 3 })).toBe(2 ** 31 - 1);
      await waitUntil(async () => (await count.get()) === 2 ** 31 - 1);
    });

    it("with support_curator: nothing is lost when both add at once", async () => {
      const path = ground.path();
      await using count = await curator().open("sharedCount", path, { seed: 0 });
      await using counter = await kazoo().open("counter", path, { encoding: "int32" });
      const rounds = Array.from({ length: 25 });
      await Promise.all([
        ...rounds.map(() => count.add({ by: 1 })),
        ...rounds.map(() => counter.add({ by: 10 })),
      ]);
      await ground.client.sync(path);
      expect((await ground.client.getData(path)).data).toEqual(hex("00000113"));
    });

    it("with support_curator, kazoo first: its node is empty, and Curator starts on that and cannot read it", async () => {
      const path = ground.path();
      await using counter = await kazoo().open("counter", path, { encoding: "int32", seed: 7 });
      expect(await counter.get()).toBe(7);
      expect((await ground.client.getData(path)).data).toEqual(bytes(""));
      await using count = await curator().open("sharedCount", path, { seed: 7 });
      await expect(count.get()).rejects.toMatchObject(underflow);
      await expect(count.add({ by: 1 })).rejects.toMatchObject(underflow);
      // Once either has written there are four bytes.
      expect(await counter.add({ by: 1 })).toBe(8);
      await waitUntil(async () => (await count.get().catch(() => undefined)) === 8);
    });

    it("out of the box: neither can read what the other wrote", async () => {
      const [written, text] = [ground.path(), ground.path()];
      await using count = await curator().open("sharedCount", written, { seed: 5 });
      expect(await count.get()).toBe(5);
      await using counter = await kazoo().open("counter", written);
      await expect(counter.get()).rejects.toMatchObject({ failure: { type: "ValueError" } });
      await using plain = await kazoo().open("counter", text);
      await plain.add({ by: 5 });
      await using mistaken = await curator().open("sharedCount", text);
      await expect(mistaken.get()).rejects.toMatchObject(underflow);
    });
  });

  describe("atomic numbers and kazoo's counter", () => {
    it("an atomic integer and support_curator: each sees what the other added, from the empty node on", async () => {
      const path = ground.path();
      await using counter = await kazoo().open("counter", path, { encoding: "int32" });
      expect(await counter.get()).toBe(0);
      await using number = await curator().open("atomicInteger", path);
      expect(await number.get()).toMatchObject({ succeeded: true, after: 0n });
      expect(await number.add({ by: 4n })).toMatchObject({ succeeded: true, before: 0n, after: 4n });
      expect(await counter.add({ by: -5 })).toBe(-1);
      expect(await number.compareAndSet({ expected: -1n, value: 9n })).toMatchObject({ succeeded: true });
      expect(await counter.get()).toBe(9);
    });

    it("an atomic long: kazoo can read it in neither form, nor Curator what kazoo wrote", async () => {
      const path = ground.path();
      await using number = await curator().open("atomicLong", path);
      await number.add({ by: 258n });
      await using narrow = await kazoo().open("counter", path, { encoding: "int32" });
      await expect(narrow.get()).rejects.toMatchObject({ failure: { type: "error" } });
      await using plain = await kazoo().open("counter", path);
      await expect(plain.get()).rejects.toMatchObject({ failure: { type: "ValueError" } });
      const theirs = ground.path();
      await using counter = await kazoo().open("counter", theirs, { encoding: "int32" });
      await counter.add({ by: 1 });
      await using long = await curator().open("atomicLong", theirs);
      await expect(long.get()).rejects.toMatchObject({
        failure: { message: expect.stringMatching(/[Cc]orrupt/) },
      });
    });

    it("a shared count and an atomic integer share a path", async () => {
      const path = ground.path();
      await using count = await curator().open("sharedCount", path, { seed: 3 });
      await using number = await curator().open("atomicInteger", path);
      expect(await number.add({ by: 4n })).toMatchObject({ before: 3n, after: 7n });
      await waitUntil(async () => (await count.get()) === 7);
    });
  });

  describe("a shared value", () => {
    it("written by anybody else is seen", async () => {
      const path = ground.path();
      await using value = await curator().open("sharedValue", path, { seed: bytes("seed") });
      await ground.client.setData(path, hex("00ff"));
      await waitUntil(async () => Buffer.from(await value.get()).equals(hex("00ff")));
      expect(await value.trySet({ value: bytes("") })).toBe(true);
      await ground.client.sync(path);
      expect((await ground.client.getData(path)).data).toEqual(bytes(""));
    });
  });
}
