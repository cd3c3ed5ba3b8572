/** How servers of one kind are made: as processes, or in containers. */
import type { PortLease } from "../ports/port-lease.js";
import type { Folder } from "./folder.js";
import type { EnsembleSettings } from "./options.js";
import type { ProcessEnsemble } from "./process-ensemble.js";

/** Knows what the servers are made of; found once, also when other ports have to be tried. */
export interface EnsembleMaker {
  /** Makes nothing yet but the value. */
  assemble(settings: EnsembleSettings, folder: Folder, lease: PortLease): Promise<ProcessEnsemble>;
  /** Readies all that the servers need to be started. */
  install(ensemble: ProcessEnsemble): Promise<void>;
}
