import { isZkError } from "@zk/client";
import { Lock, MultiLock, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until, within } from "../src/index.js";

const zk = stage();

describe("several locks", () => {
  it("are held together, each with its token, and given back together", async () => {
    const client = await zk.connect();
    const paths = [`${zk.path}/b`, `${zk.path}/a`, `${zk.path}/b`];
    const held = await new MultiLock(client, paths).acquire();
    expect([...held.tokens.keys()]).toEqual([`${zk.path}/a`, `${zk.path}/b`]);
    expect(held.state).toBe("held");
    for (const [path, token] of held.tokens) expect(held.holds.get(path)?.token).toBe(token);
    expect(await new Lock(client, `${zk.path}/a`).tryAcquire()).toBeNull();
    expect(await held.release()).toEqual({ confirmed: true });
    expect(held.state).toBe("released");
    for (const path of held.tokens.keys()) expect(await client.getChildren(path)).toEqual([]);
  });

  it("are not waited for in a circle, in whatever order they are named", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const [a, b] = [`${zk.path}/a`, `${zk.path}/b`];
    let turns = 0;
    const goRound = async (client: typeof one, paths: string[]): Promise<void> => {
      for (let turn = 0; turn < 10; turn += 1) {
        await using _held = await new MultiLock(client, paths).acquire();
        turns += 1;
      }
    };
    await within("both", Promise.all([goRound(one, [a, b]), goRound(two, [b, a])]));
    expect(turns).toBe(20);
  });

  it("have one time limit (Curator gives each member the full time), and leave nothing when it is over", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, `${zk.path}/b`).acquire();
    const waiting = new MultiLock(two, [`${zk.path}/a`, `${zk.path}/b`, `${zk.path}/c`]).acquire({
      timeoutMs: 60,
    });
    await expect(waiting).rejects.toMatchObject({ code: "WAIT_TIMEOUT", recipe: "MultiLock" });
    expect(await two.getChildren(`${zk.path}/a`)).toEqual([]);
    expect(await two.getChildren(`${zk.path}/b`)).toHaveLength(1);
    expect(await two.exists(`${zk.path}/c`)).toBeNull();
    expect(recipeMetrics(two)).toMatchObject({ holding: 0, waiting: 0 });
  });

  it("are lost as a whole when one is lost, and the others are given back", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new MultiLock(one, [`${zk.path}/a`, `${zk.path}/b`]).acquire();
    const aborted = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    await two.remove(held.holds.get(`${zk.path}/b`)!.path);
    await within("the signal", aborted);
    expect(held.state).toBe("lost");
    await until("the other is free", async () => (await two.getChildren(`${zk.path}/a`)).length === 0);
    await held.release();
  });

  it("guard a write that needs all of them, and say which operation was refused", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new MultiLock(one, [`${zk.path}/a`, `${zk.path}/b`, `${zk.path}/c`]).acquire();
    const [made] = await held.guard((tx) => tx.create(`${zk.path}/x`));
    expect(made.path).toBe(`${zk.path}/x`);
    await expect(held.guard((tx) => tx.check("/").create(`${zk.path}/x`))).rejects.toSatisfy(
      (error: unknown) => isZkError(error, "NODE_EXISTS") && error.operationIndex === 1,
    );
    const removed = two.remove(held.holds.get(`${zk.path}/c`)!.path);
    const refused = held
      .guard((tx) => tx.create(`${zk.path}/y`))
      .catch((error: unknown) => expect(error).toMatchObject({ code: "HOLD_LOST" }));
    await Promise.all([removed, refused]);
    await expect(held.guard((tx) => tx.create(`${zk.path}/z`))).rejects.toThrow();
    expect(await two.exists(`${zk.path}/z`)).toBeNull();
    await held.release();
  });

  it("are at least one", async () => {
    const client = await zk.connect();
    expect(() => new MultiLock(client, [])).toThrow(/INVALID_ARGUMENT/);
  });
});
