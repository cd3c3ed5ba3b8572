import { type Command, defineCommand } from "../../definition/command.js";
import { count, flag, maybeChoice, optional, text, whole } from "../../definition/specs.js";
import { formatAcl } from "../../input/acl-text.js";
import {
  parseAgeTest,
  parseCountTest,
  parseGlob,
  parseRegex,
  parseSizeTest,
} from "../../input/comparison.js";
import { hex, humanSize, isoTime } from "../../output/figures.js";
import { jsonStat } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { isEphemeral, nodeKind } from "../../session/node-kind.js";
import { NODES_MAX_DEFAULT, newReport, type Visited, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

interface FindOptions {
  readonly name: string | undefined;
  readonly path: string | undefined;
  readonly regex: string | undefined;
  readonly kind: string | undefined;
  readonly size: string | undefined;
  readonly children: string | undefined;
  readonly mtime: string | undefined;
  readonly ctime: string | undefined;
  readonly owner: string | undefined;
  readonly acl: string | undefined;
}

export const find: Command = defineCommand({
  name: "find",
  group: "everyday",
  isPaged: true,
  summary: "find znodes by name, age, size, owner, access rights",
  details: [
    "All conditions must hold. Sizes and counts: +N is more, -N less, N exactly. Ages: -1h is younger than an hour, +7d older than seven days.",
    "Servers show containers and znodes with a time to live as persistent; `container` and `ttl` find those alone that a server shows as what they are.",
  ],
  examples: [
    { command: "zk find / --name 'lock-*' --kind ephemeral", does: "by name and kind" },
    { command: "zk find /config --mtime -1h", does: "changed within the last hour" },
    { command: "zk find / --size +100k -l", does: "large ones, with their sizes" },
    { command: "zk find / --children +1000", does: "large families" },
    { command: "zk find / --owner 0x14a1c3e2f0001", does: "the ephemerals of a session" },
    { command: "zk find / --acl world:anyone:cdrwa --count", does: "how many anybody may change" },
  ],
  arguments: { path: optional("where to begin; / when none is given", "path") },
  options: {
    name: text("GLOB", "the last name matches"),
    path: text("GLOB", "the whole path matches; ** crosses slashes"),
    regex: text("REGEX", "the whole path has a match"),
    kind: maybeChoice(["persistent", "ephemeral", "container", "ttl"], "of this kind"),
    size: text("[+-]SIZE", "bytes of data"),
    children: text("[+-]N", "number of children"),
    mtime: text("[+-]AGE", "since its data changed"),
    ctime: text("[+-]AGE", "since it was created"),
    owner: text("SESSION", "an ephemeral of this session, in hexadecimal"),
    acl: text("TEXT", "an entry of its access control list contains this"),
    depth: whole("N", "levels below the beginning", { short: "d" }),
    minDepth: whole("N", "levels below the beginning from which on; 1 leaves the beginning out"),
    long: flag("kind, size and time of each", "l"),
    count: flag("only how many there are", "c"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes that are looked at, after which it stops", { min: 1 }),
  },
  oldSpellings: [
    { word: "getEphemerals", gives: ["--kind", "ephemeral"] },
    { word: "getAllChildrenNumber", gives: ["--count", "--min-depth", "1"] },
  ],
  exits: [
    [1, "nothing was found"],
    [9, "--max-nodes or missing permissions kept it from looking at everything"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "path", type: "text", means: "a znode that was found" },
      { name: "kind", type: "text", means: "persistent, ephemeral, container or ttl" },
      { name: "stat", type: "stat", means: "its stat" },
      { name: "count", type: "number", means: "with --count only, instead of all else: how many there are" },
    ],
    plain: ["path (with --count: the number)"],
  },
  async *run(run): AsyncGenerator<{ readonly node: Visited } | { readonly count: number }> {
    const { path = "/" } = run.arguments;
    const { options } = run;
    const fits = conditionOf(options, Date.now());
    const client = await run.connect();
    const report = newReport();
    let found = 0;
    run.progress.begin(`looking below ${visible(path)}`, "znodes");
    const walkOptions = {
      depthMax: options.depth,
      nodesMax: options.maxNodes,
      withAcl: options.acl !== undefined,
      signal: run.signal,
    };
    for await (const node of walk(client, path, walkOptions, report)) {
      run.progress.advance();
      if (node.depth < (options.minDepth ?? 0) || !fits(node)) continue;
      found++;
      if (!options.count) yield { node };
    }
    if (options.count) yield { count: found };
    if (found === 0) run.endWith(1);
    tellReport(report, run);
  },
  human(item, screen, run) {
    if ("count" in item) return screen.line(String(item.count));
    const { path, stat } = item.node;
    if (!run.options.long) return screen.line(visible(path));
    screen.line(
      [
        nodeKind(stat).padEnd(10),
        humanSize(stat.dataLength).padStart(6),
        isoTime(stat.mtime),
        visible(path),
      ].join("  "),
    );
  },
  plain: (item) => ["count" in item ? [item.count] : [item.node.path]],
  json: (item) =>
    "count" in item
      ? item
      : { path: item.node.path, kind: nodeKind(item.node.stat), stat: jsonStat(item.node.stat) },
});

/** All conditions as one. @throws UsageError */
function conditionOf(options: FindOptions, nowMs: number): (node: Visited) => boolean {
  const tests: ((node: Visited) => boolean)[] = [];
  if (options.name !== undefined) {
    const matches = parseGlob(options.name);
    tests.push((node) => matches(node.path.slice(node.path.lastIndexOf("/") + 1)));
  }
  if (options.path !== undefined) {
    const matches = parseGlob(options.path);
    tests.push((node) => matches(node.path));
  }
  if (options.regex !== undefined) {
    const regex = parseRegex(options.regex);
    tests.push((node) => regex.test(node.path));
  }
  if (options.kind !== undefined) tests.push((node) => nodeKind(node.stat) === options.kind);
  if (options.size !== undefined) {
    const fits = of("--size", options.size, parseSizeTest);
    tests.push((node) => fits(node.stat.dataLength));
  }
  if (options.children !== undefined) {
    const fits = of("--children", options.children, parseCountTest);
    tests.push((node) => fits(node.stat.numChildren));
  }
  for (const [time, given] of [
    ["mtime", options.mtime],
    ["ctime", options.ctime],
  ] as const) {
    if (given === undefined) continue;
    const fits = of(`--${time}`, given, (text) => parseAgeTest(text, nowMs));
    tests.push((node) => fits(node.stat[time]));
  }
  if (options.owner !== undefined) {
    const owner = of("--owner", options.owner, parseSessionId);
    tests.push((node) => isEphemeral(node.stat) && hex(node.stat.ephemeralOwner) === hex(owner));
  }
  if (options.acl !== undefined) {
    const { acl } = options;
    tests.push((node) => (node.acl ?? []).some((entry) => formatAcl(entry).includes(acl)));
  }
  return (node) => tests.every((fits) => fits(node));
}

/** The value of an option; what is wrong with it is told with its name. @throws UsageError */
function of<Value>(option: string, given: string, read: (given: string) => Value): Value {
  try {
    return read(given);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${option}: ${error.message}`, error.hint) : error;
  }
}

/** A session id as ZooKeeper writes it. @throws UsageError */
export function parseSessionId(text: string): bigint {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(text))
    throw new UsageError(
      `a session is a number in hexadecimal such as 0x14a1c3e2f0001, not ${JSON.stringify(text)}`,
    );
  return BigInt(text.toLowerCase().startsWith("0x") ? text : `0x${text}`);
}
