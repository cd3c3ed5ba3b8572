/** Servers as processes of this machine: see {@link EnsembleMaker}. */
import { rm } from "node:fs/promises";
import { Watchdog } from "../process/watchdog.js";
import { findJava, provisionRelease } from "../release/index.js";
import type { EnsembleMaker } from "./ensemble-maker.js";
import { installServer } from "./install-server.js";
import { type EnsembleSpec, markerOf, pathsOf, planServers } from "./layout.js";
import { endedBefore, endWithThisProcess } from "./live-ensembles.js";
import type { EnsembleSettings } from "./options.js";
import { ProcessEnsemble } from "./process-ensemble.js";
import { createControls } from "./server-control.js";
import { labFolder, removeState } from "./state-file.js";

/** Finds Java and the release. @throws LabError `NO_JAVA`, `NO_RELEASE` and the others of the release chain */
export async function processMaker(settings: EnsembleSettings): Promise<EnsembleMaker> {
  const { env, version, onProgress, signal } = settings;
  const java = await findJava({ env });
  const release = await provisionRelease({ version, env, onProgress, ...(signal ? { signal } : {}) });
  return {
    assemble: async ({ name, tickTimeMs, javaFlags, config, servers, ports }, folder, lease) => {
      const { dir } = folder;
      const spec: EnsembleSpec = {
        name,
        version,
        dir,
        tickTimeMs,
        javaFlags,
        config,
        ownScripts: release.ownScripts,
        servers: planServers(dir, version, servers, ports, lease.ports),
      };
      const watched = spec.servers.map((server) => {
        const { config: configFile, script } = pathsOf(server);
        return { marker: markerOf(name, server.id), config: configFile, script };
      });
      const watchdog = Watchdog.ofProcesses({ servers: watched, remove: folder.keeps ? [] : [dir] });
      const controls = createControls({
        spec,
        env,
        java: async () => java,
        listener: {
          started: (identity) => watchdog.watch(identity),
          gone: (identity) => watchdog.unwatch(identity),
        },
      });
      endWithThisProcess(controls);
      return new ProcessEnsemble(spec, controls, {
        begin: () => watchdog.start(),
        end: async () => {
          endedBefore(controls);
          try {
            await removeState(labFolder(dir));
            await lease.release();
            if (!folder.keeps) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
          } finally {
            // Last: should we be killed half way, the watchdog removes the rest.
            watchdog.release();
          }
        },
      });
    },
    install: async ({ spec }) => {
      for (const server of spec.servers) {
        signal?.throwIfAborted();
        await installServer(spec, server, release, java);
      }
    },
  };
}
