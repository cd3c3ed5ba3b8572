import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { visible } from "../../output/visible.js";
import { CliError, UsageError } from "../../program/errors.js";
import { bring } from "../../transfer/bring.js";
import { type Place, parsePlace, parseServerPlace } from "../../transfer/places.js";
import { shareServers } from "../../transfer/plan.js";
import { isBelow } from "../../transfer/selection.js";
import { placePath, type TreeSource } from "../../transfer/tree-node.js";
import { BROUGHT_FIELDS, type BroughtData, broughtData, broughtJson, tellBrought } from "./brought.js";
import { prepareDeletion } from "./delete-extra.js";
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
  async run(run): Promise<BroughtData> {
    const { options } = run;
    const from = parsePlace(run.arguments.source, run);
    const to = parseServerPlace(run.arguments.target, run);
    checkTarget(from, to, options.dryRun);
    const source = await readPlace(from, options, run);
    const client = await run.connect({ settings: to.settings });
    const deletion = options.delete ? await prepareDeletion(source, client, to, run) : undefined;
    const nodes = (): TreeSource => deletion?.watching(source.nodes()) ?? source.nodes();
    const brought = await bring(
      { client, root: to.path, source: nodes, total: source.total, ...writingOf(options, to) },
      run,
    );
    source.tell();
    if (options.dryRun) return broughtData(to, true, brought, deletion?.nodes);
    const gone = new Set(await deletion?.run());
    return broughtData(
      to,
      false,
      brought,
      deletion?.nodes.filter(({ path }) => gone.has(path)),
    );
  },
  human: (data, screen, run) => tellBrought(data, screen, run),
  plain: ({ created, updated, same, skipped }) => [[created, updated, same, skipped]],
  json: broughtJson,
});

/** @throws UsageError, CliError READ_ONLY */
export function checkTarget(from: Place, to: Extract<Place, { kind: "servers" }>, dryRun: boolean): void {
  if (to.settings.readOnly && !dryRun) {
    throw new CliError("READ_ONLY", 5, `${to.name} is read-only (${to.settings.readOnlySource})`, {
      hint: "--read-write allows it for this command",
    });
  }
  if (from.kind !== "servers") return;
  const [source, target] = [wholePath(from), wholePath(to)];
  if (
    shareServers(from.settings.servers, to.settings.servers) &&
    (source === target || isBelow(target, source) || isBelow(source, target))
  ) {
    throw new UsageError(`${visible(source)} and ${visible(target)} lie within each other`);
  }
}

/** The path that the servers know, whatever the chroot. */
function wholePath({ settings, path }: Extract<Place, { kind: "servers" }>): string {
  return placePath(settings.chroot, path);
}
