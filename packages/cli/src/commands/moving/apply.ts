import { dirname, resolve } from "node:path";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text, texts } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { readFile } from "../../input/value.js";
import { resolvePath } from "../../input/znode-path.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { newReport } from "../../session/walk.js";
import { applyPlan } from "../../transfer/apply-plan.js";
import { type Desired, isObject, parseDocument, readDesired } from "../../transfer/desired-tree.js";
import { openDump } from "../../transfer/dump-reader.js";
import { DUMP_SCHEMA } from "../../transfer/node-json.js";
import { makePlan, type Operation, operationToJson, type Plan, planFromJson } from "../../transfer/plan.js";
import { isBelow } from "../../transfer/selection.js";
import { placePath } from "../../transfer/tree-node.js";
import { tellReport } from "../tell-report.js";
import { spool } from "./read-place.js";

interface Applied extends Plan {
  readonly dryRun: boolean;
}

/** What a file turned out to be. */
type Wish =
  | { readonly kind: "tree"; readonly nodes: readonly Desired[] }
  | { readonly kind: "plan"; readonly plan: Plan };

/** What `--dry-run --json` prints: of this command, and of those that move trees. */
const PLAN_SCHEMAS: readonly string[] = ["zk.apply/1", "zk.cp/1", "zk.import/1"];
/** Paths that are shown before a question. */
const SHOWN_MAX = 5;
const COLOURS = { create: "green", set: "yellow", acl: "cyan", delete: "red" } as const;

export const apply: Command = defineCommand({
  name: "apply",
  group: "moving data",
  summary: "make znodes be as a file says, or apply a plan that was made before",
  details: [
    'The file says what is wanted, in YAML or JSON: {"nodes": {"/shop/config": "text", "/shop/flags": null, "/shop/db": {"file": "db.json", "acl": ["world:anyone:r"]}}}. A znode is its data as text, or null for none, or an object with data, dataBase64 or file (beside this one), and acl; what is not said is left as it is. Parents are made. A dump of zk export is taken as well, and goes to where it came from, or to --at.',
    "Only what differs is changed, so that a second run changes nothing. It goes into one transaction, all or nothing, as long as that is no larger than servers take (500 changes, half a megabyte); ACLs of znodes that are there already come last, one by one, as ZooKeeper has no transaction for them. An ACL with auth: is set each time: servers keep the identities that it stands for.",
    "Nothing is deleted unless --prune names a root: below that, and nowhere else, goes what the file does not name, after a question. Ephemeral znodes and their parents are left alone.",
    "--dry-run --json prints a plan: operations, data and the versions that they rest on; that of zk cp, import and mirror does the same. zk apply takes it, and refuses it when one of the znodes has changed since. The same holds between the look and the deed of one run.",
  ],
  examples: [
    { command: "zk apply config.yaml --dry-run", does: "what would be changed" },
    {
      command: "zk apply config.yaml --prune /shop",
      does: "and delete below /shop what the file does not name",
    },
    {
      command: "zk apply config.yaml --dry-run --json > plan.json && zk apply plan.json",
      does: "look at it in between",
    },
    {
      command: "zk apply config.yaml --dry-run --exit-code",
      does: "exit 1 if servers are not as the file says",
    },
    { command: "zk apply shop.ndjson --at /shop-copy", does: "from a dump" },
  ],
  arguments: { file: argument("a tree, a dump, or a plan; - is stdin", "file") },
  options: {
    prune: texts("PATH", "delete what is below it and not in the file", { kind: "path" }),
    at: text("PATH", "where a dump goes, instead of where it came from", { kind: "path" }),
    noAcl: flag("leave ACLs alone"),
    dryRun: flag("compare, and change nothing", "n"),
    exitCode: flag("with --dry-run: end with 1 if something would be changed"),
    yes: flag("answer yes", "y"),
    confirm: text("PATH", "answer with the path of --prune"),
  },
  writes: ({ options }) => !options.dryRun,
  exits: [
    [1, "with --dry-run --exit-code: something would be changed"],
    [2, "the file is no tree, dump or plan, or a deletion was not confirmed"],
    [4, "a znode has changed since the plan was made; nothing was changed"],
    [9, "it ended in the middle, or some znodes below --prune may not be read"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "dryRun", type: "true or false", means: "whether nothing was changed: then it is a plan" },
      { name: "prune", type: "list", means: "roots below which was, or would be, deleted" },
      {
        name: "operations",
        type: "list",
        means:
          "op (create, set, acl, delete) and path of each; data (dataBase64 when it is not UTF-8), acl; version and aversion that the znode must have",
      },
      { name: "same", type: "number", means: "znodes that were as they are wanted" },
      { name: "ephemerals", type: "list", means: "ephemeral znodes that were met and left alone" },
    ],
    plain: ["op", "path"],
  },
  async run(run): Promise<Applied> {
    const { options, signal } = run;
    if (options.exitCode && !options.dryRun) throw new UsageError("--exit-code goes with --dry-run");
    const prune = options.prune.map((path) => pruneRoot(resolvePath(path, run.io.znode, false)));
    const wish = await readWish(run.arguments.file);
    if (wish.kind === "tree") checkPrune(prune, wish.nodes);
    const client = await run.connect();
    // What this server has not seen yet would be taken for a difference.
    await client.sync("/", { signal });
    const report = newReport();
    run.progress.begin("comparing", "znodes");
    const plan = wish.kind === "plan" ? wish.plan : await makePlan(client, wish.nodes, prune, report, signal);
    run.progress.end();
    if (!options.dryRun) {
      await confirmDeletes(plan);
      run.progress.begin("applying", "changes", plan.operations.length);
      await applyPlan(client, plan.operations, {
        hasCredentials: run.settings.auth.kind !== "none",
        signal,
        onApplied: (count) => run.progress.advance(count),
      });
    }
    tellReport(report, run);
    if (options.exitCode && plan.operations.length > 0) run.endWith(1);
    return { dryRun: options.dryRun, ...plan };

    async function readWish(file: string): Promise<Wish> {
      const isStdin = file === "-";
      const path = isStdin ? await spool(run) : resolve(run.io.cwd, file);
      const name = isStdin ? "stdin" : file;
      const bytes = readFile(path);
      if (isDump(bytes)) {
        const dump = await openDump(path, isStdin ? name : path);
        if (prune.length > 0 && dump.partial !== undefined)
          throw new UsageError(
            `${dump.partial}: what it has not may be there all the same, and is not to be pruned`,
            "a dump of the whole tree can say what is too many",
          );
        const root =
          options.at === undefined ? dump.header.root : resolvePath(options.at, run.io.znode, false);
        const nodes: Desired[] = [];
        for await (const node of dump.nodes())
          if (!node.isEphemeral)
            nodes.push({
              path: placePath(root, node.path),
              data: node.data,
              acl: options.noAcl ? undefined : node.acl,
            });
        return { kind: "tree", nodes };
      }
      if (options.at !== undefined) throw new UsageError("--at is of dumps: a tree names whole paths");
      const value = await parseDocument(bytes, name);
      if (isObject(value) && PLAN_SCHEMAS.includes(String(value["schema"]))) {
        if (prune.length > 0 || options.noAcl)
          throw new UsageError(
            "a plan says all that is to be done: --prune and --no-acl belong to its making",
          );
        return { kind: "plan", plan: planFromJson(value, name, run.settings) };
      }
      const folder = isStdin ? run.io.cwd : dirname(path);
      const nodes = readDesired(value, name, (each) => readFile(resolve(folder, each)));
      return {
        kind: "tree",
        nodes: options.noAcl ? nodes.map((node) => ({ ...node, acl: undefined })) : nodes,
      };
    }

    async function confirmDeletes({ prune: roots, operations }: Plan): Promise<void> {
      for (const root of roots) {
        const paths = operations.filter(({ op, path }) => op === "delete" && isBelow(path, root));
        if (paths.length === 0) continue;
        const isProtected = run.settings.protect.some(
          (each) =>
            each === root ||
            isBelow(root, each) ||
            paths.some(({ path }) => path === each || isBelow(path, each)),
        );
        const degree = isProtected || paths.length > run.settings.confirmAbove ? "path" : "yes";
        if (!options.yes && options.confirm === undefined) {
          for (const { path } of paths.slice(0, SHOWN_MAX)) run.note(`  ${visible(path)}`);
          if (paths.length > SHOWN_MAX) run.note(`  … ${plural(paths.length - SHOWN_MAX, "znode")} more`);
        }
        const question = `Delete ${plural(paths.length, "znode")} below ${visible(root)}?`;
        await confirm({ degree, path: root, question }, options, run.io, signal);
      }
    }
  },
  human({ dryRun, operations, same, ephemerals }, screen, run) {
    for (const { op, path } of operations)
      screen.line(`${screen.paint(COLOURS[op], op.padEnd(6))} ${visible(path)}`);
    if (ephemerals.length > 0) run.note(`${plural(ephemerals.length, "ephemeral")} left alone`);
    run.note(summary(operations, same, dryRun));
  },
  plain: ({ operations }) => operations.map(({ op, path }) => [op, path]),
  json: ({ dryRun, prune, operations, same, ephemerals }) => ({
    dryRun,
    prune,
    operations: operations.map(operationToJson),
    same,
    ephemerals,
  }),
});

/** @throws UsageError for what is everything, or the servers' own */
function pruneRoot(path: string): string {
  if (path === "/" || path === "/zookeeper" || isBelow(path, "/zookeeper"))
    throw new UsageError(
      `--prune ${path} would delete ${path === "/" ? "everything" : "what is the servers' own"}`,
      "name the roots that the file is about",
    );
  return path;
}

/** A root that the file is not about would lose all that is below it. @throws UsageError */
function checkPrune(prune: readonly string[], nodes: readonly Desired[]): void {
  for (const root of prune) {
    if (nodes.some(({ path }) => path === root || isBelow(path, root))) continue;
    throw new UsageError(
      `the file names nothing at or below ${visible(root)}: --prune would delete all of it`,
      "zk delete -r does that",
    );
  }
}

/** A tar archive, something compressed, or text that says so in its beginning. */
function isDump(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 512)).toString("latin1");
  return head.startsWith("\x1f\x8b") || head.slice(257, 262) === "ustar" || head.includes(`"${DUMP_SCHEMA}"`);
}

function summary(operations: readonly Operation[], same: number, dryRun: boolean): string {
  if (operations.length === 0) return `nothing to change, ${same} the same`;
  const would = dryRun ? "would be " : "";
  const counted = (op: Operation["op"]): number => operations.filter((each) => each.op === op).length;
  return [
    `${plural(counted("create"), "znode")} ${would}created`,
    `${counted("set")} ${would}changed`,
    ...(counted("acl") > 0 ? [`${plural(counted("acl"), "ACL")} ${would}set`] : []),
    ...(counted("delete") > 0 ? [`${counted("delete")} ${would}deleted`] : []),
    `${same} the same`,
  ].join(", ");
}
