import { parseConnectionString } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, count, duration, flag, optional, text, texts, whole } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { CliError, UsageError } from "../../program/errors.js";
import { nearest } from "../../program/suggest.js";
import {
  type ConfigFile,
  type ContextFile,
  readConfig,
  userConfigPath,
  writeConfig,
} from "../../settings/config-files.js";
import { allContexts } from "../../settings/settings.js";

const empty: ConfigFile = { contexts: {} };

export const contextAdd: Command = defineCommand({
  name: "context add",
  group: "setup",
  summary: "give a name to servers and how to use them",
  details: [
    "Contexts are kept in $XDG_CONFIG_HOME/zk/config.json (~/.config/zk/config.json), which only you can read. Passwords are not kept there: a file or a program gives them.",
  ],
  examples: [
    { command: "zk context add dev --servers 127.0.0.1:2181", does: "a name for servers" },
    {
      command: "zk context add prod --servers zk1:2181,zk2:2181/shop --read-only",
      does: "with a guard against writes",
    },
    {
      command: "zk context add prod --auth-file ~/.zk/prod.auth --replace",
      does: "with credentials; the rest stays",
    },
    {
      command: "zk context add prod --protect /kafka --replace",
      does: "deleting there needs the path typed",
    },
  ],
  arguments: { name: argument("its name", "context") },
  options: {
    servers: text("HOST:PORT,…", "where to connect; a chroot may follow"),
    chroot: text("PATH", "the znode that counts as /"),
    readOnly: flag("refuse to change anything"),
    readWrite: flag("with --replace: allow changes again"),
    timeout: duration("SECONDS", "limit for each command"),
    sessionTimeout: duration("SECONDS", "session timeout to ask for"),
    authFile: text("FILE", "credentials, one SCHEME:CREDENTIAL a line", { kind: "file" }),
    authCommand: text("COMMAND", "a program that prints such lines"),
    protect: texts("PATH", "a path that is deleted only when it is typed"),
    confirmAbove: whole("N", "znodes above which deleting needs the path typed", { defaultText: "100" }),
    replace: flag("change a context that is there; what is not given stays"),
    use: flag("use it from now on"),
  },
  connects: false,
  exits: [[4, "there is one of that name; --replace changes it"]],
  output: {
    form: "document",
    fields: [
      { name: "name", type: "text", means: "the context" },
      { name: "settings", type: "object", means: "what it says now" },
      { name: "file", type: "text", means: "where it is kept" },
      { name: "isCurrent", type: "true or false", means: "whether it is used when none is named" },
    ],
    plain: ["name", "file"],
  },
  async run(run) {
    const { name } = run.arguments;
    const { options } = run;
    if (!/^[\w.@-]+$/.test(name))
      throw new UsageError(`a name has letters, digits, and .@_- only, not ${JSON.stringify(name)}`);
    const file = userConfigPath(run.io.env);
    const config = readConfig(file) ?? empty;
    const before = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
    if (before !== undefined && !options.replace)
      throw new CliError("CONTEXT_EXISTS", 4, `there is a context ${name}`, { hint: "--replace changes it" });
    const settings: ContextFile = { ...before, ...givenSettings(options, run.io.cwd) };
    if (settings.servers === undefined)
      throw new UsageError("--servers is missing", "for example --servers 127.0.0.1:2181");
    // The client knows what a connection string is.
    parseConnectionString(settings.servers);
    const isFirst = Object.keys(config.contexts).length === 0 && config.current === undefined;
    const current = options.use || isFirst ? name : config.current;
    const contexts = { ...config.contexts, [name]: settings };
    writeConfig(file, current === undefined ? { contexts } : { current, contexts });
    return { name, settings, file, isCurrent: current === name };
  },
  human({ name, isCurrent, file }, _screen, run) {
    run.note(
      `context ${name} is kept in ${file}${isCurrent ? ", and used from now on" : `; zk context use ${name} takes it`}`,
    );
  },
  plain: ({ name, file }) => [[name, file]],
});

export const contextUse: Command = defineCommand({
  name: "context use",
  group: "setup",
  summary: "take a context from now on",
  examples: [
    { command: "zk context use prod", does: "for every command without another word" },
    { command: "zk context use --none", does: "no context any more" },
  ],
  arguments: { name: optional("the context", "context") },
  options: { none: flag("use none") },
  connects: false,
  exits: [[2, "there is no such context"]],
  output: {
    form: "document",
    fields: [{ name: "current", type: "text or null", means: "the context in use" }],
    plain: ["current"],
  },
  async run(run) {
    const { name } = run.arguments;
    if ((name === undefined) !== run.options.none)
      throw new UsageError("give the name of a context, or --none");
    const file = userConfigPath(run.io.env);
    const config = readConfig(file) ?? empty;
    if (name !== undefined)
      known(
        name,
        allContexts(run.io.env).map((each) => each.name),
      );
    writeConfig(
      file,
      name === undefined ? { contexts: config.contexts } : { current: name, contexts: config.contexts },
    );
    return { current: name ?? null };
  },
  human: ({ current }, _screen, run) =>
    run.note(current === null ? "no context is used now" : `context ${current} is used now`),
  plain: ({ current }) => [[current]],
});

export const contextList: Command = defineCommand({
  name: "context ls",
  group: "setup",
  mendsSettings: true,
  summary: "list the contexts",
  examples: [{ command: "zk context ls", does: "names, servers and guards; * is the one in use" }],
  arguments: {},
  options: {},
  output: {
    form: "document",
    fields: [
      {
        name: "contexts",
        type: "list",
        means: "name, servers, chroot, readOnly, source and isCurrent of each",
      },
    ],
    plain: ["name", "servers", "chroot", "readOnly"],
  },
  async run(run) {
    const contexts = allContexts(run.io.env).map(({ name, value, source }) => ({
      name,
      servers: value.servers ?? null,
      chroot: value.chroot ?? null,
      readOnly: value.readOnly === true,
      source,
      isCurrent: name === run.settings.context,
    }));
    return { contexts };
  },
  human({ contexts }, screen, run) {
    if (contexts.length === 0)
      return run.note("there is none; zk context add NAME --servers HOST:PORT makes one");
    screen.table(
      ["", "NAME", "SERVERS", "CHROOT", "GUARD"],
      contexts.map((each) => [
        each.isCurrent ? "*" : "",
        each.name,
        each.servers ?? "",
        each.chroot ?? "",
        each.readOnly ? "read-only" : "",
      ]),
    );
  },
  plain: ({ contexts }) =>
    contexts.map((each) => [each.name, each.servers, each.chroot, String(each.readOnly)]),
});

export const contextShow: Command = defineCommand({
  name: "context show",
  group: "setup",
  mendsSettings: true,
  summary: "print what a context says",
  examples: [{ command: "zk context show prod", does: "as JSON, without credentials" }],
  arguments: { name: optional("the context; the one in use when none is given", "context") },
  options: {},
  exits: [[2, "there is no such context"]],
  output: {
    form: "document",
    fields: [
      { name: "name", type: "text", means: "the context" },
      { name: "settings", type: "object", means: "what it says" },
      { name: "source", type: "text", means: "the file that says it" },
    ],
  },
  async run(run) {
    const name = run.arguments.name ?? run.settings.context;
    if (name === null) throw new UsageError("no context is in use; give a name");
    const contexts = allContexts(run.io.env);
    known(
      name,
      contexts.map((each) => each.name),
    );
    const { value, source } = contexts.find((each) => each.name === name)!;
    return { name, settings: value, source };
  },
  human: ({ settings }, screen) => screen.line(JSON.stringify(settings, null, 2)),
});

export const contextRemove: Command = defineCommand({
  name: "context rm",
  group: "setup",
  summary: "forget a context",
  examples: [{ command: "zk context rm old --yes", does: "without a question" }],
  arguments: { name: argument("the context", "context") },
  options: { yes: flag("answer yes", "y") },
  connects: false,
  exits: [[2, "there is no such context, or it was not confirmed"]],
  output: {
    form: "document",
    fields: [{ name: "name", type: "text", means: "the context that is gone" }],
    plain: ["name"],
  },
  async run(run) {
    const { name } = run.arguments;
    const file = userConfigPath(run.io.env);
    const config = readConfig(file) ?? empty;
    known(name, Object.keys(config.contexts));
    await confirm(
      { degree: "yes", path: name, question: `Forget context ${name}?` },
      { yes: run.options.yes, confirm: undefined },
      run.io,
      run.signal,
    );
    const { [name]: _gone, ...contexts } = config.contexts;
    writeConfig(
      file,
      config.current === undefined || config.current === name
        ? { contexts }
        : { current: config.current, contexts },
    );
    return { name };
  },
  human: ({ name }, _screen, run) => run.note(`context ${name} is forgotten`),
  plain: ({ name }) => [[name]],
});

export const contextExplain: Command = defineCommand({
  name: "context explain",
  group: "setup",
  summary: "say of every setting what holds, who says so, and whom that overrides",
  details: [
    "The order, strongest first: flags, variables, .zkrc.json of the project, your contexts, the system's. Who names other servers leaves the context aside as a whole, with its credentials and guards.",
  ],
  examples: [
    { command: "zk context explain", does: "where the servers come from" },
    { command: "ZK_SERVERS=h:2181 zk context explain --json", does: "for programs" },
  ],
  arguments: {},
  options: { max: count("N", 20, "overridden sources that are shown", { min: 0 }) },
  output: {
    form: "document",
    fields: [
      {
        name: "settings",
        type: "list",
        means: "setting, value, source, and overrides (value and source of each)",
      },
    ],
    plain: ["setting", "value", "source"],
  },
  async run(run) {
    return { settings: run.settings.explained };
  },
  human({ settings }, screen, run) {
    for (const { setting, value, source, overrides } of settings) {
      screen.line(
        `${screen.paint("bold", setting.padEnd(16))}  ${shown(value)}  ${screen.paint("dim", `from ${source}`)}`,
      );
      for (const each of overrides.slice(0, run.options.max))
        screen.line(screen.paint("dim", `${" ".repeat(18)}not ${shown(each.value)} from ${each.source}`));
    }
  },
  plain: ({ settings }) => settings.map(({ setting, value, source }) => [setting, shown(value), source]),
});

function shown(value: unknown): string {
  if (value === null) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function known(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  throw new UsageError(
    `there is no context ${JSON.stringify(name)}`,
    near === undefined ? `there are: ${names.join(", ") || "none"}` : `did you mean ${near}?`,
  );
}

function givenSettings(
  options: {
    readonly servers: string | undefined;
    readonly chroot: string | undefined;
    readonly readOnly: boolean;
    readonly readWrite: boolean;
    readonly timeout: number | undefined;
    readonly sessionTimeout: number | undefined;
    readonly authFile: string | undefined;
    readonly authCommand: string | undefined;
    readonly protect: readonly string[];
    readonly confirmAbove: number | undefined;
  },
  cwd: string,
): ContextFile {
  if (options.readOnly && options.readWrite)
    throw new UsageError("--read-only and --read-write exclude each other");
  if (options.chroot !== undefined && !options.chroot.startsWith("/"))
    throw new UsageError("--chroot must begin with /");
  const given: Record<string, unknown> = {
    servers: options.servers,
    chroot: options.chroot,
    readOnly: options.readOnly ? true : options.readWrite ? false : undefined,
    timeoutMs: options.timeout,
    sessionTimeoutMs: options.sessionTimeout,
    authFile: options.authFile === undefined ? undefined : absoluteFile(options.authFile, cwd),
    authCommand: options.authCommand?.split(/\s+/).filter(Boolean),
    protect: options.protect.length === 0 ? undefined : options.protect,
    confirmAbove: options.confirmAbove,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** A context is used from any folder. */
function absoluteFile(path: string, cwd: string): string {
  return path.startsWith("/") || path.startsWith("~") ? path : `${cwd}/${path}`;
}
