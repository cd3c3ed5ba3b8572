import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Acl, type Client, isZkError } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { choice, count, flag, text, texts } from "../../definition/specs.js";
import { formatAcl } from "../../input/acl-text.js";
import { readFile } from "../../input/value.js";
import { checkClock } from "../../operating/clock-check.js";
import { checkConfig } from "../../operating/config-checks.js";
import { checkConnections } from "../../operating/connection-checks.js";
import { bySeverity, type Finding, SEVERITIES, worst } from "../../operating/findings.js";
import { lookUpLab } from "../../operating/lab-program.js";
import { checkLive } from "../../operating/live-checks.js";
import { lookAtServers } from "../../operating/look.js";
import { checkSessions } from "../../operating/session-checks.js";
import { checkVersions } from "../../operating/version-checks.js";
import type { Colour } from "../../output/colour.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { isEphemeral } from "../../session/node-kind.js";
import { serversOf } from "../../session/servers.js";
import { newReport, walk } from "../../session/walk.js";

const COLOURS: Readonly<Record<Finding["severity"], Colour>> = {
  critical: "red",
  warning: "yellow",
  info: "cyan",
};
/** Children above which a family is large: its list comes near the packet limit. */
const FAMILY_MAX = 10_000;
/** Bytes near the servers' limit of 1 MB. */
const DATA_MAX = 800_000;
/** Ephemerals of one session that are many. */
const EPHEMERALS_MAX = 1_000;

export const doctor: Command = defineCommand({
  name: "doctor",
  group: "operating",
  isPaged: true,
  summary: "look for what is wrong, or will be: configuration, running servers, data, releases",
  details: [
    "Each finding has a stable id, how bad it is, what was seen, and what to do. Nothing is changed, unless --clock asks for a scratch znode. What could not be asked is said, too: the watches of a server are listed only where they are few enough to be no work for it.",
  ],
  examples: [
    { command: "zk doctor", does: "running servers, their releases, and a look at the data" },
    {
      command: "zk doctor --config /etc/zookeeper/zoo.cfg --offline",
      does: "a configuration, without servers",
    },
    { command: "zk doctor --clock /tmp", does: "and whether the clocks agree" },
    { command: "zk doctor --lab", does: "the lab's own servers and configurations" },
    { command: "zk doctor --fail-on warning", does: "for a pipeline" },
    { command: "zk doctor --sarif > zk.sarif", does: "for code hosts that show such reports" },
  ],
  arguments: {},
  options: {
    config: texts("FILE", "a zoo.cfg to read", { kind: "file" }),
    clock: text(
      "PATH",
      "compare our clock with the servers' by a scratch znode below PATH, made and removed",
      {
        kind: "path",
      },
    ),
    lab: flag("the servers of the lab on this machine, and their zoo.cfg"),
    offline: flag("ask no server"),
    failOn: choice(
      ["info", "warn", "warning", "critical", "never"],
      "critical",
      "the severity from which the exit code is 1",
    ),
    sarif: flag("print a SARIF 2.1.0 document"),
    maxNodes: count("N", 10_000, "znodes that are looked at; 0 for none"),
    adminPort: count("PORT", 8080, "port of the admin server; 0 for not asking it", { max: 65_535 }),
  },
  writes: ({ options }) => options.clock !== undefined,
  exits: [
    [0, "nothing as bad as --fail-on"],
    [1, "something is"],
  ],
  output: {
    form: "document",
    fields: [
      {
        name: "findings",
        type: "list",
        means:
          "id, severity (info, warning, critical), message, evidence, fix, link of each, and place (file, line) where it is about a file",
      },
      { name: "notAsked", type: "list", means: "what could not be looked at, and why" },
    ],
    plain: ["severity", "id", "message", "evidence", "fix"],
  },
  async run(run) {
    const { options } = run;
    const findings: Finding[] = [];
    const notAsked: string[] = [];
    const lab = options.lab ? await lookUpLab(run) : undefined;
    if (lab !== undefined && (run.flags.servers !== undefined || run.flags.context !== undefined))
      throw new UsageError("--lab says which servers are meant: --servers and --context say others");
    for (const file of lab?.configs ?? []) findings.push(...readConfigFile(file, file));
    for (const file of options.config) findings.push(...readConfigFile(resolve(run.io.cwd, file), file));
    findings.push(...checkOwn(run.io.env));
    if (options.clock !== undefined && options.offline)
      throw new UsageError("--clock asks a server, and --offline none");
    if (options.offline && options.config.length === 0 && lab === undefined)
      notAsked.push(
        "servers (--offline) and their files (--config FILE): only zk's own settings were looked at",
      );
    if (!options.offline) {
      const settings =
        lab === undefined ? run.settings : { ...run.settings, servers: lab.connectionString, chroot: "/" };
      const servers = serversOf(settings, run.signal);
      const connect = (): Promise<Client> => run.connect({ settings });
      const looking = { settings, signal: run.signal, servers: async () => servers };
      const facts = await lookAtServers(looking, options.adminPort);
      findings.push(...checkLive(facts), ...checkVersions(facts.servers));
      for (const { server, source, why } of facts.servers)
        if (why !== null && source !== "none") notAsked.push(`${server}: ${why}; asked ${source} instead`);
      findings.push(...(await checkConnections(servers, notAsked)));
      findings.push(...(await checkSessions(servers, notAsked)));
      if (facts.hasQuorum && options.clock !== undefined)
        findings.push(...(await checkClock(await connect(), options.clock, run.signal)));
      if (facts.hasQuorum && options.maxNodes > 0) {
        const client = await connect();
        findings.push(...(await checkData(client, options.maxNodes, run.signal, notAsked)));
        if (run.settings.auth.kind !== "none") {
          findings.push({
            id: "auth.clear-text",
            severity: "info",
            message: "passwords go to the servers as they are: the connection is not encrypted",
            evidence: `credentials from ${run.settings.auth.kind}`,
            fix: "keep the way to the servers private",
            link: null,
          });
        }
      }
    }
    findings.sort(bySeverity);
    const failOn = options.failOn === "warn" ? "warning" : options.failOn;
    const found = worst(findings);
    if (failOn !== "never" && found !== undefined && SEVERITIES.indexOf(found) >= SEVERITIES.indexOf(failOn))
      run.endWith(1);
    return { findings, notAsked: [...new Set(notAsked)] };
  },
  human({ findings, notAsked }, screen, run) {
    if (run.options.sarif) return screen.line(JSON.stringify(sarifOf(findings), null, 2));
    for (const { id, severity, message, evidence, fix, link } of findings) {
      screen.line(
        `${screen.paint(COLOURS[severity], severity.padEnd(8))}  ${visible(message)}  ${screen.paint("dim", id)}`,
      );
      screen.line(`          ${screen.paint("dim", "seen")}  ${visible(evidence)}`);
      screen.line(
        `          ${screen.paint("dim", "do")}    ${visible(fix)}${link === null ? "" : screen.paint("dim", `  (${link})`)}`,
      );
    }
    if (findings.length === 0) screen.line(screen.paint("green", "nothing is wrong"));
    for (const line of notAsked) run.note(visible(line));
  },
  plain: ({ findings }) =>
    findings.map(({ severity, id, message, evidence, fix }) => [severity, id, message, evidence, fix]),
});

function readConfigFile(path: string, name: string): Finding[] {
  const text = Buffer.from(readFile(path)).toString("utf8");
  const dataDir = /^\s*dataDir\s*[=:]\s*(.+?)\s*$/m.exec(text)?.[1];
  // On another machine than the server's there is no such folder, and nothing to say of it.
  const myid =
    dataDir === undefined || !existsSync(dataDir)
      ? undefined
      : existsSync(join(dataDir, "myid"))
        ? readFileSync(join(dataDir, "myid"), "utf8")
        : null;
  const logDir = /^\s*dataLogDir\s*[=:]\s*(.+?)\s*$/m.exec(text)?.[1];
  const disks = [dataDir, logDir].map((folder) =>
    folder === undefined ? undefined : statSync(folder, { throwIfNoEntry: false })?.dev,
  );
  const isOneDisk = disks[0] !== undefined && disks[0] === disks[1];
  return checkConfig({ name, text, myid, isOneDisk });
}

/** What is wrong with how we are used ourselves. */
function checkOwn(env: Readonly<Record<string, string | undefined>>): Finding[] {
  if (!env["ZK_AUTH"]) return [];
  return [
    {
      id: "own.secret-in-variable",
      severity: "warning",
      message: "credentials are in a variable, which every program that you start can read",
      evidence: "ZK_AUTH",
      fix: "a file that only you can read: ZK_AUTH_FILE, or zk context add --auth-file",
      link: null,
    },
  ];
}

async function checkData(
  client: Client,
  nodesMax: number,
  signal: AbortSignal,
  notAsked: string[],
): Promise<Finding[]> {
  const found: Finding[] = [];
  const report = newReport();
  const owners = new Map<bigint, number>();
  let open = 0;
  let openExample = "";
  try {
    for await (const { path, stat, acl } of walk(client, "/", { nodesMax, withAcl: true, signal }, report)) {
      if (path === "/zookeeper" || path.startsWith("/zookeeper/")) continue;
      if (stat.numChildren > FAMILY_MAX)
        found.push({
          id: "data.large-family",
          severity: "warning",
          message: "a znode has very many children",
          evidence: `${path}: ${stat.numChildren}`,
          fix: "spread them; zk big shows how near the list is to the packet limit",
          link: null,
        });
      if (stat.dataLength > DATA_MAX)
        found.push({
          id: "data.large",
          severity: "warning",
          message: "a znode's data comes near the limit of 1 MB",
          evidence: `${path}: ${stat.dataLength} bytes`,
          fix: "keep the data elsewhere and its place here",
          link: null,
        });
      if (isEphemeral(stat)) owners.set(stat.ephemeralOwner, (owners.get(stat.ephemeralOwner) ?? 0) + 1);
      if ((acl ?? []).some(isOpen)) {
        open++;
        openExample ||= path;
        if (path === "/")
          found.push({
            id: "acl.open-root",
            severity: "info",
            message: "anybody may create and delete directly below /",
            evidence: "world:anyone:cdrwa",
            fix: "zk acl / with credentials, once every application has its own subtree",
            link: null,
          });
      }
    }
  } catch (error) {
    if (!isZkError(error)) throw error;
    notAsked.push(`the data: ${error.message}`);
  }
  for (const [owner, count] of owners) {
    if (count > EPHEMERALS_MAX)
      found.push({
        id: "data.many-ephemerals",
        severity: "warning",
        message: "a session has very many ephemerals: its end is one large transaction",
        evidence: `0x${BigInt.asUintN(64, owner).toString(16)}: ${count}`,
        fix: `zk who 0x${BigInt.asUintN(64, owner).toString(16)} shows whose it is`,
        link: null,
      });
  }
  if (open > 0)
    found.push({
      id: "acl.world-writable",
      severity: "info",
      message: "znodes that anybody may change",
      evidence: `${open}, for example ${openExample}`,
      fix: "zk find / --acl world:anyone:cdrwa lists them",
      link: null,
    });
  if (report.isTruncated) notAsked.push(`the data behind the first ${nodesMax} znodes (--max-nodes)`);
  return found;
}

function isOpen(entry: Acl): boolean {
  return formatAcl(entry) === "world:anyone:cdrwa";
}

function sarifOf(findings: readonly Finding[]): unknown {
  const level = { info: "note", warning: "warning", critical: "error" } as const;
  const ids = [...new Set(findings.map(({ id }) => id))];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "zk doctor", rules: ids.map((id) => ({ id })) } },
        results: findings.map(({ id, severity, message, evidence, fix, place }) => ({
          ruleId: id,
          level: level[severity],
          message: { text: `${message} (${evidence}). ${fix}` },
          locations: [locationOf(place)],
        })),
      },
    ],
  };
}

/** Code hosts take no result without a file: what is about running servers has one that is named for them. */
function locationOf(place: Finding["place"]): unknown {
  const file = place?.file ?? "zookeeper";
  const uri = isAbsolute(file) ? pathToFileURL(file).href : encodeURI(file);
  return {
    physicalLocation: { artifactLocation: { uri }, region: { startLine: place?.line ?? 1 } },
  };
}
