/** `host1[:port],host2[:port],…[/chroot]`, as every ZooKeeper client writes it. */
import { DEFAULT_PORT, findPathProblem } from "@zk/protocol";
import { type ServerAddress, ZkError } from "./core/index.js";

/** A connection string taken apart. */
export interface ParsedConnectionString {
  readonly servers: readonly ServerAddress[];
  /** Put before every path; empty when there is none. Never ends in a slash. */
  readonly chroot: string;
}

/**
 * Parses a connection string. Blanks round items are forgiven, an IPv6 address needs brackets when a port follows, the
 * default port is 2181, and the chroot stands once, at the end.
 *
 * @throws ZkError INVALID_ARGUMENT or INVALID_PATH, naming the part that is wrong
 */
export function parseConnectionString(text: string): ParsedConnectionString {
  if (typeof text !== "string") throw invalid(`it must be a string, not ${typeof text}`);
  const slash = text.indexOf("/");
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? "" : text.slice(slash).trim();
  const servers: ServerAddress[] = [];
  for (const item of hosts.split(",")) {
    const trimmed = item.trim();
    if (trimmed === "") continue;
    const server = parseServer(trimmed);
    if (!servers.some((known) => known.host === server.host && known.port === server.port))
      servers.push(server);
  }
  if (servers.length === 0) throw invalid("it names no server; write host:port,host:port[/chroot]");
  return { servers, chroot: parseChroot(chroot) };
}

function parseServer(item: string): ServerAddress {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(item);
  if (bracketed !== null) {
    const host = bracketed[1] as string;
    if (!host.includes(":")) throw invalid(`"${item}": brackets are for IPv6 addresses`);
    return { host, port: parsePort(bracketed[2], item) };
  }
  const colons = item.split(":").length - 1;
  if (colons > 1) throw invalid(`"${item}": put an IPv6 address in brackets, as in [::1]:${DEFAULT_PORT}`);
  const [host = "", port] = item.split(":");
  if (host === "") throw invalid(`"${item}" names no host`);
  if (/[\s[\]@?#]/.test(host)) throw invalid(`"${item}" is not a host name`);
  return { host, port: parsePort(port, item) };
}

function parsePort(text: string | undefined, item: string): number {
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw invalid(`"${item}": the port must be a number from 1 to 65535`);
  return port;
}

function parseChroot(chroot: string): string {
  if (chroot === "" || chroot === "/") return "";
  if (/,[^/,]+:\d+(\/|,|$)/.test(chroot)) {
    throw invalid(`the chroot "${chroot}" seems to hold servers; it stands once, after the last server`);
  }
  const problem = findPathProblem(chroot);
  if (problem !== null) {
    throw new ZkError({
      code: "INVALID_PATH",
      message: `the chroot "${chroot}": ${problem.reason}`,
      path: chroot,
    });
  }
  return chroot;
}

function invalid(why: string): ZkError {
  return new ZkError({ code: "INVALID_ARGUMENT", message: `the connection string cannot be used: ${why}` });
}
