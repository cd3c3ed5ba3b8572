// What people type who know zkCli.sh: it works, or they are told what to type.
import { beforeAll, expect, it } from "vitest";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory", { servers: 1 });
const { home } = stage;
const must = async (words: string): Promise<string> => (await home.must(words)).stdout;

beforeAll(async () => {
  for (const words of ["create /w one", "create /w/a two", "create /w/a/b three"]) await home.must(words);
});

it("options before the command", async () => {
  const servers = stage.ensemble.connectionString;
  expect(
    await home.must(`-server ${servers} -timeout 4000 ls /w`, { env: { ZK_SERVERS: "" } }),
  ).toMatchObject({
    stdout: "a\n",
  });
  expect(await home.run("-r set /w x")).toMatchObject({ exitCode: 5 });
});

it("getAllChildrenNumber counts what is below, and not the znode", async () => {
  expect(await must("getAllChildrenNumber /w")).toBe("2\n");
  expect(await must("find /w --min-depth 2")).toBe("/w/a/b\n");
});

it("getAcl -s and setAcl -s show the stat", async () => {
  expect(await must("getAcl -s /w")).toMatch(/^world:anyone:cdrwa\n\nczxid .*\n/);
  expect(await must("setAcl -s /w world:anyone:cdrwa")).toContain("aversion        1\n");
  expect((await home.must("acl /w --json")).json()).toMatchObject({ aversion: 1, stat: { aversion: 1 } });
});

it("delquota -n and -b take one limit, and the quota with the last", async () => {
  await home.must("setquota -n 5 /w");
  await home.must("setquota -b 100 /w");
  expect(await must("delquota -n /w --plain")).toBe("3\t\t11\t100\n");
  expect(await home.must("delquota -b /w")).toMatchObject({ exitCode: 0 });
  expect(await home.run("listquota /w")).toMatchObject({ exitCode: 1 });
  expect(await must("ls /zookeeper/quota")).toBe("");
});

it("limits that newer servers enforce are left as they are", async () => {
  const at = "/zookeeper/quota/w/zookeeper_limits";
  const hard = "=;byteHardLimit=7;countHardLimit=-1";
  await home.must("setquota -n 5 /w");
  await home.must(["set", at, `count=5,bytes=-1${hard}`]);
  await home.must("setquota -b 10 /w");
  expect(await must(`get ${at}`)).toBe(`count=5,bytes=10${hard}`);
  await home.must("quota /w --nodes none --bytes none");
  expect(await must(`get ${at}`)).toBe(`count=-1,bytes=-1${hard}`);
  expect(await home.run("setquota -B 10 /w")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("zk quota PATH --bytes SIZE"),
  });
  await home.must("delquota /w");
});

it("set -b takes what get -b prints", async () => {
  const base64 = Buffer.from([0, 255, 10]).toString("base64");
  await home.must(["set", "-b", "/w/a", base64]);
  expect((await home.must("get /w/a")).bytes).toEqual(Buffer.from([0, 255, 10]));
  await home.must("set -b /w/a -", { stdin: (await home.must("get -b /w/a")).stdout });
  expect(await home.run("set -b /w/a YQ")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("the VALUE is not base64"),
  });
});

it("deleteall takes its number, and addWatch its mode", async () => {
  await home.must("deleteall /w/a -b 100 --yes");
  expect(await must("ls /w")).toBe("");
  const none = "--exec ./none";
  const watched = async (words: string): Promise<string> => (await home.run(`${words} ${none}`)).stderr;
  expect(await watched("addWatch -m PERSISTENT /w")).toContain(`zk watch /w ${none}\n`);
  expect(await watched("addWatch /w -m PERSISTENT_RECURSIVE")).toContain(`zk watch --recursive /w ${none}\n`);
  expect(await watched("addWatch /w")).toContain(`zk watch --recursive /w ${none}\n`);
  expect(await home.run("addWatch -m FOO /w")).toMatchObject({ exitCode: 2 });
});

it("a slash at the end is too much, but where a number comes behind it", async () => {
  expect(await must("create /w/x/")).toBe("/w/x\n");
  expect(await must("create -s /w/x/")).toBe("/w/x/0000000000\n");
});

it("a path is told with what is wrong with it, and shown as what it is", async () => {
  const said = async (path: string): Promise<string> => (await home.run(["get", path])).stderr;
  expect(await said("w")).toContain("paths begin with a slash: /w");
  expect(await said("/😀")).toContain("U+1F600");
  expect(await said("/a\u001b[31m\nb")).toContain("zk: getData /a\\x1b[31m\\nb: ");
  expect(await home.run("--chroot /nope ls /")).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining("zk: the chroot /nope does not exist\n"),
  });
  expect(await said("/w/nope")).toBe("zk: /w/nope does not exist\n");
});
