/** Options that the commands which move trees share. */
import type { OptionSpec } from "../../definition/command.js";
import { choice, count, flag, size, text, texts, whole } from "../../definition/specs.js";
import type { Settings } from "../../settings/settings.js";
import type { Bringing } from "../../transfer/bring.js";
import { CONFLICT_POLICIES, type ConflictPolicy } from "../../transfer/importer.js";
import { EPHEMERAL_POLICIES, type EphemeralPolicy } from "../../transfer/live-tree.js";
import type { SelectionOptions } from "../../transfer/selection.js";

type SpecsOf<Values> = { readonly [Name in keyof Values]-?: OptionSpec<Values[Name]> };

/** Which znodes are read. */
export interface ReadingOptions extends SelectionOptions {
  readonly ephemerals: EphemeralPolicy;
  readonly depth: number | undefined;
}

export const READING_OPTIONS: SpecsOf<ReadingOptions> = {
  ephemerals: choice(EPHEMERAL_POLICIES, "skip", "what becomes of ephemeral znodes"),
  include: texts(
    "GLOB",
    "only znodes whose path (from the root of what is moved) matches, and their parents",
  ),
  exclude: texts("GLOB", "not those whose path matches, nor what is below them"),
  regex: text("REGEX", "only znodes whose path has a match, and their parents"),
  mtime: text("[+-]AGE", "only znodes whose data changed so long ago, and their parents"),
  maxSize: size("SIZE", "only znodes whose data is no larger, and their parents"),
  depth: whole("N", "levels below the root", { short: "d" }),
};

/** How znodes are written. */
export interface WritingOptions {
  readonly onConflict: ConflictPolicy;
  readonly noAcl: boolean;
  readonly noVerify: boolean;
  readonly restoreSequence: boolean;
  readonly sequenceMax: number;
  readonly dryRun: boolean;
}

export const WRITING_OPTIONS: SpecsOf<WritingOptions> = {
  onConflict: choice(CONFLICT_POLICIES, "fail", "what becomes of znodes that are there with other data"),
  noAcl: flag("leave ACLs out: everybody may do everything"),
  noVerify: flag("do not read again what was written"),
  restoreSequence: flag("advance the counters of sequential children to where the source's stand"),
  sequenceMax: count("N", 100_000, "with --restore-sequence: creates for one znode above which it refuses", {
    min: 1,
  }),
  dryRun: flag("compare, and change nothing", "n"),
};

/** What `cp` and `import` tell of how they write, as `bring` takes it. */
export function writingOf(
  options: WritingOptions & Pick<ReadingOptions, "ephemerals">,
  target: { readonly settings: Pick<Settings, "auth"> },
): Pick<
  Bringing,
  | "onConflict"
  | "withAcl"
  | "ephemerals"
  | "hasCredentials"
  | "dryRun"
  | "verify"
  | "restoreSequence"
  | "sequenceMax"
  | "keepsChanges"
> {
  return {
    onConflict: options.onConflict,
    withAcl: !options.noAcl,
    ephemerals: options.ephemerals,
    hasCredentials: target.settings.auth.kind !== "none",
    dryRun: options.dryRun,
    verify: !options.noVerify,
    restoreSequence: options.restoreSequence,
    sequenceMax: options.sequenceMax,
    keepsChanges: options.dryRun,
  };
}

/** What was left out of a reading, in words; null when nothing was. */
export function describeSelection(options: ReadingOptions): string | null {
  const parts = [
    ...options.include.map((glob) => `include ${glob}`),
    ...options.exclude.map((glob) => `exclude ${glob}`),
    ...(options.regex === undefined ? [] : [`regex ${options.regex}`]),
    ...(options.mtime === undefined ? [] : [`mtime ${options.mtime}`]),
    ...(options.maxSize === undefined ? [] : [`at most ${options.maxSize} bytes`]),
    ...(options.depth === undefined ? [] : [`depth ${options.depth}`]),
  ];
  return parts.length === 0 ? null : parts.join(", ");
}
