import { CLIENT_ERROR_CODES, ZkError, type ZkErrorCode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { describeError } from "./describe-error.js";
import { CliError, Interruption, TimeUp, UsageError } from "./errors.js";
import { EXIT_CODE_TABLE, exitCodeFor } from "./exit-codes.js";

describe("exit codes", () => {
  it.each<[ZkErrorCode, number]>([
    ["INVALID_PATH", 2],
    ["NO_NODE", 3],
    ["NODE_EXISTS", 4],
    ["NOT_EMPTY", 4],
    ["BAD_VERSION", 4],
    ["NO_AUTH", 5],
    ["AUTH_FAILED", 5],
    ["CONNECT_TIMEOUT", 6],
    ["CONNECTION_LOSS", 6],
    ["SESSION_EXPIRED", 7],
    ["OPERATION_TIMEOUT", 8],
    ["UNIMPLEMENTED", 69],
    ["TTL_DISABLED", 69],
    ["INTERNAL", 70],
  ])("%s ends with %d", (code, exitCode) => {
    expect(exitCodeFor(new ZkError({ code, message: "" }))).toBe(exitCode);
    expect(describeError(new ZkError({ code, message: "m" })).fields).toMatchObject({ code, exitCode });
  });

  it("of the program's own errors are theirs", () => {
    expect(exitCodeFor(new UsageError(""))).toBe(2);
    expect(exitCodeFor(new TimeUp(5))).toBe(8);
    expect(exitCodeFor(new Interruption("SIGINT", 2))).toBe(130);
    expect(exitCodeFor(new CliError("X", 69, ""))).toBe(69);
    expect(exitCodeFor(new TypeError("a fault"))).toBe(70);
  });

  it("are all in the table that users read", () => {
    const listed = new Set(EXIT_CODE_TABLE.flatMap(([code]) => code.split(", ")));
    for (const code of CLIENT_ERROR_CODES)
      expect(listed).toContain(String(exitCodeFor(new ZkError({ code, message: "" }))));
  });
});
