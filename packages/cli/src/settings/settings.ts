/**
 * Which servers, limits and guards hold for a run, and where each comes from.
 *
 * The order, strongest first: flag, variable, project file, the user's context, the system's. A context is a whole: it
 * applies only when nothing stronger names other servers, so that credentials, chroot and guards of one ensemble never
 * meet another. Read-only is switched off only by a flag, a variable or the context itself.
 */
import { parseTimer } from "../definition/specs.js";
import { UsageError } from "../program/errors.js";
import { nearest } from "../program/suggest.js";
import {
  type ConfigFile,
  type ContextFile,
  expandHome,
  findProjectFile,
  type ProjectFile,
  readConfig,
  readProject,
  systemConfigPaths,
  userConfigPath,
} from "./config-files.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** The options that every connecting command takes. */
export interface ConnectionFlags {
  readonly servers?: string | undefined;
  readonly chroot?: string | undefined;
  readonly context?: string | undefined;
  readonly timeout?: number | undefined;
  readonly sessionTimeout?: number | undefined;
  readonly authFile?: string | undefined;
  readonly readOnly?: boolean | undefined;
  readonly readWrite?: boolean | undefined;
}

/** One setting: what holds, who says so, and who else would have. */
export interface Explained {
  readonly setting: string;
  readonly value: unknown;
  readonly source: string;
  readonly overrides: readonly { readonly value: unknown; readonly source: string }[];
}

/** Everything decided. */
export interface Settings {
  /** Name of the context in use; null when none is. */
  readonly context: string | null;
  /** `host:port,…`, without chroot. */
  readonly servers: string;
  /** `/` or a path. */
  readonly chroot: string;
  readonly readOnly: boolean;
  readonly readOnlySource: string;
  /** For the whole command; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  readonly sessionTimeoutMs: number;
  readonly auth: AuthSource;
  readonly protect: readonly string[];
  readonly confirmAbove: number;
  readonly explained: readonly Explained[];
}

/** Where credentials come from; they are read when a session is opened, not before. */
export type AuthSource =
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "command"; readonly words: readonly string[] }
  | { readonly kind: "variable"; readonly name: string };

export const DEFAULT_SERVERS = "127.0.0.1:2181";
export const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
export const DEFAULT_CONFIRM_ABOVE = 100;
/** The weight of a flag among those who name servers or a context: 3 is a variable, 2 the project, 1 a file. */
const FLAG = 4;

/** @throws UsageError */
export function resolveSettings(flags: ConnectionFlags, env: Environment, cwd: string): Settings {
  return decide(flags, env, readFiles(env, cwd));
}

/** What holds where nobody says anything. */
export function defaultSettings(): Settings {
  return decide({}, {}, { project: undefined, configs: [] });
}

function decide(flags: ConnectionFlags, env: Environment, files: Files): Settings {
  const chosen = chooseContext(flags, env, files);
  const { context } = chosen;
  const project = files.project?.value ?? {};
  const projectName = files.project?.path ?? "";
  const book = new Book();

  // Who names servers decides whose chroot counts: a chroot belongs to the servers it was written for.
  // A context that a flag names says where to connect with the flag's weight, not with that of its file.
  const isFlagged = chosen.level === FLAG;
  const ofContext = <Value>(value: Value | undefined): readonly (readonly [Value | undefined, string])[] =>
    context === undefined ? [] : [[value, context.source]];
  const weighed = <Value>(
    value: Value | undefined,
    others: readonly (readonly [Value | undefined, string])[],
  ) => (isFlagged ? [...ofContext(value), ...others] : [...others, ...ofContext(value)]);
  const servers = book.pick("servers", DEFAULT_SERVERS, [
    [flags.servers, "--servers"],
    ...weighed(context?.value.servers, [
      [env["ZK_SERVERS"] || undefined, "ZK_SERVERS"],
      [env["ZK_HOST"] || undefined, "ZK_HOST"],
      [project.servers, projectName],
    ]),
  ]);
  const split = splitConnectionString(servers);
  const serversSource = book.sourceOf("servers");
  const isOfContext = context !== undefined && serversSource === context.source;
  const chroot = book.pick("chroot", "/", [
    [flags.chroot, "--chroot"],
    ...weighed(isOfContext ? (split.chroot ?? context.value.chroot) : context?.value.chroot, [
      [env["ZK_CHROOT"] || undefined, "ZK_CHROOT"],
      [isOfContext ? undefined : split.chroot, `${serversSource} (in the connection string)`],
      [
        project.servers === undefined || serversSource === projectName ? project.chroot : undefined,
        projectName,
      ],
    ]),
  ]);
  if (!chroot.startsWith("/"))
    throw new UsageError(`the chroot must begin with /, not ${JSON.stringify(chroot)}`);
  if (flags.readOnly === true && flags.readWrite === true) {
    throw new UsageError("--read-only and --read-write exclude each other");
  }
  // A project can only make things safer, so its word counts beside a context's, not above it.
  const readOnly = book.pick("readOnly", false, [
    [
      flags.readOnly === true ? true : flags.readWrite === true ? false : undefined,
      flags.readOnly ? "--read-only" : "--read-write",
    ],
    [readSwitch("ZK_READONLY", env), "ZK_READONLY"],
    [project.readOnly === true ? true : undefined, projectName],
    [context?.value.readOnly, context?.source ?? ""],
  ]);
  const timeoutMs = book.pick<number | undefined>("timeoutMs", undefined, [
    [flags.timeout, "--timeout"],
    [readDuration("ZK_TIMEOUT", env), "ZK_TIMEOUT"],
    [project.timeoutMs, projectName],
    [context?.value.timeoutMs, context?.source ?? ""],
  ]);
  if (timeoutMs !== undefined && timeoutMs <= 0)
    throw new UsageError(
      `${book.sourceOf("timeoutMs")} must be a time above 0`,
      "without it there is no limit",
    );
  const sessionTimeoutMs = book.pick("sessionTimeoutMs", DEFAULT_SESSION_TIMEOUT_MS, [
    [flags.sessionTimeout, "--session-timeout"],
    [readDuration("ZK_SESSION_TIMEOUT", env), "ZK_SESSION_TIMEOUT"],
    [project.sessionTimeoutMs, projectName],
    [context?.value.sessionTimeoutMs, context?.source ?? ""],
  ]);
  const auth = book.pick<AuthSource>(
    "auth",
    { kind: "none" },
    authCandidates(flags, env, context, isFlagged),
    describeAuth,
  );
  // What one file protects is not taken back by another.
  const protect = [...new Set([...(project.protect ?? []), ...(context?.value.protect ?? [])])];
  book.add(
    "protect",
    protect,
    protect.length === 0
      ? "default"
      : [project.protect && projectName, context?.value.protect && context.source].filter(Boolean).join(", "),
  );
  const confirmAbove = book.pick("confirmAbove", DEFAULT_CONFIRM_ABOVE, [
    [project.confirmAbove, projectName],
    [context?.value.confirmAbove, context?.source ?? ""],
  ]);
  book.addFirst("context", context?.name ?? null, chosen.why);
  return {
    context: context?.name ?? null,
    servers: split.servers,
    chroot: trimSlash(chroot),
    readOnly,
    readOnlySource: book.sourceOf("readOnly"),
    timeoutMs,
    sessionTimeoutMs,
    auth,
    protect,
    confirmAbove,
    explained: book.entries,
  };
}

interface Files {
  readonly project: { readonly path: string; readonly value: ProjectFile } | undefined;
  /** The user's file, then the system's. */
  readonly configs: readonly { readonly path: string; readonly value: ConfigFile }[];
}

interface NamedContext {
  readonly name: string;
  readonly value: ContextFile;
  readonly source: string;
}

function readFiles(env: Environment, cwd: string): Files {
  const path = findProjectFile(cwd);
  const configs = [userConfigPath(env), ...systemConfigPaths(env)].flatMap((each) => {
    const value = readConfig(each);
    return value === undefined ? [] : [{ path: each, value }];
  });
  return { project: path === undefined ? undefined : { path, value: readProject(path) }, configs };
}

/** Every context by name; the user's hide the system's. */
export function allContexts(env: Environment): NamedContext[] {
  const found = new Map<string, NamedContext>();
  for (const { path, value } of readFiles(env, "/").configs) {
    for (const [name, context] of Object.entries(value.contexts ?? {})) {
      if (!found.has(name)) found.set(name, { name, value: context, source: `context ${name} (${path})` });
    }
  }
  return [...found.values()];
}

function chooseContext(
  flags: ConnectionFlags,
  env: Environment,
  files: Files,
): { readonly context: NamedContext | undefined; readonly why: string; readonly level: number } {
  const projectPath = files.project?.path ?? "";
  const byFile = files.configs.find(({ value }) => value.current !== undefined);
  const names: readonly (readonly [name: string | undefined, level: number, source: string])[] = [
    [flags.context, FLAG, "--context"],
    [env["ZK_CONTEXT"] || undefined, 3, "ZK_CONTEXT"],
    [files.project?.value.context, 2, projectPath],
    [byFile?.value.current, 1, byFile?.path ?? ""],
  ];
  const chosen = names.find(([name]) => name !== undefined);
  if (chosen === undefined) return { context: undefined, why: "none is named", level: 0 };
  const [name = "", level, source] = chosen;
  const rival = (
    [
      [flags.servers, FLAG, "--servers"],
      [env["ZK_SERVERS"] || undefined, 3, "ZK_SERVERS"],
      [env["ZK_HOST"] || undefined, 3, "ZK_HOST"],
      [files.project?.value.servers, 2, projectPath],
    ] as const
  ).find(([value, rivalLevel]) => value !== undefined && rivalLevel >= level);
  if (rival !== undefined) {
    if (level === FLAG)
      throw new UsageError("--servers and --context both say where to connect; give one of them");
    return {
      context: undefined,
      why: `${name} (${source}) is not used: ${rival[2]} names other servers`,
      level,
    };
  }
  const contexts = new Map<string, NamedContext>();
  for (const { path, value } of files.configs) {
    // Names such as "constructor" are everybody's own.
    const context = Object.entries(value.contexts ?? {}).find(([each]) => each === name)?.[1];
    if (context !== undefined && !contexts.has(name))
      contexts.set(name, { name, value: context, source: `context ${name} (${path})` });
  }
  const context = contexts.get(name);
  if (context !== undefined) return { context, why: source, level };
  const known = files.configs.flatMap(({ value }) => Object.keys(value.contexts ?? {}));
  const near = nearest(name, known);
  throw new UsageError(
    `there is no context ${JSON.stringify(name)} (named by ${source})`,
    near !== undefined
      ? `did you mean ${near}?`
      : known.length > 0
        ? `there are ${known.join(", ")}`
        : "zk context add NAME --servers HOST:PORT makes one",
  );
}

function authCandidates(
  flags: ConnectionFlags,
  env: Environment,
  context: NamedContext | undefined,
  isFlagged: boolean,
): readonly (readonly [AuthSource | undefined, string])[] {
  const file = (path: string | undefined): AuthSource | undefined =>
    path === undefined || path === ""
      ? undefined
      : { kind: "file", path: path === "-" ? path : expandHome(path, env) };
  const command = context?.value.authCommand;
  const ofContext: readonly (readonly [AuthSource | undefined, string])[] = [
    [file(context?.value.authFile), context?.source ?? ""],
    [command === undefined ? undefined : { kind: "command", words: command }, context?.source ?? ""],
  ];
  const ofVariables: readonly (readonly [AuthSource | undefined, string])[] = [
    [file(env["ZK_AUTH_FILE"]), "ZK_AUTH_FILE"],
    [env["ZK_AUTH"] ? { kind: "variable", name: "ZK_AUTH" } : undefined, "ZK_AUTH"],
  ];
  const others = isFlagged ? [...ofContext, ...ofVariables] : [...ofVariables, ...ofContext];
  return [[file(flags.authFile), "--auth-file"], ...others];
}

function describeAuth(auth: AuthSource): unknown {
  if (auth.kind === "file") return `file ${auth.path}`;
  if (auth.kind === "command") return `program ${auth.words[0]}`;
  return auth.kind === "variable" ? `variable ${auth.name}` : null;
}

/** Collects what holds and what it overrides. */
class Book {
  readonly entries: Explained[] = [];

  pick<Value>(
    setting: string,
    fallback: Value,
    candidates: readonly (readonly [value: Value | undefined, source: string])[],
    show: (value: Value) => unknown = (value) => value ?? null,
  ): Value {
    const given = candidates.filter(
      (candidate): candidate is readonly [Value & {}, string] => candidate[0] !== undefined,
    );
    const [first, ...others] = given;
    const value = first === undefined ? fallback : first[0];
    this.entries.push({
      setting,
      value: show(value),
      source: first?.[1] ?? "default",
      overrides: others.map(([other, source]) => ({ value: show(other), source })),
    });
    return value;
  }

  add(setting: string, value: unknown, source: string): void {
    this.entries.push({ setting, value, source, overrides: [] });
  }

  addFirst(setting: string, value: unknown, source: string): void {
    this.entries.unshift({ setting, value, source, overrides: [] });
  }

  sourceOf(setting: string): string {
    return this.entries.find((entry) => entry.setting === setting)?.source ?? "default";
  }
}

/** `a:1,b:2/shop` as servers and chroot. */
export function splitConnectionString(text: string): {
  readonly servers: string;
  readonly chroot: string | undefined;
} {
  const slash = text.indexOf("/");
  if (slash < 0) return { servers: text, chroot: undefined };
  const chroot = text.slice(slash);
  return { servers: text.slice(0, slash), chroot: chroot === "/" ? undefined : chroot };
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.replace(/\/+$/, "") || "/" : path;
}

function readSwitch(name: string, env: Environment): boolean | undefined {
  const value = env[name]?.toLowerCase();
  if (value === undefined || value === "") return undefined;
  if (["1", "true", "yes", "on"].includes(value)) return true;
  if (["0", "false", "no", "off"].includes(value)) return false;
  throw new UsageError(`${name} must be 1 or 0, not ${JSON.stringify(env[name])}`);
}

function readDuration(name: string, env: Environment): number | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  try {
    return parseTimer(value);
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`);
  }
}
