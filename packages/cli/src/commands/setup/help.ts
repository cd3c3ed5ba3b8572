import { type Command, defineCommand } from "../../definition/command.js";
import { describeCommand } from "../../definition/describe.js";
import { commandHelp, exitCodesHelp, overview } from "../../definition/help.js";
import { anyNumber } from "../../definition/specs.js";
import { TOPICS } from "../../definition/topics.js";
import { UsageError } from "../../program/errors.js";
import { EXIT_CODE_TABLE } from "../../program/exit-codes.js";
import { nearest } from "../../program/suggest.js";
import { allCommands } from "../all-commands.js";

export const help: Command = defineCommand({
  name: "help",
  group: "setup",
  isPaged: true,
  summary: "explain a command or a topic",
  examples: [
    { command: "zk help get", does: "as zk get --help" },
    { command: "zk help exit-codes", does: "what each exit code means" },
    { command: "zk help --json", does: "every command with its arguments, options and JSON, for programs" },
  ],
  arguments: { words: anyNumber("a command, or one of exit-codes, environment, data, json") },
  options: {},
  connects: false,
  exits: [[2, "there is no such command or topic"]],
  output: {
    form: "document",
    fields: [
      {
        name: "commands",
        type: "list",
        means: "name, group, summary, arguments, options, output, exits, examples of each",
      },
      { name: "exitCodes", type: "list", means: "code and meaning of each" },
    ],
  },
  async run(run) {
    const topic = run.arguments.words.join(" ");
    const listed = allCommands().filter(({ isHidden }) => isHidden !== true);
    if (topic === "") return { topic, commands: listed };
    if (topic === "exit-codes" || Object.hasOwn(TOPICS, topic)) return { topic, commands: [] };
    const command = listed.find(
      ({ name, oldSpellings }) => name === topic || oldSpellings?.some(({ word }) => word === topic),
    );
    const family = listed.filter(({ name }) => name.startsWith(`${topic} `));
    if (command !== undefined || family.length > 0)
      return { topic, commands: command === undefined ? family : [command, ...family] };
    const near = nearest(topic, [...listed.map(({ name }) => name), "exit-codes", ...Object.keys(TOPICS)]);
    throw new UsageError(
      `there is no command or topic ${JSON.stringify(topic)}`,
      near === undefined ? "zk --help lists the commands" : `did you mean zk help ${near}?`,
    );
  },
  async human({ topic, commands }, screen) {
    const paint = screen.paint.bind(screen);
    if (topic === "") await screen.write(overview(commands, paint));
    else if (topic === "exit-codes") await screen.write(exitCodesHelp(paint));
    else if (Object.hasOwn(TOPICS, topic)) await screen.write(`${TOPICS[topic]}\n`);
    else await screen.write(commands.map((command) => commandHelp(command, paint)).join("\n"));
  },
  json: ({ commands }) => ({
    commands: commands.map(describeCommand),
    exitCodes: EXIT_CODE_TABLE.map(([code, meaning]) => ({ code, meaning })),
  }),
});
