import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, maybeChoice } from "../../definition/specs.js";
import { checkFormat, DECODINGS, decodeData, printData } from "../../output/data-view.js";
import { jsonData, jsonStat } from "../../output/json.js";
import { printStat } from "../../output/stat-lines.js";

export const get: Command = defineCommand({
  name: "get",
  group: "everyday",
  isPaged: true,
  summary: "print the data of a znode",
  details: [
    "On a pipe or in a file the data is byte for byte what the znode holds; nothing is added. On a terminal a line end is added, control characters are shown as escapes, and what is no text is dumped as hexadecimal.",
  ],
  examples: [
    { command: "zk get /config/db", does: "the data" },
    { command: "zk get /config/db > db.json", does: "byte for byte" },
    { command: "zk get -s /config/db", does: "with the stat" },
    { command: "zk get /hbase/master --hex", does: "binary data as a dump" },
    { command: "zk get /blob --decode gzip", does: "decompressed, because you say so" },
  ],
  arguments: { path: argument("the znode", "path") },
  options: {
    stat: flag("also the stat; on stderr when the data goes to a pipe", "s"),
    hex: flag("the data as a hexadecimal dump", "x"),
    base64: flag("the data in base64", "b"),
    raw: flag("the bytes as they are, also on a terminal"),
    decode: maybeChoice(DECODINGS, "decompress first"),
  },
  oldSpellings: [{ word: "getData", gives: [] }],
  exits: [[3, "there is no such znode"]],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "data", type: "text or null", means: "its data when that is UTF-8; null when it has none" },
      { name: "dataBase64", type: "text", means: "instead of data, when that is not UTF-8 or with --base64" },
      { name: "stat", type: "stat", means: "its stat" },
    ],
  },
  async run(run) {
    checkFormat(run.options);
    const { path } = run.arguments;
    const client = await run.connect();
    const { data, stat } = await client.getData(path, { signal: run.signal });
    return { path, data: data === null ? null : decodeData(data, run.options.decode), stat };
  },
  async human({ data, stat }, screen, run) {
    if (data === null) run.note("null: the znode has no data");
    else if (data.length === 0 && screen.isTerminal) run.note("empty: the data has no bytes");
    else await printData(screen, data, run.options);
    if (!run.options.stat) return;
    if (screen.isTerminal) {
      screen.line();
      printStat(screen, stat);
    } else {
      run.note(JSON.stringify(jsonStat(stat)));
    }
  },
  json: ({ path, data, stat }, run) => ({
    path,
    ...(run.options.base64 && data !== null
      ? { dataBase64: Buffer.from(data).toString("base64") }
      : jsonData(data)),
    stat: jsonStat(stat),
  }),
});
