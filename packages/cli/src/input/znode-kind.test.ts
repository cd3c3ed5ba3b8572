import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { UsageError } from "../program/errors.js";
import { type KindOptions, kindOf, parseTtl } from "./znode-kind.js";

const none: KindOptions = { sequential: false, ephemeral: false, container: false, ttl: undefined };

describe("the kind of a znode", () => {
  it.each<[Partial<KindOptions>, ReturnType<typeof kindOf>]>([
    [{}, { mode: CreateMode.PERSISTENT }],
    [{ sequential: true }, { mode: CreateMode.PERSISTENT_SEQUENTIAL }],
    [{ ephemeral: true }, { mode: CreateMode.EPHEMERAL }],
    [{ ephemeral: true, sequential: true }, { mode: CreateMode.EPHEMERAL_SEQUENTIAL }],
    [{ container: true }, { mode: CreateMode.CONTAINER }],
    [{ ttl: 5 }, { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs: 5 }],
    [
      { ttl: 5, sequential: true },
      { mode: CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, ttlMs: 5 },
    ],
  ])("is what the options say: %o", (options, kind) => {
    expect(kindOf({ ...none, ...options })).toEqual(kind);
  });

  it.each<Partial<KindOptions>>([
    { container: true, sequential: true },
    { container: true, ephemeral: true },
    { container: true, ttl: 5 },
    { ephemeral: true, ttl: 5 },
  ])("is refused where the options do not go together: %o", (options) => {
    expect(() => kindOf({ ...none, ...options })).toThrow(UsageError);
  });
});

describe("a time to live", () => {
  it.each([
    ["1", 1],
    ["60000", 60_000],
    ["250ms", 250],
    ["90s", 90_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["1099511627775", 1_099_511_627_775],
  ])("of %s is %d ms", (given, ttl) => {
    expect(parseTtl(given)).toBe(ttl);
  });

  it.each(["0", "0s", "-1", "", "x", "1.5", "0.5ms", "1099511627776", "20000d", "5 m"])(
    "is not %j",
    (given) => {
      expect(() => parseTtl(given)).toThrow(UsageError);
    },
  );
});
