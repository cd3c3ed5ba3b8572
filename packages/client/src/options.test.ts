import { expect, test } from "vitest";
import { createClient } from "./client.js";
import { DEFAULT_LIMITS, isZkError, Secret } from "./core/index.js";
import type { ClientOptions } from "./options.js";

test.each<[string, ClientOptions]>([
  ["sessionTimeoutMs", { sessionTimeoutMs: 0 }],
  ["sessionTimeoutMs", { sessionTimeoutMs: 1.5 }],
  ["sessionTimeoutMs", { sessionTimeoutMs: 2 ** 31 }],
  ["sessionTimeoutMs", { sessionTimeoutMs: Number.NaN }],
  ["connectTimeoutMs", { connectTimeoutMs: -1 }],
  ["operationTimeoutMs", { operationTimeoutMs: "5" as never }],
  ["closeTimeoutMs", { closeTimeoutMs: 0 }],
  ["retry", { retry: "often" as never }],
  ["limits.outstandingMax", { limits: { outstandingMax: 0 } }],
  ["reconnect.roundDelayMs", { reconnect: { roundDelayMs: -5 } }],
  ["session.id", { session: { id: 0n, password: new Uint8Array(16) } }],
  ["session.password", { session: { id: 1n, password: "x" as never } }],
  ["scheme", { auth: [{ scheme: "", auth: "a:b" }] }],
  ["credential of scheme digest", { auth: [{ scheme: "digest", auth: 5 as never }] }],
])("%s out of its range is refused by name", (name, options) => {
  let error: unknown;
  try {
    createClient("localhost", options);
  } catch (thrown) {
    error = thrown;
  }
  expect(isZkError(error, "INVALID_ARGUMENT")).toBe(true);
  expect(String(error)).toContain(name);
});

test("an undefined limit means its default", () => {
  const client = createClient("localhost", { limits: { outstandingMax: undefined as never, watchesMax: 5 } });
  expect(client.limits).toEqual({ ...DEFAULT_LIMITS, watchesMax: 5 });
});

test("what is wrong with an argument is told by the promise, and nothing is sent", async () => {
  const client = createClient("localhost");
  const calls: [string, Promise<unknown>][] = [
    ["INVALID_PATH", client.create("a")],
    ["INVALID_PATH", client.getData("/a/")],
    ["INVALID_PATH", client.exists(undefined as never)],
    ["INVALID_ARGUMENT", client.setData("/a", 5 as never)],
    ["INVALID_ARGUMENT", client.remove("/a", { version: 1.5 })],
    ["INVALID_ARGUMENT", client.create("/a", null, { mode: 9 as never })],
    ["INVALID_ARGUMENT", client.create("/a", null, { acl: [] })],
    [
      "INVALID_ARGUMENT",
      client.create("/a", null, { acl: [{ perms: 99, id: { scheme: "world", id: "anyone" } }] }),
    ],
    ["INVALID_ARGUMENT", client.setACL("/a", [{} as never])],
    ["INVALID_ARGUMENT", client.getData("/a", { watch: true as never })],
    ["INVALID_ARGUMENT", client.getData("/a", { timeoutMs: 0 })],
    ["INVALID_ARGUMENT", client.getData("/a", { retry: "never" as never })],
    ["INVALID_ARGUMENT", client.removeRecursive("/")],
    ["INVALID_ARGUMENT", client.addAuth("digest", 1 as never)],
    ["NOT_CONNECTED", client.getData("/a")],
    ["NOT_CONNECTED", client.transaction().check("/a").commit()],
  ];
  for (const [code, call] of calls) await expect(call).rejects.toMatchObject({ code, applied: "no" });
  expect(client.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
});

test("the session password does not show itself", () => {
  const client = createClient("localhost", { session: { id: 5n, password: new Uint8Array([1, 2, 3]) } });
  expect(client.sessionId).toBe(5n);
  expect(client.sessionPassword).toBeInstanceOf(Secret);
  expect(JSON.stringify({ password: client.sessionPassword })).toBe('{"password":"[secret]"}');
  expect(client.sessionPassword.reveal()).toEqual(new Uint8Array([1, 2, 3]));
});
