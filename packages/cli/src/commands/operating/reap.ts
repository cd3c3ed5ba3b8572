import { isZkError } from "@zk/client";
import { type Reaped, type ReapReport, reap as reapOnce } from "@zk/recipes";
import { type Command, defineCommand } from "../../definition/command.js";
import { duration, flag, several, text } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { humanSpan, plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { checkRoot, isProtected } from "../everyday/delete.js";

const EMPTY_FOR_MS = 300_000;
/** Refused paths that are named one by one. */
const NAMED_MAX = 3;

interface Round {
  readonly dryRun: boolean;
  readonly emptyForMs: number;
  readonly reaped: readonly Pick<Reaped, "path" | "why">[];
  readonly refused: readonly { readonly path: string; readonly error: string }[];
  readonly uncertain: readonly { readonly path: string; readonly error: string }[];
}

export const reap: Command = defineCommand({
  name: "reap",
  group: "operating",
  summary: "delete directories that stay empty for a while",
  details: [
    "It looks, waits for --empty-for, and looks again: what has no children both times, and was neither written to nor had a child in between, goes. So it takes that while; a lock that is busy is never disturbed, however often it is free. Ephemerals, znodes with data and the directories named stay.",
    "In a directory that is made again numbers begin at 0. An empty znode may mean something, such as a closed barrier: name directories in which there are only such as may go, or say --filter.",
    "It has to be confirmed: --yes answers. A path that the context protects needs the path typed, or --confirm=PATH. The root needs --allow-root and --filter.",
  ],
  examples: [
    { command: "zk reap /locks --dry-run", does: "only what would go" },
    { command: "zk reap /locks /queues --empty-for 1h --yes", does: "from a script that runs every night" },
    { command: "zk reap /apps --filter '*/locks/*' --yes", does: "only what matches, below each app" },
  ],
  arguments: { paths: several("the directories below which it looks", "path") },
  options: {
    emptyFor: duration("TIME", "nothing may have happened to a znode for so long", { defaultText: "5m" }),
    filter: text("GLOB", "only znodes whose path below PATH matches; ** crosses slashes"),
    withData: flag("znodes that have data as well"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path"),
    dryRun: flag("print what would be deleted, and delete nothing", "n"),
    allowRoot: flag("permit / (all that is below it)"),
  },
  writes: (run) => !run.options.dryRun,
  exits: [
    [2, "it was not confirmed"],
    [3, "there is no such znode"],
    [9, "missing permissions kept something from being looked at or deleted, or the answer was lost"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "dryRun", type: "true or false", means: "whether nothing was changed" },
      { name: "emptyForMs", type: "number", means: "for how long nothing had happened to them, at least" },
      {
        name: "reaped",
        type: "list",
        means: "path, and why: empty, or wrap where the numbers of its children were about to wrap",
      },
      { name: "refused", type: "list", means: "path and error of what may not be looked at or deleted" },
      { name: "uncertain", type: "list", means: "path and error where the answer was lost: it may be gone" },
    ],
    plain: ["path"],
  },
  async run(run) {
    const { options, settings, signal } = run;
    const { paths } = run.arguments;
    const emptyForMs = Math.round(options.emptyFor ?? EMPTY_FOR_MS);
    if (emptyForMs < 1) throw new UsageError("--empty-for must be longer than nothing");
    if (options.confirm !== undefined && paths.length > 1)
      throw new UsageError("--confirm answers for one path");
    for (const path of paths) {
      if (path === "/zookeeper" || path.startsWith("/zookeeper/"))
        throw new UsageError(`${path} is the servers' own; nothing was changed`);
      checkRoot(path, settings.chroot, options.allowRoot);
      if (path === "/" && options.filter === undefined)
        throw new UsageError("/ is everything; nothing was changed", "--filter says what may go");
    }
    const client = await run.connect();
    for (const path of paths) await client.getChildren(path, { signal });
    if (!options.dryRun) for (const path of paths) await ask(path);
    run.note(`looks twice, ${spanOf(emptyForMs)} apart`);
    const report = await reapOnce(client, {
      roots: paths,
      emptyForMs,
      withData: options.withData,
      dryRun: options.dryRun,
      signal,
      ...(options.filter === undefined ? {} : { filter: options.filter }),
    });
    return roundOf(report);

    async function ask(path: string): Promise<void> {
      const isGuarded = path === "/" || isProtected(path, settings.protect);
      const question = `Delete what stays empty below ${visible(path)} for ${spanOf(emptyForMs)}?`;
      await confirm({ degree: isGuarded ? "path" : "yes", path, question }, options, run.io, signal);
    }

    function warnOf(all: readonly { readonly path: string }[], what: string): void {
      if (all.length === 0) return;
      const named = all.slice(0, NAMED_MAX).map(({ path }) => visible(path));
      const more = all.length > NAMED_MAX ? ", …" : "";
      run.warn(`${plural(all.length, "znode")} ${what}: ${named.join(", ")}${more}`);
      run.endWith(ExitCode.PARTLY_DONE);
    }

    function roundOf({ reaped, refused, uncertain }: ReapReport): Round {
      warnOf(refused, "may not be looked at or deleted");
      warnOf(uncertain, "may be gone: the answer was lost");
      return {
        dryRun: options.dryRun,
        emptyForMs,
        reaped: reaped.map(({ path, why }) => ({ path, why })).toSorted(byPath),
        refused: refused.map(withText).toSorted(byPath),
        uncertain: uncertain.map(withText).toSorted(byPath),
      };
    }
  },
  human({ dryRun, reaped }, screen, run) {
    for (const { path } of reaped) screen.line(visible(path));
    const count = reaped.length === 0 ? "nothing" : plural(reaped.length, "znode");
    run.note(`${dryRun ? "would delete" : "deleted"} ${count}`);
  },
  plain: ({ reaped }) => reaped.map(({ path }) => [path]),
});

function spanOf(ms: number): string {
  return ms < 1000 ? `${ms} ms` : humanSpan(ms);
}

function withText({ path, error }: { readonly path: string; readonly error: unknown }): {
  readonly path: string;
  readonly error: string;
} {
  return { path, error: isZkError(error) ? error.code : String(error) };
}

function byPath(one: { readonly path: string }, other: { readonly path: string }): number {
  return one.path < other.path ? -1 : 1;
}
