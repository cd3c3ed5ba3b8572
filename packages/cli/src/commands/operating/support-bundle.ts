import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, defineCommand } from "../../definition/command.js";
import { count, flag, text } from "../../definition/specs.js";
import { bySeverity } from "../../operating/findings.js";
import { checkLive } from "../../operating/live-checks.js";
import { lookAtServers } from "../../operating/look.js";
import { checkVersions } from "../../operating/version-checks.js";
import { CliError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { VERSION } from "../../program/version.js";
import { whyFile } from "../../program/why.js";
import { jsonEnsemble } from "./status.js";

/** Variables whose values say nothing of anybody. */
const OPEN_VARIABLES = new Set([
  "ZK_TIMEOUT",
  "ZK_SESSION_TIMEOUT",
  "ZK_READONLY",
  "NO_COLOR",
  "FORCE_COLOR",
  "TERM",
]);

interface Bundle {
  readonly zk: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  readonly settings: readonly unknown[];
  readonly ensemble: unknown;
  readonly findings: readonly unknown[];
}

export const supportBundle: Command = defineCommand({
  name: "support-bundle",
  group: "operating",
  summary: "facts for a report on a problem, without names, addresses and secrets",
  details: [
    "Version and platform, which settings hold and where they come from, what the servers tell of themselves, and what zk doctor finds in that. Servers are called server-1, server-2, …; paths, names of contexts, files and hosts are left out, and no data is read. --with-names leaves them in; credentials are never part of it.",
  ],
  examples: [
    { command: "zk support-bundle > bundle.json", does: "read it, then attach it" },
    {
      command: "zk support-bundle -o bundle.json --with-names",
      does: "for somebody who may know the servers",
    },
  ],
  arguments: {},
  options: {
    output: text("FILE", "a new file to write it into", { short: "o", kind: "file" }),
    withNames: flag("leave names and addresses in"),
    adminPort: count("PORT", 8080, "port of the admin server; 0 for not asking it", { max: 65_535 }),
  },
  exits: [[4, "the file is there already"]],
  output: {
    form: "document",
    fields: [
      { name: "zk", type: "object", means: "version, node, platform and arch" },
      {
        name: "variables",
        type: "object",
        means: "variables that zk looks at and that are set; most values are left out",
      },
      {
        name: "settings",
        type: "list",
        means: "setting, value and source of each, as in zk context explain",
      },
      { name: "ensemble", type: "object", means: "leader, hasQuorum and servers, as zk status has them" },
      {
        name: "findings",
        type: "list",
        means: "id, severity, message, evidence and fix of each, as zk doctor has them",
      },
    ],
  },
  async run(run): Promise<Bundle> {
    const { withNames, adminPort, output } = run.options;
    const facts = await lookAtServers(run, adminPort);
    const names = withNames
      ? new Map<string, string>()
      : pseudonyms(facts.servers.map(({ server }) => server));
    const bundle: Bundle = {
      zk: { version: VERSION, node: process.versions.node, platform: process.platform, arch: process.arch },
      variables: Object.fromEntries(
        Object.entries(run.io.env)
          .filter(([name, value]) => (/^ZK_/.test(name) || OPEN_VARIABLES.has(name)) && value)
          .map(([name, value]) => [name, OPEN_VARIABLES.has(name) ? value! : "(set)"]),
      ),
      settings: run.settings.explained.map(({ setting, value, source }) => ({
        setting,
        value: withNames || isFigure(value) ? value : "(left out)",
        source: withNames ? source : kindOf(source),
      })),
      ensemble: renamed(jsonEnsemble(facts), names),
      findings: renamed(
        [...checkLive(facts), ...checkVersions(facts.servers)].sort(bySeverity),
        names,
      ) as unknown[],
    };
    if (output !== undefined) {
      const file = resolve(run.io.cwd, output);
      try {
        writeFileSync(file, `${JSON.stringify(bundle, null, 2)}\n`, { flag: "wx", mode: 0o600 });
      } catch (error) {
        throw new CliError(
          "OUTPUT_FAILED",
          ExitCode.CONFLICT,
          `${file} cannot be written: ${whyFile(error)}`,
        );
      }
      run.note(`${file} is written; read it before you pass it on`);
    }
    return bundle;
  },
  human(bundle, screen, run) {
    if (run.options.output === undefined) screen.line(JSON.stringify(bundle, null, 2));
  },
});

/** What each server, and each host alone, is called instead. */
function pseudonyms(servers: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [index, server] of servers.entries()) names.set(server, `server-${index + 1}`);
  for (const server of servers) {
    const host = server.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    if (!names.has(host)) names.set(host, "(host)");
  }
  return names;
}

/** The same value, with every name replaced in its texts, and what is left of an address masked. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (names.size === 0) return value;
  if (typeof value === "string") {
    let text = value;
    for (const [name, other] of names)
      text = text.replaceAll(new RegExp(`(?<![\\w.-])${escaped(name)}(?![\\w.-])`, "g"), other);
    return text
      .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, "(address)")
      .replaceAll(/(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])/gi, "(address)");
  }
  if (Array.isArray(value)) return value.map((each) => renamed(each, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, renamed(each, names)]));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function isFigure(value: unknown): boolean {
  return value === null || typeof value === "number" || typeof value === "boolean";
}

/** `--servers`, `ZK_SERVERS` or `default` as they are; of a file or a context only that it is one. */
function kindOf(source: string): string {
  if (/^(--[a-z-]+|ZK_[A-Z_]+|default)$/.test(source)) return source;
  if (source === "none is named") return "default";
  return source.startsWith("context ") ? "a context" : "a file, or a choice between such";
}
