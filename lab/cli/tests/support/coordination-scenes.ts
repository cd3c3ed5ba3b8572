/** What the goldens of the commands for coordination run. Each command has paths of its own: they run beside each other. */
import { CreateMode } from "@zk/client";
import { type LivingScene, PROCESS_WAYS, type UnderWay, type Way, type World } from "./living-run.js";

const line = (text: string, more: Omit<LivingScene, "line"> = {}): LivingScene => ({ line: text, ...more });
const inProcess = (text: string, more: Omit<LivingScene, "line" | "ways"> = {}): LivingScene =>
  line(text, { ways: PROCESS_WAYS, ...more });

const HOLDER = "_c_00000000-0000-0000-0000-000000000001-__WRIT__";
const WAITER = "_c_00000000-0000-0000-0000-000000000002-__WRIT__";

/** The znode below is made anew, with nothing below it. */
const fresh =
  (path: string) =>
  async ({ client }: World): Promise<void> => {
    await client.removeRecursive(path).catch(() => {});
    await client.create(path, null, { createParents: true });
  };

/** A lock that one has and another waits for. */
const held =
  (path: string) =>
  async (world: World): Promise<void> => {
    await fresh(path)(world);
    for (const [name, data] of [
      [HOLDER, "nightly on host-a"],
      [WAITER, "nightly on host-b"],
    ] as const)
      await world.client.create(`${path}/${name}`, data, { mode: CreateMode.EPHEMERAL_SEQUENTIAL });
  };

const queueOf =
  (path: string, ...items: readonly string[]) =>
  async (world: World): Promise<void> => {
    await fresh(path)(world);
    for (const item of items) await world.home.must(["queue", "put", path, item]);
  };

const group =
  (path: string) =>
  async (world: World): Promise<void> => {
    await fresh(path)(world);
    const mode = CreateMode.EPHEMERAL;
    await world.client.create(`${path}/api-1`, "10.0.0.1:80", { mode });
    await world.client.create(`${path}/a-much-longer-name`, "10.0.0.2:80", { mode });
    await world.client.create(`${path}/silent`, null, { mode });
    await world.client.create(`${path}/settings`, "{}");
  };

/** Changes of the znode that is watched, each when the one before has been told. */
async function change(run: UnderWay, { client }: World, path: string): Promise<void> {
  await run.says("Initial");
  await client.create(`${path}/a`, "x");
  await run.says("NodeCreated");
  await client.setData(`${path}/a`, "y");
  await run.says("NodeDataChanged");
  await client.remove(`${path}/a`);
}

/** Two directories that nobody uses, one that somebody does, and one that says something. */
const forsaken =
  (path: string) =>
  async (world: World): Promise<void> => {
    await fresh(path)(world);
    for (const name of ["a", "b/c", "busy"]) {
      await world.client.create(`${path}/${name}`, null, { createParents: true });
    }
    await world.client.create(`${path}/busy/x`, null, { mode: CreateMode.EPHEMERAL });
    await world.client.create(`${path}/flag`, "set");
  };

/** One that may not be looked at, beside one that nobody uses. */
const forbidden =
  (path: string) =>
  async (world: World): Promise<void> => {
    // It cannot be removed again: who may not look at it cannot know that it is empty.
    const acl = [{ perms: 4, id: { scheme: "world", id: "anyone" } }];
    await world.client.create(`${path}/a`, null, { createParents: true });
    await world.client.create(`${path}/secret`, null, { acl }).catch(() => {});
  };

const PIPE: readonly Way[] = ["pipe"];

export const COORDINATION_SCENES: Readonly<Record<string, readonly LivingScene[]>> = {
  watch: [
    line("watch -r /w --initial --data --count 3", {
      before: fresh("/w"),
      during: (run, world) => change(run, world, "/w"),
    }),
    line("watch /w1 --once --initial", {
      before: fresh("/w1"),
      during: async (run, { client }) => {
        await run.says("Initial");
        await client.create("/w1/child");
      },
    }),
    line("watch /w --recursive --children", { ways: PIPE }),
    line("watch w", { ways: PIPE }),
    inProcess("watch /w2 --once --initial --exec cat", {
      before: fresh("/w2"),
      during: async (run, { client }) => {
        await run.says("Initial");
        await client.setData("/w2", "x");
      },
    }),
  ],
  lock: [
    inProcess("lock /l1 --data me -- echo inside", { before: fresh("/l1") }),
    inProcess("lock -s /l1 -- sh -c EXIT3"),
    inProcess("lock /l1 -- no-such-command", { before: fresh("/l1") }),
    ...["lock -n /l2 -- true", "lock -w 10ms -E 44 /l2 -- true"].map((text) =>
      line(text, { ways: ["pipe", "terminal", "json"], before: held("/l2") }),
    ),
    line("lock -n --mutex /l2 -- true", { ways: ["pipe", "terminal", "json"], before: held("/l2") }),
    ...["lock /l1", "lock -n -w 1 /l1 -- true", "lock -s --limit 2 /l1 -- true"].map((text) =>
      line(text, { ways: PIPE }),
    ),
  ],
  "lock ls": [
    line("lock ls /ll", { before: held("/ll") }),
    line("lock ls /ll-free", { before: fresh("/ll-free") }),
    line("lock ls /none"),
  ],
  "lock break": [
    line("lock break /lb", { ways: ["pipe", "json"], before: held("/lb") }),
    line("lock break /lb", {
      ways: ["pty"],
      before: held("/lb"),
      during: async (run) => {
        await run.says("to go on: ");
        run.type("/lb\r");
      },
    }),
    line("lock break /lb --confirm /other", { ways: PIPE, before: held("/lb") }),
    line("lock break /lb --confirm /lb", { before: held("/lb") }),
    line("lock break /lb --node x-1 --confirm /lb", { ways: PIPE, before: held("/lb") }),
    line("lock break /lb-free --confirm /lb-free", { before: fresh("/lb-free") }),
  ],
  elect: [
    line("elect /e-free --observe --once", { before: fresh("/e-free") }),
    line("elect /e --observe --once", { before: held("/e") }),
    line("elect /e1 --observe", {
      before: held("/e1"),
      during: async (run, { client }) => {
        await run.says("host-a");
        await client.remove(`/e1/${HOLDER}0000000000`);
        await run.says("host-b");
        await client.remove(`/e1/${WAITER}0000000001`);
        await run.says(/none|nobody/);
        run.end();
      },
    }),
    inProcess("elect /e2 --restart never --data me -- sh -c EXIT3", { before: fresh("/e2") }),
    ...["elect /e", "elect /e --once", "elect /e --observe -- true"].map((text) =>
      line(text, { ways: PIPE }),
    ),
  ],
  "queue put": [
    line("queue put /qp one", { before: fresh("/qp") }),
    line("queue put /qp --priority 5 -", { before: fresh("/qp"), stdin: "from stdin" }),
    line("queue put /qp @nothing", { ways: PIPE }),
    line("queue put /qp one --priority high", { ways: PIPE }),
  ],
  "queue take": [
    line("queue take /qt", { before: queueOf("/qt", "one", "two") }),
    line("queue take /qt --count 2", { before: queueOf("/qt", "one", "two") }),
    line("queue take /qt -n", { before: queueOf("/qt") }),
    line("queue take /qt -w 10ms", { before: queueOf("/qt") }),
    line("queue take /qt -n -w 1", { ways: PIPE }),
    inProcess("queue take /qe --exec cat", { before: queueOf("/qe", "one") }),
    inProcess("queue take /qe --exec false", { before: queueOf("/qe", "one") }),
  ],
  "queue ls": [
    line("queue ls /ql", { before: queueOf("/ql", "one", "two") }),
    line("queue ls /ql-empty", { before: queueOf("/ql-empty") }),
    line("queue ls /none"),
  ],
  barrier: [
    line("barrier close /b", { before: fresh("/b-parent") }),
    line("barrier status /b"),
    line("barrier wait /b -w 10ms"),
    line("barrier open /b"),
    line("barrier wait /b"),
    line("barrier status /b"),
    line("barrier enter /b1 --members 1"),
    ...["barrier enter /b1", "barrier opne /b"].map((text) => line(text, { ways: PIPE })),
  ],
  members: [
    line("members /m", { before: group("/m") }),
    line("members /m --all", { before: group("/m") }),
    line("members /m1 --follow", {
      before: group("/m1"),
      during: async (run, { client }) => {
        await run.says("silent");
        await client.create("/m1/new", "1", { mode: CreateMode.EPHEMERAL });
        await run.says("new");
        await client.setData("/m1/new", "second");
        await run.says("second");
        await client.remove("/m1/api-1");
        await client.create("/m1/last", "third", { mode: CreateMode.EPHEMERAL });
        await run.says("third");
        run.end();
      },
    }),
    line("members /m-bytes", {
      ways: PIPE,
      before: async (world) => {
        await fresh("/m-bytes")(world);
        await world.client.create("/m-bytes/one", Buffer.from([0xff, 0xfe]), { mode: CreateMode.EPHEMERAL });
      },
    }),
    line("members /m-empty", { before: fresh("/m-empty") }),
    line("members /none"),
  ],
  reap: [
    line("reap /r --empty-for 50ms --yes", { before: forsaken("/r") }),
    line("reap /r --empty-for 50ms --dry-run", { before: forsaken("/r") }),
    line("reap /r --empty-for 50ms --yes --filter b/** --with-data", { ways: PIPE, before: forsaken("/r") }),
    line("reap /r-none --empty-for 50ms -y", { before: fresh("/r-none") }),
    line("reap /r-secret --empty-for 50ms -y", { before: forbidden("/r-secret") }),
    line("reap /r1", { ways: ["pipe", "json"], before: forsaken("/r1") }),
    line("reap /r1 --empty-for 50ms", {
      ways: ["pty"],
      before: forsaken("/r1"),
      during: async (run) => {
        await run.says("[y/N] ");
        run.type("y\r");
      },
    }),
    line("reap /none --yes"),
    ...[
      "reap / --yes",
      "reap / --yes --allow-root",
      "reap /r --empty-for 0 --yes",
      "reap /r --empty-for soon",
      "reap /r /r1 --confirm /r",
      "reap /zookeeper --allow-root --yes",
    ].map((text) => line(text, { ways: PIPE })),
  ],
  sniff: [
    inProcess("sniff --to SERVER -- ZK exists -q /sniffed", {
      before: async (world) => {
        await fresh("/sniffed")(world);
        await world.client.setData("/sniffed", "data");
      },
    }),
    line("sniff --to SERVER --op exists -- ZK exists /sniffed", { ways: ["process-json"] }),
    ...["sniff --listen nowhere", "sniff --inject burn"].map((text) => line(text, { ways: PIPE })),
  ],
  lab: [
    line("lab --help", { ways: ["process", "pty"] }),
    line("lab fly", { ways: ["process", "pty"] }),
    line("lab up", { ways: PIPE, env: { ZK_LAB: "/nowhere" } }),
  ],
};
