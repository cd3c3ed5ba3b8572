import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.js";

const bytes = new TextEncoder().encode("hunter2");

describe("Secret", () => {
  it("shows its bytes to nobody who does not ask by name", () => {
    const secret = new Secret(bytes);
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      JSON.stringify(Object.entries(secret)),
      Object.getOwnPropertyNames(secret).join(),
    ].join("\n");
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain("hunter2");
    expect(shown).not.toContain([...bytes].join(","));
    expect(shown).not.toContain("104");
  });

  it("keeps a copy and gives copies", () => {
    const mine = bytes.slice();
    const secret = new Secret(mine);
    mine.fill(0);
    expect(secret.reveal()).toEqual(bytes);
    secret.reveal().fill(0);
    expect(secret.reveal()).toEqual(bytes);
    expect(secret.size).toBe(7);
  });

  it("can be compared", () => {
    const secret = new Secret(bytes);
    expect(secret.equals(new Secret(bytes))).toBe(true);
    expect(secret.equals(new Secret(bytes.subarray(1)))).toBe(false);
    expect(secret.equals(new Secret(new Uint8Array(7)))).toBe(false);
  });
});
