import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { bring } from "../../transfer/bring.js";
import { type Carried, follow } from "../../transfer/follow.js";
import { parseServerPlace } from "../../transfer/places.js";
import { type Operation, operationToJson, type Plan, targetOf } from "../../transfer/plan.js";
import { deletesOf } from "./brought.js";
import { checkTarget } from "./copy.js";
import { prepareDeletion } from "./delete-extra.js";
import { READING_OPTIONS } from "./options.js";
import { readPlace } from "./read-place.js";

/** One change, or with --dry-run --json all of them at once: a plan that is cut short must not look like one. */
type Mirrored = Carried | { readonly plan: Plan };

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
    noVerify: flag("do not read again what was written"),
    dryRun: flag("say what would be changed", "n"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path"),
    ...READING_OPTIONS,
  },
  exits: [
    [2, "a deletion was not confirmed; nothing was changed"],
    [5, "the target is read-only"],
    [9, "it ended in the middle, some znodes may not be read, or the second reading differs"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "op", type: "text", means: "create, set, acl or delete" },
      { name: "path", type: "text", means: "the znode in the target" },
      {
        name: "operations",
        type: "list",
        means:
          "with --dry-run in place of all that: one line, schema zk.apply/1, the plan that zk apply takes",
      },
      { name: "dryRun", type: "true", means: "with the plan" },
      { name: "prune", type: "list", means: "with the plan: roots below which would be deleted" },
      { name: "target", type: "object", means: "with the plan: servers and chroot for which it is" },
      { name: "same", type: "number", means: "with the plan: znodes that are as in the source" },
      {
        name: "ephemerals",
        type: "list",
        means: "with the plan: ephemerals of the target that are left alone",
      },
    ],
    plain: ["op", "path"],
  },
  async *run(run): AsyncGenerator<Mirrored> {
    const { options, signal } = run;
    const from = parseServerPlace(run.arguments.source, run);
    const to = parseServerPlace(run.arguments.target, run);
    checkTarget(from, to, options.dryRun);
    const source = await readPlace(from, options, run);
    const client = await run.connect({ settings: to.settings });
    async function* bringAll(): AsyncGenerator<Mirrored> {
      const deletion = options.noDelete ? undefined : await prepareDeletion(source, client, to, run);
      const brought = await bring(
        {
          client,
          root: to.path,
          source: () => deletion?.watching(source.nodes()) ?? source.nodes(),
          total: undefined,
          onConflict: "overwrite",
          withAcl: !options.noAcl,
          ephemerals: options.ephemerals,
          hasCredentials: to.settings.auth.kind !== "none",
          dryRun: options.dryRun,
          // What is followed changes while it is read again.
          verify: !options.noVerify && !options.follow,
          restoreSequence: false,
          sequenceMax: 0,
          keepsChanges: true,
        },
        run,
      );
      const { report, changes } = brought;
      const carried = changes.filter((each): each is Operation => each.op !== "skip");
      if (options.dryRun && run.isJson) {
        const operations = [...carried, ...deletesOf(deletion?.nodes ?? [])];
        const ephemerals = changes.flatMap(({ op, path }) => (op === "skip" ? [path] : []));
        const prune = deletion !== undefined && deletion.nodes.length > 0 ? [to.path] : [];
        const target = targetOf(to.settings);
        yield { plan: { prune, target, operations, same: report.same, ephemerals } };
      } else {
        yield* carried;
        const gone = options.dryRun ? deletion?.nodes.map(({ path }) => path) : await deletion?.run();
        for (const path of gone ?? []) yield { op: "delete", path };
      }
      source.tell();
      if (report.skipped > 0) run.note(`${plural(report.skipped, "ephemeral")} of the target left alone`);
      if (brought.verification?.isEqual === true) run.note("read again and found the same");
      const would = options.dryRun ? "would be " : "";
      run.note(
        `${visible(to.path)}: ${plural(report.created, "znode")} ${would}created, ${report.updated} ${would}changed, ${report.same} the same`,
      );
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
      selection: source.selection,
      depthMax: options.depth,
      signal,
    };
    yield* follow(work, async function* () {
      yield* bringAll();
      run.note("following; Ctrl-C ends it");
    });
  },
  human(data, screen, run) {
    if ("op" in data) screen.line(`${run.options.dryRun ? "would " : ""}${data.op} ${visible(data.path)}`);
  },
  plain: (data) => ("op" in data ? [[data.op, data.path]] : []),
  json(data) {
    if ("op" in data) return { op: data.op, path: data.path };
    const { operations, ...plan } = data.plan;
    return { schema: "zk.apply/1", dryRun: true, ...plan, operations: operations.map(operationToJson) };
  },
});
