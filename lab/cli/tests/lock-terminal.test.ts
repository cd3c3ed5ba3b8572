// The command under zk lock in front of a real terminal: who reads the keys, and who has the terminal afterwards.
// This part of zk needs Linux, and dash or busybox; so do its tests, and bash for the user's own shell.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isAlive, stateOf } from "./support/processes.js";
import { waitUntil, zkPath } from "./support/program.js";
import { forAllServers, stageForThisFile } from "./support/stage.js";
import { Terminal } from "./support/terminal.js";

const stage = stageForThisFile("memory");
const { home } = stage;
let terminal: Terminal | undefined;
let count = 0;
afterEach(() => {
  terminal?.kill();
  terminal = undefined;
});

/** Ctrl-C and Ctrl-Z. */
const [INTERRUPT, SUSPEND] = ["\u0003", "\u001a"];
/** A file name that nobody has used, and what is in it once it is there. */
function fresh(): { readonly path: string; read(): Promise<string> } {
  const path = join(home.path, `file-${++count}`);
  return {
    path,
    read: async () => {
      await waitUntil(
        `${path} to be written`,
        () => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"),
      );
      return readFileSync(path, "utf8").trim();
    },
  };
}

const zk = `${process.execPath} ${zkPath}`;

function open(words: readonly string[]): Terminal {
  terminal = new Terminal(
    words,
    { ...home.env, HISTFILE: "", PS1: "ready$ ", PATH: process.env["PATH"] },
    home.path,
  );
  return terminal;
}

/** A user's shell, with jobs. */
async function openShell(): Promise<Terminal> {
  const shell = open(["bash", "--norc", "--noprofile", "-i"]);
  await shell.expect("ready$ ");
  return shell;
}

/** The shell reads and answers: the terminal is its own. */
async function hasPrompt(shell: Terminal): Promise<void> {
  const from = shell.text.length;
  shell.type(`echo $((${++count} + 1000))\r`);
  await shell.expect(`\n${count + 1000}\n`, from);
}

/** The process of the command, which says `pid NUMBER`. */
async function pidIn(run: Terminal): Promise<number> {
  await run.expect(/pid \d+\n/);
  return Number(/pid (\d+)\n/.exec(run.text)?.[1]);
}

/** The process of the zk that holds a lock, as others see it. */
async function holderOf(path: string): Promise<number> {
  const [node] = await line(path);
  const { data } = await stage.client.getData(`${path}/${node}`);
  return Number(Buffer.from(data!).toString().split(" ")[1]);
}

async function line(path: string): Promise<readonly string[]> {
  return await stage.client.getChildren(path).catch(() => []);
}

describe("the command under zk lock, on a terminal", () => {
  it("is in front, in a group of its own, and is asked at /dev/tty", async () => {
    const asks = 'ps -o pgid=,tpgid= -p $$; read -r x </dev/tty; echo "got $x"';
    const run = open(["sh", "-c", `${zk} lock /a -- sh -c '${asks}'`]);
    await run.expect(/\d+ +\d+/);
    const [, group, front] = /(\d+) +(\d+)/.exec(run.text) ?? [];
    expect(group).toBe(front);
    run.type("secret\r");
    await run.expect("got secret");
    expect(await run.exitCode()).toBe(0);
    expect(await line("/a")).toEqual([]);
  });

  it.each([
    ["true", 0],
    ["sh -c 'exit 3'", 3],
    ["sh -c 'kill -KILL $$'", 137],
    ["sh -c 'kill -INT $$'", 130],
    ["sh -c 'kill -TERM $$'", 143],
  ])("gives the terminal back to a script when it has ended: %s", async (command, code) => {
    const run = open(["sh", "-c", `${zk} lock /b -- ${command}; echo "code $?"; read -r x; echo "then $x"`]);
    await run.expect(`code ${code}\n`);
    run.type("more\r");
    await run.expect("then more");
    expect(await run.exitCode()).toBe(0);
  });

  it("has Ctrl-C for itself", async () => {
    const shell = await openShell();
    shell.type(`${zk} lock /c -- sh -c 'trap "echo caught; exit 7" INT; echo pid $$; read -r x'\r`);
    await pidIn(shell);
    shell.type(INTERRUPT);
    await shell.expect(/(\n|\^C)caught\n/);
    await shell.line("echo code $?", "code 7", "ready$ ");
    expect(await line("/c")).toEqual([]);
  });

  it("stands still with zk on Ctrl-Z, and goes on in front with fg, however often", async () => {
    const shell = await openShell();
    shell.type(`${zk} lock /d -- sh -c 'echo pid $$; while read -r x; do echo "got $x"; done'\r`);
    const pid = await pidIn(shell);
    const zkPid = await holderOf("/d");
    for (let turn = 0; turn < 20; turn += 1) {
      shell.type(SUSPEND);
      await waitUntil("zk to stand still", () => stateOf(zkPid) === "T");
      expect(stateOf(pid)).toBe("T");
      await hasPrompt(shell);
      shell.type("fg\r");
      await waitUntil("the command to go on", () => stateOf(pid) !== "T");
      shell.type(`${turn}\r`);
      await shell.expect(`\ngot ${turn}\n`);
    }
    shell.type("\u0004");
    await shell.line("echo code $?", "code 0", "ready$ ");
    expect(await line("/d")).toEqual([]);
  });

  it("goes on behind with bg, stands still when it wants to read there, and leaves the terminal alone", async () => {
    const [go, gone] = [fresh(), fresh()];
    const shell = await openShell();
    const waits = `while [ ! -e ${go.path} ]; do :; done; echo ran >${gone.path}; read -r x; echo "got $x"`;
    shell.type(`${zk} lock /e -- sh -c 'echo pid $$; ${waits}'\r`);
    const pid = await pidIn(shell);
    shell.type(SUSPEND);
    await shell.expect("Stopped");
    await shell.line("bg", "&", "ready$ ");
    await waitUntil("the command to go on", () => stateOf(pid) !== "T");
    await hasPrompt(shell);
    await shell.line(`touch ${go.path}`, "", "ready$ ");
    expect(await gone.read()).toBe("ran");
    const zkPid = await holderOf("/e");
    await waitUntil("both to stand still", () => stateOf(pid) === "T" && stateOf(zkPid) === "T");
    await hasPrompt(shell);
    shell.type("fg\r");
    await waitUntil("the command to go on", () => stateOf(pid) !== "T");
    shell.type("late\r");
    await shell.expect("\ngot late");
    await shell.line("echo code $?", "code 0", "ready$ ");
  });

  it("ends behind without a word to the terminal", async () => {
    const go = fresh();
    const shell = await openShell();
    shell.type(`${zk} lock /f -- sh -c 'echo pid $$; while [ ! -e ${go.path} ]; do :; done; exit 5'\r`);
    await pidIn(shell);
    shell.type(SUSPEND);
    await shell.expect("Stopped");
    await shell.line("bg", "&", "ready$ ");
    await shell.line(`touch ${go.path}`, "", "ready$ ");
    await waitUntil("the lock to be given back", async () => (await line("/f")).length === 0);
    // A shell tells of it in front of its next prompt.
    await waitUntil("the shell to tell how it ended", async () => {
      await hasPrompt(shell);
      return shell.text.includes("Exit 5");
    });
    await hasPrompt(shell);
  });

  it("is stopped by Ctrl-Z together with the script that runs zk", async () => {
    const shell = await openShell();
    shell.type(`sh -c '${zk} lock /g -- sh -c "echo pid \\$\\$; read -r x"; read -r y; echo "script $y"'\r`);
    const pid = await pidIn(shell);
    shell.type(SUSPEND);
    await shell.expect("Stopped");
    await hasPrompt(shell);
    shell.type("fg\r");
    await waitUntil("the command to go on", () => stateOf(pid) !== "T");
    shell.type("one\r");
    await waitUntil("the lock to be given back", async () => (await line("/g")).length === 0);
    shell.type("two\r");
    await shell.expect("\nscript two");
  });

  it("goes on at once where nobody could let zk go on", async () => {
    const run = Terminal.zk(
      ["lock", "/h", "--", "sh", "-c", "echo pid $$; read -r x; echo got $x"],
      home.env,
      home.path,
    );
    terminal = run;
    const pid = await pidIn(run);
    run.type(SUSPEND);
    await run.expect("^Z");
    await waitUntil("the command to go on", () => stateOf(pid) !== "T");
    run.type("one\r");
    await run.expect("got one");
    expect(await run.exitCode()).toBe(0);
  });

  it("ends when zk is killed, and the user's shell has the terminal", async () => {
    const shell = await openShell();
    shell.type(`${zk} lock /i -- sh -c 'echo pid $$; read -r x'\r`);
    const pid = await pidIn(shell);
    process.kill(await holderOf("/i"), "SIGKILL");
    await shell.expect("Killed");
    await waitUntil("the command to end", () => !isAlive(pid));
    await hasPrompt(shell);
  });

  it("ends in time when zk alone is stopped, and the user's shell has the terminal", async () => {
    const shell = await openShell();
    shell.type(`${zk} --session-timeout 3s lock --kill-after 300ms /j -- sh -c 'echo pid $$; read -r x'\r`);
    const pid = await pidIn(shell);
    process.kill(await holderOf("/j"), "SIGSTOP");
    await shell.expect("Stopped");
    await waitUntil("the command to end", () => !isAlive(pid));
    await hasPrompt(shell);
    shell.type("fg\r");
    await shell.expect("the lock is lost");
    await shell.line("echo code $?", "code 75", "ready$ ");
  });

  it("hears of Ctrl-C and Ctrl-Z also while it is paused", async () => {
    const shell = await openShell();
    const words = "--session-timeout 20s lock --on-suspend pause --kill-after 500ms /k";
    shell.type(`${zk} ${words} -- sh -c 'trap "echo caught; exit 7" INT; echo pid $$; read -r x'\r`);
    const pid = await pidIn(shell);
    await forAllServers(stage.ensemble, (id) => stage.ensemble.kill(id));
    await waitUntil("the command to stand still", () => stateOf(pid) === "T");
    shell.type(SUSPEND);
    await shell.expect("Stopped");
    await hasPrompt(shell);
    shell.type("fg\r");
    await shell.expect(/fg\n.*lock/);
    shell.type(INTERRUPT);
    await forAllServers(stage.ensemble, (id) => stage.ensemble.start(id, { wait: "process" }));
    await shell.expect(/(\n|\^C)caught\n/);
    await shell.line("echo code $?", "code 7", "ready$ ");
    await stage.ensemble.ready();
  });

  it("has the environment that zk has", async () => {
    const odd = { "spring.profile": "a b", SHLVL: "7", IFS: "x", OLDPWD: "/nowhere", word: "w", status: "s" };
    const look = 'require("node:fs").writeFileSync(process.argv[1], JSON.stringify(process.env) + "\\n")';
    const [own, held] = [fresh(), fresh()];
    const words = [process.execPath, "-e", look];
    terminal = new Terminal([...words, own.path], { ...home.env, ...odd }, home.path);
    expect(await terminal.exitCode()).toBe(0);
    const locked = ["lock", "/m", "--", ...words, held.path];
    terminal = Terminal.zk(locked, { ...home.env, ...odd }, home.path);
    expect(await terminal.exitCode()).toBe(0);
    const { ZK_LOCK_HELD, ZK_LOCK_PATH, ZK_LOCK_NODE, ZK_LOCK_SESSION, ZK_LOCK_FENCE, ...rest } = JSON.parse(
      await held.read(),
    );
    expect({ ZK_LOCK_HELD, ZK_LOCK_PATH }).toEqual({ ZK_LOCK_HELD: "1", ZK_LOCK_PATH: "/m" });
    expect(rest).toEqual(JSON.parse(await own.read()));
  });

  it("has no file open that a shell would not give it", async () => {
    const run = open(["sh", "-c", `sh -c 'echo /proc/$$/fd/*'; ${zk} lock /n -- sh -c 'echo /proc/$$/fd/*'`]);
    expect(await run.exitCode()).toBe(0);
    const [plain, held] = run.text.trim().split("\n");
    const numbers = (said: string | undefined) =>
      said?.split(" ").map((path) => Number(path.split("/").at(-1)));
    expect(numbers(plain)).toEqual(expect.arrayContaining([0, 1, 2]));
    expect(numbers(plain)).toEqual(expect.arrayContaining(numbers(held) ?? [-1]));
  });

  it("leaves the terminal to the other parts of a pipeline", async () => {
    const shell = await openShell();
    shell.type(`cat | ${zk} lock /l -- sh -c 'echo pid $$; read -r x; echo "got $x"'\r`);
    await pidIn(shell);
    shell.type("through\r");
    await shell.expect("\ngot through");
    shell.type("\u0004");
    await hasPrompt(shell);
    const reads = 'read -r x; echo "first $x"; read -r y </dev/tty; echo "then $y"';
    shell.type(`${zk} lock /l -- echo up | { ${reads}; }\r`);
    await shell.expect("\nfirst up\n");
    shell.type("typed\r");
    await shell.expect("\nthen typed\n");
  });
});
