import { ZkError } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument } from "../../definition/specs.js";
import { jsonStat } from "../../output/json.js";
import { printStat } from "../../output/stat-lines.js";

const STAT_FIELDS = [
  { name: "path", type: "text", means: "the znode" },
  {
    name: "stat",
    type: "stat",
    means: "zxids in hexadecimal, times in ISO format, nextSequence: the number of the next sequential child",
  },
] as const;

export const stat: Command = defineCommand({
  name: "stat",
  group: "everyday",
  summary: "print the stat of a znode",
  details: [
    "nextSequence is no field of ZooKeeper's own: the server counts the creates below a znode, and (cversion + numChildren) / 2 is that count. It is the number that the next sequential child gets.",
  ],
  examples: [
    { command: "zk stat /config/db", does: "versions, times, owner, sizes" },
    {
      command: "zk stat /queue --json | jq .stat.nextSequence",
      does: "the number of the next sequential child",
    },
  ],
  arguments: { path: argument("the znode", "path") },
  options: {},
  exits: [[3, "there is no such znode"]],
  output: { form: "document", fields: STAT_FIELDS, plain: ["field", "value"] },
  async run(run) {
    const { path } = run.arguments;
    const client = await run.connect();
    const found = await client.exists(path, { signal: run.signal });
    if (found === null)
      throw new ZkError({ code: "NO_NODE", message: "there is no such node", operation: "stat", path });
    return { path, stat: found };
  },
  human: ({ stat: found }, screen) => printStat(screen, found),
  plain: ({ stat: found }) =>
    Object.entries(jsonStat(found)).map(([name, value]) => [name, value as string | number | null]),
  json: ({ path, stat: found }) => ({ path, stat: jsonStat(found) }),
});

export const exists: Command = defineCommand({
  name: "exists",
  group: "everyday",
  summary: "say whether a znode exists, by the exit code too",
  examples: [
    { command: "zk exists /jobs/42 && echo there", does: "in a condition" },
    { command: "zk exists -q /jobs/42", does: "no words, only the exit code" },
  ],
  arguments: { path: argument("the znode", "path") },
  options: {},
  exits: [
    [0, "it exists"],
    [1, "it does not"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "exists", type: "true or false", means: "whether it is there" },
      { name: "stat", type: "stat or null", means: "its stat" },
    ],
    plain: ["path", "exists"],
  },
  async run(run) {
    const { path } = run.arguments;
    const client = await run.connect();
    const found = await client.exists(path, { signal: run.signal });
    if (found === null) run.endWith(1);
    return { path, stat: found };
  },
  human({ path, stat: found }, screen, run) {
    if (!run.isQuiet) screen.line(`${path} ${found === null ? "does not exist" : "exists"}`);
  },
  plain: ({ path, stat: found }) => [[path, found === null ? "false" : "true"]],
  json: ({ path, stat: found }) => ({
    path,
    exists: found !== null,
    stat: found === null ? null : jsonStat(found),
  }),
});
