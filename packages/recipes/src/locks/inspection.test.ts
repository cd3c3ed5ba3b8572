import { describe, expect, it } from "vitest";
import { blockers, classify, identityOf, type Participant, waitCircles } from "./inspection.js";

const UUID = "01234567-89ab-4def-8123-456789abcdef";
const HEX = "0123456789abcdef0123456789abcdef";

describe("contenders", () => {
  it.each([
    [`_c_${UUID}-lock-0000000001`, "lock", "curator"],
    [`_c_${UUID.replaceAll("-", "")}-lock-0000000001`, "lock", "curator"],
    ["lock-0000000001", "lock", "curator"],
    [`_c_${UUID}-latch-0000000001`, "latch", "curator"],
    [`_c_${UUID}-__READ__0000000001`, "read", "curator"],
    [`_c_${UUID}-__WRIT__-999999999`, "write", "curator"],
    [`${HEX}__lock__0000000001`, "lock", "kazoo"],
    [`${HEX}__rlock__0000000001`, "read", "kazoo"],
    ["ex0000000001", "write", "zk-ruby"],
    ["sh0000000001", "read", "zk-ruby"],
    ["x-123456-0000000001", "lock", "zookeeper-java"],
    ["read-0000000001", "read", "zookeeper-docs"],
    ["n_0000000001", "latch", "zookeeper-docs"],
  ])("%s is a %s of %s", (name, role, dialect) => {
    const { contenders, foreign } = classify([name]);
    expect(foreign).toEqual([]);
    expect(contenders).toEqual([expect.objectContaining({ role, dialect })]);
  });

  it.each(["!junk", "zjunk", "", "lock-", "push0000000001", "lock-12"])("%j is none", (name) => {
    expect(classify([name])).toEqual({ contenders: [], foreign: [name] });
  });

  it("wait for the next before them in their own line; readers for the next writer", () => {
    const names = [
      `_c_${UUID}-__READ__0000000000`,
      `_c_${UUID}-__READ__0000000001`,
      `_c_${UUID}-__WRIT__0000000002`,
      `_c_${UUID}-lock-0000000003`,
      `_c_${UUID}-__READ__0000000004`,
      `_c_${UUID}-__READ__0000000005`,
      `_c_${UUID}-__WRIT__0000000006`,
    ];
    const blocked = blockers(classify(names.toReversed()).contenders);
    expect(names.map((name) => blocked.get(name))).toEqual([
      undefined,
      undefined,
      names[1],
      undefined,
      names[2],
      names[2],
      names[5],
    ]);
  });

  it("of kazoo are writers beside its readers", () => {
    const { contenders } = classify([`${HEX}__lock__0000000001`, `${HEX}__rlock__0000000000`]);
    expect(contenders.map(({ role }) => role)).toEqual(["read", "write"]);
  });

  it("stay in order over the wrap of their numbers", () => {
    const names = ["lock-2147483647", "lock--2147483648", "lock--2147483647"];
    const blocked = blockers(classify(names.toReversed()).contenders);
    expect(names.map((name) => blocked.get(name))).toEqual([undefined, names[0], names[1]]);
  });
});

describe("what a contender says of itself", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  it.each([
    [null, undefined, false],
    [bytes(""), "", false],
    [bytes("10.0.0.1"), "10.0.0.1", false],
    [bytes("__REVOKE__"), undefined, true],
    [bytes('{"identity":"me","max":3}'), "me", false],
    [bytes('{"a":1}'), '{"a":1}', false],
    [bytes("{broken"), "{broken", false],
    [Uint8Array.of(255), undefined, false],
  ])("%j", (data, identity, isRevoked) => {
    expect(identityOf(data)).toEqual({ identity, isRevoked });
  });
});

describe("who waits for whom in a circle", () => {
  const each = (path: string, sessionId: bigint, waitsFor: readonly string[] = []): Participant => ({
    path,
    sessionId,
    waitsFor,
    role: "lock",
    dialect: "curator",
    identity: "",
    isRevoked: false,
    token: 1n,
    createdMs: 0,
    ageMs: 0,
    state: waitsFor.length === 0 ? "holds" : "waits",
  });

  it("is found over several locks, once", () => {
    const a = { participants: [each("/a/1", 1n), each("/a/2", 2n, ["/a/1"]), each("/a/3", 3n, ["/a/2"])] };
    const b = { participants: [each("/b/1", 2n), each("/b/2", 1n, ["/b/1"])] };
    expect(waitCircles([a, b])).toEqual([{ sessions: [2n, 1n], waiting: ["/a/2", "/b/2"] }]);
    expect(waitCircles([a])).toEqual([]);
    expect(waitCircles([b])).toEqual([]);
  });

  it("is none where one session waits for itself", () => {
    expect(waitCircles([{ participants: [each("/a/1", 1n), each("/a/2", 1n, ["/a/1"])] }])).toEqual([]);
  });
});
