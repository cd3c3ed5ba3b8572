// What `zk cp --delete` and `zk mirror` delete, and what they leave; and the plans that they print for `zk apply`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, CREATOR_ALL_ACL, CreateMode, createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "./support/program.js";
import { ZkHome } from "./support/zk.js";

const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
/** Bob's: what he keeps to himself is his. */
let client: Client;
beforeAll(async () => {
  ensemble = await startMemoryEnsemble();
  home.use(ensemble.connectionString);
  client = createClient(ensemble.connectionString, { auth: [{ scheme: "digest", auth: "bob:secret" }] });
  await client.connect();
});
beforeEach(async () => {
  for (const root of ["/from", "/to"]) if (await client.exists(root)) await client.removeRecursive(root);
});
afterAll(async () => {
  await client?.close();
  await ensemble?.stop();
});

/** Paths below a root, and what they hold. */
async function held(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = async (path: string): Promise<void> => {
    found[path.slice(root.length) || "/"] = Buffer.from((await client.getData(path)).data ?? "").toString();
    for (const name of await client.getChildren(path)) await visit(`${path}/${name}`);
  };
  await visit(root);
  return Object.fromEntries(Object.entries(found).sort());
}

async function plant(tree: Record<string, string | readonly [string, CreateMode]>): Promise<void> {
  for (const [path, value] of Object.entries(tree)) {
    const [data, mode] = typeof value === "string" ? [value, CreateMode.PERSISTENT] : value;
    await client.create(path, data, { mode });
  }
}

const SAME = { "/from": "", "/from/small": "1", "/from/part": "", "/from/part/large": "x".repeat(100) };
const COPY = { "/to": "", "/to/small": "1", "/to/part": "", "/to/part/large": "x".repeat(100) };

describe.each(["cp /from /to --on-conflict overwrite --delete --yes", "mirror /from /to --yes"])(
  "zk %s",
  (line) => {
    it("leaves what the source may have, and nobody lets us see", async () => {
      await plant({ ...SAME, ...COPY, "/to/mine": "", "/to/mine/below": "good", "/to/old": "" });
      await client.create("/from/mine", "kept to himself", { acl: CREATOR_ALL_ACL });
      expect(await home.run(line)).toMatchObject({
        exitCode: 9,
        stderr: expect.stringContaining("1 znode may not be read: /from/mine"),
      });
      expect(Object.keys(await held("/to"))).toEqual([
        "/",
        "/mine",
        "/mine/below",
        "/part",
        "/part/large",
        "/small",
      ]);
    });

    it("leaves the ephemerals of others, with their parents and their data", async () => {
      const live = ["alive", CreateMode.EPHEMERAL] as const;
      await plant({ ...SAME, ...COPY, "/to/group": "", "/to/group/live": live, "/to/gone": "" });
      await plant({ "/from/config": "new", "/to/config": live });
      expect(await home.must(line)).toMatchObject({ stderr: expect.stringContaining("left alone") });
      expect(await held("/to")).toMatchObject({ "/group/live": "alive", "/config": "alive" });
      expect(await client.exists("/to/gone")).toBeNull();
    });

    it("asks before anything is written, and for the path where it is protected", async () => {
      await plant({ ...SAME, "/to": "before", "/to/old": "" });
      await home.must(`context add guarded --servers ${ensemble.connectionString} --protect /to --replace`);
      const guarded = line.replace("/from /to", "zk://guarded/from zk://guarded/to");
      expect(await home.run(guarded)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("--confirm=/to answers"),
      });
      expect(await home.run(line.replace(" --yes", ""))).toMatchObject({ exitCode: 2 });
      expect(await held("/to")).toEqual({ "/": "before", "/old": "" });
      await home.must(`${guarded} --confirm=/to`);
      expect(await held("/to")).toEqual(await held("/from"));
    });

    it("prints a plan that zk apply takes, once, and for these servers only", async () => {
      await plant({ ...SAME, "/to": "before", "/to/old": "", "/to/old/below": "" });
      await client.create("/from/part/locked", "read", { acl: CREATOR_ALL_ACL });
      const auth = join(home.path, "auth");
      writeFileSync(auth, "digest:bob:secret\n", { mode: 0o600 });
      const { stdout } = await home.must(`${line} --dry-run --json --auth-file ${auth}`);
      expect(await held("/to")).toEqual({ "/": "before", "/old": "", "/old/below": "" });
      expect(await home.run("apply - --auth-file auth", { stdin: stdout })).toMatchObject({ exitCode: 2 });
      expect(await home.run("apply - --yes --servers 127.0.0.1:1", { stdin: stdout })).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("is a plan for"),
      });
      const applied = await home.must(`apply - --yes --auth-file ${auth}`, { stdin: stdout });
      expect(applied.stderr).toContain("4 znodes created, 1 changed, 2 deleted");
      expect(await held("/to")).toEqual(await held("/from"));
      expect((await client.getACL("/to/part/locked")).acl).toEqual(
        (await client.getACL("/from/part/locked")).acl,
      );
      expect(await home.run("apply - --yes", { stdin: stdout })).toMatchObject({ exitCode: 4 });
    });
  },
);

it.each([
  ["--include /small", ["/part/old"]],
  ["--exclude /part", ["/part/old"]],
  ["--regex small", ["/part/old"]],
  ["--max-size 10", ["/heavy"]],
  ["--depth 1", ["/part/old"]],
])("zk mirror deletes nothing that %s leaves out, and no parent of it", async (selection, left) => {
  await plant({
    ...SAME,
    ...COPY,
    "/to/part/old": "",
    "/to/small-one": "old",
    "/to/heavy": "y".repeat(100),
  });
  await home.must(`mirror /from /to --yes ${selection}`);
  const after = Object.keys(await held("/to"));
  expect(after).toEqual(expect.arrayContaining(["/", "/small", "/part", "/part/large", ...left]));
  expect(after.includes("/small-one")).toBe(selection === "--include /small");
});

it("zk mirror --follow keeps to what is selected, and leaves the ephemerals of others", async () => {
  await plant({ "/from": "", "/from/part": "", "/from/gone": "", "/from/gone/in": "", "/to": "" });
  const controller = new AbortController();
  let said = "";
  const running = home.run(
    "mirror /from /to --follow --yes --exclude /part/out --exclude /gone/kept --depth 2 --max-size 10",
    {
      signal: controller.signal,
      onStdout: (text) => (said += text),
    },
  );
  await waitUntil("the first copy", () => said.includes("create /to/part"));
  await plant({ "/to/gone/kept": "mine", "/to/live": ["alive", CreateMode.EPHEMERAL] });
  await client.removeRecursive("/from/gone");
  const changes = { "/from/part/out": "", "/from/live": "other", "/from/deep": "", "/from/deep/er": "" };
  await plant({ ...changes, "/from/deep/er/est": "", "/from/heavy": "y".repeat(100), "/from/last": "" });
  await waitUntil("the last change", async () => (await client.exists("/to/last")) !== null);
  await waitUntil("the deletion", async () => (await client.exists("/to/gone/in")) === null);
  controller.abort(new Error("enough"));
  await running;
  expect(await held("/to")).toEqual({
    "/": "",
    "/deep": "",
    "/deep/er": "",
    "/gone": "",
    "/gone/kept": "mine",
    "/last": "",
    "/live": "alive",
    "/part": "",
  });
});

it("zk import prints a plan as well, with the parents that it would make", async () => {
  await plant(SAME);
  const { stdout: dump } = await home.must("export /from");
  const { stdout: plan } = await home.must("import - /to/deep/copy --dry-run --json", { stdin: dump });
  expect(await client.exists("/to")).toBeNull();
  await home.must("apply -", { stdin: plan });
  expect(await held("/to/deep/copy")).toEqual(await held("/from"));
});

it("what a dump may lack is deleted neither by zk cp nor by zk apply", async () => {
  await plant({ ...SAME, ...COPY, "/to/mine": "good" });
  const { stdout: part } = await home.must("export /from --include /small");
  await client.create("/from/mine", "kept to himself", { acl: CREATOR_ALL_ACL });
  const { stdout: lacking, exitCode } = await home.run("export /from");
  expect(exitCode).toBe(9);
  for (const stdin of [part, lacking]) {
    expect(await home.run("cp - /to --delete --yes", { stdin })).toMatchObject({ exitCode: 2 });
    expect(await home.run("apply - --at /to --prune /to --yes", { stdin })).toMatchObject({ exitCode: 2 });
  }
  expect(Object.keys(await held("/to"))).toHaveLength(5);
});

it("a tree is not copied into itself by way of another chroot, or of another list of servers", async () => {
  await plant(SAME);
  await home.must(`context add inner --servers ${ensemble.connectionString}/from --replace`);
  for (const target of ["zk://inner/copy", `zk://${ensemble.connectionString.split(",")[0]}/from/copy`])
    expect(await home.run(`cp /from ${target}`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("/from and /from/copy lie within each other"),
    });
});
