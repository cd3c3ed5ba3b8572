import { isTest, type SourceFile, type Violation } from "./rule.js";
import { importsOf } from "./syntax.js";

/** The parts of a package.json that the rules look at. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A workspace package: where it is, its manifest, its code. */
export interface Package {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly files: readonly SourceFile[];
}

/** Packages that promise their users no dependency but each other. */
const noRuntimeDependencies = new Set(["@zk/protocol", "@zk/client", "@zk/recipes"]);

/** Declared ahead of their first import. A row that is no longer needed is a violation itself. */
export const declaredAhead: ReadonlyMap<string, readonly string[]> = new Map([]);

/** What a package declares is what its code imports: no more, no less, and nothing from the lab outside the lab. */
export function checkManifest(
  { directory, manifest, files }: Package,
  rootManifest: Manifest,
  ahead: ReadonlyMap<string, readonly string[]> = declaredAhead,
): Violation[] {
  const found: Violation[] = [];
  const report = (message: string) =>
    found.push({ rule: "manifest", file: `${directory}/package.json`, line: 1, message });
  const declared = new Set(Object.keys(manifest.dependencies ?? {}));
  const forTests = new Set(Object.keys({ ...rootManifest.devDependencies, ...manifest.devDependencies }));
  const expectedAhead = ahead.get(manifest.name) ?? [];
  const used = new Set<string>();

  for (const file of files) {
    for (const { specifier } of importsOf(file)) {
      const name = packageName(specifier);
      if (name === undefined || name === manifest.name) continue;
      if (isTest(file.path)) {
        if (!declared.has(name) && !forTests.has(name))
          report(`${file.path} imports ${name}, which is not declared`);
        continue;
      }
      used.add(name);
      if (!declared.has(name)) report(`${file.path} imports ${name}, which "dependencies" does not declare`);
    }
  }
  for (const name of declared) {
    if (!used.has(name) && !expectedAhead.includes(name))
      report(`declares ${name}, which its code does not import`);
  }
  for (const name of expectedAhead) {
    if (used.has(name)) report(`imports ${name} by now; its row in tools/tidy/manifests.ts can go`);
  }
  if (noRuntimeDependencies.has(manifest.name)) {
    for (const name of Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...manifest.optionalDependencies,
    })) {
      if (!noRuntimeDependencies.has(name))
        report(`has the runtime dependency ${name}; this package has none`);
    }
  }
  if (directory.startsWith("packages/")) {
    for (const name of Object.keys({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.peerDependencies,
    })) {
      if (labPackages.has(name)) report(`depends on ${name}; tests that need servers live in lab/`);
    }
  }
  return found;
}

const labPackages = new Set(["@zk/lab", "@zk/bench"]);

/** `@zk/client/testing` is of `@zk/client`; relative paths and Node's own modules are of no package. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return undefined;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}
