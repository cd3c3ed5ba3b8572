import { type Command, defineCommand } from "../../definition/command.js";
import { argument, count, flag, optional, text, whole } from "../../definition/specs.js";
import { parseGlob, parseRegex } from "../../input/comparison.js";
import { utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

interface Match {
  readonly path: string;
  /** From 1; null for binary data and with --files. */
  readonly line: number | null;
  readonly text: string | null;
}

export const grep: Command = defineCommand({
  name: "grep",
  group: "everyday",
  isPaged: true,
  summary: "search the data of znodes",
  details: [
    "Data that is no text is searched byte by byte, as Latin-1, and only named. Every znode's data is read: --max-nodes and --depth keep that within bounds.",
  ],
  examples: [
    { command: "zk grep jdbc:mysql /config", does: "lines that have it" },
    { command: "zk grep -i -l password /", does: "paths only, whatever the case" },
    { command: "zk grep -F 'a.b[0]' /config", does: "the very text, no regular expression" },
  ],
  arguments: {
    pattern: argument("a regular expression"),
    path: optional("where to begin; / when none is given", "path"),
  },
  options: {
    ignoreCase: flag("whatever the case", "i"),
    fixed: flag("PATTERN is a text, no regular expression", "F"),
    files: flag("paths only", "l"),
    invert: flag("lines without a match", "v"),
    name: text("GLOB", "only znodes whose last name matches"),
    depth: whole("N", "levels below the beginning", { short: "d" }),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes that are read, after which it stops", { min: 1 }),
  },
  exits: [
    [1, "no match"],
    [9, "--max-nodes or missing permissions kept it from searching everything"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "path", type: "text", means: "a znode with a match" },
      {
        name: "line",
        type: "number or null",
        means: "the line, from 1; null for binary data and with --files",
      },
      { name: "text", type: "text or null", means: "the line's text" },
    ],
    plain: ["path", "line", "text"],
  },
  async *run(run): AsyncGenerator<Match> {
    const { pattern, path = "/" } = run.arguments;
    const { options } = run;
    const source = options.fixed ? pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&") : pattern;
    const regex = parseRegex(source, options.ignoreCase ? "i" : "");
    const named = options.name === undefined ? undefined : parseGlob(options.name);
    const client = await run.connect();
    const report = newReport();
    let found = 0;
    run.progress.begin(`searching below ${visible(path)}`, "znodes");
    const walkOptions = {
      depthMax: options.depth,
      nodesMax: options.maxNodes,
      withData: true,
      signal: run.signal,
    };
    for await (const node of walk(client, path, walkOptions, report)) {
      run.progress.advance();
      if (node.data === null || node.data === undefined || named?.(node.name) === false) continue;
      for (const match of matchesOf(
        node.path,
        node.data,
        (line) => regex.test(line) !== options.invert,
        options.files,
      )) {
        found++;
        yield match;
      }
    }
    if (found === 0) run.endWith(1);
    tellReport(report, run);
  },
  human({ path, line, text: content }, screen, run) {
    const shown = screen.paint("magenta", visible(path));
    if (content !== null) screen.line(`${shown}:${screen.paint("green", String(line))}:${visible(content)}`);
    else screen.line(run.options.files ? shown : `${shown}: binary data matches`);
  },
  plain: ({ path, line, text: content }) => [[path, line, content]],
});

function* matchesOf(
  path: string,
  data: Uint8Array,
  fits: (line: string) => boolean,
  isFiles: boolean,
): Generator<Match> {
  const content = utf8OrUndefined(data);
  if (content === undefined) {
    if (fits(Buffer.from(data).toString("latin1"))) yield { path, line: null, text: null };
    return;
  }
  const lines = content.split("\n");
  // A line end at the end begins no line.
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  for (const [index, line] of lines.entries()) {
    if (!fits(line)) continue;
    yield isFiles ? { path, line: null, text: null } : { path, line: index + 1, text: line };
    if (isFiles) return;
  }
}
