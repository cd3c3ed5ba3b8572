import { digestId, utf8Bytes } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { text } from "../../tests/tree-bench.js";
import { addAuth, ipId } from "./auth.js";
import { digestOf } from "./digest-text.js";
import { ipMatches } from "./ip-address.js";

describe("addAuth", () => {
  const about = { address: "127.0.0.1", superDigest: digestId("super", "secret") };

  it("takes any digest, and lets the one that is set be super", () => {
    expect(addAuth({ scheme: "digest", auth: text("bob:bobsecret") }, about)).toEqual([
      { scheme: "digest", id: "bob:WGAwC+XYxdw8bJ5K6KcPh8oL58U=" },
    ]);
    expect(addAuth({ scheme: "digest", auth: text("super:secret") }, about)).toEqual([
      { scheme: "super", id: "" },
      { scheme: "digest", id: "super:lK75jTNcA+U9vtVEw5vB51mj/w4=" },
    ]);
    expect(
      addAuth({ scheme: "digest", auth: text("super:secret") }, { ...about, superDigest: undefined }),
    ).toHaveLength(1);
  });

  it("refuses other schemes, but for the address, which proves nothing new", () => {
    expect(addAuth({ scheme: "ip", auth: text("10.0.0.1") }, about)).toEqual([
      { scheme: "ip", id: "127.0.0.1" },
    ]);
    for (const scheme of ["world", "auth", "super", "sasl", "", null]) {
      expect(addAuth({ scheme, auth: text("x:y") }, about)).toBeUndefined();
    }
    expect(addAuth({ scheme: "digest", auth: null }, about)).toBeUndefined();
  });
});

describe("digestOf", () => {
  it("agrees with digestId where there is a user", () => {
    for (const [user, password] of [
      ["a", "b"],
      ["", ""],
      ["é", "x:y"],
      ["u", "p".repeat(200)],
    ] as const) {
      expect(digestOf(utf8Bytes(`${user}:${password}`))).toBe(digestId(user, password));
    }
  });

  it("takes a text without a colon for the user, and hashes it as it is", () => {
    // SHA-1 of "abc" and of nothing: RFC 3174 and FIPS 180.
    expect(digestOf(text("abc"))).toBe("abc:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    expect(digestOf(new Uint8Array(0))).toBe(":2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  });

  it("hashes at every length around a block as the codec of the client does", () => {
    for (let length = 50; length < 70; length++) {
      const password = "x".repeat(length);
      expect(digestOf(utf8Bytes(`u:${password}`))).toBe(digestId("u", password));
    }
  });
});

describe("addresses", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1%eth0"],
    ["2001:0DB8::a:b", "2001:db8:0:0:0:0:a:b"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:a01:203", "10.1.2.3"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2", "1:2"],
    ["x::y", "x::y"],
  ])("prints %s as %s", (address, shown) => {
    expect(ipId(address)).toEqual({ scheme: "ip", id: shown });
  });

  it("matches by leading bits", () => {
    expect(ipMatches("10.1.2.3", "10.1.2.3")).toBe(true);
    expect(ipMatches("10.1.2.3", "10.1.2.4")).toBe(false);
    expect(ipMatches("10.1.2.3", "10.1.0.0/16")).toBe(true);
    expect(ipMatches("10.1.2.3", "10.1.3.0/23")).toBe(true);
    expect(ipMatches("10.1.2.3", "10.1.3.0/24")).toBe(false);
    expect(ipMatches("10.1.2.3", "99.0.0.0/0")).toBe(true);
    for (const bad of ["10.1.2.3/33", "10.1.2.3/-1", "10.1.2.3/x", "10.1.2", "::1"]) {
      expect(ipMatches("10.1.2.3", bad)).toBe(false);
    }
    expect(ipMatches("0:0:0:0:0:0:0:1", "0.0.0.1")).toBe(false);
  });
});
