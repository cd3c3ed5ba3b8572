/**
 * Clients and recipes with planted faults: copies of the real source, each with one fault, compiled into a folder that goes
 * when the nursery is closed. Nothing in the product knows of any of this.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { createClient } from "@zk/client";
import type * as Recipes from "@zk/recipes";
import { changed, type Plant } from "./plant.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** In the order in which one stands on the other. */
const PACKAGES = ["protocol", "client", "recipes"] as const;
type PackageName = (typeof PACKAGES)[number];

const sourceOf = (name: PackageName): string => join(ROOT, "packages", name, "src");
/** Whose fault it is. */
const homeOf = (plant: Plant): PackageName => (plant.scenario === undefined ? "client" : "recipes");

/** See the head of this file. */
export class Nursery implements Disposable {
  readonly #folder: string;

  /** Compiles one client, or the recipes, for each fault. @throws Error when the text that a fault replaces is not there exactly once */
  constructor(plants: readonly Plant[]) {
    // Below a folder of this name nobody thinks that the files are sources to be worked on.
    this.#folder = join(mkdtempSync(join(tmpdir(), "zk-planted-")), "node_modules");
    try {
      this.#grow(plants);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The `createClient` of the client with the fault of that name. */
  async createClientOf(name: string): Promise<typeof createClient> {
    return ((await this.#import(name)) as { readonly createClient: typeof createClient }).createClient;
  }

  /** The recipes with the fault of that name. */
  async recipesOf(name: string): Promise<typeof Recipes> {
    return (await this.#import(name)) as typeof Recipes;
  }

  [Symbol.dispose](): void {
    rmSync(dirname(this.#folder), { recursive: true, force: true });
  }

  #import(name: string): Promise<unknown> {
    return import(pathToFileURL(join(this.#folder, name, "index.js")).href);
  }

  #grow(plants: readonly Plant[]): void {
    const source = join(this.#folder, "source");
    for (const plant of plants) this.#write(source, plant);
    const isSource = (path: string): boolean => !path.endsWith(".test.ts");
    for (const name of PACKAGES)
      cpSync(sourceOf(name), join(source, name), { recursive: true, filter: isSource });
    const compiled = join(this.#folder, "compiled");
    compile(source, compiled);
    for (const plant of plants) {
      const folder = join(this.#folder, plant.name);
      cpSync(join(compiled, homeOf(plant)), folder, { recursive: true });
      writeManifest(folder, plant.name);
      for (const { file } of plant.changes) {
        const script = file.replace(/\.ts$/, ".js");
        copyFileSync(join(compiled, "plants", plant.name, script), join(folder, script));
      }
    }
    mkdirSync(join(this.#folder, "@zk"), { recursive: true });
    for (const name of PACKAGES) {
      renameSync(join(compiled, name), join(this.#folder, "@zk", name));
      writeManifest(join(this.#folder, "@zk", name), `@zk/${name}`);
    }
  }

  #write(source: string, plant: Plant): void {
    for (const [file, text] of textsWith(plant)) {
      const path = join(source, "plants", plant.name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }
}

/** The files of the source that a fault changes, as they are with it. @throws Error when a text to be replaced is not there exactly once */
export function textsWith(plant: Plant): ReadonlyMap<string, string> {
  const { name, changes } = plant;
  const texts = new Map<string, string>();
  for (const change of changes) {
    const text = texts.get(change.file) ?? readFileSync(join(sourceOf(homeOf(plant)), change.file), "utf8");
    texts.set(change.file, changed(text, change, name));
  }
  return texts;
}

/** Types are stripped and not checked: a fault may well be one that the compiler would see. */
function compile(source: string, compiled: string): void {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const options = {
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      types: [],
      skipLibCheck: true,
      noCheck: true,
      noResolve: true,
      verbatimModuleSyntax: true,
      rootDir: source,
      outDir: compiled,
    },
    include: [join(source, "**/*.ts")],
  };
  writeManifest(source, "planted");
  // Files below node_modules are left out unless they are named.
  const config = join(dirname(dirname(source)), "tsconfig.json");
  writeFileSync(config, JSON.stringify({ ...options, exclude: [] }));
  execFileSync(process.execPath, [tsc, "-p", config], { stdio: ["ignore", "pipe", "inherit"] });
}

function writeManifest(folder: string, name: string): void {
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name, type: "module", exports: { ".": "./index.js" } }),
  );
}
