// Who may import whom. Arrows point down only; types count like values. A new folder of code needs a row here first.
import { posix } from "node:path";
import { isTest, lineAt, type SourceFile, type Violation } from "./rule.js";
import { importsOf } from "./syntax.js";

/** One row: the files it speaks of and what they may import. */
export interface Layer {
  readonly name: string;
  /** The files: everything under this folder that no row above has claimed. */
  readonly folder: string;
  /** Whether the row is about tests (`x.test.ts`, `tests/`) or about the code itself. */
  readonly tests?: boolean;
  /** Folders that relative imports may reach. */
  readonly reaches: readonly string[];
  /** Workspace packages, each entry point by its full name. */
  readonly workspace: readonly string[];
  /** Whether Node's own modules may be imported. */
  readonly node?: boolean;
  /** Whether packages from outside the workspace may be imported; package.json then has to declare them. */
  readonly thirdParty?: boolean;
}

const client = "packages/client/src";
const testRow = { tests: true, node: true, thirdParty: true } as const;

/** The table. The first row that fits a file decides. */
export const layers: readonly Layer[] = [
  // Tests come first, so that the rows of the code do not claim them.
  {
    ...testRow,
    name: "tests of protocol",
    folder: "packages/protocol",
    reaches: ["packages/protocol"],
    workspace: [],
  },
  {
    ...testRow,
    name: "tests of client",
    folder: "packages/client",
    reaches: ["packages/client"],
    workspace: ["@zk/protocol"],
  },
  {
    ...testRow,
    name: "tests of recipes",
    folder: "packages/recipes",
    reaches: ["packages/recipes"],
    workspace: ["@zk/client", "@zk/client/testing"],
  },
  {
    ...testRow,
    name: "tests of cli",
    folder: "packages/cli",
    reaches: ["packages/cli"],
    workspace: ["@zk/recipes", "@zk/client", "@zk/client/testing", "@zk/protocol"],
  },
  {
    ...testRow,
    name: "tests of lab",
    folder: "lab",
    reaches: ["lab"],
    workspace: [
      "@zk/recipes",
      "@zk/client",
      "@zk/client/testing",
      "@zk/protocol",
      "@zk/lab",
      "@zk/memory-server",
      "@zk/cli",
    ],
  },
  {
    ...testRow,
    name: "tests of examples",
    folder: "examples",
    reaches: ["examples"],
    workspace: ["@zk/recipes", "@zk/client", "@zk/lab"],
  },

  { name: "protocol", folder: "packages/protocol", reaches: ["packages/protocol/src"], workspace: [] },
  { name: "client core", folder: `${client}/core`, reaches: [`${client}/core`], workspace: ["@zk/protocol"] },
  {
    name: "client io",
    folder: `${client}/io`,
    reaches: [`${client}/core`, `${client}/io`],
    workspace: ["@zk/protocol"],
    node: true,
  },
  { name: "client testing", folder: `${client}/testing`, reaches: [client], workspace: ["@zk/protocol"] },
  {
    name: "client facade",
    folder: client,
    // The facade's own files, and what stands below them; never testing/.
    reaches: [`${client}/core`, `${client}/io`, `${client}/*`],
    workspace: ["@zk/protocol"],
  },
  {
    name: "recipes core",
    folder: "packages/recipes/src/core",
    // What recipes share; never a recipe.
    reaches: ["packages/recipes/src/core", "packages/recipes/src/io", "packages/recipes/src/*"],
    workspace: ["@zk/client"],
  },
  {
    name: "recipes io",
    folder: "packages/recipes/src/io",
    reaches: ["packages/recipes/src/io"],
    workspace: [],
    node: true,
  },
  {
    name: "recipes",
    folder: "packages/recipes/src",
    reaches: ["packages/recipes/src"],
    workspace: ["@zk/client"],
  },
  {
    name: "cli",
    folder: "packages/cli/src",
    reaches: ["packages/cli/src"],
    workspace: ["@zk/recipes", "@zk/client", "@zk/protocol"],
    node: true,
    thirdParty: true,
  },
  {
    // The program of three lines: it starts what was built.
    name: "cli program",
    folder: "packages/cli/bin",
    reaches: ["packages/cli/dist", "packages/cli/bundle"],
    workspace: [],
    node: true,
  },
  {
    name: "lab",
    folder: "lab/zoo_cluster",
    reaches: ["lab/zoo_cluster"],
    workspace: ["@zk/protocol", "@zk/memory-server"],
    node: true,
    thirdParty: true,
  },
  {
    // Pure, like the client's core: no Node here, so that a seed can decide everything.
    name: "memory server",
    folder: "lab/memory_server/src/tree",
    reaches: ["lab/memory_server/src/tree"],
    workspace: ["@zk/protocol"],
  },
  {
    name: "memory server model",
    folder: "lab/memory_server/src/model",
    reaches: ["lab/memory_server/src/tree", "lab/memory_server/src/model"],
    workspace: ["@zk/protocol"],
  },
  {
    name: "memory server io",
    folder: "lab/memory_server/src",
    reaches: ["lab/memory_server/src"],
    workspace: ["@zk/protocol"],
    node: true,
  },
  {
    name: "contract",
    folder: "lab/contract",
    reaches: ["lab/contract"],
    workspace: ["@zk/protocol", "@zk/client", "@zk/lab", "@zk/memory-server"],
    node: true,
    thirdParty: true,
  },
  {
    name: "lab recipes",
    folder: "lab/recipes",
    reaches: ["lab/recipes"],
    workspace: ["@zk/client", "@zk/recipes", "@zk/lab", "@zk/memory-server", "@zk/protocol"],
    node: true,
    thirdParty: true,
  },
  {
    name: "interop",
    folder: "lab/interop",
    reaches: ["lab/interop"],
    workspace: ["@zk/client", "@zk/recipes", "@zk/lab", "@zk/memory-server"],
    node: true,
    thirdParty: true,
  },
  {
    name: "simulation",
    folder: "lab/simulation",
    reaches: ["lab/simulation"],
    workspace: [
      "@zk/protocol",
      "@zk/client",
      "@zk/client/core",
      "@zk/client/testing",
      "@zk/recipes",
      "@zk/memory-server",
    ],
    node: true,
    thirdParty: true,
  },
  {
    name: "bench",
    folder: "lab/bench",
    reaches: ["lab/bench"],
    workspace: ["@zk/client", "@zk/protocol", "@zk/lab"],
    node: true,
    thirdParty: true,
  },
  {
    name: "examples",
    folder: "examples",
    reaches: ["examples/src"],
    workspace: ["@zk/recipes", "@zk/client"],
    node: true,
  },
  {
    name: "tools",
    folder: "tools",
    // Tools of the whole repository may run a real ensemble, as the commands of the lab do: from what was built.
    reaches: ["tools", "lab/zoo_cluster/dist"],
    workspace: [],
    node: true,
    thirdParty: true,
  },
];

/** The row that speaks of a file. */
export function layerOf(path: string): Layer | undefined {
  return layers.find((layer) => path.startsWith(`${layer.folder}/`) && (!layer.tests || isTest(path)));
}

/** Every import that the table does not allow, and every file that has no row. */
export function checkLayers(file: SourceFile): Violation[] {
  const rule = "layers";
  const layer = layerOf(file.path);
  if (layer === undefined) {
    if (!file.path.includes("/")) return [];
    return [
      { rule, file: file.path, line: 1, message: "no row in tools/tidy/layers.ts speaks of this folder" },
    ];
  }
  const found: Violation[] = [];
  for (const { specifier, start } of importsOf(file)) {
    const message = refusal(layer, file.path, specifier);
    if (message !== undefined) found.push({ rule, file: file.path, line: lineAt(file.text, start), message });
  }
  return found;
}

function refusal(layer: Layer, path: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (layer.reaches.some((folder) => isUnder(target, folder))) return undefined;
    return `${layer.name} may not reach ${target}; it reaches ${layer.reaches.join(", ")}`;
  }
  if (specifier.startsWith("node:")) {
    return layer.node
      ? undefined
      : `${layer.name} may not import ${specifier}: Node's own modules belong elsewhere`;
  }
  if (specifier.startsWith("@zk/")) {
    if (layer.workspace.includes(specifier)) return undefined;
    const may =
      layer.workspace.length > 0 ? `only ${layer.workspace.join(", ")}` : "no package of the workspace";
    return `${layer.name} may import ${may}, not ${specifier}`;
  }
  return layer.thirdParty ? undefined : `${layer.name} may not import the package ${specifier}`;
}

/** `a/b` holds everything below it; `a/*` only the files directly in `a`. */
function isUnder(target: string, folder: string): boolean {
  if (folder.endsWith("/*")) return posix.dirname(target) === folder.slice(0, -2);
  return target.startsWith(`${folder}/`);
}
