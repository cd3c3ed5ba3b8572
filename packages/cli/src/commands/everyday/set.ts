import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, optional, parseWhole, whole } from "../../definition/specs.js";
import { readValue } from "../../input/value.js";
import { jsonStat } from "../../output/json.js";
import { printStat } from "../../output/stat-lines.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";

export const set: Command = defineCommand({
  name: "set",
  group: "everyday",
  summary: "replace the data of a znode",
  examples: [
    { command: "zk set /config/db '{\"pool\": 5}'", does: "a text" },
    { command: "zk set /config/db @db.json", does: "a file, byte for byte" },
    { command: "gzip -c big.json | zk set /config/big -", does: "stdin" },
    { command: "zk set /config/db 'x' --version 7", does: "only if nobody was faster: exit 4 otherwise" },
    { command: "zk set /flag ''   and   zk set /flag --null", does: "empty data, and none" },
  ],
  arguments: {
    path: argument("the znode", "path"),
    value: optional("a text, - for stdin, @FILE for a file"),
    oldVersion: optional("the version, as ZooKeeper 3.4 has it"),
  },
  options: {
    version: whole("N", "the version that it must have", { short: "v", min: -1 }),
    null: flag("no data, which is not the same as empty"),
    literal: flag("take VALUE as it is, also - and @…"),
    base64: flag("VALUE, or what it names, is base64 of the data", "b"),
    stat: flag("print the new stat", "s"),
    create: flag("create it when it is not there"),
  },
  writes: true,
  oldSpellings: [{ word: "setData", gives: [] }],
  exits: [
    [3, "there is no such znode"],
    [4, "it has another version"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "created", type: "true or false", means: "whether --create had to make it" },
      { name: "stat", type: "stat", means: "its stat after the change" },
    ],
    plain: ["path", "version"],
  },
  async run(run) {
    const { path, value, oldVersion } = run.arguments;
    const { create, literal, base64 } = run.options;
    if (oldVersion !== undefined && run.options.version !== undefined)
      throw new UsageError("the version is given twice");
    const version = run.options.version ?? (oldVersion === undefined ? -1 : parseWhole(oldVersion, -1));
    const data = await readValue(
      value,
      { null: run.options.null, literal, base64 },
      run.io,
      run.note,
      run.signal,
    );
    const client = await run.connect();
    const options = { version, signal: run.signal };
    if (create && version === -1 && (await client.exists(path, { signal: run.signal })) === null) {
      await client.create(path, data, { createParents: true, signal: run.signal });
      const stat = await client.exists(path, { signal: run.signal });
      return { path, created: true, stat: stat! };
    }
    return { path, created: false, stat: await client.setData(path, data, options) };
  },
  human({ path, stat }, screen, run) {
    if (run.options.stat) printStat(screen, stat);
    else run.note(`${visible(path)} has version ${stat.version} now`);
  },
  plain: ({ path, stat }) => [[path, stat.version]],
  json: ({ path, created, stat }) => ({ path, created, stat: jsonStat(stat) }),
});
