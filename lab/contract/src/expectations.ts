/** What behaviours say about replies. */
import type { Acl, ServerErrorName, Stat, WatcherEvent } from "@zk/protocol";
import { expect } from "vitest";
import { codeOf } from "./wire/session.js";
import type { Message, Reply } from "./wire/wire-session.js";

/** A reply that says an error: nothing follows its header, and nothing came before it. */
export function expectError(reply: Reply<unknown>, name: ServerErrorName): void {
  expect(reply.err, `error ${name}`).toBe(codeOf(name));
  expect(reply.bytes.length, "bytes behind the header of an error").toBe(0);
  expect(reply.before).toEqual([]);
}

/** A success; gives its body. */
export function expectOk<T>(reply: Reply<T>): T {
  expect(reply.err, "error").toBe(0);
  expect(reply.body).not.toBeNull();
  return reply.body as T;
}

/** A success without a body. */
export function expectBare(reply: Message): void {
  expect(reply.err, "error").toBe(0);
  expect(reply.bytes.length, "bytes behind the header").toBe(0);
}

/** Which fields of a stat differ, and that no others do. */
export function expectChanged(before: Stat, after: Stat, changes: Partial<Stat>): void {
  expect(after).toEqual({ ...before, ...changes });
}

export const event = {
  created: (path: string): WatcherEvent => ({ type: 1, state: 3, path }),
  deleted: (path: string): WatcherEvent => ({ type: 2, state: 3, path }),
  changed: (path: string): WatcherEvent => ({ type: 3, state: 3, path }),
  children: (path: string): WatcherEvent => ({ type: 4, state: 3, path }),
};

/** An entry of an access control list. */
export function acl(perms: number, scheme: string, id: string): Acl {
  return { perms, id: { scheme, id } };
}
