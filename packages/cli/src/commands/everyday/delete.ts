import { isZkError } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { count, flag, several, text, whole } from "../../definition/specs.js";
import { takeOption } from "../../definition/zk-cli-words.js";
import { confirm, type Danger } from "../../input/confirm.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { describeError } from "../../program/describe-error.js";
import { CliError, UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { deletePaths } from "../../session/delete-tree.js";
import { NODES_MAX_DEFAULT, newReport, walk } from "../../session/walk.js";

/** Paths that are shown before the question. */
const SHOWN_MAX = 5;

interface Deleted {
  readonly path: string;
  /** Znodes that were, or would be, deleted. */
  readonly deleted: number;
}

export const remove: Command = defineCommand({
  name: "delete",
  group: "everyday",
  summary: "delete znodes, with -r everything below them",
  details: [
    "One znode without children just goes. A subtree is counted, shown and asked about; --yes answers. More than a set number of znodes (confirmAbove of the context, 100), or a path that the context protects, needs the path typed, or --confirm=PATH. The root and /zookeeper need --allow-root besides.",
    "Without a terminal and without an answer on the command line nothing is deleted, and the exit code is 2.",
  ],
  examples: [
    { command: "zk delete /config/old", does: "one znode" },
    { command: "zk delete -r /tmp/job-1", does: "a subtree, after a question" },
    { command: "zk delete -r /tmp/job-1 --dry-run", does: "only what would go" },
    { command: "zk delete -r /kafka-old --confirm=/kafka-old", does: "a large subtree, from a script" },
    { command: "zk delete /leader --version 3", does: "only if nobody was faster" },
  ],
  arguments: { paths: several("the znodes", "path") },
  options: {
    recursive: flag("everything below as well", "r"),
    version: whole("N", "the version that it must have", { short: "v", min: -1 }),
    force: flag("a znode that is not there is no error", "f"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path"),
    dryRun: flag("print what would be deleted, and delete nothing", "n"),
    allowRoot: flag("permit / (all that is below it) and /zookeeper"),
    maxNodes: count("N", NODES_MAX_DEFAULT, "znodes of a subtree above which it refuses", { min: 1 }),
  },
  writes: true,
  oldSpellings: [
    { word: "rmr", gives: ["--recursive"] },
    {
      word: "deleteall",
      gives: ["--recursive"],
      // How many go in one request is nobody's concern any more.
      rewrites: (words) => ["--recursive", ...takeOption(words, "-b").others],
    },
    { word: "rm", gives: [] },
  ],
  exits: [
    [2, "it was not confirmed"],
    [3, "there is no such znode"],
    [4, "it has children, or another version"],
    [5, "a znode of the subtree may not be read: nobody knows what is below it, and nothing was changed"],
    [9, "something stopped it halfway; the message says after how many"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "dryRun", type: "true or false", means: "whether nothing was changed" },
      { name: "results", type: "list", means: "path, and the number of znodes deleted, of each path given" },
    ],
    plain: ["path", "deleted"],
  },
  async run(run) {
    const { options, settings } = run;
    const { paths, version } = splitVersion(run.arguments.paths, options.version);
    if (version !== -1 && options.recursive)
      throw new UsageError("--version is of one znode, --recursive of many");
    if (options.confirm !== undefined && paths.length > 1)
      throw new UsageError("--confirm answers for one path");
    for (const path of paths) checkRoot(path, settings.chroot, options.allowRoot);
    const client = await run.connect();
    const results: Deleted[] = [];
    for (const path of paths) {
      if (options.recursive) results.push(await removeSubtree(path));
      else results.push(await removeOne(path));
    }
    return { dryRun: options.dryRun, results };

    async function removeOne(path: string): Promise<Deleted> {
      const degree = isProtected(path, settings.protect) ? "path" : "none";
      await confirm(
        { degree, path, question: `${visible(path)} is protected.` },
        options,
        run.io,
        run.signal,
      );
      if (options.dryRun) {
        const { stat } = await client.getData(path, { signal: run.signal });
        if (stat.numChildren > 0)
          throw new CliError("NOT_EMPTY", 4, `${path} has ${plural(stat.numChildren, "child", "children")}`, {
            hint: "--recursive takes them as well",
          });
        return { path, deleted: 1 };
      }
      try {
        await client.remove(path, { version, signal: run.signal });
        return { path, deleted: 1 };
      } catch (error) {
        if (options.force && isZkError(error, "NO_NODE")) return { path, deleted: 0 };
        throw error;
      }
    }

    async function removeSubtree(path: string): Promise<Deleted> {
      run.progress.begin(`counting ${visible(path)}`, "znodes");
      const report = newReport();
      const found: string[] = [];
      const walkOptions = {
        nodesMax: options.maxNodes,
        signal: run.signal,
        enters: (below: string) => path !== "/" || !isSystem(below),
      };
      try {
        for await (const node of walk(client, path, walkOptions, report)) {
          if (node.path !== "/") found.push(node.path);
          run.progress.advance();
        }
      } catch (error) {
        if (options.force && isZkError(error, "NO_NODE")) return { path, deleted: 0 };
        throw error;
      }
      run.progress.end();
      if (report.isTruncated) {
        throw new CliError(
          "TOO_MANY",
          2,
          `there are more than ${plural(options.maxNodes, "znode")} below ${path}; nothing was changed`,
          { hint: "--max-nodes allows more" },
        );
      }
      if (report.denied.length > 0) throw unreadable(path, report.denied);
      if (options.dryRun) {
        tellPlan(found, run.note);
        return { path, deleted: found.length };
      }
      const danger = dangerOf(path, found, settings.protect, settings.confirmAbove);
      if (
        danger.degree !== "none" &&
        options.confirm === undefined &&
        !(danger.degree === "yes" && options.yes)
      )
        tellPlan(found, run.note);
      await confirm(danger, options, run.io, run.signal);
      run.progress.begin(`deleting ${visible(path)}`, "znodes", found.length);
      let done = 0;
      const onDeleted = (more: number): void => {
        done += more;
        run.progress.advance(more);
      };
      try {
        return { path, deleted: await deletePaths(client, found, { signal: run.signal, onDeleted }) };
      } catch (error) {
        if (done === 0) throw error;
        const sofar = `${done} of ${plural(found.length, "znode")} below ${visible(path)} were deleted before that`;
        if (run.signal.aborted) {
          run.warn(sofar);
          throw error;
        }
        const { message, hint } = describeError(error, settings.chroot);
        throw new CliError("PARTLY_DONE", ExitCode.PARTLY_DONE, `${message}; ${sofar}`, {
          ...(hint === undefined ? {} : { hint }),
          details: { path, deleted: done, of: found.length },
          cause: error,
        });
      }
    }
  },
  human({ dryRun, results }, screen, run) {
    for (const { path, deleted } of results) {
      const line = `${dryRun ? "would delete" : "deleted"} ${visible(path)}${deleted > 1 ? ` and ${plural(deleted - 1, "znode")} below it` : deleted === 0 ? ": nothing there" : ""}`;
      if (dryRun) screen.line(line);
      else run.note(line);
    }
  },
  plain: ({ results }) => results.map(({ path, deleted }) => [path, deleted]),
});

/** What is below a closed znode cannot be counted, shown, asked about or deleted. */
function unreadable(path: string, denied: readonly string[]): CliError {
  const which = denied.slice(0, SHOWN_MAX).map(visible).join(", ");
  return new CliError(
    "NO_AUTH",
    ExitCode.NOT_PERMITTED,
    `${plural(denied.length, "znode")} below ${visible(path)} may not be read (${which}${denied.length > SHOWN_MAX ? ", …" : ""}); nothing was changed`,
    {
      hint: "--auth-file FILE gives credentials; zk delete PATH takes a closed znode that has nothing below it",
      details: { denied },
    },
  );
}

/** `delete PATH VERSION`, as ZooKeeper 3.4 has it: a path begins with a slash, a version never does. */
function splitVersion(
  words: readonly string[],
  version: number | undefined,
): { readonly paths: readonly string[]; readonly version: number } {
  const [path, last] = words;
  if (words.length === 2 && path !== undefined && last !== undefined && /^-?\d+$/.test(last)) {
    if (version !== undefined) throw new UsageError("the version is given twice");
    return { paths: [path], version: Number(last) };
  }
  return { paths: words, version: version ?? -1 };
}

/** @throws UsageError for the root, and what is the servers' own, unless that is allowed */
export function checkRoot(path: string, chroot: string, isAllowed: boolean): void {
  if (isAllowed || (path !== "/" && !isSystem(path))) return;
  const what =
    path !== "/"
      ? `${path} is the servers' own`
      : chroot === "/"
        ? "/ is everything"
        : `/ is the chroot ${chroot} itself`;
  throw new UsageError(`${what}; nothing was changed`, "--allow-root permits it");
}

function isSystem(path: string): boolean {
  return path === "/zookeeper" || path.startsWith("/zookeeper/");
}

/** A protected path may be neither deleted itself nor with what is above it. */
export function isProtected(path: string, protect: readonly string[]): boolean {
  return protect.some(
    (each) =>
      path === each || path.startsWith(`${each}/`) || each.startsWith(path === "/" ? "/" : `${path}/`),
  );
}

function dangerOf(
  path: string,
  found: readonly string[],
  protect: readonly string[],
  confirmAbove: number,
): Danger {
  const what =
    found.length === 1
      ? `Delete ${visible(path)}?`
      : `Delete ${visible(path)}, ${plural(found.length, "znode")} in all?`;
  if (isProtected(path, protect))
    return { degree: "path", path, question: `${visible(path)} is protected. ${what}` };
  if (path === "/" || isSystem(path) || found.length > confirmAbove)
    return { degree: "path", path, question: what };
  return { degree: found.length > 1 ? "yes" : "none", path, question: what };
}

function tellPlan(found: readonly string[], note: (line: string) => void): void {
  for (const path of found.slice(0, SHOWN_MAX)) note(`  ${visible(path)}`);
  if (found.length > SHOWN_MAX) note(`  … ${plural(found.length - SHOWN_MAX, "znode")} more`);
}
