/** What a zoo.cfg shows without being run. */
import { nearest } from "../program/suggest.js";
import { KNOWN_KEYS, MODERN } from "./config-keys.js";
import type { Finding, Severity } from "./findings.js";

/** A configuration as its lines have it. */
export interface ConfigText {
  /** For messages. */
  readonly name: string;
  readonly text: string;
  /** Content of `myid`; null when there is none, undefined when it was not looked for. */
  readonly myid: string | null | undefined;
  /** Whether snapshots and log are on one disk, where that can be seen. */
  readonly isOneDisk?: boolean;
}

/** The longest session timeout that a server should grant at least, in milliseconds. */
const SESSION_TIMEOUT_LEAST_MS = 4_000;
/** Characters of a line that are shown. */
const SHOWN_MAX = 200;

export function checkConfig({ name, text, myid, isOneDisk = false }: ConfigText): Finding[] {
  const found: Finding[] = [];
  const add = (id: string, severity: Severity, message: string, evidence: string, fix: string): void => {
    const line = /^line (\d+): /.exec(evidence)?.[1];
    const place = { file: name, ...(line === undefined ? {} : { line: Number(line) }) };
    found.push({
      id: `config.${id}`,
      severity,
      message: `${name}: ${message}`,
      evidence,
      fix,
      link: null,
      place,
    });
  };
  const values = new Map<string, string>();
  const servers = new Map<number, string>();
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith("!")) continue;
    const split = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(line);
    const key = split?.[1] ?? line;
    const value = split?.[2] ?? "";
    const where = `line ${index + 1}: ${line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line}`;
    if (/^\s*dataDir\s*=\s|^\s*dataDir\s+=|^\s*dataDir\s*=.*\s$/.test(raw))
      add(
        "spaced-data-dir",
        "warning",
        "dataDir has blanks around it, which zkServer.sh takes for a part of the path",
        where,
        "dataDir=/the/path, without blanks",
      );
    if (value === "")
      add("empty", "warning", `${key} has no value`, where, "give it one, or take the line away");
    if (values.has(key))
      add("twice", "warning", `${key} stands there twice; the last one counts`, where, "take one away");
    values.set(key, value);
    const server = /^server\.(.+)$/.exec(key);
    if (server !== null) {
      if (!/^\d+$/.test(server[1]!))
        add(
          "server-id",
          "critical",
          `${key}: the number of a server must be one`,
          where,
          "server.1, server.2, …",
        );
      else servers.set(Number(server[1]), value);
    } else if (
      !KNOWN_KEYS.has(key) &&
      !/^(group|weight|ssl|authProvider|zookeeper|metricsProvider|quorum\.auth|multiAddress)\./.test(key)
    ) {
      const near = nearest(key, KNOWN_KEYS);
      add(
        "unknown-key",
        "warning",
        `${key} is no setting of ZooKeeper: it becomes a Java property and nothing says so`,
        where,
        near === undefined ? "take it away, or give it as a property" : `did you mean ${near}?`,
      );
    }
  }
  checkBasics(values, servers, isOneDisk, add);
  checkLimits(values, add);
  const isModern =
    [...values.keys()].some((key) => MODERN.test(key)) ||
    [...servers.values()].some((value) => value.includes(";"));
  if (isModern && !values.has("4lw.commands.whitelist"))
    add(
      "no-whitelist",
      "info",
      "from 3.5.3 on servers answer srvr alone: monitoring learns little",
      "no line 4lw.commands.whitelist=",
      "4lw.commands.whitelist=ruok,srvr,mntr,cons,conf,isro",
    );
  checkServers(servers, values, myid, add);
  return found;
}

type Add = (id: string, severity: Severity, message: string, evidence: string, fix: string) => void;

function checkBasics(
  values: ReadonlyMap<string, string>,
  servers: ReadonlyMap<number, string>,
  isOneDisk: boolean,
  add: Add,
): void {
  if (!values.has("dataDir"))
    add("no-data-dir", "critical", "dataDir is missing", "no line dataDir=", "dataDir=/var/lib/zookeeper");
  if (!values.has("clientPort") && !values.has("secureClientPort"))
    add("no-client-port", "critical", "clientPort is missing", "no line clientPort=", "clientPort=2181");
  for (const key of ["initLimit", "syncLimit"]) {
    if (servers.size > 1 && !values.has(key))
      add(
        "no-limit",
        "critical",
        `${key} is missing`,
        `no line ${key}=`,
        `${key}=${key === "initLimit" ? 10 : 5}`,
      );
  }
  for (const key of [
    "tickTime",
    "clientPort",
    "initLimit",
    "syncLimit",
    "maxClientCnxns",
    "autopurge.purgeInterval",
    "autopurge.snapRetainCount",
  ]) {
    const value = values.get(key);
    if (value !== undefined && value !== "" && !/^-?\d+$/.test(value))
      add(
        "no-number",
        "critical",
        `${key} must be a whole number`,
        `${key}=${value}`,
        "the server does not start with this",
      );
  }
  const tickTime = Number(values.get("tickTime") ?? "3000");
  if (tickTime < 500)
    add(
      "short-tick",
      "warning",
      "the tick is so short that sessions end at every long garbage collection",
      `tickTime=${tickTime}`,
      "tickTime=2000",
    );
  if (Number(values.get("autopurge.purgeInterval") ?? "0") <= 0) {
    add(
      "no-purge",
      "warning",
      "old snapshots and logs are never removed: the disk will fill up",
      values.has("autopurge.purgeInterval")
        ? `autopurge.purgeInterval=${values.get("autopurge.purgeInterval")}`
        : "no line autopurge.purgeInterval=",
      "autopurge.purgeInterval=24",
    );
  }
  const retained = values.get("autopurge.snapRetainCount");
  if (retained !== undefined && Number(retained) < 3)
    add(
      "few-snapshots",
      "warning",
      "fewer than 3 snapshots are kept; the server takes 3",
      `autopurge.snapRetainCount=${retained}`,
      "3 or more",
    );
  if (!values.has("dataLogDir"))
    add(
      "one-disk",
      "info",
      "transaction log and snapshots share a folder, and so a disk",
      "no line dataLogDir=",
      "a disk of its own for dataLogDir makes writes faster",
    );
  else if (values.get("dataLogDir") === values.get("dataDir"))
    add(
      "one-disk",
      "info",
      "transaction log and snapshots share a folder",
      `dataLogDir=${values.get("dataLogDir")}`,
      "a disk of its own for dataLogDir",
    );
  else if (isOneDisk)
    add(
      "one-disk",
      "info",
      "transaction log and snapshots are on one disk",
      `${values.get("dataLogDir")} and ${values.get("dataDir")}`,
      "a disk of its own for dataLogDir makes writes faster",
    );
  if (!values.has("clientPortAddress") && values.has("clientPort"))
    add(
      "all-interfaces",
      "info",
      "clients may connect through every interface",
      "no line clientPortAddress=",
      "clientPortAddress, or a firewall",
    );
  if (values.get("forceSync") === "no" || values.get("forceSync") === "false")
    add(
      "no-sync",
      "critical",
      "writes are acknowledged before they are on disk",
      "forceSync=no",
      "take the line away",
    );
  if (values.get("skipACL") === "yes")
    add("skip-acl", "critical", "access rights are not checked at all", "skipACL=yes", "take the line away");
}

function checkLimits(values: ReadonlyMap<string, string>, add: Add): void {
  const number = (key: string): number | undefined => {
    const value = values.get(key);
    return value === undefined || !/^-?\d+$/.test(value) ? undefined : Number(value);
  };
  for (const [key, least] of [
    ["tickTime", 1],
    ["initLimit", 1],
    ["syncLimit", 1],
    ["clientPort", 0],
  ] as const) {
    const value = number(key);
    if (value !== undefined && (value < least || (key === "clientPort" && value > 65_535)))
      add(
        "out-of-range",
        "critical",
        `${key} cannot be ${value}`,
        `${key}=${value}`,
        "the server does not work with this",
      );
  }
  for (const [key, least] of [
    ["initLimit", 5],
    ["syncLimit", 2],
  ] as const) {
    const value = number(key);
    if (value !== undefined && value >= 1 && value < least)
      add(
        "short-limit",
        "warning",
        `${key} is so short that a slow disk or network ends a server's place in the ensemble`,
        `${key}=${value}`,
        `${key}=${key === "initLimit" ? 10 : 5}`,
      );
  }
  const tickTime = number("tickTime") ?? 3_000;
  const shortest = number("minSessionTimeout") ?? -1;
  const longest = number("maxSessionTimeout") ?? -1;
  const [min, max] = [shortest === -1 ? 2 * tickTime : shortest, longest === -1 ? 20 * tickTime : longest];
  if (min > max)
    add(
      "session-timeouts",
      "critical",
      "no session timeout is both long and short enough",
      `from ${min} to ${max} ms`,
      "minSessionTimeout below maxSessionTimeout",
    );
  else if (max < SESSION_TIMEOUT_LEAST_MS && tickTime >= 500)
    add(
      "session-timeouts",
      "warning",
      "sessions are so short that they end at every long garbage collection",
      `at most ${max} ms`,
      "maxSessionTimeout=40000",
    );
}

function checkServers(
  servers: ReadonlyMap<number, string>,
  values: ReadonlyMap<string, string>,
  myid: string | null | undefined,
  add: Add,
): void {
  const voters = [...servers].filter(([, value]) => !/:observer\b/.test(value));
  if (servers.size === 1)
    add(
      "one-server",
      "warning",
      "a single server.N line is ignored: the server stands alone",
      [...servers].map(([id, value]) => `server.${id}=${value}`).join(),
      "take it away, or name all servers",
    );
  if (voters.length > 1 && voters.length % 2 === 0)
    add(
      "even-voters",
      "warning",
      `${voters.length} voters bear no more losses than ${voters.length - 1}`,
      voters.map(([id]) => `server.${id}`).join(", "),
      "an odd number of voters",
    );
  const ports = new Map<string, string>();
  for (const [id, value] of servers) {
    const [host = "", quorum = "", election = ""] = value.split(";")[0]!.split(":");
    if (!/^\d+$/.test(quorum))
      add(
        "server-line",
        "critical",
        `server.${id} must be HOST:PORT:PORT`,
        `server.${id}=${value}`,
        "for example zk1:2888:3888",
      );
    for (const port of [quorum, election]) {
      if (!/^\d+$/.test(port)) continue;
      const key = `${host}:${port}`;
      const other = ports.get(key);
      if (other !== undefined)
        add(
          "port-twice",
          "critical",
          `${key} is used twice`,
          `${other} and server.${id}`,
          "each port of a host once",
        );
      ports.set(key, `server.${id}`);
      if (port === values.get("clientPort") && !value.includes(";"))
        add(
          "port-twice",
          "critical",
          `the client port ${port} is also one between servers`,
          `server.${id}=${value}`,
          "another port",
        );
    }
    if (
      /^(127\.|localhost$|::1$)/.test(host) &&
      new Set([...servers.values()].map((each) => each.split(":")[0])).size > 1
    ) {
      add(
        "loopback",
        "critical",
        `server.${id} is named by an address that is another one on every host`,
        `server.${id}=${value}`,
        "its own name or address",
      );
    }
  }
  if (servers.size < 2 || myid === undefined) return;
  if (myid === null)
    add(
      "no-myid",
      "critical",
      "there is no myid in dataDir",
      "the file is missing",
      `a file with the number of this server: ${[...servers.keys()].join(", ")}`,
    );
  else if (!/^\d+$/.test(myid.trim()))
    add("bad-myid", "critical", "myid is no number", JSON.stringify(myid.slice(0, 40)), "the number alone");
  else if (!servers.has(Number(myid.trim())))
    add(
      "stray-myid",
      "critical",
      `myid says ${myid.trim()}, and there is no such server`,
      [...servers.keys()].map((id) => `server.${id}`).join(", "),
      "one of these numbers",
    );
}
