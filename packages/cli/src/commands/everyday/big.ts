import { type Command, defineCommand } from "../../definition/command.js";
import { count, optional, size } from "../../definition/specs.js";
import { humanSize, plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

/** The servers' default limit on a packet, `jute.maxbuffer`. Source: ZooKeeper 3.4.6, BinaryInputArchive.java */
const PACKET_BYTES_MAX = 1_048_575;
/** What a child costs in a list beside its name: the length before it. */
const NAME_OVERHEAD = 4;

interface Big {
  readonly path: string;
  readonly bytes: number;
  readonly children: number;
  /** Bytes of the packet that lists the children. */
  readonly listBytes: number;
}

export const big: Command = defineCommand({
  name: "big",
  group: "everyday",
  isPaged: true,
  summary: "find what is too big: largest data, largest families, what comes near the packet limit",
  details: [
    "A server takes no packet of more than about 1 MB (jute.maxbuffer). Data near it can no longer be written, and a family whose list of names is larger can no longer be listed by most clients.",
  ],
  examples: [
    { command: "zk big /", does: "the ten largest of both kinds" },
    { command: "zk big /queues --top 3", does: "three of each" },
    { command: "zk big / --limit 4M --json", does: "for servers with a larger jute.maxbuffer" },
  ],
  arguments: { path: optional("where to begin; / when none is given", "path") },
  options: {
    top: count("N", 10, "how many of each kind", { short: "n", min: 1, max: 10_000 }),
    limit: size("SIZE", "the servers' jute.maxbuffer", { defaultText: "1M" }),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes that are looked at, after which it stops", { min: 1 }),
  },
  exits: [
    [1, "something comes near the limit (80 %)"],
    [9, "--max-nodes or missing permissions kept it from looking at everything"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "where it began" },
      { name: "limitBytes", type: "number", means: "the packet limit" },
      {
        name: "data",
        type: "list",
        means: "the largest data: path, bytes, children, listBytes (size of the list of children)",
      },
      { name: "families", type: "list", means: "the largest families, the same fields" },
      {
        name: "nearLimit",
        type: "list",
        means: "paths whose data or list of children is above 80 % of the limit",
      },
    ],
    plain: ["kind", "path", "bytes", "children", "listBytes"],
  },
  async run(run) {
    const { path = "/" } = run.arguments;
    const { top } = run.options;
    const limitBytes = run.options.limit ?? PACKET_BYTES_MAX;
    const client = await run.connect();
    const report = newReport();
    const data = new Top(top, ({ bytes }) => bytes);
    const families = new Top(top, ({ children }) => children);
    const nearLimit: string[] = [];
    // Sizes of the lists of the znodes above the one that is visited: each of its names adds to its parent's.
    const open: { node: Big; listBytes: number }[] = [];
    const closeDownTo = (depth: number): void => {
      while (open.length > depth) {
        const { node, listBytes } = open.pop()!;
        const done = { ...node, listBytes };
        data.add(done);
        families.add(done);
        if (Math.max(done.bytes, listBytes) > limitBytes * 0.8) nearLimit.push(done.path);
      }
    };
    run.progress.begin(`looking below ${visible(path)}`, "znodes");
    for await (const node of walk(
      client,
      path,
      { nodesMax: run.options.maxNodes, signal: run.signal },
      report,
    )) {
      run.progress.advance();
      closeDownTo(node.depth);
      const parent = open.at(-1);
      if (parent !== undefined) parent.listBytes += NAME_OVERHEAD + Buffer.byteLength(node.name);
      open.push({
        node: { path: node.path, bytes: node.stat.dataLength, children: node.stat.numChildren, listBytes: 0 },
        listBytes: 0,
      });
    }
    closeDownTo(0);
    if (nearLimit.length > 0) run.endWith(1);
    tellReport(report, run);
    return { path, limitBytes, data: data.all, families: families.all, nearLimit: nearLimit.sort() };
  },
  human({ data, families, nearLimit, limitBytes }, screen) {
    screen.line(screen.paint("bold", "Largest data"));
    screen.table(
      ["SIZE", "PATH"],
      data.map((each) => [humanSize(each.bytes), visible(each.path)]),
      [0],
    );
    screen.line();
    screen.line(screen.paint("bold", "Largest families"));
    screen.table(
      ["CHILDREN", "LIST", "PATH"],
      families.map((each) => [String(each.children), humanSize(each.listBytes), visible(each.path)]),
      [0, 1],
    );
    if (nearLimit.length === 0) return;
    screen.line();
    screen.line(
      screen.paint("red", `${plural(nearLimit.length, "znode")} near the limit of ${humanSize(limitBytes)}`),
    );
    for (const path of nearLimit) screen.line(visible(path));
  },
  plain: ({ data, families }) => [
    ...data.map((each) => ["data", each.path, each.bytes, each.children, each.listBytes] as const),
    ...families.map((each) => ["family", each.path, each.bytes, each.children, each.listBytes] as const),
  ],
});

/** The largest few, without holding the rest. */
class Top {
  readonly #limit: number;
  readonly #measure: (each: Big) => number;
  readonly #kept: Big[] = [];

  constructor(limit: number, measure: (each: Big) => number) {
    this.#limit = limit;
    this.#measure = measure;
  }

  get all(): readonly Big[] {
    return this.#kept;
  }

  add(each: Big): void {
    const value = this.#measure(each);
    if (value === 0) return;
    const last = this.#kept.at(-1);
    if (this.#kept.length >= this.#limit && last !== undefined && this.#measure(last) >= value) return;
    let at = this.#kept.length;
    while (at > 0 && this.#measure(this.#kept[at - 1]!) < value) at--;
    this.#kept.splice(at, 0, each);
    if (this.#kept.length > this.#limit) this.#kept.pop();
  }
}
