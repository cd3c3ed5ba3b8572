import { execFile } from "node:child_process";
import { mkdtemp, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/**
 * Compiles `src/release` as it is now to a place of its own, since other processes cannot run TypeScript and a build
 * that lies about may be an older one. The caller removes it.
 *
 * @param programs texts of modules by name; they import from `./dist/release/`
 * @returns the directory of the programs
 */
export async function compileRelease(programs: Readonly<Record<string, string>>): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), "zk-lab-compiled-")));
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: {
      composite: false,
      rootDir: join(root, "lab/zoo_cluster/src"),
      outDir: join(dir, "dist"),
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    },
    files: ["index.ts", "download.ts"].map((name) => join(root, "lab/zoo_cluster/src/release", name)),
  };
  await writeFile(join(dir, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  for (const [name, text] of Object.entries(programs)) await writeFile(join(dir, name), text);
  await symlink(join(root, "lab/zoo_cluster/scripts"), join(dir, "scripts"));
  await promisify(execFile)(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", dir]);
  return dir;
}
