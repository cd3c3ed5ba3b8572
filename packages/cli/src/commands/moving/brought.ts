/** What `import`, `cp` and `mirror` say of their work. */
import type { FieldSpec } from "../../definition/command.js";
import { plural } from "../../output/figures.js";
import type { Screen } from "../../output/screen.js";
import { visible } from "../../output/visible.js";
import type { Brought } from "../../transfer/bring.js";
import type { ExtraNode } from "../../transfer/extra.js";
import type { ImportChange } from "../../transfer/importer.js";
import type { Place } from "../../transfer/places.js";
import { type Operation, operationToJson, type PlanTarget, targetOf } from "../../transfer/plan.js";

const PLAN_FIELDS: readonly FieldSpec[] = [
  { name: "target", type: "object", means: "servers and chroot for which it is" },
  { name: "prune", type: "list", means: "with --dry-run: roots below which would be deleted" },
  {
    name: "operations",
    type: "list",
    means: "with --dry-run: the plan that zk apply takes, with data, ACLs and versions",
  },
];

export const BROUGHT_FIELDS: readonly FieldSpec[] = [
  { name: "path", type: "text", means: "the root in the target" },
  { name: "dryRun", type: "true or false", means: "whether nothing was changed" },
  { name: "nodes", type: "number", means: "znodes of the source" },
  { name: "created", type: "number", means: "znodes created, or to be created" },
  { name: "updated", type: "number", means: "znodes whose data was, or would be, replaced" },
  { name: "same", type: "number", means: "znodes that were there with the same data" },
  { name: "skipped", type: "number", means: "znodes left as they were (--on-conflict skip)" },
  { name: "acls", type: "number", means: "ACLs set behind the data" },
  {
    name: "deleted",
    type: "number",
    means: "znodes of the target that the source has not, deleted with --delete",
  },
  { name: "ephemeralsSkipped", type: "number", means: "ephemerals left out" },
  {
    name: "lagging",
    type: "list",
    means: "path, from and to of each counter of sequential children that is behind",
  },
  { name: "sequencesRestored", type: "number", means: "counters that were advanced" },
  {
    name: "verified",
    type: "true, false or null",
    means: "whether a second reading found the same; null when there was none",
  },
  {
    name: "sha256",
    type: "text or null",
    means: "over path, data and ACL of the znodes in the target, where they were read again",
  },
  {
    name: "changes",
    type: "list",
    means: "with --dry-run: op (create, set, acl, skip, delete) and path of each",
  },
  ...PLAN_FIELDS,
];

export interface BroughtData {
  readonly path: string;
  readonly dryRun: boolean;
  readonly nodes: number;
  readonly created: number;
  readonly updated: number;
  readonly same: number;
  readonly skipped: number;
  readonly acls: number;
  readonly deleted: number;
  readonly ephemeralsSkipped: number;
  readonly lagging: readonly { readonly path: string; readonly from: number; readonly to: number }[];
  readonly sequencesRestored: number;
  readonly verified: boolean | null;
  readonly sha256: string | null;
  readonly changes: readonly ImportChange[];
  readonly prune: readonly string[];
  readonly target: PlanTarget;
}

export function broughtData(
  { path, settings }: Extract<Place, { kind: "servers" }>,
  dryRun: boolean,
  brought: Brought,
  deleted: readonly ExtraNode[] = [],
): BroughtData {
  const { report, changes, sequencesRestored, verification } = brought;
  const { skippedPaths: _paths, ...counts } = report;
  return {
    path,
    dryRun,
    ...counts,
    deleted: deleted.length,
    sequencesRestored,
    verified: verification?.isEqual ?? null,
    sha256: verification?.targetSha256 ?? null,
    changes: dryRun ? [...changes, ...deletesOf(deleted)] : [],
    prune: dryRun && deleted.length > 0 ? [path] : [],
    target: targetOf(settings),
  };
}

/** The deepest first, as a plan has them. */
export function deletesOf(nodes: readonly ExtraNode[]): Operation[] {
  return nodes.map(({ path, version }) => ({ op: "delete" as const, path, version })).reverse();
}

/** The shape of the documents: `changes` are a list for people, `operations` all that `zk apply` needs to know. */
export function broughtJson({ changes, prune, ...rest }: BroughtData): unknown {
  return {
    ...rest,
    changes: changes.map(({ op, path }) => ({ op, path })),
    prune,
    operations: changes.flatMap((each) => (each.op === "skip" ? [] : [operationToJson(each)])),
  };
}

/** The plan of a dry run on stdout; what was done on stderr. */
export function tellBrought(data: BroughtData, screen: Screen, run: { note(line: string): void }): void {
  for (const { op, path } of data.changes) screen.line(`${op.padEnd(6)} ${visible(path)}`);
  const would = data.dryRun ? "would be " : "";
  const parts = [
    `${plural(data.created, "znode")} ${would}created`,
    ...(data.updated > 0 ? [`${data.updated} ${would}changed`] : []),
    ...(data.same > 0 ? [`${data.same} the same`] : []),
    ...(data.skipped > 0 ? [`${data.skipped} left as they were`] : []),
    ...(data.deleted > 0 ? [`${data.deleted} ${would}deleted`] : []),
    ...(data.ephemeralsSkipped > 0 ? [`${plural(data.ephemeralsSkipped, "ephemeral")} left out`] : []),
  ];
  run.note(`${visible(data.path)}: ${parts.join(", ")}`);
  if (data.verified === true)
    run.note(`read again and found the same, SHA-256 ${data.sha256?.slice(0, 16)}…`);
}
