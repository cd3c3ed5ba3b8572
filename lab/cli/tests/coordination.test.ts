// watch, elect, queues, barriers and members, in this process where nothing has to be a process of its own.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "@zk/cli";
import { type Client, CreateMode, createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { undocumented, unseen } from "./support/fields.js";
import { buildZk, startZk, waitUntil } from "./support/program.js";
import { ZkHome, type ZkResult } from "./support/zk.js";

const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
let client: Client;
beforeAll(async () => {
  buildZk();
  ensemble = await startMemoryEnsemble({ servers: 3 });
  home.use(ensemble.connectionString);
  client = createClient(ensemble.connectionString);
  await client.connect();
});
afterAll(async () => {
  await client.close();
  await ensemble.stop();
});

const documented = (name: string, values: readonly Record<string, unknown>[]): void => {
  const command = COMMANDS.find((each) => each.name === name)!;
  expect({ name, undocumented: undocumented(command, values), unseen: unseen(command, values) }).toEqual({
    name,
    undocumented: [],
    unseen: [],
  });
};

/** A run that goes on until it is ended; its lines as they come. */
function follow(words: string): {
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<ZkResult>;
  end(): Promise<ZkResult>;
} {
  const controller = new AbortController();
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  const ended = home.run(words, {
    signal: controller.signal,
    onStdout: (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.filter(Boolean).map((line) => JSON.parse(line)));
    },
  });
  return {
    lines,
    ended,
    end: () => {
      controller.abort(new Error("enough"));
      return ended;
    },
  };
}

describe("zk watch", () => {
  it("tells of what is there, and of every change behind it", async () => {
    await client.create("/w1", "one");
    const watched = follow("watch -r /w1 --initial --data --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await client.create("/w1/a", "x");
    await waitUntil("the first change", () => watched.lines.length > 1);
    await client.setData("/w1/a", "y");
    await waitUntil("the second", () => watched.lines.length > 2);
    await client.remove("/w1/a");
    await waitUntil("the third", () => watched.lines.length > 3);
    expect(watched.lines.map(({ type, path, data, mode }) => [type, path, data, mode])).toEqual([
      ["Initial", "/w1", "one", "emulated"],
      ["NodeCreated", "/w1/a", "x", "emulated"],
      ["NodeDataChanged", "/w1/a", "y", "emulated"],
      ["NodeDeleted", "/w1/a", undefined, "emulated"],
    ]);
    documented("watch", watched.lines);
    await watched.end();
  });

  it("says what happened while the connection was away", async () => {
    await client.create("/w2");
    const watched = follow("watch -r /w2 --initial --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await ensemble.restartAll();
    await client.create("/w2/meanwhile", null, { retry: "always" });
    await waitUntil("the news", () => watched.lines.length > 1);
    expect(watched.lines[1]).toMatchObject({ type: "NodeCreated", path: "/w2/meanwhile" });
    await watched.end();
  });

  it("runs a command for each event, with the event on its stdin, and ends with its code", async () => {
    await client.create("/w3");
    const out = join(home.path, "w3.out");
    const program = join(home.path, "w3.sh");
    (await import("node:fs")).writeFileSync(
      program,
      `#!/bin/sh\necho "$ZK_EVENT $ZK_PATH $(cat)" >> ${out}\ntest "$ZK_PATH" != /w3/last || exit 9\n`,
      { mode: 0o755 },
    );
    const running = startZk(["watch", "-r", "/w3", "--exec", program, "--exit-on-failure"], {
      env: home.env,
    });
    await waitUntil("the watch", () => running.stderr().includes("watching /w3"));
    await client.create("/w3/first");
    await waitUntil("the command", () => existsSync(out));
    await client.create("/w3/last");
    expect(await running.ended).toMatchObject({ exitCode: 9 });
    const [first] = readFileSync(out, "utf8").split("\n");
    expect(first).toMatch(/^NodeCreated \/w3\/first \{"type":"NodeCreated","path":"\/w3\/first"/);
  });

  it("tells of the last event of a burst only, when it is told to wait", async () => {
    await client.create("/w4");
    const watched = follow("watch -r /w4 --debounce 300ms --initial --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await client.create("/w4/a", "0");
    for (let index = 1; index < 10; index++) await client.setData("/w4/a", String(index));
    await waitUntil("the burst to end", () => watched.lines.length > 1);
    expect(watched.lines.slice(1)).toMatchObject([{ path: "/w4/a" }]);
    await watched.end();
  });

  it("ends after one event", async () => {
    await client.create("/w5");
    const watched = follow("watch /w5 --once --json");
    const beat = setInterval(() => void client.setData("/w5", "x").catch(() => {}), 20);
    expect(await watched.ended).toMatchObject({ exitCode: 0 });
    clearInterval(beat);
    expect(watched.lines).toHaveLength(1);
  });
});

describe("zk elect", () => {
  it("runs the command of one at a time, and the next one follows when it has ended", async () => {
    const words = (name: string): string[] => [
      "elect",
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
    const first = startZk(words("one"), { env: home.env });
    await waitUntil("the first to lead", () => first.stdout() !== "");
    const watched = follow("elect /e1 --observe --json");
    await waitUntil("the leader to be known", () => watched.lines.length > 0);
    expect(watched.lines[0]).toMatchObject({ event: "leader", data: "one" });
    const second = startZk(words("two"), { env: home.env });
    await waitUntil("the second in line", async () => (await client.getChildren("/e1")).length === 2);
    (await import("node:fs")).writeFileSync(join(home.path, "one"), "");
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

  it("stands again when the command has failed, until it succeeds", async () => {
    const count = join(home.path, "tries");
    const { exitCode, stderr } = await startZk(
      ["elect", "/e2", "--", "sh", "-c", `echo x >> ${count}; test $(wc -l < ${count}) -ge 2`],
      { env: home.env },
    ).ended;
    expect({ exitCode, tries: readFileSync(count, "utf8") }).toEqual({ exitCode: 0, tries: "x\nx\n" });
    expect(stderr.match(/elected/g)).toHaveLength(2);
  });

  it("stands for nothing any more when it is told to end", async () => {
    const running = startZk(["elect", "/e3", "--restart", "always", "--", "sleep", "300"], { env: home.env });
    await waitUntil("it to lead", () => running.stderr().includes("elected"));
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143 });
    expect(await client.getChildren("/e3")).toEqual([]);
  });
});

describe("zk queue", () => {
  it("gives items in order, and keeps one whose command has failed", async () => {
    const put = (await home.must("queue put /q1 one --json")).json();
    documented("queue put", [put]);
    await home.must("queue put /q1 -", { stdin: Buffer.from([0xff]) });
    expect((await home.must("queue ls /q1 --plain")).stdout.split("\n")).toHaveLength(3);
    documented("queue ls", [(await home.must("queue ls /q1 --json")).json()]);
    expect(await home.run("queue take /q1 --exec false")).toMatchObject({ exitCode: 1 });
    expect((await home.must("queue take /q1 -n")).stdout).toBe("one");
    const second = (await home.must("queue take /q1 --exec true --json")).lines();
    expect(second).toMatchObject([{ dataBase64: "/w==", exitCode: 0 }]);
    expect(await home.run("queue take /q1 -n")).toMatchObject({ exitCode: 1, stdout: "" });
    expect(await home.run("queue take /q1 -w 100ms")).toMatchObject({ exitCode: 1 });
  });
});

describe("zk barrier", () => {
  it("holds back until it is open, or three are here", async () => {
    await home.must("barrier close /b1");
    expect(await home.run("barrier status /b1")).toMatchObject({ exitCode: 1, stdout: "closed\n" });
    expect(await home.run("barrier wait /b1 -w 100ms")).toMatchObject({ exitCode: 1 });
    const waiting = home.run("barrier wait /b1 --json");
    await home.must("barrier open /b1");
    const passed = await waiting;
    documented("barrier", [passed.json()]);
    expect(passed).toMatchObject({ exitCode: 0 });
    const three = await Promise.all([1, 2, 3].map(() => home.run("barrier enter /b2 --members 3 -w 20s")));
    expect(three.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(await home.run("barrier enter /b3")).toMatchObject({ exitCode: 2 });
    expect(await home.run("barrier opne /b3")).toMatchObject({ exitCode: 2 });
  });
});

describe("zk members", () => {
  it("knows who is there, who comes and who goes", async () => {
    await client.create("/m");
    expect(await home.run("members /m")).toMatchObject({ exitCode: 1, stdout: "" });
    await client.create("/m/old", "10.0.0.1:80", { mode: CreateMode.EPHEMERAL });
    await client.create("/m/settings");
    expect((await home.must("members /m --plain")).stdout.split("\t").slice(0, 3)).toEqual([
      "there",
      "old",
      "10.0.0.1:80",
    ]);
    const watched = follow("members /m --follow --json");
    await waitUntil("the first", () => watched.lines.length > 0);
    await client.create("/m/new", "10.0.0.2:80", { mode: CreateMode.EPHEMERAL });
    await waitUntil("the new one", () => watched.lines.length > 1);
    await client.setData("/m/new", "10.0.0.3:80");
    await waitUntil("its change", () => watched.lines.length > 2);
    await client.remove("/m/old");
    await waitUntil("its end", () => watched.lines.length > 3);
    expect(watched.lines.map(({ event, name, data }) => `${event} ${name} ${data}`)).toEqual([
      "there old 10.0.0.1:80",
      "joined new 10.0.0.2:80",
      "changed new 10.0.0.3:80",
      "left old 10.0.0.1:80",
    ]);
    documented("members", watched.lines);
    await watched.end();
  });
});
