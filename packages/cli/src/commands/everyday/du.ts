import { type Command, defineCommand } from "../../definition/command.js";
import { choice, count, flag, optional } from "../../definition/specs.js";
import { humanSize } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { byBytes, NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

interface Sum {
  readonly path: string;
  /** Bytes of its own data. */
  own: number;
  /** Bytes of all data below it, its own included. */
  total: number;
  nodes: number;
}

export const du: Command = defineCommand({
  name: "du",
  group: "everyday",
  isPaged: true,
  summary: "sum up the data below a znode",
  details: [
    "Counted is data as the servers store it; their own cost of a znode, about 80 bytes and its path, is not.",
  ],
  examples: [
    { command: "zk du /", does: "what the children of / hold" },
    { command: "zk du /hbase --depth 2 --sort total", does: "two levels, largest first" },
    { command: "zk du /shop --depth 0 --json | jq '.sums[0].nodes'", does: "how many znodes there are" },
  ],
  arguments: { path: optional("the znode; / when none is given", "path") },
  options: {
    depth: count("N", 1, "levels that are shown; deeper ones are summed up into them", { short: "d" }),
    sort: choice(["name", "total", "nodes"], "total", "what comes first: the largest, or by name"),
    human: flag("sizes such as 1.5K; as on a terminal", "h"),
    bytes: flag("sizes in bytes; as on a pipe", "b"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes after which it stops", { min: 1 }),
  },
  exits: [
    [3, "there is no such znode"],
    [9, "--max-nodes or missing permissions kept it from summing up everything"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "isComplete", type: "true or false", means: "whether everything was summed up" },
      {
        name: "sums",
        type: "list",
        means: "path, own (bytes), total (bytes with what is below), nodes of each",
      },
    ],
    plain: ["total", "own", "nodes", "path"],
  },
  async run(run) {
    const { path = "/" } = run.arguments;
    const { depth, sort } = run.options;
    const client = await run.connect();
    const report = newReport();
    const sums: Sum[] = [];
    // The shown znodes above the one that is visited; the walk comes to parents first.
    const above: Sum[] = [];
    run.progress.begin(`summing up ${visible(path)}`, "znodes");
    for await (const node of walk(
      client,
      path,
      { nodesMax: run.options.maxNodes, signal: run.signal },
      report,
    )) {
      run.progress.advance();
      above.length = Math.min(node.depth, depth + 1);
      const bytes = node.stat.dataLength;
      if (node.depth <= depth) {
        const sum = { path: node.path, own: bytes, total: 0, nodes: 0 };
        sums.push(sum);
        above.push(sum);
      }
      for (const sum of above) {
        sum.total += bytes;
        sum.nodes++;
      }
    }
    tellReport(report, run);
    const order = (one: Sum, other: Sum): number =>
      (sort === "name" ? 0 : other[sort] - one[sort]) || byBytes(one.path, other.path);
    return { path, isComplete: !report.isTruncated && report.denied.length === 0, sums: sums.sort(order) };
  },
  human({ sums }, screen, run) {
    const isHuman = run.options.human || (screen.isTerminal && !run.options.bytes);
    const size = (bytes: number): string => (isHuman ? humanSize(bytes) : String(bytes));
    screen.table(
      ["TOTAL", "OWN", "ZNODES", "PATH"],
      sums.map(({ path, own, total, nodes }) => [size(total), size(own), String(nodes), visible(path)]),
      [0, 1, 2],
    );
  },
  plain: ({ sums }) => sums.map(({ path, own, total, nodes }) => [total, own, nodes, path]),
});
