// Files of settings that are broken, or cannot be written: what still works, and how they are mended.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ZkHome } from "./support/zk.js";

const home = ZkHome.forThisFile();
const file = join(home.path, "config", "zk", "config.json");
const config = (text: string): void => {
  mkdirSync(join(home.path, "config", "zk"), { recursive: true });
  writeFileSync(file, text);
};
const a = { servers: "127.0.0.1:1" };

describe("a context in use that is gone", () => {
  beforeEach(() => config(JSON.stringify({ current: "gone", contexts: { a } })));

  it("stops what connects, and says which file names it", async () => {
    expect(await home.run("ls /")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`there is no context "gone" (named by ${file})`),
    });
  });

  it("is seen by zk context ls, and mended by zk context use", async () => {
    const listed = await home.must("context ls --json");
    expect(listed.json()["contexts"]).toMatchObject([{ name: "a", isCurrent: false }]);
    expect(listed.stderr).toContain('warning: there is no context "gone"');
    expect((await home.must("context show a")).stdout).toContain("127.0.0.1:1");
    await home.must("context use a");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ current: "a" });
    expect((await home.must("context ls")).stderr).toBe("");
  });

  it("is mended by zk context use --none and by adding it", async () => {
    await home.must("context add gone --servers 127.0.0.1:2");
    await home.must("context explain");
    config(JSON.stringify({ current: "gone" }));
    await home.must("context add b --servers 127.0.0.1:2");
    await home.must("context use --none");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      contexts: { b: { servers: "127.0.0.1:2" } },
    });
  });
});

it("help, completion and the version need no settings", async () => {
  config("{");
  for (const words of [
    "help exit-codes",
    "help ls",
    "completion bash",
    "--version",
    "ls --help",
    "help --json",
  ])
    expect(await home.run(words), words).toMatchObject({ exitCode: 0, stderr: "" });
  for (const words of ["ls /", "context ls", "context add b --servers h:1", "context explain"])
    expect(await home.run(words), words).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`${file} is not JSON`),
    });
});

it("a folder that cannot be written is said, and is no fault of zk", async () => {
  const env = { XDG_CONFIG_HOME: "/dev/null" };
  const { exitCode, stderr } = await home.run("context add b --servers h:1", { env });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr:
      "zk: /dev/null/zk/config.json cannot be written: not a directory\n    XDG_CONFIG_HOME names another folder for settings\n",
  });
});

it("a name that every object has is none of a context, nor of a topic", async () => {
  config("{}");
  for (const name of ["constructor", "__proto__", "toString"]) {
    expect(await home.run(["ls", "/", "--context", name]), name).toMatchObject({ exitCode: 2 });
    expect(await home.run(["help", name]), name).toMatchObject({ exitCode: 2 });
  }
  await home.must("context add constructor --servers 127.0.0.1:1");
  expect((await home.must("context explain --context constructor")).stdout).toContain("127.0.0.1:1");
});

it("times that no timer can take are refused, in flags, variables and files", async () => {
  config("{}");
  for (const words of ["ls / --timeout 25d", "create /x -e --hold 60d", "ls / --timeout 0"])
    expect(await home.run(words), words).toMatchObject({ exitCode: 2 });
  expect((await home.run("ls /", { env: { ZK_TIMEOUT: "99999999d" } })).stderr).toBe(
    'zk: ZK_TIMEOUT: it must be at most 24d, not "99999999d"\n',
  );
  expect((await home.run("ls / --timeout 0")).stderr).toContain("--timeout must be a time above 0");
  config(JSON.stringify({ contexts: { a: { ...a, timeoutMs: 2 ** 31 } } }));
  expect(await home.run("ls / --context a")).toMatchObject({ exitCode: 2 });
});
