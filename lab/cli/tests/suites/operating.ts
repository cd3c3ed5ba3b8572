// Looking at three servers through their own words: all well, and one away.
import { CreateMode, createClient } from "@zk/client";
import { expect, it } from "vitest";
import { documented } from "../support/fields.js";
import { startZk, waitUntil } from "../support/program.js";
import type { Stage } from "../support/stage.js";

/** What `zk status` prints. */
export interface StatusJson extends Record<string, unknown> {
  readonly leader: string | null;
  readonly hasQuorum: boolean;
  readonly servers: readonly {
    readonly server: string;
    readonly state: string;
    readonly source: string;
    readonly mode: string | null;
    readonly why: string | null;
    readonly zxid: string;
  }[];
}

export function describeOperating(stage: Pick<Stage, "ensemble" | "home">): void {
  const { home } = stage;

  it("zk status knows who leads and that all serve", async () => {
    const { ensemble } = stage;
    const result = await home.must("status --json");
    const value = result.json<StatusJson>();
    documented("status", [value]);
    const leader = ensemble.servers[(await ensemble.leader()) - 1]!;
    expect(value).toMatchObject({ leader: `127.0.0.1:${leader.clientPort}`, hasQuorum: true });
    expect(value.servers.map(({ state, source }) => `${state} ${source}`)).toEqual(
      Array(3).fill("serving mntr"),
    );
    expect(value.servers.map(({ mode }) => mode).sort()).toEqual(["follower", "follower", "leader"]);
    expect(value.servers[0]?.zxid).toMatch(/^0x[0-9a-f]+$/);
    expect((await home.must("status")).stdout.split("\n")[0]).toMatch(/^SERVER +STATE +MODE/);
    expect((await home.must("status --plain")).stdout.split("\n")[0]?.split("\t")).toHaveLength(6);
  });

  it("zk doctor sees a session whose client is gone, and one that watches very many znodes", async () => {
    const { ensemble } = stage;
    const ids = async (): Promise<string[]> =>
      (await home.run("doctor --fail-on never --max-nodes 0 --json"))
        .json<{ findings: { id: string; evidence: string }[] }>()
        .findings.filter(({ id }) => id === "live.session-unconnected" || id === "live.many-watches")
        .map(({ id, evidence }) => `${id} ${evidence}`);
    // Sessions of programs that other tests have killed may still last.
    expect((await ids()).filter((each) => !each.startsWith("live.session-unconnected"))).toEqual([]);
    await using client = createClient(ensemble.connectionString, { sessionTimeoutMs: 20_000 });
    await client.connect();
    const reads = Array.from({ length: 5_001 }, (_, index) =>
      client.exists(`/watched-${index}`, { watch: () => {} }),
    );
    await Promise.all(reads);
    const lost = startZk(["create", "-e", "/lost", "--hold", "1h"], { env: home.env });
    await waitUntil("the ephemeral", async () => (await client.exists("/lost")) !== null);
    const stat = await client.exists("/lost");
    lost.child.kill("SIGKILL");
    await lost.ended;
    const hex = (id: bigint): string => `0x${BigInt.asUintN(64, id).toString(16)}`;
    const found = await ids();
    expect(found).toHaveLength(2);
    expect(found).toContainEqual(expect.stringContaining(`many-watches ${hex(client.sessionId)}: 5`));
    expect(found).toContainEqual(expect.stringContaining(hex(stat!.ephemeralOwner)));
  });

  it("zk who finds the client behind an ephemeral znode, and behind a session", async () => {
    await using client = createClient(stage.ensemble.connectionString);
    await client.connect();
    await client.create("/mine", "x", { mode: CreateMode.EPHEMERAL });
    await client.getData("/mine", { watch: () => {} });
    const value = (await home.must("who /mine --watches --json")).json();
    documented("who", [value]);
    expect(value).toMatchObject({
      session: `0x${BigInt.asUintN(64, client.sessionId).toString(16)}`,
      server: client.server,
      ephemerals: ["/mine"],
      watches: ["/mine"],
      timeoutMs: 10_000,
      notAsked: [],
    });
    expect(value["address"]).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await home.must(["who", String(value["session"]), "--json"])).json()).toMatchObject({
      server: client.server,
      watches: null,
    });
  });

  it("zk top gives one look at servers and clients", async () => {
    const value = (await home.must("top --once --json")).lines()[0]!;
    documented("top", [value]);
    expect(value["servers"]).toHaveLength(3);
    expect(value["notAsked"]).toEqual([]);
  });

  it("zk status and zk check end with 1 when a server is away, and say which", async () => {
    const { ensemble } = stage;
    const well = await home.run("check --latency 1h");
    expect(well).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^ZOOKEEPER OK - 3 of 3 servers serve, .* leads \| servers=3 serving=3 .*sessionMs=\d+ms\n$/,
      ),
    });
    const killed = await ensemble.killFollower();
    const server = `127.0.0.1:${ensemble.servers[killed - 1]!.clientPort}`;
    const status = await home.run("status --json");
    expect(status.exitCode).toBe(1);
    expect(status.json<StatusJson>().servers.find((each) => each.server === server)).toMatchObject({
      state: "down",
      source: "none",
      why: expect.stringContaining("ECONNREFUSED"),
    });
    let warned = await home.run("check --latency 1h --json");
    // The leader notices a moment later that a follower is gone.
    await waitUntil("the check to warn of nothing else", async () => {
      warned = await home.run("check --latency 1h --json");
      return warned.json<{ findings: unknown[] }>().findings.length <= 2;
    });
    documented("check", [warned.json()]);
    expect(warned).toMatchObject({ exitCode: 1 });
    expect(warned.json<{ findings: unknown[] }>().findings).toContainEqual(
      expect.objectContaining({
        id: "live.server-away",
        severity: "warning",
        evidence: expect.stringContaining(server),
      }),
    );
    await ensemble.start(killed);
    await ensemble.ready();
  });
}
