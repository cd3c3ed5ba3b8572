import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { base64, digestId, sha1 } from "./digest.js";

// Far below a second on a machine of its own; a busy one may take much longer.
vi.setConfig({ testTimeout: 60_000 });

describe("digestId", () => {
  it.each([
    ["super", "secret", "super:lK75jTNcA+U9vtVEw5vB51mj/w4="],
    ["bob", "bobsecret", "bob:WGAwC+XYxdw8bJ5K6KcPh8oL58U="],
    ["user", "pass", "user:smGaoVKd/cQkjm7b88GyorAUz20="],
  ])("of %s:%s", (user, password, id) => {
    expect(digestId(user, password)).toBe(id);
  });

  it("hashes UTF-8", () => {
    const hash = createHash("sha1").update("ü:пароль😀", "utf8").digest("base64");
    expect(digestId("ü", "пароль😀")).toBe(`ü:${hash}`);
  });
});

describe("sha1 and base64", () => {
  it("are those of everybody else, at every length around the block", () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => index * 7);
      expect(base64(sha1(bytes))).toBe(createHash("sha1").update(bytes).digest("base64"));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(sha1(bytes)).toEqual(new Uint8Array(createHash("sha1").update(bytes).digest()));
        expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      }),
    );
  });
});
