import { digestId } from "@zk/client";
import { describe, expect, it } from "vitest";
import { formatAcls, parseAcls } from "./acl-text.js";

describe("access control lists", () => {
  it.each([
    "world:anyone:cdrwa",
    "world:anyone:r,auth::cdrwa",
    "ip:10.0.0.0/8:rw",
    "digest:bob:aGFzaA==:cdrwa",
    "x509:CN=a:b:c:r",
  ])("%s is read and written alike", (text) => {
    expect(formatAcls(parseAcls(text))).toBe(text);
  });

  it("turns a password into what servers compare", () => {
    expect(parseAcls("password:bob:se:cret:r")).toEqual([
      { perms: 1, id: { scheme: "digest", id: digestId("bob", "se:cret") } },
    ]);
  });

  it.each([
    ["world:anyone", /entry 1 .* SCHEME:ID:PERMISSIONS/],
    ["world:anyone:r,nonsense", /entry 2/],
    ["world:anyone:rx", /letters of cdrwa/],
    ["world:anyone:", /letters of cdrwa/],
    ["password:hunter2:r", /needs USER:PASSWORD/],
  ])("%s is refused", (text, says) => expect(() => parseAcls(text)).toThrow(says));

  it("repeats no password", () => expect(() => parseAcls("password:hunter2:r")).not.toThrow(/hunter2/));
});
