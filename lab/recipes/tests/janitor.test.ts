import { type Client, OPEN_ACL_UNSAFE, Permission, systemPorts } from "@zk/client";
import { Election, isRecipeError, LeaderLatch, Lock, observeRecipes } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { childrenOf, stage, until, within } from "../src/index.js";

const zk = stage({ backend: "memory", servers: 1 });

/** Everybody may do anything but remove children. */
const forKeeps = [{ ...OPEN_ACL_UNSAFE[0]!, perms: Permission.ALL & ~Permission.DELETE }];

describe("a znode that the server does not let us remove", () => {
  it("of a lock is told, and goes as soon as it may: whoever waits gets its turn", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const told: string[] = [];
    observeRecipes(one, ({ type }) => told.push(type));
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire();
    await two.setACL(zk.path, forKeeps);
    await expect(held.release()).rejects.toMatchObject({ code: "REFUSED" });
    expect(told).toContain("leftBehind");
    await two.setACL(zk.path, OPEN_ACL_UNSAFE);
    await using theirs = await within("the next", next);
    expect(theirs.token).toBeGreaterThan(held.token);
    expect(await held.release()).toEqual({ confirmed: true });
  });

  it("of a wait that was given up goes as soon as it may", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using held = await new Lock(one, zk.path).acquire();
    const abort = new AbortController();
    const waiting = new Lock(two, zk.path).acquire({ signal: abort.signal });
    await until("it stands in line", async () => (await childrenOf(one, zk.path)).length === 2);
    await one.setACL(zk.path, forKeeps);
    abort.abort();
    await expect(waiting).rejects.toSatisfy((error) => isRecipeError(error, "ABORTED"));
    expect(await childrenOf(one, zk.path)).toHaveLength(2);
    await one.setACL(zk.path, OPEN_ACL_UNSAFE);
    await until("it is gone", async () => (await childrenOf(one, zk.path)).length === 1);
    expect(held.state).toBe("held");
  });

  it("of a latch that was closed keeps nobody from leading for good", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const latch = new LeaderLatch(one, zk.path).start();
    await latch.leading();
    await using other = new LeaderLatch(two, zk.path).start();
    await until("it is a candidate", async () => (await childrenOf(two, zk.path)).length === 2);
    await two.setACL(zk.path, forKeeps);
    await latch.close();
    await two.setACL(zk.path, OPEN_ACL_UNSAFE);
    expect((await within("the other leads", other.leading())).token).toBeGreaterThan(0n);
  });

  it("holds up nobody who closes the client, and leaves no timer", async () => {
    const timers = new Set<() => void>();
    const clock: Client["clock"] = {
      ...systemPorts.clock,
      setTimer(delayMs, callback) {
        const cancel = systemPorts.clock.setTimer(delayMs, () => {
          timers.delete(cancel);
          callback();
        });
        timers.add(cancel);
        return () => {
          timers.delete(cancel);
          cancel();
        };
      },
    };
    const [one, two] = [await zk.connect({ ports: { clock } }), await zk.connect()];
    const ended = new Election(one, zk.path).lead(() => two.setACL(zk.path, forKeeps));
    await expect(ended).rejects.toMatchObject({ code: "REFUSED" });
    await one.close();
    expect(timers.size).toBe(0);
    await until("the session has taken it along", async () => (await childrenOf(two, zk.path)).length === 0);
  });
});
