/** Servers started for the check: real ones, or the model behind TCP. */
import { type EnsembleOptions, startEnsemble } from "@zk/lab";
import { SUPER_DIGEST } from "./admin.js";
import { SESSION_TIMEOUT_MAX_MS, SESSION_TIMEOUT_MIN_MS, TICK_TIME_MS } from "./server-settings.js";
import { tcpTarget } from "./tcp-target.js";
import type { Target } from "./wire.js";

const superFlag = `-Dzookeeper.DigestAuthenticationProvider.superDigest=${SUPER_DIGEST}`;
const processFlags = [
  superFlag,
  // Values of a megabyte, several at a time, are more than the lab's usual servers have room for.
  "-Xmx512m",
  // What is compared is not whether writes survive a power cut, and a disk can take ten times as long as all the rest.
  "-Dzookeeper.forceSync=no",
  // A server tells a story about every request that it refuses, and most are made to be refused.
  "-Dzookeeper.root.logger=ERROR,CONSOLE",
];

/**
 * @param options as for `startEnsemble`; `servers` is 1 unless told
 * @throws LabError, `NO_JAVA` and `NO_RELEASE` among them
 */
export async function labTarget(options: EnsembleOptions = {}): Promise<Target> {
  const isModel = options.backend === "memory";
  const ensemble = await startEnsemble({
    servers: 1,
    tickTimeMs: TICK_TIME_MS,
    javaFlags: isModel ? [superFlag] : processFlags,
    config: {
      maxClientCnxns: "0",
      minSessionTimeout: String(SESSION_TIMEOUT_MIN_MS),
      maxSessionTimeout: String(SESSION_TIMEOUT_MAX_MS),
    },
    ...options,
  });
  const leader = await ensemble.leader();
  // Servers that lead answer some requests otherwise than those that follow: the first of both sides is to be one that leads.
  const servers = [...ensemble.servers].sort((a, b) => Number(b.id === leader) - Number(a.id === leader));
  return tcpTarget({
    name: isModel ? "the model over TCP" : `ZooKeeper ${ensemble.version}`,
    addresses: servers.map(({ host, clientPort }) => ({ host, port: clientPort })),
    stop: () => ensemble.stop(),
  });
}
