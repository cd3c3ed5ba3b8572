import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag } from "../../definition/specs.js";
import { formatAcls } from "../../input/acl-text.js";
import { humanSize, plural } from "../../output/figures.js";
import { jsonData, utf8OrUndefined } from "../../output/json.js";
import { visible, visibleLines } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { compareTrees, type Difference } from "../../transfer/compare-trees.js";
import { parsePlace } from "../../transfer/places.js";
import type { TreeNode } from "../../transfer/tree-node.js";
import { READING_OPTIONS } from "./options.js";
import { readPlace } from "./read-place.js";

const COLOURS = { "+": "green", "-": "red", "~": "yellow", a: "cyan" } as const;

export const diff: Command = defineCommand({
  name: "diff",
  group: "moving data",
  isPaged: true,
  summary: "compare two subtrees, or one with a dump",
  details: [
    "+ is in the second only, - in the first only, ~ has other data, a only another ACL. Places: /path, zk://CONTEXT/path, zk://HOST:PORT/path, a file, - for stdin.",
  ],
  examples: [
    { command: "zk diff /shop /shop-copy", does: "paths that differ" },
    { command: "zk diff shop.ndjson /shop --data", does: "with the lines that changed since the dump" },
    { command: "zk diff zk://prod/shop zk://dev/shop --no-acl", does: "two ensembles, data only" },
  ],
  arguments: { first: argument("one place", "url"), second: argument("the other", "url") },
  options: {
    data: flag("show the lines that differ"),
    noAcl: flag("ACLs do not count"),
    ...READING_OPTIONS,
  },
  exits: [
    [0, "no difference"],
    [1, "there are differences"],
    [9, "some znodes may not be read"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "kind", type: "text", means: "+, -, ~ or a" },
      { name: "path", type: "text", means: "from the root of what is compared" },
      { name: "first", type: "object or null", means: "acl, and with --data the data, of the first" },
      { name: "second", type: "object or null", means: "the same of the second" },
    ],
    plain: ["kind", "path"],
  },
  async *run(run): AsyncGenerator<Difference> {
    if (run.arguments.first === "-" && run.arguments.second === "-")
      throw new UsageError("stdin can be read once: one of the two is something else");
    // Both are understood before either is opened.
    const places = [parsePlace(run.arguments.first, run), parsePlace(run.arguments.second, run)] as const;
    const [one, other] = await Promise.all([
      readPlace(places[0], run.options, run),
      readPlace(places[1], run.options, run),
    ]);
    let count = 0;
    run.progress.begin("comparing", "differences");
    for await (const difference of compareTrees(one.nodes(), other.nodes(), {
      withAcl: !run.options.noAcl,
    })) {
      count++;
      run.progress.advance();
      yield difference;
    }
    if (count > 0) run.endWith(1);
    run.note(count === 0 ? "no difference" : plural(count, "difference"));
    one.tell();
    other.tell();
  },
  async human({ kind, path, first, second }, screen, run) {
    screen.line(screen.paint(COLOURS[kind], `${kind} ${visible(path)}`));
    if (kind === "a" && first && second) {
      screen.line(`  - ${visible(formatAcls(first.acl))}`);
      screen.line(`  + ${visible(formatAcls(second.acl))}`);
    }
    if (kind === "~" && run.options.data && first && second) {
      for (const line of await dataDiff(first, second)) {
        const colour = line.startsWith("+") ? "green" : line.startsWith("-") ? "red" : "dim";
        screen.line(`  ${screen.paint(colour, line)}`);
      }
    }
  },
  plain: ({ kind, path }) => [[kind, path]],
  json: ({ kind, path, first, second }, run) => ({
    kind,
    path,
    first: side(first, run.options.data),
    second: side(second, run.options.data),
  }),
});

function side(node: TreeNode | undefined, withData: boolean): unknown {
  if (node === undefined) return null;
  return { acl: formatAcls(node.acl), ...(withData ? jsonData(node.data) : {}) };
}

async function dataDiff(first: TreeNode, second: TreeNode): Promise<string[]> {
  const [before, after] = [textOf(first.data), textOf(second.data)];
  if (before === undefined || after === undefined)
    return [`binary: ${sizeOf(first.data)}, then ${sizeOf(second.data)}`];
  const { createTwoFilesPatch } = await import("diff");
  const patch = createTwoFilesPatch("first", "second", before, after, undefined, undefined, { context: 2 });
  // Without the heading of files.
  return visibleLines(patch)
    .split("\n")
    .slice(4)
    .filter((line) => line !== "");
}

function textOf(data: Uint8Array | null): string | undefined {
  return data === null ? "" : utf8OrUndefined(data);
}

function sizeOf(data: Uint8Array | null): string {
  return data === null ? "null" : humanSize(data.length);
}
