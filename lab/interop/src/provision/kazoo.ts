/** kazoo from PyPI, for the machine's own Python. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Program } from "../peers/child.js";
import { PeerError } from "../peers/errors.js";
import { makeOnce } from "./cache.js";
import { run, works } from "./run.js";

/** The release that the programs here were written for. */
export const kazooVersion = "2.11.0";

const python = "python3";
const folder = fileURLToPath(new URL("../../python", import.meta.url));

/** How kazoo is driven. @throws PeerError `UNAVAILABLE` */
export async function prepareKazoo(): Promise<Program> {
  return {
    title: `kazoo ${kazooVersion}`,
    command: python,
    args: ["-B", join(folder, "peer.py")],
    env: { PYTHONPATH: await installKazoo() },
  };
}

/**
 * Installs kazoo into the cache.
 *
 * A machine's own packages are left alone. Where Python has no pip (Debian ships it apart), a virtual environment has one.
 * @returns a folder for PYTHONPATH
 * @throws PeerError `UNAVAILABLE`
 */
export async function installKazoo(): Promise<string> {
  try {
    const place = await makeOnce(`kazoo-${kazooVersion}-site`, async (target) => {
      const environment = join(target, "environment");
      let pip = python;
      if (!(await works(python, ["-m", "pip", "--version"]))) {
        await run(python, ["-m", "venv", environment]);
        pip = join(environment, "bin/python");
      }
      const where = ["--target", join(target, "site"), "--no-compile"];
      await run(pip, ["-m", "pip", "install", "--quiet", ...where, `kazoo==${kazooVersion}`]);
      await rm(environment, { recursive: true, force: true });
    });
    return join(place, "site");
  } catch (error) {
    throw new PeerError(
      "UNAVAILABLE",
      `kazoo ${kazooVersion} cannot be had here: ${(error as Error).message}\n` +
        "It needs python3 with pip or venv, and the Python package index. Debian, Ubuntu: apt-get install python3 python3-venv",
      { cause: error },
    );
  }
}
