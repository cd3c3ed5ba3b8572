// zk apply: servers become as a file says, or nothing happens at all.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Acl, CreateMode } from "@zk/client";
import { beforeEach, expect, it } from "vitest";
import { documented } from "../support/fields.js";
import { startZk, waitUntil } from "../support/program.js";
import type { Stage } from "../support/stage.js";
import { readOnly } from "./import.js";

const TREE = `
schema: zk.tree/1
nodes:
  /ROOT/config: |
    pool: 5
  /ROOT/flags: null
  /ROOT/empty: ""
  /ROOT/binary: { dataBase64: "AP8K" }
  /ROOT/from/file: { file: data.json, acl: ["world:anyone:r", "ip:127.0.0.1:cdrwa"] }
`;
const MANY = 1_600;

/** What holds on every kind of servers. */
export function describeApply(stage: Stage): void {
  let count = 0;
  let root = "";
  beforeEach(() => {
    root = `apply-${++count}`;
  });
  /** Writes a file of the home, with the root of this test in place of ROOT. @returns its name */
  const file = (text: string, name = "tree.yaml"): string => {
    writeFileSync(join(stage.home.path, name), text.replaceAll("ROOT", root));
    return name;
  };
  /** Reads what zk has committed: its server is not the one that this client asks. */
  const synced = async (): Promise<void> => void (await stage.client.sync(`/${root}`));
  const dataAt = async (path: string): Promise<string | null> => {
    await synced();
    const { data } = await stage.client.getData(`/${root}${path}`);
    return data === null ? null : Buffer.from(data).toString("latin1");
  };
  const namesAt = async (path: string): Promise<string[]> => {
    await synced();
    return [...(await stage.client.getChildren(`/${root}${path}`))].sort();
  };
  interface Told extends Record<string, unknown> {
    readonly operations: readonly { readonly op: string; readonly path: string }[];
  }
  const opsOf = ({ operations }: Told): string[] =>
    operations.map(({ op, path }) => `${op} ${path.replace(`/${root}`, "")}`);

  it("makes what is wanted in one transaction, and changes nothing the second time", async () => {
    file('{"a": 1}', "data.json");
    const first = (await stage.home.must(`apply ${file(TREE)} --json`)).json<Told>();
    documented("apply", [first]);
    expect(opsOf(first)).toEqual([
      "create ",
      "create /binary",
      "create /config",
      "create /empty",
      "create /flags",
      "create /from",
      "create /from/file",
    ]);
    const read = await Promise.all(["/config", "/flags", "/empty", "/binary", "/from/file"].map(dataAt));
    expect(read).toEqual(["pool: 5\n", null, "", "\0\xff\n", '{"a": 1}']);
    const { acl } = await stage.client.getACL(`/${root}/from/file`);
    expect(acl.map(({ id }: Acl) => id.scheme)).toEqual(["world", "ip"]);
    const zxids = await Promise.all(
      ["/config", "/from/file"].map(async (path) => (await stage.client.exists(`/${root}${path}`))?.czxid),
    );
    expect(zxids[0]).toBe(zxids[1]);
    const second = (await stage.home.must("apply tree.yaml --json")).json<Told>();
    expect(second).toMatchObject({ operations: [], same: 7 });
    expect((await stage.client.exists(`/${root}/config`))?.version).toBe(0);
  });

  it("changes only what differs, and leaves what the file does not say", async () => {
    await stage.client.create(`/${root}`);
    await stage.client.create(`/${root}/a`, "old", { acl: readOnly.map((each) => ({ ...each, perms: 31 })) });
    await stage.client.create(`/${root}/b`, "kept");
    await stage.client.create(`/${root}/other`, "not named");
    const tree = file('{"nodes": {"/ROOT/a": "new", "/ROOT/b": {"acl": "world:anyone:cdrw"}}}');
    expect((await stage.home.must(`apply ${tree} --plain`)).stdout).toBe(
      `set\t/${root}/a\nacl\t/${root}/b\n`,
    );
    expect(await Promise.all(["/a", "/b", "/other"].map(dataAt))).toEqual(["new", "kept", "not named"]);
    expect((await stage.client.getACL(`/${root}/a`)).acl).toHaveLength(2);
    expect((await stage.client.getACL(`/${root}/b`)).acl[0]?.perms).toBe(15);
  });

  it("does all of it or nothing, when the servers refuse a part", async () => {
    await stage.client.create(`/${root}`);
    await stage.client.create(`/${root}/a`, "old");
    await stage.client.create(`/${root}/shut`, null, { acl: [readOnly[0]!] });
    const tree = file('{"nodes": {"/ROOT/a": "new", "/ROOT/shut/child": "x", "/ROOT/z": "y"}}');
    expect(await stage.home.run(`apply ${tree} --json`)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining("nothing was changed"),
    });
    expect(await namesAt("")).toEqual(["a", "shut"]);
    expect(await dataAt("/a")).toBe("old");
  });

  it("deletes below the roots that are named and nowhere else, after a question, and never an ephemeral", async () => {
    const { client, home } = stage;
    for (const path of ["", "/in", "/in/wanted", "/in/extra", "/in/extra/below", "/in/live", "/out", "/in-2"])
      await client.create(`/${root}${path}`);
    await client.create(`/${root}/in/live/session`, null, { mode: CreateMode.EPHEMERAL });
    const tree = file('{"nodes": {"/ROOT/in/wanted": null}}');
    const words = `apply ${tree} --prune /${root}/in`;
    const planned = (await home.must(`${words} --dry-run --json`)).json<Told>();
    expect(opsOf(planned)).toEqual(["delete /in/extra/below", "delete /in/extra"]);
    expect(planned["ephemerals"]).toEqual([`/${root}/in/live/session`]);
    expect(await home.run(words)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--yes") });
    expect(await namesAt("/in")).toEqual(["extra", "live", "wanted"]);
    await home.must(`${words} --yes`);
    expect([await namesAt("/in"), await namesAt("")]).toEqual([
      ["live", "wanted"],
      ["in", "in-2", "out"],
    ]);
    for (const more of ["/", "/zookeeper", `/${root}/out`])
      expect(await home.run(`apply ${tree} --prune ${more} --yes`)).toMatchObject({ exitCode: 2 });
  });

  it("applies a plan as it was made, and refuses it when a znode has changed since", async () => {
    const { client, home } = stage;
    for (const path of ["", "/set", "/gone", "/acl"]) await client.create(`/${root}${path}`, "old");
    const tree = file(
      '{"nodes": {"/ROOT/set": "new", "/ROOT/made": "x", "/ROOT/acl": {"acl": "world:anyone:cdrw"}}}',
    );
    const words = `apply ${tree} --prune /${root}`;
    const plan = (await home.must(`${words} --dry-run --json`)).stdout;
    expect(await dataAt("/set")).toBe("old");
    const meanwhile: readonly (readonly [() => Promise<unknown>, () => Promise<unknown>])[] = [
      [() => client.setData(`/${root}/set`, "other"), () => client.setData(`/${root}/set`, "old")],
      [() => client.create(`/${root}/made`), () => client.remove(`/${root}/made`)],
      [() => client.create(`/${root}/gone/child`), () => client.remove(`/${root}/gone/child`)],
      [() => client.remove(`/${root}/gone`), () => client.create(`/${root}/gone`, "old")],
    ];
    for (const [change, undo] of meanwhile) {
      const fresh = (await home.must(`${words} --dry-run --json`)).stdout;
      await change();
      const before = await namesAt("");
      const refused = await home.run("apply - --yes --json", { stdin: fresh });
      expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("nothing was changed") });
      expect(refused.json()).toMatchObject({ error: { code: "CHANGED" } });
      expect(await namesAt("")).toEqual(before);
      await undo();
    }
    // An ACL is no part of a transaction: what was done before it is said.
    const last = (await home.must(`${words} --dry-run --json`)).stdout;
    await client.setACL(`/${root}/acl`, readOnly);
    expect(await home.run("apply - --yes --json", { stdin: last })).toMatchObject({ exitCode: 9 });
    expect([await namesAt(""), await dataAt("/set")]).toEqual([["acl", "made", "set"], "new"]);
    // The first one rests on versions of long ago.
    expect(await home.run("apply - --yes", { stdin: plan })).toMatchObject({ exitCode: 4 });
  });

  it("tells a pipeline whether anything would be changed", async () => {
    const tree = file('{"nodes": {"/ROOT": "x"}}');
    expect(await stage.home.run(`apply ${tree} --dry-run`)).toMatchObject({ exitCode: 0 });
    expect(await stage.home.run(`apply ${tree} -n --exit-code`)).toMatchObject({ exitCode: 1 });
    await stage.home.must(`apply ${tree}`);
    expect(await stage.home.run(`apply ${tree} -n --exit-code`)).toMatchObject({ exitCode: 0 });
    expect(await stage.home.run(`apply ${tree} --exit-code`)).toMatchObject({ exitCode: 2 });
    expect(await stage.home.run(`--read-only apply ${tree}`)).toMatchObject({ exitCode: 5 });
    expect(await stage.home.run(`--read-only apply ${tree} -n`)).toMatchObject({ exitCode: 0 });
  });

  it("takes a dump, with the ACLs of parents behind their children", async () => {
    const { client, home } = stage;
    await client.create(`/${root}`);
    await client.create(`/${root}/shut`, "may be read only", { acl: [readOnly[0]!] }).catch(() => {});
    const made =
      '{"nodes": {"/ROOT/parent": {"data": "p", "acl": "world:anyone:r"}, "/ROOT/parent/child": "c"}}';
    await home.must(`apply ${file(made)}`);
    for (const name of ["dump.ndjson", "dump.json", "dump.tar", "dump.ndjson.gz"]) {
      await home.must(`export /${root} --force -o ${name}`);
      await home.must(`apply ${name} --at /${root}-${name}`);
      expect(await home.run(`diff /${root} /${root}-${name}`)).toMatchObject({ exitCode: 0 });
      expect(await home.must(`apply ${name} -n --json`)).toMatchObject({ exitCode: 0 });
    }
  });

  it("that is killed in the middle goes on when it is run again", async () => {
    const { client, home } = stage;
    const nodes = Object.fromEntries(
      Array.from({ length: MANY }, (_, index) => [
        `/${root}/n${String(index).padStart(4, "0")}`,
        "x".repeat(200),
      ]),
    );
    const tree = file(JSON.stringify({ nodes }));
    const running = startZk(["apply", tree], { env: home.env, cwd: home.path });
    await waitUntil("the first transaction", async () => (await client.exists(`/${root}`)) !== null);
    running.child.kill("SIGKILL");
    await running.ended;
    const there = (await client.getChildren(`/${root}`)).length;
    expect(there).toBeGreaterThan(0);
    const rest = (await home.must(`apply ${tree} --json`)).json<Told>();
    // The root, and what the killed one has done, perhaps after we have looked.
    expect(rest.operations.length).toBeLessThanOrEqual(MANY - there);
    expect(await namesAt("")).toHaveLength(MANY);
  });
}

/** What a file may not say: enough to see it once. */
export function describeRefusedFiles(stage: Stage): void {
  const cases: readonly (readonly [string, string])[] = [
    ["", '"nodes"'],
    ["nodes: [", "nothing was changed"],
    ['{"nodes": {"/a": 5}}', "in quotes"],
    ['{"nodes": {"a": ""}}', "no path"],
    ['{"nodes": {"/a/": ""}}', "no path"],
    ['{"nodes": {"/a": "", "/a": ""}}', "unique"],
    ['{"nodes": {"/a": {"dta": ""}}}', 'did you mean "data"?'],
    ['{"nodes": {"/a": {"data": "", "file": "x"}}}', "only one of"],
    ['{"nodes": {"/a": {"file": "no-such-file"}}}', "cannot be read"],
    ['{"nodes": {"/a": {"dataBase64": "%%"}}}', "not base64"],
    ['{"nodes": {"/a": {"acl": []}}}', '"acl"'],
    ['{"nodes": {"/a": {"acl": ["world:anyone"]}}}', "SCHEME:ID:PERMISSIONS"],
    ['{"nodes": {}, "prune": ["/"]}', '"prune"'],
    ['{"schema": "zk.tree/2", "nodes": {}}', "zk.tree/1"],
    ["nodes: !!js/function 'x'", "nothing was changed"],
    ["a: &a [1]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\ne: [*c,*c,*c,*c]", "alias"],
    ['{"schema": "zk.apply/1", "dryRun": false}', "what was done"],
    [
      '{"schema": "zk.apply/1", "dryRun": true, "prune": [], "operations": [{"op": "delete", "path": "/a", "version": 0}]}',
      "none of",
    ],
    [
      '{"schema": "zk.apply/1", "dryRun": true, "prune": [], "operations": [{"op": "set", "path": "/a", "data": ""}]}',
      '"version"',
    ],
    [
      '{"schema": "zk.apply/1", "dryRun": true, "prune": [], "operations": [{"op": "fly", "path": "/a"}]}',
      "fly",
    ],
  ];
  it.each(cases)("refuses %s", async (stdin, words) => {
    const refused = await stage.home.run("apply - --yes", { stdin });
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(words) });
    expect(await stage.client.exists("/a")).toBe(null);
  });
}
