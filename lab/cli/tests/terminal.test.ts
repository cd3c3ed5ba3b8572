// zk on a real terminal: its shell, its questions, its colours.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { digestId } from "@zk/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "./support/program.js";
import { stageForThisFile } from "./support/stage.js";
import { Terminal } from "./support/terminal.js";

const stage = stageForThisFile("memory");
const { home } = stage;
let terminal: Terminal;
beforeEach(async () => {
  await stage.client.removeRecursive("/shop").catch(() => {});
  await stage.client.create("/shop", "x");
  await stage.client.create("/shop/config", "one\n");
  await stage.client.create("/shop/two words", "2");
});
afterEach(() => terminal?.kill());

const open = (words: readonly string[] = [], env: Record<string, string> = {}): Terminal => {
  terminal = Terminal.zk(words, { ...home.env, ...env }, home.path);
  return terminal;
};

describe("the shell", () => {
  it("has the grammar of the command line, relative paths and one session", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("ls /", /shop/);
    await shell.line("cd shop", /zk:\/shop( \[\w+\])?> $/);
    await shell.line("get config", "one");
    await shell.line("set 'two words' \"a 'quoted' text\"", "has version 1 now");
    expect(Buffer.from((await stage.client.getData("/shop/two words")).data!).toString()).toBe(
      "a 'quoted' text",
    );
    await shell.line("cd ..", /zk:\/( \[\w+\])?> $/);
    await shell.line("cd nowhere", "/nowhere does not exist");
    await shell.line("pwd", /\n\/\n/);
    // An ephemeral lives as long as the shell's session, and the next command sees it.
    await shell.line("create -e /shop/mine", "/shop/mine");
    await shell.line("zk stat /shop/mine", /ephemeralOwner +0x/);
    await shell.line("rmr /shop/nothing", "rmr is the old word");
    await shell.line("gte /shop", "did you mean zk get?");
    await shell.line("\\timing", "timing is on");
    await shell.line("exists /shop", /\d ms/);
    shell.type("exit\r");
    expect(await shell.exitCode()).toBe(0);
    expect(await stage.client.exists("/shop/mine")).toBeNull();
  });

  it("completes commands, options and paths", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    shell.type("gr\t");
    await shell.expect("grep ");
    shell.type("--ignor\t");
    await shell.expect("--ignore-case ");
    shell.type("one /sho\t");
    await shell.expect("/shop");
    shell.type("/conf\t");
    await shell.expect("/shop/config");
    shell.type("\r");
    await shell.expect("/shop/config:1:one");
    const from = shell.text.length;
    shell.type("cd /sh\t");
    await shell.expect("cd /shop", from);
    shell.type("\r");
    await shell.expect(/zk:\/shop \[\w+\]> /, from);
    shell.type("get co\t");
    await shell.expect("get config", from);
    shell.type("\r");
    await shell.expect("one", from);
  });

  it("goes on with a line whose quote is open, pipes, and writes into files", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("set /shop/config 'first", "... ", "... ");
    await shell.line("second'", "has version 1 now");
    expect(Buffer.from((await stage.client.getData("/shop/config")).data!).toString()).toBe("first\nsecond");
    await shell.line("get /shop/config | wc -c | sed s/^/bytes=/", "bytes=12");
    await shell.line("ls /shop --json | grep -c '\"name\"'", /\n2\n/);
    // Pasted in one go.
    const from = shell.text.length;
    shell.type("get /shop/config > out.txt\rget /shop/config >> out.txt\rexists /shop\r");
    await shell.expect("/shop exists", from);
    expect(readFileSync(join(home.path, "out.txt"), "utf8")).toBe("first\nsecondfirst\nsecond");
  });

  it("goes on where a file or a program cannot be written to", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line(
      "delete /shop/config > /nope/out",
      "/nope/out cannot be written: no such file or directory",
    );
    expect(await stage.client.exists("/shop/config")).not.toBeNull();
    await shell.line("ls /shop > /dev/full", "/dev/full cannot be written: no space left on device");
    await shell.line("ls /shop | no-such-program", "not found");
    await shell.line("exists /shop", "/shop exists");
  });

  it("means the current znode where a path is left out, and goes back to the one before", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("cd /shop", /zk:\/shop( \[\w+\])?> $/);
    await shell.line("ls", /config +two words\n/);
    await shell.line("find --name con*", "\n/shop/config\n");
    await shell.line("getAllChildrenNumber", /\n2\n/);
    await shell.line("cd -", /zk:\/( \[\w+\])?> $/);
    await shell.line("cd -", /zk:\/shop( \[\w+\])?> $/);
  });

  it("does a line of before again by its number", async () => {
    const shell = open([], { ZK_HISTORY: join(home.path, "redo-history") });
    await shell.expect("zk:/> ");
    await shell.line("get /shop/config", "one");
    await shell.line("exists /shop", "exists");
    await shell.line("redo 1", /get \/shop\/config\none/);
    await shell.line("history 1", /\d {2}history 1\n/);
    await shell.line("redo 99", "there is no line 99");
  });

  it("has the prompt of the context that the next command is for", async () => {
    await home.must(`context add first --servers ${stage.ensemble.connectionString}`);
    await home.must(`context add second --servers ${stage.ensemble.connectionString}/shop --read-only`);
    await home.must("context use first");
    const shell = open([], { ZK_SERVERS: "" });
    await shell.expect(/first:\/> $/);
    await shell.line("cd /shop", /first:\/shop/);
    await shell.line("context use second", /second:\/ .*read-only.*> $/);
    await shell.line("ls", "config");
    await shell.line("set config x", "says read-only");
    await home.must("context rm first --yes");
    await home.must("context rm second --yes");
  });

  it("remembers lines, in a file of its own, without secrets", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("exists /shop/config", "exists");
    await shell.line(" exists /shop", "exists");
    shell.type("\u001b[A");
    await shell.expect(/exists \/shop\/config$/);
    shell.type("\u0003");
    await shell.expect("^C");
    shell.type("\u0004");
    expect(await shell.exitCode()).toBe(0);
    const file = join(home.path, "state/zk/history");
    expect(readFileSync(file, "utf8").split("\n")).toContain("exists /shop/config");
    expect(readFileSync(file, "utf8")).not.toContain(" exists /shop\n");
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it("finds a line of before by some of its letters", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("exists /shop/config", "exists");
    await shell.line("get /shop/config", "one");
    await shell.line("exists /shop", "exists");
    const from = shell.text.length;
    shell.type("/conf\u0012");
    await shell.expect(/get \/shop\/config$/, from);
    shell.type("\u0012");
    await shell.expect(/exists \/shop\/config$/, from);
    shell.type("\r");
    await shell.expect("/shop/config exists", from);
  });

  it("has credentials for a session, and forgets them", async () => {
    const acl = [{ perms: 31, id: { scheme: "digest", id: digestId("bob", "secret") } }];
    await stage.client.create("/shop/bobs", "mine", { acl });
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("get /shop/bobs", "not permitted");
    await shell.line("addauth digest bob:secret", /zk:\/( \[\w+\])?> $/);
    await shell.line("get /shop/bobs", "mine");
    await shell.line("delete /shop/bobs", "deleted /shop/bobs");
    await shell.line("addauth digest", "addauth SCHEME CREDENTIAL");
    shell.type("\u0004");
    expect(await shell.exitCode()).toBe(2);
    expect(readFileSync(join(home.path, "state/zk/history"), "utf8")).not.toContain("secret");
  });

  it("ends a command by Ctrl-C, not itself", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    const from = shell.text.length;
    shell.type("create - x y z\r");
    await shell.expect("> ", from);
    shell.type("set /shop/config -\r");
    await shell.expect("waiting for data on stdin");
    const at = shell.text.length;
    shell.type("\u0003");
    await shell.expect(/zk:\/( \[\w+\])?> /, at);
    await shell.line("exists /shop", "/shop exists");
  });

  it("has a prompt with the role of the server, what guards it, and what is wrong", async () => {
    const leader = await stage.ensemble.leader();
    const { host, clientPort } = stage.ensemble.servers.find(({ id }) => id === leader)!;
    const shell = open([], { ZK_SERVERS: `${host}:${clientPort}`, ZK_READONLY: "1" });
    await shell.expect("zk:/ [read-only]> ");
    await shell.line("exists /shop", "exists", "zk:/ [leader, read-only]> ");
    await stage.ensemble.kill(leader);
    /** A line with nothing on it gives the next prompt. */
    const prompt = async (text: string): Promise<void> => {
      await waitUntil(`the prompt ${text}`, async () => {
        const from = shell.text.length;
        shell.type("\r");
        await shell.expect("> ", from);
        return shell.text.slice(from).includes(text);
      });
    };
    await prompt("zk:/ [read-only, connection lost]> ");
    await stage.ensemble.start(leader);
    await stage.ensemble.ready();
    await prompt("zk:/ [follower, read-only]> ");
  });

  it("says that the connection is gone, and that it is back", async () => {
    const shell = open();
    await shell.expect("zk:/> ");
    await shell.line("exists /shop", "exists");
    for (const { id } of stage.ensemble.servers) await stage.ensemble.pause(id);
    await shell.line("--timeout 500ms get /shop", "not done within", "> ");
    for (const { id } of stage.ensemble.servers) await stage.ensemble.resume(id);
    await stage.ensemble.ready();
    await shell.line("get /shop/config", "one");
  });
});

describe("a command on a terminal", () => {
  it("asks before it deletes a subtree, and takes no for an answer", async () => {
    const asked = open(["delete", "-r", "/shop"]);
    await asked.expect("Delete /shop, 3 znodes in all? [y/N] ");
    expect(asked.text).toContain("/shop/config");
    asked.type("n\r");
    await asked.expect("not confirmed; nothing was changed");
    expect(await asked.exitCode()).toBe(2);
    expect(await stage.client.exists("/shop/config")).not.toBeNull();
    const again = open(["delete", "-r", "/shop"]);
    await again.expect("[y/N] ");
    again.type("y\r");
    expect(await again.exitCode()).toBe(0);
    expect(await stage.client.exists("/shop")).toBeNull();
  });

  it.each([
    ["delete", "-r", "/shop"],
    ["delete", "-r", "/zookeeper", "--allow-root"],
  ])("is interrupted by Ctrl-C at a question, which is no answer: %s %s %s", async (...words) => {
    const asked = open(words);
    await asked.expect(words.length > 3 ? "Type the path to go on: " : "[y/N] ");
    asked.type("\u0003");
    expect(await asked.exitCode()).toBe(130);
    expect(asked.text).toContain("ended by SIGINT");
    expect(asked.text).not.toContain("confirmed");
    expect(await stage.client.exists("/shop")).not.toBeNull();
  });

  it("wants the path typed for what is protected", async () => {
    await home.must(`context add guarded --servers ${stage.ensemble.connectionString} --protect /shop`);
    const words = ["--context", "guarded", "delete", "/shop/config"];
    const wrong = open(words);
    await wrong.expect("Type the path to go on: ");
    wrong.type("yes\r");
    expect(await wrong.exitCode()).toBe(2);
    expect(await stage.client.exists("/shop/config")).not.toBeNull();
    const right = open(words);
    await right.expect("Type the path to go on: ");
    right.type("/shop/config\r");
    expect(await right.exitCode()).toBe(0);
    expect(await stage.client.exists("/shop/config")).toBeNull();
  });

  it("has colour, unless somebody does not want it", async () => {
    const run = async (words: readonly string[], env: Record<string, string> = {}): Promise<boolean> => {
      const shown = open(words, env);
      await shown.exitCode();
      return shown.raw.includes("\u001b[34m");
    };
    const words = ["tree", "/"];
    expect(await run(words)).toBe(true);
    expect(await run(words, { NO_COLOR: "1" })).toBe(false);
    expect(await run(words, { TERM: "dumb" })).toBe(false);
    expect(await run([...words, "--color", "never"])).toBe(false);
    expect(await run([...words, "--color", "always"], { NO_COLOR: "1" })).toBe(true);
  });

  it("goes through a pager when it is longer than the screen, and only then", async () => {
    const transaction = stage.client.transaction();
    for (let index = 100; index < 200; index++) transaction.create(`/shop/n${index}`);
    await transaction.commit();
    const run = async (words: readonly string[], pager: string): Promise<string> => {
      const shown = open(["--progress", "never", ...words], { PAGER: pager });
      expect(await shown.exitCode()).toBe(0);
      return shown.text.replaceAll("\n\n", "\n");
    };
    const marked = `sh -c 'echo begin; cat; echo end'`;
    expect(await run(["find", "/shop"], marked)).toMatch(
      /^begin\n\/shop\n[\s\S]*\/shop\/n199\n[\s\S]*end\n$/,
    );
    expect(await run(["find", "/shop", "--name", "n1*9"], marked)).toMatch(/^\/shop\/n109\n[\s\S]*n199\n$/);
    expect(await run(["find", "--help"], marked)).toMatch(/^begin\nzk find[\s\S]*end\n$/);
    // Whoever leaves it has seen enough, and a pager that is not there hides nothing.
    expect(await run(["find", "/shop"], "sed 2q")).toBe("/shop\n/shop/config\n");
    expect(await run(["find", "/shop"], "no-such-pager")).toContain("/shop/n199\n");
    expect(await run(["find", "/shop"], "")).toMatch(/^\/shop\n/);
    const read = open(["find", "/shop", "--max-nodes", "60"]);
    await read.expect(/\n:$/);
    expect(read.text).not.toContain("n199");
    // What is to be said besides does not come between.
    expect(read.text).not.toContain("--max-nodes");
    read.type("q");
    expect(await read.exitCode()).toBe(9);
    expect(read.text).toContain("--max-nodes");
  });

  it("shows no control character of a znode to the terminal", async () => {
    await stage.client.setData("/shop/config", "\u001b]0;owned\u0007\u001b[31mred");
    const shown = open(["get", "/shop/config"]);
    expect(await shown.exitCode()).toBe(0);
    expect(shown.raw).toContain("\\x1b]0;owned\\x07\\x1b[31mred");
    expect(shown.raw).not.toContain("\u001b]0;owned");
  });

  it("edits in an editor, and merges what somebody else changed meanwhile", async () => {
    await stage.client.setData("/shop/config", "a\nb\nc\n");
    const editor = `sh -c 'sed -i s/^a$/A/ "$0"; while [ ! -e ${home.path}/go ]; do :; done'`;
    const edited = open(["edit", "/shop/config", "--editor", editor]);
    // The editor is open once its file is there; then somebody else is faster.
    await stage.client.setData("/shop/config", "a\nb\nC\n");
    await home.must(["get", "/shop", "--json"]);
    (await import("node:fs")).writeFileSync(join(home.path, "go"), "");
    await edited.expect(/merged[\s\S]*Look at the result\?|has version/);
    if (edited.text.includes("merged")) {
      edited.type("y\r");
      expect(await edited.exitCode()).toBe(0);
      expect(Buffer.from((await stage.client.getData("/shop/config")).data!).toString()).toBe("A\nb\nC\n");
    }
  });

  it("is ended by q in zk top", async () => {
    const top = open(["top", "--interval", "50ms"]);
    await top.expect("LATENCY");
    top.type("q");
    expect(await top.exitCode()).toBe(0);
  });
});
