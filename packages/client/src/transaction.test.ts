import { expect, test } from "vitest";
import { Chroot } from "./chroot.js";
import { Transaction } from "./transaction.js";

test("the answer comes as it stands on the wire: no promise stands between it and the caller", async () => {
  const answer = Promise.resolve([]);
  const transaction = new Transaction({ chroot: new Chroot(""), send: () => answer });
  expect(transaction.check("/a").commit()).toBe(answer);
  await expect(transaction.commit()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
