// Completion in the shells themselves: keys into a terminal with bash, zsh or fish in it, and zk's own words for what comes out.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { zkPath } from "./support/program.js";
import { stageForThisFile } from "./support/stage.js";
import { Terminal } from "./support/terminal.js";

/** How each shell begins without anybody's settings, how it is told of zk, and what it leaves to be typed behind an open quote. */
const SHELLS = {
  bash: { words: ["bash", "--norc", "-i"], setUp: "source <(zk completion bash)", close: "" },
  zsh: {
    words: ["zsh", "-f", "-i"],
    setUp: "autoload -U compinit && compinit -u -D && source <(zk completion zsh)",
    close: "'",
  },
  fish: { words: ["fish", "--no-config", "-i"], setUp: "zk completion fish | source", close: "" },
} as const;

// Whoever has no zsh sees no tests of it; .ci/run brings all three.
const there = Object.entries(SHELLS).filter(([name]) => spawnSync(name, ["--version"]).error === undefined);
const missing = Object.keys(SHELLS).filter((name) => !there.some(([other]) => other === name));
if (missing.length > 0)
  console.log(`not tried, as they are not installed: completion in ${missing.join(", ")}`);

const PROMPT = /[$#>] $/;

const stage = stageForThisFile("memory", { servers: 1 });
beforeAll(async () => {
  for (const [path, data] of [
    ["/shop", ""],
    ["/shop/config", "the configuration"],
    ["/shop/two words", "both words"],
    ["/shop/it's $5", "quoted"],
  ] as const)
    await stage.client.create(path, data);
  mkdirSync(join(stage.home.path, "bin"));
  writeFileSync(join(stage.home.path, "bin/zk"), `#!/bin/sh\nexec ${process.execPath} ${zkPath} "$@"\n`, {
    mode: 0o755,
  });
  await stage.home.must("context add production --servers h:1 --read-only");
});

it("is tried in bash at least", () => expect(there.map(([name]) => name)).toContain("bash"));

// They have nothing to do with each other, and wait a lot.
it.concurrent.each(there)(
  "%s completes commands, options, values, contexts and paths, and quotes what has to be",
  async (_name, { words, setUp, close }) => {
    const { home } = stage;
    const env = {
      ...home.env,
      PATH: `${home.path}/bin:${process.env["PATH"]}`,
      PS1: "$ ",
      fish_greeting: "",
    };
    using shell = new Terminal(words, env, home.path);
    shell.type(`${setUp}; echo set\\ up\r`);
    await shell.expect(new RegExp(`set up[^]*${PROMPT.source}`));
    /** Types keys with tabs in them, then Enter, and waits for what zk says. */
    const type = async (keys: string, shown: string, says: string | RegExp): Promise<void> => {
      const from = shell.text.length;
      const parts = keys.split("\t");
      for (const [index, part] of parts.entries()) {
        shell.type(part);
        if (index < parts.length - 1) shell.type("\t");
      }
      // What the shell has made of it is on the screen before it is run.
      await shell.expect(shown, from);
      const at = shell.text.length;
      shell.type("\r");
      await shell.expect(says, at);
      await shell.expect(PROMPT, at);
    };
    await type("zk get /shop/conf\t", "/shop/config", "the configuration");
    await type("zk get /shop/tw\t", "words", "both words");
    await type("zk get /shop/it\t", "5", "quoted");
    await type(`zk get '/shop/tw\t${close}`, "words", "both words");
    await type("zk comple\tbash | head -n 1", "completion", "# bash completion for zk");
    await type("zk get --plai\t/shop/config", "--plain", "the configuration");
    await type("zk get --color=nev\t/shop/config", "never", "the configuration");
    await type("zk context show prod\t", "production", /readOnly/);
    expect(shell.text).not.toMatch(/error|not found/i);
  },
);
