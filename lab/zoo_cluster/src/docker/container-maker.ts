/** Servers as containers: see {@link EnsembleMaker}. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnsembleMaker } from "../ensemble/ensemble-maker.js";
import type { EnsembleSpec } from "../ensemble/layout.js";
import type { EnsembleSettings } from "../ensemble/options.js";
import { ProcessEnsemble } from "../ensemble/process-ensemble.js";
import { labFolder, removeState } from "../ensemble/state-file.js";
import { loopback } from "../ports/port-test.js";
import { Watchdog } from "../process/watchdog.js";
import { planContainers } from "./container-plan.js";
import { type Containers, containersOfProcess, labelOf, openContainers } from "./containers.js";
import { connectEngine } from "./engine.js";
import { reaperLabels } from "./reaper.js";
import { ensureServerImage } from "./server-image.js";
import { sweep } from "./sweep.js";

/**
 * Finds the engine, removes what dead runs have left there, and has the image ready.
 *
 * @throws LabError `NO_ENGINE`, `ENGINE_DENIED`, `ENGINE_TOO_OLD`, `ENGINE_FULL`, `ENGINE_FAILED`, `NO_IMAGE`
 */
export async function containerMaker(settings: EnsembleSettings): Promise<EnsembleMaker> {
  const { version, env, onProgress } = settings;
  const engine = await connectEngine();
  await sweep(engine, onProgress);
  const image = await ensureServerImage(engine, version, settings);
  const reaper = await reaperLabels(engine, { env, onProgress });
  return {
    assemble: async ({ name, tickTimeMs, javaFlags, config, servers, ports }, folder, lease) => {
      const { dir } = folder;
      const clientPorts = ports ?? lease.ports.slice(0, servers);
      const spec: EnsembleSpec = {
        name,
        version,
        dir,
        tickTimeMs,
        javaFlags,
        config,
        ownScripts: false,
        docker: containersOfProcess(name, dir, !folder.isTemporary),
        servers: planContainers(clientPorts, loopback),
      };
      const containers = await openContainers(spec, { ...settings, engine, image, labels: reaper });
      const watchdog = Watchdog.ofContainers({
        address: engine.address,
        label: labelOf(spec),
        keepsVolumes: !folder.isTemporary,
        remove: folder.keeps ? [] : [dir],
      });
      return new ProcessEnsemble(spec, containers.controls, {
        begin: () => watchdog.start(),
        end: async () => {
          try {
            if (folder.keeps && folder.isTemporary) await keepLogs(containers, dir);
            await containers.remove({ withData: folder.isTemporary });
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
    install: async () => {},
  };
}

/** What is worth keeping of a start that failed goes with its containers otherwise. */
async function keepLogs({ controls }: Containers, dir: string): Promise<void> {
  for (const { server, output } of controls) {
    await writeFile(join(dir, `zookeeper${server.id}.log`), await output.text());
  }
}
