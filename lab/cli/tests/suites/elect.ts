// zk elect: one leads at a time, in the layouts of Curator and of kazoo, and what it runs ends as under zk lock.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateMode } from "@zk/client";
import { expect, it } from "vitest";
import { documented } from "../support/fields.js";
import { followZk } from "../support/follow.js";
import { type Running, startZk, waitUntil } from "../support/program.js";
import type { Stage } from "../support/stage.js";

/** What holds on every kind of servers. */
export function describeElection(stage: Stage): void {
  const { home } = stage;
  const elect = (words: readonly string[]): Running => startZk(["elect", ...words], { env: home.env });

  it("runs the command of one at a time, and the next one follows when it has ended", async () => {
    const words = (name: string): string[] => [
      "/e1",
      "--data",
      name,
      "--restart",
      "never",
      "--",
      "sh",
      "-c",
      `echo "$ZK_LOCK_FENCE"; while [ ! -e ${home.path}/${name} ]; do sleep 0.05; done; exit 4`,
    ];
    const first = elect(words("one"));
    await waitUntil("the first to lead", () => first.stdout() !== "");
    const watched = followZk(home, "elect /e1 --observe --json");
    await waitUntil("the leader to be known", () => watched.lines.length > 0);
    expect(watched.lines[0]).toMatchObject({ event: "leader", data: "one" });
    const second = elect(words("two"));
    await waitUntil("the second in line", async () => (await stage.client.getChildren("/e1")).length === 2);
    expect(
      (await stage.client.getChildren("/e1")).every((name) => /^_c_[0-9a-f-]{36}-lock-\d{10}$/.test(name)),
    ).toBe(true);
    writeFileSync(join(home.path, "one"), "");
    expect(await first.ended).toMatchObject({ exitCode: 4 });
    await waitUntil("the second to lead", () => second.stdout() !== "");
    expect(BigInt(second.stdout())).toBeGreaterThan(BigInt(first.stdout()));
    await waitUntil("it to be told", () => watched.lines.some(({ data }) => data === "two"));
    second.child.kill("SIGTERM");
    expect(await second.ended).toMatchObject({ exitCode: 143 });
    await waitUntil("nobody to lead", () => watched.lines.at(-1)?.["event"] === "none");
    documented("elect", watched.lines);
    await watched.end();
    expect(await home.run("elect /e1 --observe --once")).toMatchObject({ exitCode: 1 });
  });

  it("leads again in another session when its own was ended", async () => {
    const out = join(home.path, "e2.out");
    const running = elect(["/e2", "--", "sh", "-c", `echo "$ZK_LOCK_SESSION" >> ${out}; sleep 300`]);
    const terms = (): string[] =>
      existsSync(out) ? readFileSync(out, "utf8").split("\n").filter(Boolean) : [];
    await waitUntil("it to lead", () => terms().length === 1);
    await stage.expire(BigInt(terms()[0]!));
    await waitUntil("it to lead again", () => terms().length === 2);
    expect(terms()[1]).not.toBe(terms()[0]);
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({
      exitCode: 143,
      stderr: expect.stringMatching(/elected[\s\S]*the lock is lost[\s\S]*elected/),
    });
    expect(await stage.client.getChildren("/e2")).toEqual([]);
  });
}

/** What does not depend on servers. */
export function describeElectionInDetail(stage: Stage): void {
  const { home } = stage;
  const elect = (words: readonly string[]): Running => startZk(["elect", ...words], { env: home.env });

  it("stands again when the command has failed, until it succeeds", async () => {
    const count = join(home.path, "tries");
    const { exitCode, stderr } = await elect([
      "/e3",
      "--",
      "sh",
      "-c",
      `echo x >> ${count}; test $(wc -l < ${count}) -ge 2`,
    ]).ended;
    expect({ exitCode, tries: readFileSync(count, "utf8") }).toEqual({ exitCode: 0, tries: "x\nx\n" });
    expect(stderr.match(/elected/g)).toHaveLength(2);
  });

  it("stands for nothing any more when it is told to end, while it waits or while it leads", async () => {
    const leading = elect(["/e4", "--restart", "always", "--", "sleep", "300"]);
    await waitUntil("it to lead", () => leading.stderr().includes("elected"));
    const waiting = elect(["/e4", "--", "true"]);
    await waitUntil("two in line", async () => (await stage.client.getChildren("/e4")).length === 2);
    waiting.child.kill("SIGINT");
    expect(await waiting.ended).toMatchObject({ exitCode: 130 });
    expect(await stage.client.getChildren("/e4")).toHaveLength(1);
    leading.child.kill("SIGTERM");
    expect(await leading.ended).toMatchObject({ exitCode: 143 });
    expect(await stage.client.getChildren("/e4")).toEqual([]);
  });

  it("lets others lead after a while, if it is told", async () => {
    const running = elect(["/e5", "--resign-after", "200ms", "--", "sleep", "300"]);
    await waitUntil("two terms", () => (running.stderr().match(/elected/g) ?? []).length === 2);
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({
      exitCode: 143,
      stderr: expect.stringContaining("resigned"),
    });
  });

  it.each([
    ["latch", "_c_00000000-0000-0000-0000-000000000000-latch-", ["--latch"], "zk elect --latch"],
    ["kazoo", `${"0".repeat(32)}__lock__`, ["--dialect", "kazoo"], "zk elect --dialect kazoo"],
  ] as const)(
    "stands beside candidates of the layout %s, and refuses to be blind to them",
    async (kind, name, more, hint) => {
      const path = `/e6-${kind}`;
      await stage.client.create(path);
      const other = await stage.client.create(`${path}/${name}`, "the other", {
        mode: CreateMode.EPHEMERAL_SEQUENTIAL,
      });
      expect(await elect([path, "--", "true"]).ended).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining(hint),
      });
      expect((await home.must(`elect ${path} --observe --once --json`)).lines()).toMatchObject([
        { event: "leader", data: "the other" },
      ]);
      const ours = elect([path, ...more, "--restart", "never", "--", "sh", "-c", "exit 6"]);
      await waitUntil("two in line", async () => (await stage.client.getChildren(path)).length === 2);
      expect(ours.stderr()).not.toContain("elected");
      await stage.client.remove(other.path);
      expect(await ours.ended).toMatchObject({ exitCode: 6 });
      expect(await stage.client.getChildren(path)).toEqual([]);
    },
  );

  it.each([
    ["/e7", "--latch", "--dialect", "kazoo", "--", "true"],
    ["/e7", "--once", "--", "true"],
    ["/e7", "--observe", "--", "true"],
    ["/e7"],
  ])("refuses what makes no sense: %s %s", async (...words) => {
    expect(await home.run(["elect", ...words])).toMatchObject({ exitCode: 2 });
  });
}
