// The foundation below the public names: what time it is for the servers.
import { Patience, ServerClock } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, until } from "../src/index.js";

const zk = stage();

describe("the servers' clock", () => {
  it("is told by a write, and not asked again at once", async () => {
    const client = await zk.connect();
    const clock = new ServerClock(client, zk.path);
    using patience = new Patience(client, { recipe: "Test", path: zk.path }, {});
    const first = await clock.nowMs(patience);
    const { stat } = await client.getData(zk.path);
    expect(Math.abs(first - Number(stat.mtime))).toBeLessThan(1000);
    const [second, third] = await Promise.all([clock.nowMs(patience), clock.nowMs(patience)]);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(third).toBeGreaterThanOrEqual(second);
    expect((await client.getData(zk.path)).stat.version).toBe(stat.version);
  });

  it("is asked again after the connection was lost: the next leader has a clock of its own", async () => {
    const client = await zk.connect();
    const clock = new ServerClock(client, zk.path);
    using patience = new Patience(client, { recipe: "Test", path: zk.path }, {});
    await clock.nowMs(patience);
    const { stat } = await client.getData(zk.path);
    const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
    // It may be connected again before anybody looks.
    const cutOff = new Promise<void>((resolve) => {
      client.on("state", (state) => state === "suspended" && resolve());
    });
    await zk.ensemble.kill(server);
    await cutOff;
    await clock.nowMs(patience);
    expect((await client.getData(zk.path)).stat.version).toBeGreaterThan(stat.version);
    await zk.ensemble.start(server);
    await zk.ensemble.ready();
  });

  it("ends its wait with the caller's patience", async () => {
    const client = await zk.connect();
    const clock = new ServerClock(client, zk.path);
    const signal = AbortSignal.abort("enough");
    using patience = new Patience(client, { recipe: "Test", path: zk.path }, { signal });
    await expect(clock.nowMs(patience)).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
  });
});
