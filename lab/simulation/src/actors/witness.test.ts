import { expect, it } from "vitest";
import { Wire } from "../checks/wire.js";
import { makeWorld } from "../world/make-world.js";
import { Books } from "./books.js";
import type { Operation } from "./operation.js";
import { Witness } from "./witness.js";

it("a watch whose connection is gone before its reader hears of the reply has outlived it", () => {
  const { world } = makeWorld(1);
  const { findings, trace, ledger } = world;
  const nobody = (): never[] => [];
  const wire = new Wire(
    {
      name: "c1",
      nowMs: () => 0,
      clientNowMs: () => 0,
      session: () => undefined,
      credentials: () => 0,
      armed: nobody,
      isClosing: () => false,
      frameBytesMax: 1000,
    },
    findings,
    trace,
  );
  const books = new Books(wire, ledger, findings, () => world.nextNumber());
  const witness = new Witness(world, "c1", wire, books);
  const watch = witness.watch("/a", "/a", "data");
  const operation: Operation = {
    number: 1,
    name: "exists",
    path: "/a",
    serverPath: "/a",
    isWrite: false,
    retry: "safe",
    deadlineMs: 1000,
    isCalled: true,
    attempts: [{ sessionId: 1n, xid: 1 }],
    recorded: "ok",
    replyZxid: 5n,
    settled: "open",
    code: undefined,
    watch,
    data: undefined,
  };
  books.called(operation);
  expect(wire.isServed).toBe(false);
  witness.succeeded(operation, null);
  expect(watch).toMatchObject({ phase: "armed", kind: "exist", outlived: true });
  expect(findings.first).toBeUndefined();
});
