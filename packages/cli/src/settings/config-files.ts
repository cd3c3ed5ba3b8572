/** Where settings are kept, and how they are read and written: whole or not at all, and never without a check. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../program/errors.js";
import { whyFile } from "../program/why.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What a context, or a project file, may say. */
export interface ContextFile {
  readonly servers?: string;
  readonly chroot?: string;
  readonly readOnly?: boolean;
  /** Milliseconds. */
  readonly timeoutMs?: number;
  readonly sessionTimeoutMs?: number;
  /** A file of `scheme:credential` lines. */
  readonly authFile?: string;
  /** A program and its arguments that prints such lines. */
  readonly authCommand?: readonly string[];
  /** Paths whose subtrees are deleted only with the path typed. */
  readonly protect?: readonly string[];
  /** Nodes above which deleting needs the path typed. */
  readonly confirmAbove?: number;
}

/** `config.json` of the user or of the system. */
export interface ConfigFile {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, ContextFile>>;
}

/** `.zkrc.json`: settings of a project, or the name of a context. */
export interface ProjectFile extends ContextFile {
  readonly context?: string;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string" && value !== "";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
/** Up to what a timer can be set to. */
const isTime: Check = (value) => typeof value === "number" && value > 0 && value < 2 ** 31;

const FIELDS: Readonly<Record<keyof ContextFile, readonly [Check, string]>> = {
  servers: [isText, "a connection string"],
  chroot: [(value) => isText(value) && String(value).startsWith("/"), "a path"],
  readOnly: [(value) => typeof value === "boolean", "true or false"],
  timeoutMs: [isTime, "milliseconds above 0, at most 2147483647"],
  sessionTimeoutMs: [isTime, "milliseconds above 0, at most 2147483647"],
  authFile: [isText, "the name of a file"],
  authCommand: [isTexts, "a list: the program and its arguments"],
  protect: [isTexts, "a list of paths"],
  confirmAbove: [(value) => Number.isInteger(value) && Number(value) >= 0, "a whole number"],
};

/** The user's own file. */
export function userConfigPath(env: Environment): string {
  return join(env["XDG_CONFIG_HOME"] || join(homeOf(env), ".config"), "zk", "config.json");
}

/** The system's files, strongest first. */
export function systemConfigPaths(env: Environment): string[] {
  return (env["XDG_CONFIG_DIRS"] || "/etc/xdg")
    .split(":")
    .filter(Boolean)
    .map((folder) => join(folder, "zk", "config.json"));
}

/** A folder for what can be forgotten. */
export function cacheFolder(env: Environment): string {
  return join(env["XDG_CACHE_HOME"] || join(homeOf(env), ".cache"), "zk");
}

/** A folder for what should be remembered and is no setting. */
export function stateFolder(env: Environment): string {
  return join(env["XDG_STATE_HOME"] || join(homeOf(env), ".local", "state"), "zk");
}

export function homeOf(env: Environment): string {
  return env["HOME"] || homedir();
}

/** `~/x` as the home that the variables name. */
export function expandHome(path: string, env: Environment): string {
  return path === "~" || path.startsWith("~/") ? join(homeOf(env), path.slice(1)) : path;
}

/** @throws UsageError for a file that is there and cannot be used */
export function readConfig(path: string): ConfigFile | undefined {
  const value = readJson(path);
  if (value === undefined) return undefined;
  const { current, contexts = {}, ...rest } = value;
  refuseUnknown(path, Object.keys(rest), ["current", "contexts"]);
  if (current !== undefined && !isText(current)) throw wrong(path, "current", "the name of a context");
  if (typeof contexts !== "object" || contexts === null || Array.isArray(contexts)) {
    throw wrong(path, "contexts", "an object of contexts by name");
  }
  for (const [name, context] of Object.entries(contexts)) checkContext(path, `contexts.${name}`, context);
  return { ...value, contexts } as unknown as ConfigFile;
}

/** `.zkrc.json` of this folder or the nearest above it, up to the root of the repository. */
export function findProjectFile(cwd: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, ".zkrc.json");
    if (existsSync(path)) return path;
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) return undefined;
  }
}

/** @throws UsageError for a project file that holds secrets, switches read-only off, or cannot be read */
export function readProject(path: string): ProjectFile {
  const value = readJson(path) ?? {};
  const { context, ...settings } = value;
  if (context !== undefined && !isText(context)) throw wrong(path, "context", "the name of a context");
  for (const secret of ["auth", "authFile", "authCommand", "password"]) {
    if (secret in settings) {
      throw new UsageError(
        `${path}: a project file holds no credentials, and names no program or file to get them from ("${secret}")`,
        "put it into a context of your own: zk context add NAME --auth-file FILE",
      );
    }
  }
  if (settings["readOnly"] === false) {
    throw new UsageError(`${path}: a project file may switch read-only on, never off`);
  }
  checkContext(path, "", settings);
  return value as ProjectFile;
}

/** Writes the user's file: beside it first, then in its place. @throws UsageError */
export function writeConfig(path: string, config: ConfigFile): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(beside, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(beside, path);
  } catch (error) {
    try {
      rmSync(beside, { force: true });
    } catch {
      // Where nothing can be written there is nothing to be cleared away.
    }
    throw new UsageError(
      `${path} cannot be written: ${whyFile(error)}`,
      "XDG_CONFIG_HOME names another folder for settings",
    );
  }
}

/** Whether others may read a file. */
export function isReadByOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0;
}

function readJson(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UsageError(`${path} cannot be read: ${whyFile(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`${path} must be an object`);
  }
  return value as Record<string, unknown>;
}

function checkContext(path: string, where: string, context: unknown): void {
  if (typeof context !== "object" || context === null) throw wrong(path, where, "an object");
  const known = Object.keys(FIELDS);
  refuseUnknown(`${path}${where === "" ? "" : `, ${where}`}`, Object.keys(context), known);
  for (const [name, value] of Object.entries(context)) {
    const [check, what] = FIELDS[name as keyof ContextFile];
    if (!check(value)) throw wrong(path, where === "" ? name : `${where}.${name}`, what);
  }
}

function refuseUnknown(where: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UsageError(`${where}: "${name}" is not known; there are ${known.join(", ")}`);
    }
  }
}

function wrong(path: string, field: string, what: string): UsageError {
  return new UsageError(`${path}: "${field}" must be ${what}`);
}
