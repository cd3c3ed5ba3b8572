import { CREATOR_ALL_ACL, CreateMode } from "@zk/client";
import { OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { longSessionMs, useCluster } from "./support/cluster.js";
import { reportOutage, Successes } from "./support/outage.js";
import { until, within } from "./support/wait.js";
import { WatchBook } from "./support/watch-book.js";

const cluster = useCluster();

async function aFollower(): Promise<number> {
  await cluster.ensemble.leader();
  const [id] = await cluster.ensemble.followers();
  if (id === undefined) throw new Error("no server follows");
  return id;
}

describe("the follower killed that the client sits on", () => {
  it("takes neither the session nor its ephemerals away, and each watch fires once", async () => {
    const { ensemble } = cluster;
    const follower = await aFollower();
    const client = await cluster.client({ on: follower });
    const other = await cluster.client({ on: await ensemble.leader() });
    const { sessionId } = client.zk;
    const { zxid } = await client.zk.create("/mine", "", { mode: CreateMode.EPHEMERAL });
    const watches = new WatchBook();
    await other.works();
    await other.zk.exists("/mine", { watch: watches.listener("ephemeral seen by another") });
    for (const path of ["/data", "/parent", "/gone", "/used"]) await client.zk.create(path, "before");
    // This one is used up before, so it is not set again either.
    await client.zk.getData("/used", { watch: watches.listener("used") });
    await client.zk.setData("/used", "at once");
    expect(watches.told("used")).toEqual(["NodeDataChanged"]);
    await client.zk.getData("/data", { watch: watches.listener("data") });
    await client.zk.getChildren("/parent", { watch: watches.listener("children") });
    await client.zk.exists("/absent", { watch: watches.listener("absent") });
    await client.zk.getData("/gone", { watch: watches.listener("gone, data") });
    await client.zk.getChildren("/gone", { watch: watches.listener("gone, children") });

    const killedMs = performance.now();
    await ensemble.kill(follower);
    await client.told("suspended", killedMs);
    await client.works();
    reportOutage("follower of the client killed", performance.now() - killedMs);
    expect(client.zk.sessionId).toBe(sessionId);
    expect(client.stateNames).toEqual(["connecting", "connected", "suspended", "connected"]);
    expect(cluster.serverOf(client)).not.toBe(follower);

    await other.zk.setData("/data", "after");
    await other.zk.create("/parent/child");
    await other.zk.create("/absent");
    await other.zk.remove("/gone");
    const once = {
      absent: ["NodeCreated"],
      children: ["NodeChildrenChanged"],
      data: ["NodeDataChanged"],
      "gone, children": ["NodeDeleted"],
      "gone, data": ["NodeDeleted"],
      used: ["NodeDataChanged"],
    };
    await until("every watch to fire", () => Object.keys(watches.all).length === 6);
    expect(watches.all).toEqual(once);
    // A second change finds no watch. What comes of it comes before the answer to the sync.
    await other.zk.setData("/data", "again");
    await other.zk.create("/parent/second");
    await other.zk.setData("/absent", "again");
    await other.zk.setData("/used", "again");
    await client.works();
    expect(watches.all).toEqual(once);
    expect(client.zk.load.watches).toBe(0);

    const stat = await other.zk.exists("/mine");
    expect(stat).toMatchObject({ czxid: zxid, ephemeralOwner: sessionId });
  });

  it("hides nothing that happened while the client was away", async () => {
    const { ensemble } = cluster;
    const follower = await aFollower();
    const client = await cluster.client({ on: follower });
    const other = await cluster.client({ on: await ensemble.leader() });
    const watches = new WatchBook();
    for (const path of ["/data", "/parent", "/gone", "/untouched"]) await client.zk.create(path, "before");
    await client.zk.getData("/data", { watch: watches.listener("data") });
    await client.zk.getChildren("/parent", { watch: watches.listener("children") });
    await client.zk.exists("/absent", { watch: watches.listener("absent") });
    await client.zk.getData("/gone", { watch: watches.listener("gone") });
    await client.zk.getData("/untouched", { watch: watches.listener("untouched") });

    client.tracked.hold();
    const killedMs = performance.now();
    await ensemble.kill(follower);
    await client.told("suspended", killedMs);
    await other.zk.setData("/data", "meanwhile");
    await other.zk.create("/parent/child");
    await other.zk.create("/absent");
    await other.zk.remove("/gone");
    expect(watches.all).toEqual({});
    client.tracked.release();
    const releasedMs = performance.now();
    await client.works();
    reportOutage("follower killed, changes meanwhile", performance.now() - releasedMs);

    const once = {
      absent: ["NodeCreated"],
      children: ["NodeChildrenChanged"],
      data: ["NodeDataChanged"],
      gone: ["NodeDeleted"],
    };
    // The watches were set again before the sync was sent, and what they missed came before its answer.
    expect(watches.all).toEqual(once);
    await other.zk.setData("/data", "again");
    await other.zk.setData("/untouched", "now");
    await until("the watch that had missed nothing to fire", () => watches.told("untouched").length > 0);
    await client.works();
    expect(watches.all).toEqual({ ...once, untouched: ["NodeDataChanged"] });
  });
});

describe("credentials", () => {
  it("are replayed before anything else, so that protected znodes stay readable over every failover", async () => {
    const { ensemble } = cluster;
    const proxy = await cluster.proxy();
    const options = { servers: proxy.connectionString, auth: [{ scheme: "digest", auth: "ann:secret" }] };
    const client = await cluster.client(options);
    await client.zk.create("/protected", "for Ann", { acl: CREATOR_ALL_ACL });
    await client.zk.addAuth("digest", "bob:secret");
    const watches = new WatchBook();
    await client.zk.getData("/protected", { watch: watches.listener("protected") });
    const stranger = await cluster.client();
    await expect(stranger.zk.getData("/protected")).rejects.toMatchObject({ code: "NO_AUTH" });

    const read = new Successes();
    let isStopping = false;
    const readOn = async (): Promise<void> => {
      // A read that is lost is sent again; one that overtook the credentials would be refused.
      while (!isStopping) {
        await client.zk.getData("/protected");
        await client.zk.sync("/protected");
        read.add();
      }
    };
    const reads = Promise.all([readOn(), readOn()]);
    reads.catch(() => {});
    const failOver = async (what: string, id: number): Promise<void> => {
      const fromMs = performance.now();
      await ensemble.kill(id);
      await client.told("suspended", fromMs);
      const lostMs = performance.now();
      await until("reads to flow again", () => read.countSince(lostMs) > 20);
      reportOutage(what, read.longestPauseMs(fromMs));
      await ensemble.start(id);
      await ensemble.ready();
    };
    await until("reads to flow", () => read.count > 20);
    const doors = proxy.connectionString.split(",");
    await failOver("server killed under protected reads", doors.indexOf(client.zk.server ?? "") + 1);
    await failOver("leader killed under protected reads", await ensemble.leader());
    isStopping = true;
    await within("the last reads", longSessionMs, reads);

    await client.zk.setData("/protected", "changed");
    await until("the watch of the protected znode to fire", () => watches.told("protected").length > 0);
    await client.works();
    expect(watches.told("protected")).toEqual(["NodeDataChanged"]);
    const resumed = proxy.requests.filter((requests) => requests.includes(OpCode.SET_WATCHES));
    expect(resumed.length).toBeGreaterThanOrEqual(2);
    for (const requests of resumed) {
      expect(requests.slice(0, 3)).toEqual([OpCode.AUTH, OpCode.AUTH, OpCode.SET_WATCHES]);
    }
  });
});
