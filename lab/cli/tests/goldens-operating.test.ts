// What the commands that look at servers say, of servers in every state, kept in fixtures/ with their figures masked.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "@zk/cli";
import { type Client, CreateMode, createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { undocumented, unseen } from "./support/fields.js";
import { fileOf } from "./support/golden-run.js";
import { play, type Section, WAYS, type World } from "./support/living-run.js";
import { OPERATING_SCENES, type State } from "./support/operating-scenes.js";
import { buildZk, waitUntil } from "./support/program.js";
import { startSilentServer } from "./support/silent-server.js";
import { ZkHome } from "./support/zk.js";

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
const home = ZkHome.forThisFile();
const sections = new Map<string, Section[]>();
let ensemble: MemoryEnsemble;
let client: Client;

/** The servers, the one that leads last: who leads is not the same in every run. */
async function inOrder(): Promise<
  { readonly host: string; readonly clientPort: number; readonly id: number }[]
> {
  const leader = await ensemble.leader();
  return [...ensemble.servers].sort((one, other) => Number(one.id === leader) - Number(other.id === leader));
}

beforeAll(async () => {
  buildZk();
  // A session that outlives every pause of a busy machine.
  ensemble = await startMemoryEnsemble({ servers: 3, maxSessionTimeoutMs: 600_000 });
  const servers = await inOrder();
  const addresses = servers.map(({ host, clientPort }) => `${host}:${clientPort}`);
  // The one that stays: its session is looked at while others are away.
  client = createClient(addresses[2]!, { sessionTimeoutMs: 600_000 });
  await client.connect();
  await client.create("/shop");
  await client.create("/shop/mine", "x", { mode: CreateMode.EPHEMERAL });
  await client.create("/shop/config", "{}");
  await client.getData("/shop/config", { watch: () => {} });
  const silent = await startSilentServer(servers[2]!);
  const world: World = {
    home,
    client,
    words: {
      EMPTY: "",
      NOBODY: "0x100000000000bad",
      SESSION: `0x${BigInt.asUintN(64, client.sessionId).toString(16)}`,
    },
    known: [
      ...addresses.map((address, index): [string, string] => [address, `SERVER-${index + 1}`]),
      [silent.address, "SILENT-SERVER"],
    ],
  };
  const enter: Readonly<Record<State, () => Promise<void>>> = {
    well: async () => home.use(addresses.join(",")),
    "one away": async () => {
      await ensemble.kill(servers[0]!.id);
      // The leader notices a moment later that a follower is gone.
      await waitUntil("the leader to be in step", async () =>
        (await home.run("check --latency 1h")).stdout.includes(" 1 of 3"),
      );
    },
    silent: async () => home.use(silent.address),
    alone: async () => {
      home.use(addresses.join(","));
      await ensemble.kill(servers[1]!.id);
      await waitUntil("the last server to be alone", async () => (await home.run("status")).exitCode === 6);
    },
  };
  for (const state of ["well", "one away", "silent", "alone"] as const) {
    await enter[state]();
    for (const [name, scenes] of Object.entries(OPERATING_SCENES)) {
      const command = COMMANDS.find((each) => each.name === name)!;
      for (const scene of scenes[state] ?? []) {
        for (const way of scene.ways ?? WAYS) {
          if (way === "plain" && command.output.plain === undefined) continue;
          // The last thing that the session did, however long ago: on a slow machine that would be a ping.
          if (state !== "alone") await client.getData("/shop/config");
          const said = await play(command, scene, way, world);
          sections.set(name, [
            ...(sections.get(name) ?? []),
            { ...said, text: `# servers: ${state}\n${said.text}` },
          ]);
        }
      }
    }
  }
  silent.close();
});
afterAll(async () => {
  await client?.close();
  await ensemble?.stop();
});

describe("what a command says of servers", () => {
  it.each(Object.keys(OPERATING_SCENES))("zk %s", async (name) => {
    const command = COMMANDS.find((each) => each.name === name)!;
    const said = sections.get(name)!;
    await expect(said.map(({ text }) => text).join("\n")).toMatchFileSnapshot(join(fixtures, fileOf(name)));
    const printed = said.flatMap((each) => each.printed);
    expect({ undocumented: undocumented(command, printed), unseen: unseen(command, printed) }).toEqual({
      undocumented: [],
      unseen: [],
    });
  });
});
