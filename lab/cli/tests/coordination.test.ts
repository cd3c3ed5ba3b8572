// watch, queues, barriers and members, in this process where nothing has to be a process of its own.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { documented } from "./support/fields.js";
import { type Followed, followZk } from "./support/follow.js";
import { startZk, waitUntil } from "./support/program.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory");
const { home } = stage;
const follow = (words: string): Followed => followZk(home, words);

describe("what only looks", () => {
  it.each([
    ["elect /look --observe --once", 1],
    ["barrier status /look", 0],
    ["barrier wait /look", 0],
    ["members /look", 3],
    ["lock ls /look", 3],
    ["queue ls /look", 3],
  ] as const)("makes no znode: zk %s", async (line, exitCode) => {
    expect(await home.run(["--read-only", ...line.split(" ")])).toMatchObject({ exitCode });
    expect(await stage.client.exists("/look")).toBeNull();
  });
});

describe("zk watch", () => {
  it("tells of what is there, and of every change behind it", async () => {
    await stage.client.create("/w1", "one");
    const watched = follow("watch -r /w1 --initial --data --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await stage.client.create("/w1/a", "x");
    await waitUntil("the first change", () => watched.lines.length > 1);
    await stage.client.setData("/w1/a", "y");
    await waitUntil("the second", () => watched.lines.length > 2);
    await stage.client.remove("/w1/a");
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
    await stage.client.create("/w2");
    const watched = follow("watch -r /w2 --initial --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await stage.ensemble.restartAll();
    await stage.client.create("/w2/meanwhile", null, { retry: "always" });
    await waitUntil("the news", () => watched.lines.length > 1);
    expect(watched.lines[1]).toMatchObject({ type: "NodeCreated", path: "/w2/meanwhile" });
    await watched.end();
  });

  it("runs a command for each event, with the event on its stdin, and ends with its code", async () => {
    await stage.client.create("/w3");
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
    await stage.client.create("/w3/first");
    await waitUntil("the command", () => existsSync(out));
    await stage.client.create("/w3/last");
    expect(await running.ended).toMatchObject({ exitCode: 9 });
    const [first] = readFileSync(out, "utf8").split("\n");
    expect(first).toMatch(/^NodeCreated \/w3\/first \{"type":"NodeCreated","path":"\/w3\/first"/);
  });

  it("tells of the last event of a burst only, when it is told to wait", async () => {
    await stage.client.create("/w4");
    const watched = follow("watch -r /w4 --debounce 300ms --initial --json");
    await waitUntil("the watch", () => watched.lines.length > 0);
    await stage.client.create("/w4/a", "0");
    for (let index = 1; index < 10; index++) await stage.client.setData("/w4/a", String(index));
    await waitUntil("the burst to end", () => watched.lines.length > 1);
    expect(watched.lines.slice(1)).toMatchObject([{ path: "/w4/a" }]);
    await watched.end();
  });

  it("says at once that there is no such command, not at the first event", async () => {
    for (const [program, exitCode] of [
      ["no-such-command-here", 127],
      ["./no-such-file", 127],
      ["/etc/passwd", 126],
      ["/etc", 126],
    ] as const) {
      expect(await home.run(`watch /w6 --exec ${program}`)).toMatchObject({ exitCode, stdout: "" });
      expect(await home.run(`queue take /q0 --exec ${program}`)).toMatchObject({ exitCode, stdout: "" });
    }
    expect(await stage.client.exists("/q0")).toBe(null);
  });

  it("ends after one event", async () => {
    await stage.client.create("/w5");
    const watched = follow("watch /w5 --once --json");
    const beat = setInterval(() => void stage.client.setData("/w5", "x").catch(() => {}), 20);
    expect(await watched.ended).toMatchObject({ exitCode: 0 });
    clearInterval(beat);
    expect(watched.lines).toHaveLength(1);
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
    await stage.client.create("/m");
    expect(await home.run("members /m")).toMatchObject({ exitCode: 1, stdout: "" });
    await stage.client.create("/m/old", "10.0.0.1:80", { mode: CreateMode.EPHEMERAL });
    await stage.client.create("/m/settings");
    expect((await home.must("members /m --plain")).stdout.split("\t").slice(0, 3)).toEqual([
      "there",
      "old",
      "10.0.0.1:80",
    ]);
    const watched = follow("members /m --follow --json");
    await waitUntil("the first", () => watched.lines.length > 0);
    await stage.client.create("/m/new", "10.0.0.2:80", { mode: CreateMode.EPHEMERAL });
    await waitUntil("the new one", () => watched.lines.length > 1);
    await stage.client.setData("/m/new", "10.0.0.3:80");
    await waitUntil("its change", () => watched.lines.length > 2);
    await stage.client.remove("/m/old");
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
