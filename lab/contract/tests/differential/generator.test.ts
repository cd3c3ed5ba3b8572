/** Schedules come from their seed alone, and have in them what a check is for. */
import { OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { generateSchedule } from "../../src/differential/generator.js";
import type { Operation, RequestOperation } from "../../src/differential/operations.js";

const many = Array.from({ length: 40 }, (_, episode) => generateSchedule({ seed: 9, episode, length: 250 }));
const operations = many.flatMap((schedule) => schedule.operations);
const requests = operations.filter((operation) => operation.kind === "request");

describe("a generated schedule", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(generateSchedule({ seed: 9, episode: 3, length: 250 })).toEqual(many[3]);
    expect(generateSchedule({ seed: 10, episode: 3, length: 250 })).not.toEqual(many[3]);
    expect(many[4]?.operations).not.toEqual(many[3]?.operations);
  });

  it("is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(many[0]))).toEqual(many[0]);
  });

  it("has every operation of 3.4.6, and some that it does not know", () => {
    const known = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 100, 101, 102, -10, -11];
    const seen = new Set(requests.map(({ opCode }) => opCode));
    for (const opCode of known) expect(seen, `operation ${opCode}`).toContain(opCode);
    expect([...seen].filter((opCode) => !known.includes(opCode)).length).toBeGreaterThan(5);
  });

  it("has several sessions, which lose, change and end their connections", () => {
    for (const schedule of many) {
      const slots = new Set(schedule.operations.map(({ slot }) => slot)).size;
      expect(slots).toBeGreaterThanOrEqual(3);
      expect(slots).toBeLessThanOrEqual(6);
    }
    const kinds = new Set(operations.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(["connect", "request", "drop", "frame"]));
    const connects = operations.filter((operation) => operation.kind === "connect");
    for (const session of ["new", "own", "unknown"]) {
      expect(connects.some((connect) => connect.session === session)).toBe(true);
    }
    expect(connects.some(({ session }) => typeof session === "object")).toBe(true);
    expect(new Set(connects.map(({ password }) => password)).size).toBe(4);
  });

  it("has what is hostile: truncated bodies, odd xids, null and endless lists, values at the limit of a frame", () => {
    const has = (what: (request: RequestOperation) => boolean): boolean => requests.some(what);
    expect(has(({ cut }) => cut !== undefined)).toBe(true);
    expect(has(({ tail }) => tail !== undefined)).toBe(true);
    expect(operations.some((operation) => operation.kind === "connect" && operation.cut !== undefined)).toBe(
      true,
    );
    expect(has(({ xid }) => xid !== undefined && xid < 0)).toBe(true);
    expect(has(({ body }) => body.record === "create" && body.acl === null)).toBe(true);
    expect(has(({ body }) => body.record === "create" && body.flags > 3)).toBe(true);
    expect(has(({ body }) => "path" in body && body.path === null)).toBe(true);
    expect(JSON.stringify(requests)).toMatch(/"count":-2/);
    expect(JSON.stringify(requests)).toMatch(/"frameBytes":1048575/);
  });

  it("sends nothing that a server of 3.4.6 dies of", () => {
    const bodies = requests.flatMap(({ body }) =>
      body.record === "multi" ? body.parts.map((part) => part.body) : [body],
    );
    for (const body of bodies) expect(body.record === "data" && body.path === "").toBe(false);
    for (const { body } of requests) {
      if (body.record !== "multi") continue;
      for (const part of body.parts) expect("path" in part.body && part.body.path === null).toBe(false);
    }
  });

  it("waits where a server's answer would be a matter of timing", () => {
    for (const { operations: all } of many) {
      for (const [index, operation] of all.entries()) {
        const before: Operation | undefined = all[index - 1];
        if (operation.kind !== "request" || before?.kind !== "request" || !before.isPipelined) continue;
        expect(operation.slot).toBe(before.slot);
        expect([OpCode.DELETE, OpCode.MULTI]).not.toContain(operation.opCode);
        expect(before.opCode).not.toBe(OpCode.SET_ACL);
      }
    }
  });
});
