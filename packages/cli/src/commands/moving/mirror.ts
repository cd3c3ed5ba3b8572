import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { deletePaths } from "../../session/delete-tree.js";
import { bring } from "../../transfer/bring.js";
import { compareTrees } from "../../transfer/compare-trees.js";
import { type Carried, follow } from "../../transfer/follow.js";
import { newLiveReport, readLive } from "../../transfer/live-tree.js";
import { parseServerPlace } from "../../transfer/places.js";
import { selectionOf } from "../../transfer/selection.js";
import { placePath } from "../../transfer/tree-node.js";
import { checkTarget } from "./copy.js";
import { READING_OPTIONS } from "./options.js";
import { readPlace } from "./read-place.js";

export const mirror: Command = defineCommand({
  name: "mirror",
  group: "moving data",
  summary: "make one subtree the same as another, and with --follow keep it so",
  details: [
    "What the target has and the source has not is deleted, after a question; what differs is replaced. --follow goes on until Ctrl-C and carries over each change as watches tell of it. A change of an ACL alone fires no watch in ZooKeeper: it is carried over with the next change of the znode, or by running mirror again.",
  ],
  examples: [
    { command: "zk mirror zk://prod/shop zk://standby/shop --yes", does: "once" },
    { command: "zk mirror zk://prod/shop zk://standby/shop --follow --yes", does: "and from then on" },
    { command: "zk mirror /shop /shop-copy --dry-run", does: "what would be changed" },
  ],
  arguments: { source: argument("where it comes from", "url"), target: argument("where it goes", "url") },
  options: {
    follow: flag("go on until Ctrl-C", "f"),
    noAcl: flag("leave ACLs alone"),
    noDelete: flag(
      "leave alone what the source has not (as it is now; deletions that are followed are carried over)",
    ),
    dryRun: flag("say what would be changed", "n"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path"),
    ...READING_OPTIONS,
  },
  exits: [[5, "the target is read-only"]],
  output: {
    form: "stream",
    fields: [
      { name: "op", type: "text", means: "create, set, acl or delete" },
      { name: "path", type: "text", means: "the znode in the target" },
    ],
    plain: ["op", "path"],
  },
  async *run(run): AsyncGenerator<Carried> {
    const { options, signal } = run;
    const from = parseServerPlace(run.arguments.source, run);
    const to = parseServerPlace(run.arguments.target, run);
    checkTarget(from, to, options.dryRun);
    const source = await readPlace(from, options, run);
    const client = await run.connect({ settings: to.settings });
    const selection = selectionOf(options, Date.now());
    async function* bringAll(): AsyncGenerator<Carried> {
      const brought = await bring(
        {
          client,
          root: to.path,
          source: () => source.nodes(),
          total: undefined,
          onConflict: "overwrite",
          withAcl: !options.noAcl,
          ephemerals: options.ephemerals,
          hasCredentials: to.settings.auth.kind !== "none",
          dryRun: options.dryRun,
          verify: false,
          restoreSequence: false,
          sequenceMax: 0,
        },
        run,
      );
      for (const { op, path } of brought.changes) if (op !== "skip") yield { op, path };
      if (!options.noDelete) yield* deleteExtra();
      source.tell();
      const { created, updated, same } = brought.report;
      run.note(
        `${visible(to.path)}: ${plural(created, "znode")} created, ${updated} changed, ${same} the same`,
      );
    }
    async function* deleteExtra(): AsyncGenerator<Carried> {
      if (options.dryRun && (await client.exists(to.path, { signal })) === null) return;
      const live = readLive(
        client,
        to.path,
        { ephemerals: "as-persistent", enters: selection.enters, signal },
        newLiveReport(),
      );
      const found: string[] = [];
      for await (const { kind, path } of compareTrees(source.nodes(), live, { withAcl: false }))
        if (kind === "+") found.push(placePath(to.path, path));
      if (found.length > 0 && !options.dryRun) {
        for (const path of found.slice(0, 5)) run.note(`  ${visible(path)}`);
        const degree = found.length > to.settings.confirmAbove ? "path" : "yes";
        const question = `Delete ${plural(found.length, "znode")} of ${visible(to.path)} that the source has not?`;
        await confirm({ degree, path: to.path, question }, options, run.io, signal);
        await deletePaths(client, found, { signal });
      }
      for (const path of found) yield { op: "delete", path };
    }
    if (!options.follow || options.dryRun) {
      yield* bringAll();
      return;
    }
    const work = {
      from: await run.connect({ settings: from.settings }),
      fromRoot: from.path,
      to: client,
      toRoot: to.path,
      withAcl: !options.noAcl,
      ephemerals: options.ephemerals,
      enters: selection.enters,
      signal,
    };
    yield* follow(work, async function* () {
      yield* bringAll();
      run.note("following; Ctrl-C ends it");
    });
  },
  human({ op, path }, screen, run) {
    screen.line(`${run.options.dryRun ? "would " : ""}${op} ${visible(path)}`);
  },
  plain: ({ op, path }) => [[op, path]],
});
