import type { Stat } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { type Command, defineCommand } from "../../definition/command.js";
import { count, flag, optional } from "../../definition/specs.js";
import { humanSize, isoTime, plural } from "../../output/figures.js";
import { jsonStat } from "../../output/json.js";
import type { Screen } from "../../output/screen.js";
import { printStat } from "../../output/stat-lines.js";
import { table } from "../../output/table.js";
import { visible, widthOf } from "../../output/visible.js";
import { inParallel } from "../../session/in-parallel.js";
import { nodeKind } from "../../session/node-kind.js";
import { byBytes, NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly stat: Stat | null;
}

/** Stats that are read at a time. */
const CONCURRENCY = 64;

export const ls: Command = defineCommand({
  name: "ls",
  group: "everyday",
  isPaged: true,
  summary: "list the children of a znode",
  examples: [
    { command: "zk ls /", does: "names, sorted" },
    { command: "zk ls -l /brokers/ids", does: "with size, children and time of each" },
    { command: "zk ls -R /shop", does: "everything below as paths" },
    { command: "zk ls /queue --json | jq '.entries | length'", does: "how many there are" },
  ],
  arguments: { path: optional("the znode; / when none is given", "path") },
  options: {
    long: flag("kind, size, children and time of each", "l"),
    stat: flag("also the stat of the znode itself", "s"),
    recursive: flag("everything below, as paths", "R"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "with -R: znodes after which it stops", { min: 1 }),
  },
  oldSpellings: [
    { word: "ls2", gives: ["--stat"] },
    { word: "getChildren", gives: [] },
  ],
  exits: [
    [3, "there is no such znode"],
    [9, "--max-nodes or missing permissions kept it from listing everything"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "stat", type: "stat", means: "its stat" },
      { name: "entries", type: "list", means: "name and path of each; stat with -l and -R, else null" },
    ],
    plain: ["name (path with -R)"],
  },
  async run(run) {
    const { path = "/" } = run.arguments;
    const client = await run.connect();
    if (run.options.recursive) {
      const report = newReport();
      const entries: Entry[] = [];
      let stat: Stat | undefined;
      for await (const node of walk(
        client,
        path,
        { nodesMax: run.options.maxNodes, signal: run.signal },
        report,
      )) {
        if (node.depth === 0) stat = node.stat;
        else entries.push({ name: node.name, path: node.path, stat: node.stat });
      }
      tellReport(report, run);
      return { path, stat: stat!, entries, isRecursive: true };
    }
    const { children, stat } = await client.getChildrenWithStat(path, { signal: run.signal });
    const names = [...children].sort(byBytes);
    if (!run.options.long)
      return {
        path,
        stat,
        entries: names.map((name) => ({ name, path: joinPath(path, name), stat: null })),
        isRecursive: false,
      };
    const entries: Entry[] = [];
    const read = (name: string): Promise<Entry> => {
      const child = joinPath(path, name);
      return client
        .exists(child, { signal: run.signal })
        .then((found) => ({ name, path: child, stat: found }));
    };
    // A child without a stat went away between the two reads.
    for await (const entry of inParallel(names, CONCURRENCY, read))
      if (entry.stat !== null) entries.push(entry);
    return { path, stat, entries, isRecursive: false };
  },
  human({ stat, entries, isRecursive }, screen, run) {
    if (run.options.stat) {
      printStat(screen, stat);
      if (entries.length > 0) screen.line();
    }
    const shown = (entry: Entry): string => visible(isRecursive ? entry.path : entry.name);
    if (run.options.long) return printLong(screen, entries, shown);
    if (!screen.isTerminal || isRecursive) for (const entry of entries) screen.line(shown(entry));
    else printColumns(screen, entries.map(shown));
    if (entries.length === 0) run.note("no children");
  },
  plain: ({ entries, isRecursive }) => entries.map(({ name, path }) => [isRecursive ? path : name]),
  json: ({ path, stat, entries }) => ({
    path,
    stat: jsonStat(stat),
    entries: entries.map((entry) => ({
      name: entry.name,
      path: entry.path,
      stat: entry.stat === null ? null : jsonStat(entry.stat),
    })),
  }),
});

function printLong(screen: Screen, entries: readonly Entry[], shown: (entry: Entry) => string): void {
  const rows = entries.map((entry) => {
    const { stat } = entry;
    if (stat === null) return ["", "", "", "", shown(entry)];
    return [
      nodeKind(stat),
      humanSize(stat.dataLength),
      plural(stat.numChildren, "child", "children"),
      isoTime(stat.mtime),
      shown(entry),
    ];
  });
  for (const line of table(rows, [1, 2])) screen.line(line);
}

/** Names in columns, downwards, as `ls` has them. */
function printColumns(screen: Screen, names: readonly string[]): void {
  const widest = Math.max(0, ...names.map(widthOf)) + 2;
  const columns = Math.max(1, Math.floor(screen.width / widest));
  const rows = Math.ceil(names.length / columns);
  for (let row = 0; row < rows; row++) {
    const cells: string[] = [];
    for (let at = row; at < names.length; at += rows) cells.push(names[at]!);
    screen.line(
      cells
        .map((cell) => cell + " ".repeat(widest - widthOf(cell)))
        .join("")
        .trimEnd(),
    );
  }
}
