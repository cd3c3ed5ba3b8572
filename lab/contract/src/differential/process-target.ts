/** Real servers, started for the check. */
import { type Ensemble, type EnsembleOptions, startEnsemble } from "@zk/lab";
import { SUPER_DIGEST } from "./admin.js";
import { SESSION_TIMEOUT_MAX_MS, SESSION_TIMEOUT_MIN_MS, TICK_TIME_MS } from "./server-settings.js";
import { tcpTarget } from "./tcp-target.js";
import type { Target } from "./wire.js";

/** @param options as for `startEnsemble`; `servers` is 1 unless told. @throws LabError, `NO_JAVA` among them */
export async function processTarget(options: EnsembleOptions = {}): Promise<Target> {
  const ensemble: Ensemble = await startEnsemble({
    servers: 1,
    tickTimeMs: TICK_TIME_MS,
    // What is compared is not whether writes survive a power cut, and a disk can take ten times as long as all the rest.
    // Values of a megabyte, several at a time, are more than the lab's usual servers have room for.
    javaFlags: [
      "-Xmx512m",
      "-Dzookeeper.forceSync=no",
      `-Dzookeeper.DigestAuthenticationProvider.superDigest=${SUPER_DIGEST}`,
    ],
    config: {
      maxClientCnxns: "0",
      minSessionTimeout: String(SESSION_TIMEOUT_MIN_MS),
      maxSessionTimeout: String(SESSION_TIMEOUT_MAX_MS),
    },
    ...options,
  });
  return tcpTarget({
    name: `ZooKeeper ${ensemble.version}`,
    addresses: ensemble.servers.map(({ host, clientPort }) => ({ host, port: clientPort })),
    stop: () => ensemble.stop(),
  });
}
