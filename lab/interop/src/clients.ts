/** The clients that can be run, and how each is made ready. */
import { execFile } from "node:child_process";
import { access, mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const folder = fileURLToPath(new URL("../clients", import.meta.url));

/** Versions that the programs in `clients/` were written for. */
export const versions = { kazoo: "2.11.0", nodeZookeeperClient: "1.1.3", cBinding: "7.3.0" } as const;

/** One client: how to run its program. */
export interface PreparedClient {
  readonly command: string;
  readonly args: (hosts: string) => readonly string[];
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
    what: `kazoo ${versions.kazoo} (PyPI; needs python3 with venv)`,
    prepare: async () => {
      const home = await place(`kazoo-${versions.kazoo}`);
      const python = join(home, "bin/python");
      if (!(await exists(join(home, "ready")))) {
        await run("python3", ["-m", "venv", home]);
        await run(python, ["-m", "pip", "install", "--quiet", `kazoo==${versions.kazoo}`]);
        await writeFile(join(home, "ready"), "");
      }
      const program = join(folder, "kazoo-client.py");
      return { command: python, args: (hosts) => [program, hosts] };
    },
  },
  {
    name: "c-binding",
    what: `zookeeper ${versions.cBinding} (npm; compiles the C client, needs a C compiler, make and cmake)`,
    prepare: async () => {
      const home = await place(`c-binding-${versions.cBinding}-node-${process.versions.modules}`);
      const module = join(home, "node_modules/zookeeper");
      if (!(await exists(join(home, "ready")))) {
        await writeFile(join(home, "package.json"), '{ "private": true }\n');
        await run("npm", ["install", "--no-audit", "--no-fund", `zookeeper@${versions.cBinding}`], {
          cwd: home,
        });
        await writeFile(join(home, "ready"), "");
      }
      const program = join(folder, "c-binding.mjs");
      return { command: process.execPath, args: (hosts) => [program, module, hosts] };
    },
  },
];

async function place(name: string): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const home = join(cache, "zk-interop", name);
  await mkdir(home, { recursive: true });
  return home;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
