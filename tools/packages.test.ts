// What the users of the packages get: packed with the real pnpm, looked at by publint and are-the-types-wrong, installed into
// an empty project without a registry, imported, required and type-checked there.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, type Packed, pack } from "./packing/pack.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const directories = ["packages/protocol", "packages/client", "packages/recipes", "packages/cli"];
const scratch = mkdtempSync(join(tmpdir(), "zk-packages-"));
const project = join(scratch, "project");
const packed = new Map<string, Packed>();

const get = (directory: string): Packed => packed.get(directory)!;
/** Every way in, as a user writes it: `@zk/client`, `@zk/client/testing`. */
const entryPoints = (): string[] =>
  [...packed.values()].flatMap(({ name, manifest }) =>
    Object.keys(manifest.exports).map((entry) => name + entry.slice(1)),
  );

beforeAll(() => {
  // `pnpm test` has built just now; run by hand, dist may be old or missing.
  if (process.env["ZK_TEST_COUNTS"] === undefined) {
    execFileSync(process.execPath, [join(root, "tools/build.mjs")], { stdio: "inherit" });
  }
  for (const directory of directories) packed.set(directory, pack(root, directory, scratch));

  mkdirSync(project);
  const own = [...packed.values()].map(({ name, tarball }) => [name, `file:../${basename(tarball)}`]);
  const dependencies = Object.fromEntries([...own, ...packOthers()]);
  const manifest = { name: "consumer", private: true, dependencies };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  const flags = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags], { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  // A type-checking consumer has Node's types; they come from the workspace instead of a registry.
  mkdirSync(join(project, "node_modules/@types"), { recursive: true });
  symlinkSync(join(root, "node_modules/@types/node"), join(project, "node_modules/@types/node"));
}, 300_000);

/** Libraries that the packages depend on, and theirs, packed from the workspace: there is no registry in this test. */
function packOthers(): [name: string, tarball: string][] {
  const folders = new Map<string, string>();
  const collect = (names: readonly string[], places: readonly string[]): void => {
    for (const name of names) {
      if (packed.has(name) || name.startsWith("@zk/") || folders.has(name)) continue;
      const found = places.map((place) => join(place, name)).find((folder) => existsSync(folder));
      if (found === undefined) throw new Error(`${name} is in none of ${places.join(", ")}`);
      // pnpm puts what a package needs beside it, at its real place.
      const folder = realpathSync(found);
      folders.set(name, folder);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const beside = folder.slice(0, folder.lastIndexOf("/node_modules/") + "/node_modules".length);
      collect(Object.keys(manifest.dependencies ?? {}), [beside, join(folder, "node_modules")]);
    }
  };
  for (const { name, manifest } of packed.values()) {
    const modules = join(root, "packages", name.replace("@zk/", ""), "node_modules");
    collect(Object.keys(manifest.dependencies ?? {}), [modules]);
  }
  return [...folders].map(([name, folder]) => {
    // What is installed is what was published; npm itself would hold it to its developers' own rules.
    const place = join(scratch, "others", name.replaceAll("/", "-"));
    const filter = (path: string): boolean => !path.slice(folder.length).includes("node_modules");
    cpSync(folder, join(place, "package"), { recursive: true, dereference: true, filter });
    const tarball = `${place}.tgz`;
    execFileSync("tar", ["-czf", tarball, "-C", place, "package"]);
    return [name, `file:${tarball}`];
  });
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(directories)("%s", (directory) => {
  it("has nothing for publint to say", async () => {
    const { tarball, manifest } = get(directory);
    const data = bytesOf(get(directory)).buffer;
    const { messages } = await publint({ pack: { tarball: data }, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest as never) ?? message.code)).toEqual([]);
    expect(tarball).toMatch(/\.tgz$/);
  });

  it("resolves to the right types from every ES module", async () => {
    const result = await checkPackage(createPackageFromTarballData(bytesOf(get(directory))));
    expect(result.types).not.toBe(false);
    if (result.types === false) return;
    // The profile esm-only: Node 10 knows no `exports`, and CommonJS of old cannot load ES modules at all.
    const beside = new Set<string>(["node10", "node16-cjs"]);
    const problems = result.problems.filter(
      (problem) => !("resolutionKind" in problem && beside.has(problem.resolutionKind)),
    );
    expect(problems).toEqual([]);
    expect(Object.keys(result.entrypoints)).toEqual(Object.keys(get(directory).manifest.exports));
  });

  it("carries licence, words, code and sources, and nothing else", () => {
    const { files } = get(directory);
    expect(files).toContain("LICENSE");
    expect(files).toContain("README.md");
    expect(files).toContain("dist/index.js");
    expect(files).toContain("dist/index.d.ts");
    expect(files).toContain("src/index.ts");
    const expected = /^(LICENSE|README\.md|package\.json|(dist|src|bin|bundle)\/.+)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
    expect(files.filter((file) => /\.test\.|tsbuildinfo|\/tests?\//.test(file))).toEqual([]);
  });

  it("has an output for every source and a source for every output", () => {
    const { files } = get(directory);
    const stems = (folder: string, suffix: RegExp) =>
      files
        .filter((file) => file.startsWith(`${folder}/`) && suffix.test(file))
        .map((file) => file.slice(folder.length + 1).replace(suffix, ""));
    const sources = stems("src", /\.ts$/);
    expect(stems("dist", /\.js$/)).toEqual(sources);
    expect(stems("dist", /\.d\.ts$/)).toEqual(sources);
  });

  it("depends on published versions of its siblings only", () => {
    const { manifest } = get(directory);
    expect(JSON.stringify(manifest)).not.toMatch(/workspace:|file:|link:/);
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      const sibling = [...packed.values()].find((each) => each.name === name);
      if (sibling !== undefined) expect(range).toBe(`^${sibling.manifest.version}`);
    }
    expect(manifest.devDependencies ?? {}).toEqual({});
  });
});

describe("a project with the packed packages", () => {
  it("imports every entry point", () => {
    const script = entryPoints()
      .map((entry) => `if (typeof (await import("${entry}")) !== "object") throw new Error("${entry}");`)
      .join("\n");
    writeFileSync(join(project, "import.mjs"), script);
    const { stderr, status } = spawnSync(process.execPath, ["import.mjs"], {
      cwd: project,
      encoding: "utf8",
    });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  it("requires every entry point", () => {
    const script = entryPoints()
      .map((entry) => `if (typeof require("${entry}") !== "object") throw new Error("${entry}");`)
      .join("\n");
    writeFileSync(join(project, "require.cjs"), script);
    const { stderr, status } = spawnSync(process.execPath, ["require.cjs"], {
      cwd: project,
      encoding: "utf8",
    });
    expect(stderr).not.toMatch(/Error/);
    expect(status).toBe(0);
  });

  it("has a zk that works", () => {
    const zk = (...words: string[]) =>
      spawnSync(join(project, "node_modules/.bin/zk"), words, { cwd: project, encoding: "utf8" });
    expect(zk("--version")).toMatchObject({
      stdout: `zk ${packed.get("packages/cli")!.manifest.version}\n`,
      status: 0,
    });
    const { stdout, stderr, status } = zk("help", "exit-codes");
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toMatch(/no such node/);
    expect(zk("gte", "/")).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("did you mean zk get"),
      status: 2,
    });
  });

  it("finds the sources where the source condition says they are", () => {
    // The condition is for this workspace, but whoever sets it must not fall into a hole. Sources are TypeScript: resolved
    // here, not run.
    const script = entryPoints()
      .map((entry) => `console.log(import.meta.resolve("${entry}"));`)
      .join("\n");
    writeFileSync(join(project, "resolve.mjs"), script);
    const out = execFileSync(process.execPath, ["--conditions=@zk/source", "resolve.mjs"], {
      cwd: project,
      encoding: "utf8",
    });
    const shipped = [...packed.values()].flatMap(({ name, files }) =>
      files.map((file) => `node_modules/${name}/${file}`),
    );
    const resolved = out.trim().split("\n");
    expect(resolved).toHaveLength(entryPoints().length);
    for (const url of resolved) {
      expect(url).toMatch(/\/src\/.*\.ts$/);
      expect(shipped).toContain(url.slice(url.indexOf("node_modules/")));
    }
  });

  it.each(["nodenext", "bundler"])("type-checks strictly with moduleResolution %s", (moduleResolution) => {
    const names = entryPoints().map((_, index) => `entry${index}`);
    const consumer = [
      ...entryPoints().map((entry, index) => `import * as ${names[index]} from "${entry}";`),
      `console.log([${names.join(", ")}].length);`,
      "const serial: number | undefined = recipes.parseContender('lock-0000000001')?.serial;",
      "import * as recipes from '@zk/recipes';",
      "// @ts-expect-error a name has to be text: the types are there and are not any",
      "recipes.parseContender(1);",
      "console.log(serial);",
    ].join("\n");
    writeFileSync(join(project, "consumer.mts"), consumer);
    const module = moduleResolution === "bundler" ? "esnext" : "nodenext";
    const compilerOptions = {
      ...{ target: "es2022", module, moduleResolution, strict: true, noEmit: true, types: ["node"] },
      // The consumer's compiler reads our declarations with all its rigour.
      ...{ skipLibCheck: false, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    };
    const config = join(project, `tsconfig.${moduleResolution}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ["consumer.mts"] }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", config], {
      cwd: project,
      encoding: "utf8",
    });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });
});
