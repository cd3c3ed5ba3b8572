import { type Command, defineCommand } from "../../definition/command.js";
import { count, flag, optional, whole } from "../../definition/specs.js";
import { humanSize, plural } from "../../output/figures.js";
import { jsonStat } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { isEphemeral } from "../../session/node-kind.js";
import { NODES_MAX_DEFAULT, newReport, type Visited, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

interface Branch extends Visited {
  /** What stands before the name in a drawn tree. */
  readonly rails: string;
}

export const tree: Command = defineCommand({
  name: "tree",
  group: "everyday",
  isPaged: true,
  summary: "draw a znode and everything below it",
  examples: [
    { command: "zk tree /shop", does: "names as a tree" },
    { command: "zk tree /shop --depth 2 -l", does: "two levels, with sizes and versions" },
    { command: "zk tree / --json | jq -r .path", does: "every path, one object a line" },
  ],
  arguments: { path: optional("the znode; / when none is given", "path") },
  options: {
    depth: whole("N", "levels below it", { short: "d" }),
    long: flag("size and version of each, and who owns ephemerals", "l"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes after which it stops", { min: 1 }),
  },
  exits: [
    [3, "there is no such znode"],
    [9, "--max-nodes or missing permissions kept it from drawing everything"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "path", type: "text", means: "a znode, parents before their children" },
      { name: "depth", type: "number", means: "levels below the one asked for" },
      { name: "stat", type: "stat", means: "its stat" },
    ],
    plain: ["path", "depth", "dataLength", "numChildren"],
  },
  async *run(run) {
    const { path = "/" } = run.arguments;
    const client = await run.connect();
    const report = newReport();
    const rails: boolean[] = [];
    const options = { depthMax: run.options.depth, nodesMax: run.options.maxNodes, signal: run.signal };
    for await (const node of walk(client, path, options, report)) {
      rails.length = node.depth;
      const branch: Branch = { ...node, rails: railsOf(rails, node) };
      rails[node.depth] = !node.isLast;
      yield branch;
    }
    run.note(plural(report.visited, "znode"));
    tellReport(report, run);
  },
  human(node, screen, run) {
    const { stat } = node;
    const owner = isEphemeral(stat) ? screen.paint("magenta", " (ephemeral)") : "";
    const more = run.options.long
      ? screen.paint("dim", `  ${humanSize(stat.dataLength)} v${stat.version}`)
      : "";
    const name = visible(node.name);
    screen.line(
      `${screen.paint("dim", node.rails)}${stat.numChildren > 0 ? screen.paint("blue", name) : name}${owner}${more}`,
    );
  },
  plain: (node) => [[node.path, node.depth, node.stat.dataLength, node.stat.numChildren]],
  json: ({ path, depth, stat }) => ({ path, depth, stat: jsonStat(stat) }),
});

/** The lines that lead to a name: one column for each level above it, from the children of the root on. */
function railsOf(open: readonly boolean[], node: Visited): string {
  if (node.depth === 0) return "";
  const above = open.slice(1, node.depth).map((goesOn) => (goesOn ? "│   " : "    "));
  return `${above.join("")}${node.isLast ? "└── " : "├── "}`;
}
