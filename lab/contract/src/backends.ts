/** What the suites run on. */

import { type Ensemble, type EnsembleOptions, startEnsemble } from "@zk/lab";
import { digestId } from "@zk/protocol";
import type { Ground } from "./behaviour.js";

/** Real servers run by `zkServer.sh`, as processes or in containers, or the model inside this process. */
export const BACKENDS = ["process", "docker", "memory"] as const;

/** One of {@link BACKENDS}. */
export type Backend = (typeof BACKENDS)[number];

/** Milliseconds of a tick on the grounds of several servers: small, so that sessions can be short. */
export const tickTimeMs = 200;
/** The longest session there: longer than any behaviour takes. */
export const maxSessionTimeoutMs = 30_000;
/** The tick of the ground of one server; its session limits are those that follow from it. */
export const standaloneTickTimeMs = 500;
/** Connections from one address on the ground of one server. */
export const standaloneClientsMax = 8;
/** Who may do everything. */
export const superUser = { user: "super", password: "contract" } as const;

/** Starts the ensemble of a ground. `version` is for real servers: the model has its own. */
export function startGround(backend: Backend, ground: Ground, version?: string): Promise<Ensemble> {
  const options: EnsembleOptions = {
    ...SETTINGS[ground],
    javaFlags: [
      `-Dzookeeper.DigestAuthenticationProvider.superDigest=${digestId(superUser.user, superUser.password)}`,
      ...(ground === "read-only" ? ["-Dreadonlymode.enabled=true"] : []),
    ],
    ...(version === undefined ? {} : { version }),
  };
  return startEnsemble({ ...options, backend });
}

const several: EnsembleOptions = {
  servers: 3,
  tickTimeMs,
  // Many ticks, because they are short: a busy machine must not take a slow server for a dead one.
  config: { initLimit: "150", syncLimit: "75", maxSessionTimeout: String(maxSessionTimeoutMs) },
};

const SETTINGS: Record<Ground, EnsembleOptions> = {
  ensemble: several,
  failover: several,
  "read-only": several,
  standalone: {
    servers: 1,
    tickTimeMs: standaloneTickTimeMs,
    config: { maxClientCnxns: String(standaloneClientsMax) },
  },
};
