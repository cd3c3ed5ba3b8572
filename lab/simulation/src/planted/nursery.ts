/**
 * Clients with planted faults: copies of the real client's source, each with one fault, compiled into a folder that goes
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
import { changed, type Plant } from "./plant.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const CLIENT = join(ROOT, "packages/client/src");
const PROTOCOL = join(ROOT, "packages/protocol/src");

/** See the head of this file. */
export class Nursery implements Disposable {
  readonly #folder: string;

  /** Compiles one client for each fault. @throws Error when the text that a fault replaces is not there exactly once */
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
    const module = (await import(pathToFileURL(join(this.#folder, name, "index.js")).href)) as {
      readonly createClient: typeof createClient;
    };
    return module.createClient;
  }

  [Symbol.dispose](): void {
    rmSync(dirname(this.#folder), { recursive: true, force: true });
  }

  #grow(plants: readonly Plant[]): void {
    const source = join(this.#folder, "source");
    for (const plant of plants) this.#write(source, plant);
    const isSource = (path: string): boolean => !path.endsWith(".test.ts");
    cpSync(CLIENT, join(source, "client"), { recursive: true, filter: isSource });
    cpSync(PROTOCOL, join(source, "protocol"), { recursive: true, filter: isSource });
    const compiled = join(this.#folder, "compiled");
    compile(source, compiled);
    mkdirSync(join(this.#folder, "@zk"), { recursive: true });
    renameSync(join(compiled, "protocol"), join(this.#folder, "@zk/protocol"));
    writeManifest(join(this.#folder, "@zk/protocol"), "@zk/protocol");
    for (const { name, changes } of plants) {
      const folder = join(this.#folder, name);
      cpSync(join(compiled, "client"), folder, { recursive: true });
      writeManifest(folder, name);
      for (const { file } of changes) {
        const script = file.replace(/\.ts$/, ".js");
        copyFileSync(join(compiled, "plants", name, script), join(folder, script));
      }
    }
  }

  #write(source: string, { name, changes }: Plant): void {
    const texts = new Map<string, string>();
    for (const change of changes) {
      const text = texts.get(change.file) ?? readFileSync(join(CLIENT, change.file), "utf8");
      texts.set(change.file, changed(text, change, name));
    }
    for (const [file, text] of texts) {
      const path = join(source, "plants", name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }
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
