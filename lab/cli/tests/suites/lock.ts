// zk lock as a process, with commands that are real processes: signals, what they leave behind, servers that stand still,
// sessions that end.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateMode } from "@zk/client";
import { beforeEach, expect, it } from "vitest";
import { isAlive, stateOf } from "../support/processes.js";
import { type Running, startZk, waitUntil, zkPath } from "../support/program.js";
import { forAllServers, type Stage } from "../support/stage.js";

/** A shell that is stopped while it starts a program waits for that one, and /proc does not say T of it. */
const standing = "exec sleep 300";

/** Commands under locks, each test at a path of its own. */
class LockBench {
  readonly #stage: Stage;
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    beforeEach(() => {
      this.#count++;
    });
  }

  get path(): string {
    return `/locks/l${this.#count}`;
  }

  start(words: readonly string[], stdin = ""): Running {
    return startZk(["lock", ...words], { env: this.#stage.home.env, stdin });
  }

  /** Holds until it is told to end; says its pid. */
  holder(more: readonly string[] = [], script = "sleep 300"): Running {
    return this.start([...more, this.path, "--", "sh", "-c", `echo $$ > ${this.file("pid")}; ${script}`]);
  }

  async line(): Promise<readonly string[]> {
    return await this.#stage.client.getChildren(this.path).catch(() => []);
  }

  file(name: string): string {
    return join(this.#stage.home.path, `${name}-${this.#count}`);
  }

  async pidIn(name: string): Promise<number> {
    await waitUntil(
      `the file ${name}`,
      () => existsSync(this.file(name)) && readFileSync(this.file(name), "utf8").trim() !== "",
    );
    return Number(readFileSync(this.file(name), "utf8"));
  }

  /** Ends the session of whoever stands first. */
  async expireHolder(): Promise<void> {
    const [node] = await this.line();
    const stat = await this.#stage.client.exists(`${this.path}/${node}`);
    await this.#stage.expire(stat!.ephemeralOwner);
  }
}

/** What holds on every kind of servers. */
export function describeLock(stage: Stage): void {
  const bench = new LockBench(stage);

  it("runs the command with our streams and its own code, and gives the lock back", async () => {
    const script =
      'read line; echo "got $line, held $ZK_LOCK_HELD, path $ZK_LOCK_PATH, fence $ZK_LOCK_FENCE"; echo problem >&2; exit 7';
    const { exitCode, stdout, stderr } = await bench.start([bench.path, "--", "sh", "-c", script], "a line\n")
      .ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: "problem\n" });
    expect(stdout).toMatch(new RegExp(`^got a line, held 1, path ${bench.path}, fence \\d+\\n$`));
    expect(await bench.line()).toEqual([]);
  });

  it("leaves the line when a signal comes while it waits", async () => {
    const first = bench.holder();
    await bench.pidIn("pid");
    const signals = [
      ["SIGTERM", 143],
      ["SIGINT", 130],
      ["SIGQUIT", 131],
      ["SIGUSR1", 138],
    ] as const;
    const waiting = signals.map(() => bench.start([bench.path, "--", "true"]));
    await waitUntil("all in line", async () => (await bench.line()).length === 1 + signals.length);
    await waitUntil("the words", () => waiting.every((each) => each.stderr().includes("waiting for")));
    for (const [index, [signal, exitCode]] of signals.entries()) {
      waiting[index]!.child.kill(signal);
      expect(await waiting[index]!.ended).toMatchObject({ exitCode });
      expect(await bench.line()).toHaveLength(signals.length - index);
    }
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ exitCode: 143, stderr: expect.not.stringContaining("lost") });
  });

  it("passes signals on to everything that the command has started, and leaves nothing of it behind", async () => {
    const grandchildScript = `trap "echo grandchild > ${bench.file("trap")}" USR2; trap "" TERM; echo $$ > ${bench.file("grandchild")}; while :; do sleep 0.05; done`;
    const running = bench.holder(
      ["--kill-after", "500ms"],
      `sh -c '${grandchildScript}' & trap "" USR2; wait; exit 3`,
    );
    const grandchild = await bench.pidIn("grandchild");
    running.child.kill("SIGUSR2");
    await waitUntil("the grandchild to hear of it", () => existsSync(bench.file("trap")));
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({
      exitCode: 143,
      stderr: expect.stringContaining("left others behind"),
    });
    expect(isAlive(grandchild)).toBe(false);
    expect(await bench.line()).toEqual([]);
  });

  it("stops the command before a server could have given the lock away, also one that does not act on TERM", async () => {
    const short = ["--session-timeout", "3s", "--kill-after", "500ms"];
    const obedient = bench.holder(
      short,
      `trap "echo term > ${bench.file("trap")}; exit 5" TERM; while :; do sleep 0.05; done`,
    );
    const stubborn = bench.start([
      ...short,
      `${bench.path}-2`,
      "--",
      "sh",
      "-c",
      `echo $$ > ${bench.file("stubborn")}; trap "" TERM; while :; do sleep 0.05; done`,
    ]);
    const pids = [await bench.pidIn("pid"), await bench.pidIn("stubborn")];
    await forAllServers(stage.ensemble, (id) => stage.ensemble.pause(id));
    for (const running of [obedient, stubborn])
      expect(await running.ended).toMatchObject({
        exitCode: 75,
        stderr: expect.stringContaining("the lock is lost"),
      });
    expect(readFileSync(bench.file("trap"), "utf8")).toBe("term\n");
    expect(pids.map(isAlive)).toEqual([false, false]);
    await forAllServers(stage.ensemble, (id) => stage.ensemble.resume(id));
    await stage.ensemble.ready();
  });

  it("ends with 75 when the session is ended behind its back, and runs the hook", async () => {
    const running = bench.holder(["--on-lost", `echo $ZK_LOCK_PATH > ${bench.file("hook")}`]);
    const pid = await bench.pidIn("pid");
    await bench.expireHolder();
    expect(await running.ended).toMatchObject({ exitCode: 75 });
    expect(isAlive(pid)).toBe(false);
    await waitUntil("the hook", () => existsSync(bench.file("hook")));
    expect(readFileSync(bench.file("hook"), "utf8").trim()).toBe(bench.path);
  });

  it("can be broken by somebody who sees who has it, and the next one gets it", async () => {
    const { home } = stage;
    const running = bench.holder(["--data", "me"]);
    await bench.pidIn("pid");
    const listed = (await home.must(`lock ls ${bench.path} --json`)).json();
    expect(listed).toMatchObject({
      kind: "readWriteLock",
      line: [{ place: 1, role: "holder", data: "me", address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }],
    });
    expect(await home.run(`lock break ${bench.path}`)).toMatchObject({ exitCode: 2 });
    expect((await home.must(`lock break ${bench.path} --confirm ${bench.path} --json`)).json()).toMatchObject(
      { broken: { data: "me" } },
    );
    expect(await running.ended).toMatchObject({ exitCode: 75 });
    expect(await home.run(`lock ls ${bench.path}`)).toMatchObject({ exitCode: 1 });
    expect(await bench.start(["-n", bench.path, "--", "true"]).ended).toMatchObject({ exitCode: 0 });
  });

  it("does not outlive a zk that is killed", async () => {
    const script = `trap "" TERM; echo $$ > ${bench.file("late")}; while :; do sleep 0.05; done`;
    const running = bench.holder(["--kill-after", "1s"], script);
    const pid = await bench.pidIn("late");
    running.child.kill("SIGKILL");
    expect(await running.ended).toMatchObject({ signal: "SIGKILL" });
    await waitUntil("the command to be gone", () => !isAlive(pid));
    // The znode is still there: the session has not ended yet.
    expect(await bench.line()).toHaveLength(1);
    await bench.expireHolder();
  });
}

/** What does not depend on servers: enough to see it once. */
export function describeLockInDetail(stage: Stage): void {
  const bench = new LockBench(stage);

  it.each([
    [["--", "no-such-command-here"], 127],
    [["--", "/etc/passwd"], 126],
    [["--", "sh", "-c", "kill -USR1 $$"], 138],
  ])("ends as a shell would: %j", async (words, exitCode) => {
    expect(await bench.start([bench.path, ...words]).ended).toMatchObject({ exitCode });
    expect(await bench.line()).toEqual([]);
  });

  it("does not wait with -n, waits no longer than -w, and has the code that -E says", async () => {
    const first = bench.holder();
    await bench.pidIn("pid");
    const { path } = bench;
    const ends = await Promise.all([
      bench.start(["-n", path, "--", "true"]).ended,
      bench.start(["-w", "200ms", "-E", "44", path, "--", "true"]).ended,
      bench.start(["-s", "-n", path, "--", "true"]).ended,
      bench.start(["-n", "--mutex", path, "--", "true"]).ended,
      bench.start(["-n", "--limit", "2", path, "--", "true"]).ended,
    ]);
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([1, 44, 1, 4, 4]);
    expect(await bench.line()).toHaveLength(1);
    first.child.kill("SIGTERM");
    await first.ended;
    expect(await bench.line()).toEqual([]);
  });

  it("is shared by readers, or by so many as --limit says", async () => {
    for (const kind of [["-s"], ["--limit", "2"]]) {
      const path = `${bench.path}${kind.length}`;
      const script = `echo x >> ${bench.file(`here${kind.length}`)}; sleep 300`;
      const holders = [1, 2].map(() => bench.start([...kind, path, "--", "sh", "-c", script]));
      await waitUntil(
        "both to hold it",
        () =>
          existsSync(bench.file(`here${kind.length}`)) &&
          readFileSync(bench.file(`here${kind.length}`), "utf8") === "x\nx\n",
      );
      // A writer, and a third one.
      const other = kind[0] === "-s" ? [] : kind;
      expect(await bench.start(["-n", ...other, path, "--", "true"]).ended).toMatchObject({ exitCode: 1 });
      const listed = (await stage.home.must(`lock ls ${path} --json`)).json<{ line: { role: string }[] }>();
      expect(listed.line.map(({ role }) => role)).toEqual(
        Array(2).fill(kind[0] === "-s" ? "reader" : "holder"),
      );
      for (const holder of holders) holder.child.kill("SIGTERM");
      for (const holder of holders) expect(await holder.ended).toMatchObject({ exitCode: 143 });
    }
  });

  it("takes its place again when its session ends while it waits", async () => {
    const first = bench.holder();
    await bench.pidIn("pid");
    const waiting = bench.start([bench.path, "--", "echo", "mine now"]);
    await waitUntil("two in line", async () => (await bench.line()).length === 2);
    let node: string | undefined;
    let owner = 0n;
    // The first place of all is only to see whether nobody else is there; the one to wait in comes after that.
    await waitUntil("a place to wait in", async () => {
      node = [...(await bench.line())].sort(bySerial)[1];
      owner = (await stage.client.exists(`${bench.path}/${node}`))?.ephemeralOwner ?? 0n;
      return owner !== 0n;
    });
    await stage.expire(owner);
    await waitUntil("another place", async () => {
      const line = await bench.line();
      return line.length === 2 && !line.includes(node!);
    });
    first.child.kill("SIGTERM");
    expect(await waiting.ended).toMatchObject({ exitCode: 0, stdout: "mine now\n" });
  });

  it("runs at once under a zk lock that has the lock already, if that is asked for and enough", async () => {
    const zk = `${process.execPath} ${zkPath}`;
    const inner = `${zk} lock --reentrant-env ${bench.path} -- sh -c 'echo inner $ZK_LOCK_FENCE'`;
    const outer = (more: readonly string[], script: string) =>
      bench.start([...more, bench.path, "--", "sh", "-c", script]).ended;
    const nested = await outer([], `echo outer $ZK_LOCK_FENCE; ${inner}; exit $?`);
    expect(nested).toMatchObject({ exitCode: 0 });
    const [, outerFence, innerFence] = /^outer (\d+)\ninner (\d+)\n$/.exec(nested.stdout) ?? [];
    expect(innerFence).toBe(outerFence);
    expect(await outer(["-s"], inner)).toMatchObject({ exitCode: 2 });
    expect(await outer([], `ZK_LOCK_FENCE=1; ${inner}`)).toMatchObject({ exitCode: 75 });
    // Another lock is waited for as ever.
    expect(await outer([], inner.replace(bench.path, `${bench.path}-other`))).toMatchObject({ exitCode: 0 });
  });

  it("takes with it at once what runs under a lock below it, when that is killed", async () => {
    const script = `trap "" TERM; echo $$ > ${bench.file("pid")}; while :; do sleep 0.05; done`;
    const inner = [process.execPath, zkPath, "lock", `${bench.path}-inner`, "--", "sh", "-c", script];
    const running = bench.start(["--kill-after", "500ms", bench.path, "--", ...inner]);
    const pid = await bench.pidIn("pid");
    await bench.expireHolder();
    await waitUntil("the outer one to end", () => running.child.exitCode === 75);
    // It would have five seconds if the inner zk alone had been killed.
    await waitUntil("the command to be gone", () => !isAlive(pid), 3_000);
  });

  it("stands in a line with kazoo's names, and refuses a line that would not see it", async () => {
    await stage.client.create(bench.path, null, { createParents: true });
    await stage.client.create(`${bench.path}/${"0".repeat(32)}__lock__`, "kazoo", {
      mode: CreateMode.EPHEMERAL_SEQUENTIAL,
    });
    const kazoo = ["-n", "--mutex", "--dialect", "kazoo", bench.path, "--", "true"];
    expect(await bench.start(kazoo).ended).toMatchObject({ exitCode: 1 });
    expect(await bench.start(["-n", "--mutex", bench.path, "--", "true"]).ended).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("zk lock --dialect kazoo"),
    });
  });

  it("runs nothing when somebody has come into the directory in another layout meanwhile", async () => {
    const first = bench.holder(["--mutex"]);
    await bench.pidIn("pid");
    const second = bench.start(["--mutex", bench.path, "--", "touch", bench.file("ran")]);
    await waitUntil("two in line", async () => (await bench.line()).length === 2);
    await stage.client.create(`${bench.path}/_c_other-__WRIT__`, null, {
      mode: CreateMode.EPHEMERAL_SEQUENTIAL,
    });
    first.child.kill("SIGTERM");
    await first.ended;
    expect(await second.ended).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("read-write lock"),
    });
    expect(existsSync(bench.file("ran"))).toBe(false);
    expect(await bench.line()).toHaveLength(1);
  });

  it("holds at least as long as it is told", async () => {
    const began = performance.now();
    expect(await bench.start(["--min-hold", "700ms", bench.path, "--", "true"]).ended).toMatchObject({
      exitCode: 0,
    });
    expect(performance.now() - began).toBeGreaterThan(700);
  });

  it("lets the command stand still while zk is stopped by Ctrl-Z, and go on with it", async () => {
    const running = bench.holder([], standing);
    const pid = await bench.pidIn("pid");
    running.child.kill("SIGTSTP");
    await waitUntil("both to stand still", () => stateOf(pid) === "T" && stateOf(running.child.pid!) === "T");
    running.child.kill("SIGCONT");
    await waitUntil("the command to go on", () => stateOf(pid) !== "T");
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143 });
  });
}

/** Needs servers of which one can go. */
export function describeLossOfLeader(stage: Stage): void {
  const bench = new LockBench(stage);

  it("keeps the lock and the command when the leader is killed", async () => {
    const running = bench.holder(["--session-timeout", "10s"]);
    const pid = await bench.pidIn("pid");
    const [node] = await bench.line();
    const killed = await stage.ensemble.killLeader();
    await waitUntil("a write to pass", () =>
      stage.client.setData("/locks", "x").then(
        () => true,
        () => false,
      ),
    );
    expect(await bench.line()).toEqual([node]);
    expect(isAlive(pid)).toBe(true);
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143 });
    expect(await bench.line()).toEqual([]);
    await stage.ensemble.start(killed);
  });
}

/** Needs a server that can be away for a while without anybody's session ending. */
export function describeSuspension(stage: Stage): void {
  const bench = new LockBench(stage);

  it("pauses the command while the connection is in doubt, and lets it go on when the session is still ours", async () => {
    const running = bench.holder(
      ["--on-suspend", "pause", "--session-timeout", "20s", "--kill-after", "500ms"],
      standing,
    );
    const pid = await bench.pidIn("pid");
    const isStill = (): boolean => {
      if (!isAlive(pid)) throw new Error(`the command is gone: ${running.stderr()}`);
      return stateOf(pid) === "T";
    };
    await forAllServers(stage.ensemble, (id) => stage.ensemble.kill(id));
    await waitUntil("the command to stand still", isStill);
    await forAllServers(stage.ensemble, (id) => stage.ensemble.start(id, { wait: "process" }));
    await waitUntil("the command to go on", () => !isStill());
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143 });
    await stage.ensemble.ready();
  });
}

function bySerial(one: string, other: string): number {
  return one.slice(-10) < other.slice(-10) ? -1 : 1;
}
