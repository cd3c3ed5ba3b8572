import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

let ensemble: Ensemble;
const running: Example[] = [];

beforeAll(async () => {
  // The examples run as people run them, compiled; never as some older build.
  const build = spawnSync(process.execPath, ["tools/build.mjs", "examples"], { cwd: root, encoding: "utf8" });
  expect(build.stderr + build.stdout, "the examples build").toBe("");
  ensemble = await startEnsemble();
});

afterEach(() => {
  for (const example of running.splice(0)) example.process.kill("SIGKILL");
});

afterAll(() => ensemble?.stop());

test("create: shows which znodes outlive their session", async () => {
  const example = start("create");
  expect(await example.ended).toBe(0);
  expect(example.output).toMatch(/note-0000000000 = stays until removed/);
  expect(example.output).toMatch(/refused as it should be: BAD_VERSION, applied: no/);
  expect(example.output).toMatch(/note-0000000000 is there, .*alive-0000000001 is gone/);
});

test("watch-children: tells every child that comes and goes, also after its server died", async () => {
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  const example = start("watch-children", "/examples/members");
  await example.says("(no children)");
  await client.create("/examples/members/a");
  await example.says("/examples/members: a\n");
  const server = await ensemble.leader();
  await ensemble.kill(server);
  await client.create("/examples/members/b", null, { protected: false, retry: "always" }).catch(() => {});
  await example.says("/examples/members: a b\n");
  await client.removeRecursive("/examples/members");
  await example.says("NodeDeleted /examples/members");
  example.process.kill("SIGINT");
  expect(await example.ended).toBe(0);
  expect(example.output).toContain("stopped");
  await ensemble.start(server);
  await ensemble.ready();
});

test("survive: goes on writing when the leader is killed, and loses nothing that was acknowledged", async () => {
  const example = start("survive", "--json", "--seconds", "600", "--interval-ms", "5");
  await example.says("acknowledged", "stderr");
  const leader = await ensemble.killLeader();
  await ensemble.leader();
  await ensemble.start(leader);
  await example.says(/[1-9]\d* acknowledged/, "stderr");
  example.process.kill("SIGTERM");
  expect(await example.ended).toBe(0);
  const figures = JSON.parse(example.output);
  expect(figures).toMatchObject({
    lostAcknowledged: 0,
    unhandledRejections: 0,
    expirations: 0,
    closeConfirmed: true,
  });
  expect(figures.acknowledged).toBeGreaterThan(0);
});

test("global-lock: one process at a time, and the next one when it is killed", async () => {
  const one = start("global-lock", "one");
  await one.says("has the lock");
  const two = start("global-lock", "two");
  await two.says("waiting for the lock");
  one.process.kill("SIGKILL");
  await two.says("has the lock");
  await two.says("wrote step 1");
  two.process.kill("SIGINT");
  expect(await two.ended).toBe(0);
  expect(two.output).toContain("stopped");
});

test("master-election: one leads, and when it is killed another does", async () => {
  const leads = new Map(
    ["one", "two", "three"].map((name) => {
      const example = start("master-election", name);
      return [example, example.says("leads, token").then(() => example)] as const;
    }),
  );
  const next = async (): Promise<Example> => {
    const leader = await Promise.race(leads.values());
    leads.delete(leader);
    return leader;
  };
  (await next()).process.kill("SIGKILL");
  for (const how of ["SIGINT", "SIGTERM"] as const) {
    const leader = await next();
    leader.process.kill(how);
    expect(await leader.ended).toBe(0);
    expect(leader.output).toMatch(/the leader is (one|two|three)[\s\S]*stopped/);
  }
});

test("work-queue: jobs of a worker that is killed are done by another, and each is done once", async () => {
  const put = start("work-queue", "put", "20");
  expect(await put.ended).toBe(0);
  const [one, two] = [start("work-queue", "worker", "one"), start("work-queue", "worker", "two")];
  await one.says("did");
  await two.says("did");
  one.process.kill("SIGKILL");
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  for await (const _ of client.watch("/examples/done")) {
    if ((await client.getChildren("/examples/done")).length === 20) break;
  }
  two.process.kill("SIGINT");
  expect(await two.ended).toBe(0);
  const report = start("work-queue", "report");
  expect(await report.ended).toBe(0);
  expect(report.output).toBe("0 wait, 20 are done\n");
});

test("shared-configuration: every process hears of new settings, and bad ones change nothing", async () => {
  const [one, two] = [start("shared-configuration"), start("shared-configuration")];
  await one.says("begins with 100 requests");
  await two.says("begins with 100 requests");
  expect(await start("shared-configuration", "set", "7").ended).toBe(0);
  await one.says("now 7 requests");
  await two.says("now 7 requests");
  expect(await start("shared-configuration", "set", "none").ended).toBe(2);
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  await client.setData("/examples/limits", "{}");
  await one.says("the last good ones stay");
  expect(await start("shared-configuration", "set", "8").ended).toBe(2);
  await client.setData("/examples/limits", '{"requests":9}');
  await one.says("now 9 requests");
  two.process.kill("SIGKILL");
  const leader = await ensemble.killLeader();
  await ensemble.start(leader);
  expect(await start("shared-configuration", "set", "8").ended).toBe(0);
  await one.says("now 8 requests");
  one.process.kill("SIGTERM");
  expect(await one.ended).toBe(0);
});

test("name-service: calls go round those who serve, and to the others when one is killed", async () => {
  const [one, two] = [start("name-service", "serve", "one"), start("name-service", "serve", "two")];
  await one.says("serves as one");
  await two.says("serves as two");
  const both = start("name-service", "call", "6");
  expect(await both.ended).toBe(0);
  expect(both.output).toContain("hello from one\n");
  expect(both.output).toContain("hello from two\n");
  one.process.kill("SIGKILL");
  await one.ended;
  // Its session has not ended yet: who is sent to it goes on to the other.
  const other = start("name-service", "call", "6");
  expect(await other.ended).toBe(0);
  expect(other.output).toBe("hello from two\n".repeat(6));
  two.process.kill("SIGINT");
  expect(await two.ended).toBe(0);
});

test("cluster-members: every process sees who comes, who leaves and who is killed", async () => {
  const one = start("cluster-members", "one");
  await one.says(/members: one \(pid \d+\)\n/);
  const two = start("cluster-members", "two");
  await one.says(/members: one \(pid \d+\), two \(pid \d+\)\n/);
  await two.says(/members: one \(pid \d+\), two \(pid \d+\)\n/);
  two.process.kill("SIGKILL");
  await one.says(/members: one \(pid \d+\)\n/);
  one.process.kill("SIGINT");
  expect(await one.ended).toBe(0);
  expect(one.output).toContain("stopped");
});

interface Example {
  readonly process: ChildProcess;
  readonly output: string;
  readonly ended: Promise<number | null>;
  /** Waits until the example has printed the text since the last time it was asked. */
  says(text: string | RegExp, stream?: "stdout" | "stderr"): Promise<void>;
}

function start(name: string, ...args: string[]): Example {
  const child = spawn(process.execPath, [`examples/dist/${name}.js`, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ZK_SERVERS: ensemble.connectionString },
  });
  const printed = { stdout: "", stderr: "" };
  const seen = { stdout: 0, stderr: 0 };
  let wake = (): void => {};
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      printed[stream] += text;
      wake();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const example: Example = {
    process: child,
    ended,
    get output() {
      return printed.stdout;
    },
    async says(text, stream = "stdout") {
      const gone = ended.then(() => "gone" as const);
      for (;;) {
        const fresh = printed[stream].slice(seen[stream]);
        const match = typeof text === "string" ? fresh.indexOf(text) : fresh.search(text);
        if (match >= 0) {
          seen[stream] += match + 1;
          return;
        }
        const more = new Promise<"more">((resolve) => {
          wake = () => resolve("more");
        });
        if ((await Promise.race([more, gone])) === "gone") {
          throw new Error(`${name} ended before it said ${text}:\n${printed.stdout}\n${printed.stderr}`);
        }
      }
    },
  };
  running.push(example);
  return example;
}
