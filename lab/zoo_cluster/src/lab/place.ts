/** Where a lab that outlives its command lies: the default one beside the sources, named ones in a folder of their own. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkName } from "../ensemble/options.js";
import { labFolder } from "../ensemble/state-file.js";

/** Name of the lab that is meant when none is named. */
export const defaultLabName = "default";
/** Client port of the default lab's first server; the next ones follow. People expect it there. */
export const defaultClientPort = 2181;

/** A lab's name and folders. */
export interface LabPlace {
  readonly name: string;
  /** Holds `zookeeper1`, `zookeeper2`, … */
  readonly dir: string;
  /** Holds the state file and the lock. */
  readonly folder: string;
  /** True for the lab on the ports that people expect; all others lease theirs. */
  readonly isDefault: boolean;
}

// This package's folder, seen from src/lab and from dist/lab.
const packageFolder = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The place of a lab.
 *
 * @param home folder of the default lab and of the named ones; this package's unless told.
 * @throws LabError `BAD_OPTION` for a name that is none.
 */
export function findPlace(
  options: {
    readonly name?: string | undefined;
    readonly dir?: string | undefined;
    readonly home?: string;
  } = {},
): LabPlace {
  const name = options.name ?? defaultLabName;
  checkName(name);
  if (options.dir !== undefined) {
    const dir = resolve(options.dir);
    return { name, dir, folder: labFolder(dir), isDefault: false };
  }
  const home = options.home ?? packageFolder;
  const folder = join(labFolder(home), name);
  return name === defaultLabName
    ? { name, dir: resolve(home), folder, isDefault: true }
    : { name, dir: folder, folder, isDefault: false };
}
