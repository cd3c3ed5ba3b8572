import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { REDACTED, redact, shownAs } from "./redact.js";

describe("redact", () => {
  const value = { database: { host: "db", password: "p" }, users: [{ name: "a", token: "t" }], port: 1 };

  it("hides what lies at the places, and copies the rest", () => {
    const before = structuredClone(value);
    expect(redact(value, ["database.password", "users.*.token", "nowhere.at.all"])).toEqual({
      database: { host: "db", password: REDACTED },
      users: [{ name: "a", token: REDACTED }],
      port: 1,
    });
    expect(value).toEqual(before);
  });

  it.each([
    [["*"], { database: REDACTED, users: REDACTED, port: REDACTED }],
    [["users.0"], { ...value, users: [REDACTED] }],
    [[""], value],
    [[], value],
  ])("takes %j", (secrets, expected) => expect(redact(value, secrets)).toEqual(expected));

  it("hides everything if told, and nothing if not", () => {
    expect(redact(value, true)).toBe(REDACTED);
    expect(redact(value, undefined)).toBe(value);
    expect(redact("text", ["a.b"])).toBe("text");
    expect(redact(new Map([["a", "x"]]), ["a"])).toEqual({ a: REDACTED });
  });
});

describe("shownAs", () => {
  it("is what JSON and inspect show, and changes nothing else", () => {
    const object = shownAs({ secret: "p" }, () => ({ secret: REDACTED }));
    expect(JSON.stringify({ object })).toBe(`{"object":{"secret":"${REDACTED}"}}`);
    expect(inspect({ object }, { depth: 5 })).not.toContain("'p'");
    expect(Object.keys(object)).toEqual(["secret"]);
    expect(object.secret).toBe("p");
  });
});
