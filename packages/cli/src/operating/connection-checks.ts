/** What the connections of running servers show: who comes near the limit that a server has for one address. */
import { parseConf, parseCons } from "@zk/protocol";
import type { ServerConnection } from "../session/servers.js";
import type { Finding } from "./findings.js";

/** Part of the limit from which something is said. */
const NEAR = 0.8;

/** @param notAsked what could not be asked is added */
export async function checkConnections(
  servers: readonly ServerConnection[],
  notAsked: string[],
): Promise<Finding[]> {
  const found = await Promise.all(servers.map((server) => checkServer(server, notAsked)));
  return found.flat();
}

async function checkServer(server: ServerConnection, notAsked: string[]): Promise<Finding[]> {
  const [configured, connected] = await Promise.all([server.ask("conf"), server.ask("cons")]);
  for (const [word, answer] of [
    ["conf", configured],
    ["cons", connected],
  ] as const)
    if (answer.kind === "notAllowed") notAsked.push(`${server.name}: ${word} is not on its whitelist`);
  const conf = configured.kind === "answer" ? parseConf(configured.text) : undefined;
  const cons = connected.kind === "answer" ? parseCons(connected.text) : undefined;
  if (conf?.serving !== true || cons?.serving !== true) return [];
  const { maxClientConnections } = conf;
  const counts = new Map<string, number>();
  for (const { address } of cons.connections) counts.set(address, (counts.get(address) ?? 0) + 1);
  return [...counts]
    .filter(
      ([, count]) =>
        maxClientConnections !== null && maxClientConnections > 0 && count > maxClientConnections * NEAR,
    )
    .map(([address, count]) => ({
      id: "live.client-connections",
      severity: "warning",
      message: `an address comes near the limit of connections of ${server.name}`,
      evidence: `${address}: ${count} of maxClientCnxns=${maxClientConnections}`,
      fix: "find out who opens so many (zk top), let programs share a session, or raise maxClientCnxns",
      link: null,
    }));
}
