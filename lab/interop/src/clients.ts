/** The clients that can be run, and how each is made ready. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeOnce } from "./provision/cache.js";
import { installKazoo, kazooVersion } from "./provision/kazoo.js";
import { run } from "./provision/run.js";

const folder = fileURLToPath(new URL("../clients", import.meta.url));

/** Versions that the programs in `clients/` were written for. */
export const versions: Readonly<Record<"kazoo" | "nodeZookeeperClient" | "cBinding", string>> = {
  kazoo: kazooVersion,
  nodeZookeeperClient: "1.1.3",
  cBinding: "7.3.0",
};

/** One client: how to run its program. */
export interface PreparedClient {
  readonly command: string;
  readonly args: (hosts: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A client by its name on the command line. */
export interface ForeignClient {
  readonly name: string;
  readonly what: string;
  prepare(): Promise<PreparedClient>;
}

/** All that have a program in `clients/`. The Java client speaks for itself: see `java-client.ts`. */
export const clients: readonly ForeignClient[] = [
  {
    name: "node-zookeeper-client",
    what: `node-zookeeper-client ${versions.nodeZookeeperClient} (npm)`,
    prepare: async () => {
      const module = fileURLToPath(new URL("../node_modules/node-zookeeper-client", import.meta.url));
      const program = join(folder, "node-zookeeper-client.mjs");
      return { command: process.execPath, args: (hosts) => [program, module, hosts] };
    },
  },
  {
    name: "kazoo",
    what: `kazoo ${versions.kazoo} (PyPI; needs python3 with pip or venv)`,
    prepare: async () => {
      const program = join(folder, "kazoo-client.py");
      return {
        command: "python3",
        args: (hosts) => ["-B", program, hosts],
        env: { PYTHONPATH: await installKazoo() },
      };
    },
  },
  {
    name: "c-binding",
    what: `zookeeper ${versions.cBinding} (npm; compiles the C client, needs a C compiler, make and cmake)`,
    prepare: async () => {
      const name = `c-binding-${versions.cBinding}-node-${process.versions.modules}`;
      const home = await makeOnce(name, async (target) => {
        await writeFile(join(target, "package.json"), '{ "private": true }\n');
        const where = ["--prefix", target, "--no-audit", "--no-fund"];
        await run("npm", ["install", ...where, `zookeeper@${versions.cBinding}`]);
      });
      const module = join(home, "node_modules/zookeeper");
      const program = join(folder, "c-binding.mjs");
      return { command: process.execPath, args: (hosts) => [program, module, hosts] };
    },
  },
];
