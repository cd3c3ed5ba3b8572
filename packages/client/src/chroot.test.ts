import { expect, test } from "vitest";
import { Chroot } from "./chroot.js";

test("without a prefix paths stay as they are", () => {
  const chroot = new Chroot("");
  expect(chroot.toServer("/a")).toBe("/a");
  expect(chroot.toUser("/a")).toBe("/a");
});

test("the user's root is the chroot itself", () => {
  const chroot = new Chroot("/app");
  expect(chroot.toServer("/")).toBe("/app");
  expect(chroot.toUser("/app")).toBe("/");
});

test("whole components are compared: /apple is not in /app", () => {
  const chroot = new Chroot("/app");
  expect(chroot.toUser("/app/x")).toBe("/x");
  expect(chroot.toUser("/apple/x")).toBe("/apple/x");
  expect(chroot.toUser("/zookeeper/config")).toBe("/zookeeper/config");
});
