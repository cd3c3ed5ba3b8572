import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { CliError, UsageError } from "../../program/errors.js";
import { deletePaths } from "../../session/delete-tree.js";
import { bring } from "../../transfer/bring.js";
import { compareTrees } from "../../transfer/compare-trees.js";
import { newLiveReport, readLive } from "../../transfer/live-tree.js";
import { type Place, parsePlace, parseServerPlace } from "../../transfer/places.js";
import { isBelow } from "../../transfer/selection.js";
import { placePath } from "../../transfer/tree-node.js";
import { BROUGHT_FIELDS, type BroughtJson, broughtJson, tellBrought } from "./brought.js";
import { READING_OPTIONS, WRITING_OPTIONS, writingOf } from "./options.js";
import { readPlace } from "./read-place.js";

const PLACES =
  "Places: /path, zk://CONTEXT/path, zk://HOST:PORT/path, a file (file:NAME, or a word without a leading slash), - for stdin.";

export const copy: Command = defineCommand({
  name: "cp",
  group: "moving data",
  summary: "copy a subtree, also to another ensemble",
  details: [
    PLACES,
    "The copy is read again and compared. An interrupted copy goes on when the same command is given again: what is done is compared and left alone. The read-only guard of the target's context holds.",
  ],
  examples: [
    { command: "zk cp /shop /shop-copy", does: "in one ensemble" },
    { command: "zk cp zk://prod/shop zk://dev/shop --dry-run", does: "what a copy to another would do" },
    {
      command: "zk cp zk://prod/shop /shop --on-conflict overwrite --delete",
      does: "until both are the same",
    },
  ],
  arguments: { source: argument("where it comes from", "url"), target: argument("where it goes", "url") },
  options: {
    ...WRITING_OPTIONS,
    ...READING_OPTIONS,
    delete: flag("delete what the target has and the source has not, when the rest is done"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path"),
  },
  exits: [
    [4, "a znode is there with other data, and --on-conflict is fail"],
    [5, "the target is read-only"],
    [9, "it ended in the middle, or the second reading differs"],
  ],
  output: { form: "document", fields: BROUGHT_FIELDS, plain: ["created", "updated", "same", "skipped"] },
  async run(run): Promise<BroughtJson> {
    const { options } = run;
    const from = parsePlace(run.arguments.source, run);
    const to = parseServerPlace(run.arguments.target, run);
    checkTarget(from, to, options.dryRun);
    const source = await readPlace(from, options, run);
    const client = await run.connect({ settings: to.settings });
    const brought = await bring(
      {
        client,
        root: to.path,
        source: () => source.nodes(),
        total: source.total,
        ...writingOf(options, to),
      },
      run,
    );
    source.tell();
    const extra = options.delete ? await deleteExtra() : [];
    return broughtJson(to.path, options.dryRun, brought, extra);

    async function deleteExtra(): Promise<string[]> {
      const found: string[] = [];
      if (options.dryRun && (await client.exists(to.path, { signal: run.signal })) === null) return found;
      const live = readLive(
        client,
        to.path,
        { ephemerals: "as-persistent", signal: run.signal },
        newLiveReport(),
      );
      const excluded = source.nodes();
      for await (const { kind, path } of compareTrees(excluded, live, { withAcl: false }))
        if (kind === "+") found.push(placePath(to.path, path));
      if (found.length === 0 || options.dryRun) return found;
      for (const path of found.slice(0, 5)) run.note(`  ${visible(path)}`);
      const degree =
        found.length > to.settings.confirmAbove ||
        to.settings.protect.some((each) =>
          found.some((path) => path === each || isBelow(path, each) || isBelow(each, path)),
        )
          ? "path"
          : "yes";
      const question = `Delete ${plural(found.length, "znode")} of ${visible(to.path)} that the source has not?`;
      await confirm({ degree, path: to.path, question }, options, run.io, run.signal);
      await deletePaths(client, found, { signal: run.signal });
      return found;
    }
  },
  human: (data, screen, run) => tellBrought(data, screen, run),
  plain: ({ created, updated, same, skipped }) => [[created, updated, same, skipped]],
});

/** @throws UsageError, CliError READ_ONLY */
export function checkTarget(from: Place, to: Extract<Place, { kind: "servers" }>, dryRun: boolean): void {
  if (to.settings.readOnly && !dryRun) {
    throw new CliError("READ_ONLY", 5, `${to.name} is read-only (${to.settings.readOnlySource})`, {
      hint: "--read-write allows it for this command",
    });
  }
  if (from.kind !== "servers") return;
  const isSame = from.settings.servers === to.settings.servers && from.settings.chroot === to.settings.chroot;
  if (isSame && (from.path === to.path || isBelow(to.path, from.path) || isBelow(from.path, to.path))) {
    throw new UsageError(`${from.path} and ${to.path} lie within each other`);
  }
}
