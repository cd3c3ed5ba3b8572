import type { Acl, Stat } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, count, flag, optional, parseWhole, whole } from "../../definition/specs.js";
import { formatAcl, formatAcls, parseAcls } from "../../input/acl-text.js";
import { confirm } from "../../input/confirm.js";
import { plural } from "../../output/figures.js";
import { jsonStat } from "../../output/json.js";
import { printStat } from "../../output/stat-lines.js";
import { visible } from "../../output/visible.js";
import { CliError, UsageError } from "../../program/errors.js";
import { inParallel } from "../../session/in-parallel.js";
import { NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";
import { tellReport } from "../tell-report.js";

/** ACLs that are written at a time. */
const CONCURRENCY = 16;

interface Listed {
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly stat: Stat | null;
  readonly changed: number;
}

export const acl: Command = defineCommand({
  name: "acl",
  group: "everyday",
  isPaged: true,
  summary: "show or replace the access control list of a znode",
  details: [
    "An entry is SCHEME:ID:PERMISSIONS, with letters of cdrwa: create, delete (both of children), read, write, admin. password:USER:PASSWORD:PERMS is turned into the digest that servers compare. With -R the deepest come first, so that a list that shuts us out of a znode comes after what is below it.",
  ],
  examples: [
    { command: "zk acl /config", does: "who may do what" },
    { command: "zk acl /config world:anyone:r,auth::cdrwa", does: "replace it" },
    {
      command: "zk acl -R /config world:anyone:r --dry-run",
      does: "how many znodes a recursive change would touch",
    },
    { command: "zk acl /config ip:10.0.0.0/8:r --version 2", does: "only if nobody was faster" },
  ],
  arguments: {
    path: argument("the znode", "path"),
    entries: optional("the new list, with commas between its entries"),
    oldVersion: optional("the version, as ZooKeeper 3.4 has it"),
  },
  options: {
    recursive: flag("of everything below as well", "R"),
    stat: flag("also the stat of the znode", "s"),
    version: whole("N", "the ACL version that it must have", { short: "v", min: -1 }),
    yes: flag("answer yes", "y"),
    dryRun: flag("change nothing, say what would be changed", "n"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "with -R: znodes above which it refuses", { min: 1 }),
  },
  writes: (run) => run.arguments.entries !== undefined,
  oldSpellings: [
    { word: "getAcl", gives: [] },
    { word: "setAcl", gives: [] },
  ],
  exits: [
    [3, "there is no such znode"],
    [4, "the list has another version"],
    [5, "we may not"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "acl", type: "list", means: "scheme, id and permissions of each entry" },
      { name: "aversion", type: "number or null", means: "version of the list; null with --dry-run" },
      { name: "stat", type: "stat or null", means: "its stat; null with --dry-run" },
      {
        name: "changed",
        type: "number",
        means: "znodes whose list was, or with --dry-run would be, replaced",
      },
    ],
    plain: ["scheme", "id", "permissions"],
  },
  async run(run): Promise<Listed> {
    const { path, entries, oldVersion } = run.arguments;
    const { options, signal } = run;
    const client = await run.connect();
    if (entries === undefined) {
      if (options.recursive) throw new UsageError("-R goes with a new list; zk find --acl searches");
      const { acl: found, stat } = await client.getACL(path, { signal });
      return { path, acl: found, stat, changed: 0 };
    }
    const wanted = parseAcls(entries);
    const version = options.version ?? (oldVersion === undefined ? -1 : parseWhole(oldVersion, -1));
    if (!options.recursive) {
      if (options.dryRun) {
        await client.getACL(path, { signal });
        return { path, acl: wanted, stat: null, changed: 1 };
      }
      const stat = await client.setACL(path, wanted, { version, signal });
      return { path, acl: wanted, stat, changed: 1 };
    }
    if (version !== -1) throw new UsageError("--version is of one znode, -R of many");
    run.progress.begin("counting", "znodes");
    const report = newReport();
    const paths: string[] = [];
    for await (const node of walk(client, path, { nodesMax: options.maxNodes, signal }, report)) {
      paths.push(node.path);
      run.progress.advance();
    }
    run.progress.end();
    if (report.isTruncated)
      throw new CliError(
        "TOO_MANY",
        2,
        `there are more than ${plural(options.maxNodes, "znode")}; nothing was changed`,
        { hint: "--max-nodes allows more" },
      );
    tellReport(report, run);
    if (options.dryRun) return { path, acl: wanted, stat: null, changed: paths.length };
    const question = `Replace the ACL of ${visible(path)}, ${plural(paths.length, "znode")} in all?`;
    await confirm(
      { degree: paths.length > 1 ? "yes" : "none", path, question },
      { yes: options.yes, confirm: undefined },
      run.io,
      signal,
    );
    run.progress.begin("setting", "znodes", paths.length);
    // The last is that of the root.
    let stat: Stat | null = null;
    for await (const each of inParallel(paths.reverse(), CONCURRENCY, (below) =>
      client.setACL(below, wanted, { signal }),
    )) {
      stat = each;
      run.progress.advance();
    }
    return { path, acl: wanted, stat, changed: paths.length };
  },
  human({ path, acl: list, stat, changed }, screen, run) {
    if (run.arguments.entries === undefined) for (const entry of list) screen.line(visible(formatAcl(entry)));
    if (run.options.stat && stat !== null) {
      if (run.arguments.entries === undefined) screen.line();
      printStat(screen, stat);
    }
    if (run.arguments.entries === undefined) return;
    const what = `${visible(path)}${changed > 1 ? ` and ${plural(changed - 1, "znode")} below it` : ""}: ${visible(formatAcls(list))}`;
    if (run.options.dryRun) screen.line(`would set ${what}`);
    else run.note(what);
  },
  plain: ({ acl: list }) => list.map((entry) => [entry.id.scheme, entry.id.id, letters(entry)]),
  json: ({ path, acl: list, stat, changed }) => ({
    path,
    acl: list.map(jsonAcl),
    aversion: stat?.aversion ?? null,
    stat: stat === null ? null : jsonStat(stat),
    changed,
  }),
});

function letters(entry: Acl): string {
  return formatAcl(entry).slice(entry.id.scheme.length + entry.id.id.length + 2);
}

/** An entry in JSON. */
export function jsonAcl(entry: Acl): { scheme: string; id: string; permissions: string } {
  return { scheme: entry.id.scheme, id: entry.id.id, permissions: letters(entry) };
}
