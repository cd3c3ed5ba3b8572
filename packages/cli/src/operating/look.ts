/** Looks at all servers of the settings. */
import type { Client } from "@zk/client";
import { openSession } from "../session/open-session.js";
import type { ServerConnection } from "../session/servers.js";
import type { Settings } from "../settings/settings.js";
import { type EnsembleFacts, ensembleOf, probeServer } from "./server-facts.js";

/** What looking needs of its run. */
export interface LookingRun {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  servers(): Promise<readonly ServerConnection[]>;
}

/** Milliseconds in which a server has to grant a session. */
const SESSION_LIMIT_MS = 3_000;

/** @throws ZkError INVALID_ARGUMENT */
export async function lookAtServers(run: LookingRun, adminPort: number): Promise<EnsembleFacts> {
  const trySession = async (server: ServerConnection): Promise<boolean> => {
    let client: Client | undefined;
    try {
      client = await openSession(
        { ...run.settings, servers: server.name, chroot: "/" },
        { credentials: [], signal: run.signal, connectLimitMs: SESSION_LIMIT_MS },
      );
      return true;
    } catch {
      // Whatever the reason: it gives no session.
      return false;
    } finally {
      await client?.close();
    }
  };
  const servers = await run.servers();
  const facts = await Promise.all(
    servers.map((server) => probeServer(server, { adminPort, signal: run.signal, trySession })),
  );
  run.signal.throwIfAborted();
  return ensembleOf(facts);
}
