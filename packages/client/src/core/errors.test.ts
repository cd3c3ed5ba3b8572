import { describe, expect, it } from "vitest";
import { CLIENT_ERROR_CODES, isZkError, ZkError } from "./errors.js";

describe("ZkError", () => {
  it("says what, to which znode, at which server, and what became of the write", () => {
    const error = new ZkError({
      code: "CONNECTION_LOSS",
      message: "the connection was lost",
      applied: "maybe",
      operation: "setData",
      path: "/a",
      server: "zk1:2181",
      cause: "why",
    });
    expect(error.message).toBe(
      "CONNECTION_LOSS: setData /a at zk1:2181: the connection was lost (the write may have been applied)",
    );
    expect(error).toMatchObject({
      name: "ZkError",
      applied: "maybe",
      path: "/a",
      server: "zk1:2181",
      cause: "why",
    });
    expect(error.stack).toContain("errors.test.ts");
  });

  it("says no more than is known", () => {
    const error = new ZkError({ code: "CLOSED", message: "the client was closed" });
    expect(error.message).toBe("CLOSED: the client was closed");
    expect(error).toMatchObject({ applied: "no", operation: undefined, path: undefined, server: undefined });
    expect("cause" in error).toBe(false);
  });

  it("is an AbortError to those who look for one", () => {
    expect(new ZkError({ code: "ABORTED", message: "gave up" }).name).toBe("AbortError");
  });

  it("can say again that a write may have been applied", () => {
    const error = new ZkError({ code: "NODE_EXISTS", message: "there", operation: "create", path: "/a" });
    const unsure = error.withApplied("maybe");
    expect(unsure).toMatchObject({ code: "NODE_EXISTS", applied: "maybe", path: "/a" });
    expect(unsure.message).toBe("NODE_EXISTS: create /a: there (the write may have been applied)");
    expect(unsure.withApplied("maybe")).toBe(unsure);
  });
});

describe("isZkError", () => {
  it("knows its own, by code too, and also those of another copy of the package", () => {
    const error = new ZkError({ code: "CLOSED", message: "closed" });
    expect(isZkError(error)).toBe(true);
    expect(isZkError(error, "CLOSED")).toBe(true);
    expect(isZkError(error, "NO_NODE")).toBe(false);
    const copy = Object.assign(new Error("CLOSED"), {
      code: "CLOSED",
      [Symbol.for("@zk/client/error")]: true,
    });
    expect(isZkError(copy, "CLOSED")).toBe(true);
  });

  it.each([undefined, null, 5, "CLOSED", {}, new Error("CLOSED"), { code: "CLOSED" }])(
    "refuses %o",
    (value) => {
      expect(isZkError(value)).toBe(false);
    },
  );
});

describe("the codes of the client", () => {
  it("are listed once each, in order", () => {
    expect([...CLIENT_ERROR_CODES].sort()).toEqual([...CLIENT_ERROR_CODES]);
    expect(new Set(CLIENT_ERROR_CODES).size).toBe(CLIENT_ERROR_CODES.length);
  });
});
