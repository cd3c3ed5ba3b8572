import { resolve } from "node:path";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { UsageError } from "../../program/errors.js";
import { bring } from "../../transfer/bring.js";
import { Journal } from "../../transfer/journal.js";
import { parseServerPlace } from "../../transfer/places.js";
import { BROUGHT_FIELDS, type BroughtData, broughtData, broughtJson, tellBrought } from "./brought.js";
import { describeSelection, READING_OPTIONS, WRITING_OPTIONS, writingOf } from "./options.js";
import { readPlace } from "./read-place.js";

export const importTree: Command = defineCommand({
  name: "import",
  group: "moving data",
  summary: "write a dump of zk export to servers, verify it, go on after an interruption",
  details: [
    "The whole dump is checked before anything is written: order, count and SHA-256. Znodes go in transactions below the packet limit, parents first; a parent's ACL is set when its children are there. At the end everything is read again and compared.",
    "A journal in $XDG_STATE_HOME/zk/imports tells how far it came. After any end of the process, kill -9 included, --resume goes on; nothing is created twice, and nothing is lost.",
    "The servers count the creates below a znode and number sequential children by that count. It is no part of the data: where the copy's count is behind, that is said, and --restore-sequence repairs it.",
  ],
  examples: [
    { command: "zk import shop.ndjson /shop", does: "where nothing is yet, or the same" },
    { command: "zk import shop.ndjson /shop --dry-run", does: "what would be created, changed, in the way" },
    { command: "zk import shop.ndjson /shop --resume", does: "after an interruption" },
    { command: "zk import queue.ndjson /queue --restore-sequence", does: "no number is given out twice" },
    { command: "zk import shop.tar /copy --on-conflict overwrite", does: "over what is there" },
  ],
  arguments: {
    file: argument("a dump; - for stdin", "file"),
    path: argument("where its root goes, or zk://CONTEXT/PATH", "path"),
  },
  options: {
    ...WRITING_OPTIONS,
    ...READING_OPTIONS,
    resume: flag("go on with an import that was interrupted"),
    restart: flag("forget the interrupted one and begin anew"),
    journal: text("FILE", "the journal, instead of the one that belongs to this dump and target", {
      kind: "file",
    }),
  },
  writes: (run) => !run.options.dryRun,
  exits: [
    [2, "it is no whole dump, or an interrupted import is there and neither --resume nor --restart is given"],
    [4, "a znode is there with other data, and --on-conflict is fail"],
    [9, "it ended in the middle, or the second reading differs"],
  ],
  output: { form: "document", fields: BROUGHT_FIELDS, plain: ["created", "updated", "same", "skipped"] },
  async run(run): Promise<BroughtData> {
    const { options } = run;
    if (options.resume && options.restart) throw new UsageError("--resume and --restart exclude each other");
    const { file } = run.arguments;
    if (file.startsWith("zk://"))
      throw new UsageError(`${file} is on servers`, "zk cp copies from servers to servers");
    // What is imported is a file, also when its name begins with a slash.
    const from =
      file === "-"
        ? ({ kind: "stdio" } as const)
        : ({ kind: "file", file: file.replace(/^file:/, "") } as const);
    const source = await readPlace(from, options, run);
    const to = parseServerPlace(run.arguments.path, run);
    const client = await run.connect({ settings: to.settings });
    const key = {
      sha256: source.sha256 ?? "",
      servers: to.settings.servers,
      chroot: to.settings.chroot,
      root: to.path,
      onConflict: options.onConflict,
      manner: `${describeSelection(options) ?? "all"}, ephemerals ${options.ephemerals}, ACLs ${!options.noAcl}`,
    };
    const wish = options.resume ? "resume" : options.restart ? "restart" : undefined;
    const path =
      options.journal === undefined ? Journal.pathOf(key, run.io.env) : resolve(run.io.cwd, options.journal);
    const journal = options.dryRun ? undefined : Journal.open(path, key, wish);
    if (options.resume && journal?.donePath === undefined)
      run.note(
        "no interrupted import of this dump, to this place and in this manner, is known; beginning with the first znode",
      );
    if (journal?.donePath !== undefined) run.note(`going on after ${journal.doneNodes} znodes`);
    const brought = await bring(
      {
        client,
        root: to.path,
        source: () => source.nodes(),
        total: source.total,
        ...writingOf(options, to),
        journal,
      },
      run,
    );
    return broughtData(to, options.dryRun, brought);
  },
  human: (data, screen, run) => tellBrought(data, screen, run),
  plain: ({ created, updated, same, skipped }) => [[created, updated, same, skipped]],
  json: broughtJson,
});
