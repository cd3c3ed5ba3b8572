// zk lock as a process, with commands that are real processes: signals, what they leave behind, servers that stand still,
// sessions that end.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@zk/client";
import { type MemoryEnsemble, passwordOf, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildZk, type Running, startZk, waitUntil } from "./support/program.js";
import { ZkHome } from "./support/zk.js";

const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
let client: Client;
let path = "";
let count = 0;
beforeAll(async () => {
  buildZk();
  ensemble = await startMemoryEnsemble({ servers: 1, tickTimeMs: 1_000 });
  home.use(ensemble.connectionString);
  client = createClient(ensemble.connectionString);
  await client.connect();
});
beforeEach(() => {
  path = `/locks/l${++count}`;
});
afterAll(async () => {
  await client.close();
  await ensemble.stop();
});

const start = (words: readonly string[]): Running =>
  startZk(["lock", ...words], { env: home.env, stdin: "" });
const line = async (): Promise<readonly string[]> => await client.getChildren(path).catch(() => []);
const file = (name: string): string => join(home.path, `${name}-${count}`);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};
const pidIn = async (name: string): Promise<number> => {
  await waitUntil(
    `the file ${name}`,
    () => existsSync(file(name)) && readFileSync(file(name), "utf8").trim() !== "",
  );
  return Number(readFileSync(file(name), "utf8"));
};
/** Holds until it is told to end; says its pid. */
const holder = (more: readonly string[] = [], script = "sleep 300"): Running =>
  start([...more, path, "--", "sh", "-c", `echo $$ > ${file("pid")}; ${script}`]);

describe("zk lock", () => {
  it("runs the command with our streams and its own code, and gives the lock back", async () => {
    const script =
      'read line; echo "got $line, held $ZK_LOCK_HELD, path $ZK_LOCK_PATH, fence $ZK_LOCK_FENCE"; echo problem >&2; exit 7';
    const { exitCode, stdout, stderr } = await startZk(["lock", path, "--", "sh", "-c", script], {
      env: home.env,
      stdin: "a line\n",
    }).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: "problem\n" });
    expect(stdout).toMatch(new RegExp(`^got a line, held 1, path ${path}, fence \\d+\\n$`));
    expect(await line()).toEqual([]);
  });

  it.each([
    [["--", "no-such-command-here"], 127],
    [["--", "/etc/passwd"], 126],
    [["--", "sh", "-c", "kill -USR1 $$"], 138],
  ])("ends as a shell would: %j", async (words, exitCode) => {
    expect(await start([path, ...words]).ended).toMatchObject({ exitCode });
    expect(await line()).toEqual([]);
  });

  it("does not wait with -n, waits no longer than -w, and has the code that -E says", async () => {
    const first = holder();
    await pidIn("pid");
    expect(await start(["-n", path, "--", "true"]).ended).toMatchObject({ exitCode: 1 });
    expect(await start(["-w", "200ms", "-E", "44", path, "--", "true"]).ended).toMatchObject({
      exitCode: 44,
    });
    expect(await start(["-s", "-n", path, "--", "true"]).ended).toMatchObject({ exitCode: 1 });
    expect(await start(["-n", "--mutex", path, "--", "true"]).ended).toMatchObject({ exitCode: 4 });
    expect(await line()).toHaveLength(1);
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ exitCode: 143 });
    expect(await line()).toEqual([]);
  });

  it("is shared by readers", async () => {
    const first = holder(["-s"]);
    await pidIn("pid");
    expect(await start(["-s", "-n", path, "--", "true"]).ended).toMatchObject({ exitCode: 0 });
    expect(await start(["-n", path, "--", "true"]).ended).toMatchObject({ exitCode: 1 });
    first.child.kill("SIGTERM");
    await first.ended;
  });

  it("leaves the line when a signal comes while it waits", async () => {
    const first = holder();
    await pidIn("pid");
    for (const [signal, exitCode] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
      ["SIGQUIT", 131],
      ["SIGUSR1", 138],
    ] as const) {
      const waiting = start([path, "--", "true"]);
      await waitUntil("two in line", async () => (await line()).length === 2);
      await waitUntil("the words", () => waiting.stderr().includes("waiting for"));
      waiting.child.kill(signal);
      expect(await waiting.ended).toMatchObject({ exitCode });
      expect(await line()).toHaveLength(1);
    }
    first.child.kill("SIGTERM");
    await first.ended;
  });

  it("passes signals on to everything that the command has started", async () => {
    const script = `sh -c 'trap "echo grandchild > ${file("trap")}; exit 0" USR2; echo $$ > ${file("grandchild")}; while :; do sleep 0.05; done' & trap "" USR2; wait`;
    const running = holder([], script);
    const grandchild = await pidIn("grandchild");
    running.child.kill("SIGUSR2");
    await waitUntil("the grandchild to hear of it", () => existsSync(file("trap")));
    await waitUntil("the grandchild to be gone", () => !isAlive(grandchild));
    running.child.kill("SIGTERM");
    await running.ended;
    expect(await line()).toEqual([]);
  });

  it("leaves nothing of the command behind when it gives the lock back", async () => {
    const running = holder([], `sleep 300 & echo $! > ${file("left")}; exit 3`);
    const left = await pidIn("left");
    expect(await running.ended).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining("left others behind"),
    });
    expect(isAlive(left)).toBe(false);
    expect(await line()).toEqual([]);
  });

  it("holds at least as long as it is told", async () => {
    const began = performance.now();
    expect(await start(["--min-hold", "700ms", path, "--", "true"]).ended).toMatchObject({ exitCode: 0 });
    expect(performance.now() - began).toBeGreaterThan(700);
  });
});

describe("zk lock when servers fail", () => {
  const short = ["--session-timeout", "3s", "--kill-after", "500ms"];

  it("stops the command before a server could have given the lock away", async () => {
    const running = holder(
      short,
      `trap "echo term > ${file("trap")}; exit 5" TERM; while :; do sleep 0.05; done`,
    );
    const pid = await pidIn("pid");
    await ensemble.pause(1);
    const { exitCode, stderr } = await running.ended;
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 75,
      stderr: expect.stringContaining("the lock is lost"),
    });
    expect(readFileSync(file("trap"), "utf8")).toBe("term\n");
    expect(isAlive(pid)).toBe(false);
    await ensemble.resume(1);
    await ensemble.ready();
  });

  it("kills a command that does not act on TERM", async () => {
    const running = holder(short, 'trap "" TERM; while :; do sleep 0.05; done');
    const pid = await pidIn("pid");
    await ensemble.pause(1);
    expect(await running.ended).toMatchObject({ exitCode: 75 });
    expect(isAlive(pid)).toBe(false);
    await ensemble.resume(1);
    await ensemble.ready();
  });

  it("pauses the command while the connection is in doubt, and lets it go on when the session is still ours", async () => {
    const running = holder(
      ["--on-suspend", "pause", "--session-timeout", "20s", "--kill-after", "500ms"],
      "while :; do sleep 0.05; done",
    );
    const pid = await pidIn("pid");
    const state = (): string => {
      if (!isAlive(pid)) throw new Error(`the command is gone: ${running.stderr()}`);
      return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "?";
    };
    await ensemble.kill(1);
    await waitUntil("the command to stand still", () => state() === "T");
    await ensemble.start(1);
    await waitUntil("the command to go on", () => state() !== "T");
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143 });
  });

  it("ends with 75 when the session is ended behind its back, and runs the hook", async () => {
    const running = holder(["--on-lost", `echo $ZK_LOCK_PATH > ${file("hook")}`]);
    const pid = await pidIn("pid");
    const [node] = await line();
    const stat = await client.exists(`${path}/${node}`);
    await ensemble.expireSession({
      sessionId: stat!.ephemeralOwner,
      sessionPassword: passwordOf(stat!.ephemeralOwner),
    });
    expect(await running.ended).toMatchObject({ exitCode: 75 });
    expect(isAlive(pid)).toBe(false);
    await waitUntil("the hook", () => existsSync(file("hook")));
    expect(readFileSync(file("hook"), "utf8").trim()).toBe(path);
  });

  it("ends with 75 when somebody breaks the lock, and the next one gets it", async () => {
    const running = holder(["--data", "me"]);
    await pidIn("pid");
    const listed = (await home.must(`lock ls ${path} --json`)).json<{ line: Record<string, unknown>[] }>();
    expect(listed.line).toMatchObject([
      {
        place: 1,
        role: "holder",
        data: "me",
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        server: ensemble.connectionString,
      },
    ]);
    expect(await home.run(`lock break ${path}`)).toMatchObject({ exitCode: 2 });
    expect((await home.must(`lock break ${path} --confirm ${path} --json`)).json()).toMatchObject({
      broken: { data: "me" },
    });
    expect(await running.ended).toMatchObject({ exitCode: 75 });
    expect(await home.run(`lock ls ${path}`)).toMatchObject({ exitCode: 1 });
    writeFileSync(file("done"), "");
    expect(await start(["-n", path, "--", "true"]).ended).toMatchObject({ exitCode: 0 });
  });
});
