/** Protected creates against a parent in memory whose answers get lost where the test says. */
import type { Stat } from "@zk/protocol";
import { expect, test } from "vitest";
import { Budget } from "./budget.js";
import { isZkError, ZkError, type ZkErrorCode } from "./core/index.js";
import type { CreateResult } from "./options.js";
import { protectedCreate } from "./protected-create.js";

const uuid = "0b2c7f5e-0000-4000-8000-000000000000";

function failure(code: ZkErrorCode, operation: string, applied: "no" | "maybe" = "no"): ZkError {
  return new ZkError({ code, message: "made by the test", operation, applied });
}

/** One parent znode. Each fault is thrown once, by the next call of that operation. */
class Parent {
  readonly state = "connected";
  sessionId = 1n;
  readonly children = new Map<string, { readonly czxid: bigint; readonly ephemeralOwner: bigint }>();
  readonly faults: { readonly operation: string; readonly error: ZkError }[] = [];
  nowMs = 0;
  creates = 0;
  #zxid = 0n;

  /** Creates the znode as a server would, and loses the reply if a fault says so. */
  async createOnce(path: string, isApplied = true): Promise<CreateResult> {
    this.creates += 1;
    const name = `${path.slice("/queue/".length)}${String(this.creates).padStart(10, "0")}`;
    this.#zxid += 1n;
    if (isApplied) this.children.set(name, { czxid: this.#zxid, ephemeralOwner: this.sessionId });
    this.#fail("create");
    return { path: `/queue/${name}`, zxid: this.#zxid };
  }

  async getChildren(): Promise<readonly string[]> {
    this.#fail("getChildren");
    return [...this.children.keys()];
  }

  async exists(path: string): Promise<Stat | null> {
    this.#fail("exists");
    return (this.children.get(path.slice("/queue/".length)) as Stat | undefined) ?? null;
  }

  /** How long each remove was allowed to take. */
  readonly removeTimeoutsMs: (number | undefined)[] = [];

  async remove(path: string, options: { readonly timeoutMs?: number }): Promise<void> {
    if (path === `/queue/_c_${uuid}-`) {
      this.nowMs += 10;
      this.#fail("settle");
      throw failure("NO_NODE", "remove");
    }
    this.removeTimeoutsMs.push(options.timeoutMs);
    this.#fail("remove");
    this.children.delete(path.slice("/queue/".length));
  }

  async drained(): Promise<void> {}

  run(
    options: {
      readonly isEphemeral?: boolean;
      readonly isApplied?: boolean;
      readonly timeoutMs?: number;
    } = {},
  ) {
    return protectedCreate(this, {
      path: "/queue/item-",
      prefix: `_c_${uuid}-`,
      budget: new Budget({
        operation: "create",
        path: "/queue/item-",
        timeoutMs: options.timeoutMs ?? 1000,
        signal: undefined,
        nowMs: () => this.nowMs,
      }),
      isEphemeral: options.isEphemeral ?? false,
      createOnce: (path) => this.createOnce(path, options.isApplied),
    });
  }

  #fail(operation: string): void {
    if (this.faults[0]?.operation !== operation) return;
    throw (this.faults.shift() as { readonly error: ZkError }).error;
  }
}

const replyLost = { operation: "create", error: failure("CONNECTION_LOSS", "create", "maybe") };

test("a lost reply is made up for by finding the znode", async () => {
  const parent = new Parent();
  parent.faults.push(replyLost);
  const { path, zxid } = await parent.run();
  expect(path).toBe(`/queue/_c_${uuid}-item-0000000001`);
  expect(zxid).toBe(1n);
  expect(parent.creates).toBe(1);
});

test("a lost request is sent again", async () => {
  const parent = new Parent();
  parent.faults.push(replyLost);
  const created = parent.run({ isApplied: false });
  await expect(created).resolves.toMatchObject({ zxid: 2n });
  expect(parent.creates).toBe(2);
});

test("a znode of an earlier session is removed and made anew", async () => {
  const parent = new Parent();
  parent.faults.push(replyLost);
  const created = parent.run({ isEphemeral: true });
  parent.children.set(`_c_${uuid}-item-0000000001`, { czxid: 1n, ephemeralOwner: 99n });
  await expect(created).resolves.toMatchObject({ path: `/queue/_c_${uuid}-item-0000000002` });
  expect([...parent.children.keys()]).toEqual([`_c_${uuid}-item-0000000002`]);
  // In what was left of the caller's time: the write before it took ten.
  expect(parent.removeTimeoutsMs).toEqual([990]);
});

test("connections lost in the search are no reason to give up before the time is over", async () => {
  const parent = new Parent();
  parent.faults.push(replyLost);
  for (const operation of ["settle", "getChildren", "exists", "settle"]) {
    parent.faults.push({ operation, error: failure("CONNECTION_LOSS", operation) });
  }
  await expect(parent.run()).resolves.toMatchObject({ zxid: 1n });
  expect(parent.creates).toBe(1);
});

test.each<[ZkErrorCode, string]>([
  ["OPERATION_TIMEOUT", "settle"],
  ["ABORTED", "getChildren"],
  ["NO_AUTH", "getChildren"],
  ["QUEUE_FULL", "exists"],
])(
  "a search that ends with %s of %s leaves the create in doubt, and no znode behind",
  async (code, operation) => {
    const parent = new Parent();
    parent.faults.push(replyLost, { operation, error: failure(code, operation) });
    const error = await parent.run().catch((reason: unknown) => reason);
    // The read that failed changed nothing; the create that it was for may have.
    expect(error).toMatchObject({ code, applied: "maybe", operation: "create" });
    expect(isZkError(error) && error.path).toContain("/queue/");
    await expect.poll(() => parent.children.size).toBe(0);
  },
);

test("the time for the search is the time for the whole create", async () => {
  const parent = new Parent();
  parent.faults.push(replyLost);
  for (let round = 0; round < 20; round += 1)
    parent.faults.push({ operation: "settle", error: failure("CONNECTION_LOSS", "settle") });
  await expect(parent.run({ timeoutMs: 50 })).rejects.toMatchObject({
    code: "OPERATION_TIMEOUT",
    applied: "maybe",
  });
  expect(parent.nowMs).toBeGreaterThanOrEqual(50);
});
