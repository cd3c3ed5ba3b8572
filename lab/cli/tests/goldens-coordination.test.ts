// What the commands for coordination say, kept in fixtures/ with their figures masked. Those that start programs are processes of
// their own, on pipes and on a terminal; the commands run beside each other, each on paths of its own.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "@zk/cli";
import { createClient } from "@zk/client";
import { describe, expect, it } from "vitest";
import { COORDINATION_SCENES } from "./support/coordination-scenes.js";
import { undocumented, unseen } from "./support/fields.js";
import { fileOf } from "./support/golden-run.js";
import { play, type Section, WAYS, type World } from "./support/living-run.js";
import { Masks } from "./support/masks.js";
import { zkPath } from "./support/program.js";
import { stageForThisFile } from "./support/stage.js";
import { Terminal } from "./support/terminal.js";

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
const stage = stageForThisFile("memory", { servers: 1 });

describe("what a command for coordination says", () => {
  it.concurrent.for(Object.keys(COORDINATION_SCENES))("zk %s", async (name, { expect }) => {
    const { home, ensemble } = stage;
    // A session of its own: what it has does not show in the golden of another command.
    await using client = createClient(ensemble.connectionString, { sessionTimeoutMs: 20_000 });
    await client.connect();
    const world: World = {
      home,
      client,
      words: { SERVER: ensemble.connectionString, ZK: zkPath, EXIT3: "exit 3" },
      known: [
        [ensemble.connectionString, "SERVER"],
        [zkPath, "ZK"],
      ],
    };
    const command = COMMANDS.find((each) => each.name === name)!;
    const said: Section[] = [];
    for (const scene of COORDINATION_SCENES[name]!)
      for (const way of scene.ways ?? WAYS)
        if (way !== "plain" || command.output.plain !== undefined)
          said.push(await play(command, scene, way, world));
    await expect(said.map(({ text }) => text).join("\n")).toMatchFileSnapshot(join(fixtures, fileOf(name)));
    const printed = said.flatMap((each) => each.printed);
    expect({ undocumented: undocumented(command, printed), unseen: unseen(command, printed) }).toEqual({
      undocumented: [],
      unseen: [],
    });
  });
});

describe("what the shell says", () => {
  const LINES = [
    "ls /shop",
    "cd shop",
    "pwd",
    "get config",
    "cd nowhere",
    "gte config",
    "\\timing",
    "exists config",
    "\\timing",
    "\\json on",
    "exists config",
    "\\json off",
    "\\json maybe",
    "addauth digest",
    "addauth digest bob:secret",
    "set config 'two",
    "lines'",
    "get config | wc -c",
    "rmr nothing",
    "history",
    "\\?",
    "connect elsewhere",
  ];

  it("to a person at a terminal", async () => {
    const { home, client, ensemble } = stage;
    await client.create("/shop/config", "one\n", { createParents: true });
    using terminal = Terminal.zk([], { ...home.env, PAGER: "cat" }, home.path);
    const prompt = /(^|\n)(zk:\S*( \[\w+\])?> |\.\.\. )$/;
    await terminal.expect(prompt);
    for (const line of LINES) {
      const from = terminal.text.length;
      terminal.type(`${line}\r`);
      await terminal.expect(prompt, from);
    }
    terminal.type("exit\r");
    expect(await terminal.exitCode()).toBe(2);
    const text = new Masks([[ensemble.connectionString, "SERVER"]]).apply(terminal.text);
    await expect(text).toMatchFileSnapshot(join(fixtures, "shell.txt"));
  });
});
