// Puts `zk` and everything that it imports into one file, packages/cli/bundle/zk.js, so that a cold start reads one file
// instead of two hundred. What only some commands need lies in files of its own beside it, and Node's slower modules are
// loaded when they are first used. See docs/decisions/0013-a-bundled-command.md.
import { rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const folder = fileURLToPath(new URL("../packages/cli/", import.meta.url));
const require = createRequire(import.meta.url);

/** Modules that cost 10 to 30 ms to load and that few commands use; only their functions are used. */
const late = ["node:child_process", "node:crypto", "node:dns/promises", "node:readline", "node:zlib"];
const mark = "\0late:";

const lateModules = {
  name: "late-modules",
  /** @param {string} source */
  resolveId: (source) => (late.includes(source) ? mark + source : null),
  /** @param {string} id */
  load(id) {
    if (!id.startsWith(mark)) return null;
    const source = id.slice(mark.length);
    const module = require(source);
    const names = Object.keys(module).filter(
      (name) => /^[a-z]/.test(name) && typeof module[name] === "function",
    );
    const lines = names.map(
      (name) =>
        `export const ${name} = (...words) => process.getBuiltinModule("${source}").${name}(...words);`,
    );
    return { code: lines.join("\n"), moduleSideEffects: false };
  },
};

/** @param {string} path */
const timeOf = (path) => statSync(join(folder, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The compiler touches the build info of every package that it has looked at, the bundled ones first. */
const compiled = Math.max(
  ...["dist", "../client/dist", "../protocol/dist", "../recipes/dist"].map((dist) =>
    timeOf(`${dist}/.tsbuildinfo`),
  ),
);
if (timeOf("bundle/zk.js") < Math.max(compiled, timeOf("../../tools/bundle-cli.mjs"))) {
  rmSync(join(folder, "bundle"), { recursive: true, force: true });
  await build({
    cwd: folder,
    input: { zk: "dist/program/main.js" },
    platform: "node",
    external: (id) => id.startsWith("node:") && !late.includes(id),
    plugins: [lateModules],
    logLevel: "warn",
    output: {
      dir: "bundle",
      format: "esm",
      minify: true,
      entryFileNames: "[name].js",
      chunkFileNames: "[name].js",
    },
  });
}
