// Runs one scenario in a context that has JavaScript and nothing else: no timers, no process, no console, no Node, no DOM.
// Date and Math.random are there, as the language has them, and throw. What the scenario's `run()` returns goes to stdout.
//
//   node --experimental-vm-modules tools/bare-context/run.mjs <folder of compiled packages> <scenario>
//
// A child process of its own, because linking modules by hand needs a flag that the test runner does not have.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import vm from "node:vm";

const [compiled, scenario] = process.argv.slice(2);
if (compiled === undefined || scenario === undefined)
  throw new Error("run.mjs <compiled packages> <scenario>");

const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
vm.runInContext(
  `
  const refuse = (name) => function () { throw new Error(name + " is not for the core"); };
  for (const name of ["now", "UTC", "parse"]) Date[name] = refuse("Date." + name);
  globalThis.Date = new Proxy(Date, { construct: refuse("new Date"), apply: refuse("Date") });
  Math.random = refuse("Math.random");
  globalThis.Promise = refuse("Promise");
  delete globalThis.console;
  `,
  context,
);

/** @type {Record<string, string>} */
const packages = {
  "@zk/protocol": join(compiled, "protocol/src/index.js"),
  "@zk/client/core": join(compiled, "client/src/core/index.js"),
};

/** @type {Map<string, any>} */
const modules = new Map();

/** @param {string} path */
function load(path) {
  let module = modules.get(path);
  if (module === undefined) {
    // Not in the declarations of Node's own types for this flag.
    const SourceTextModule = /** @type {any} */ (vm).SourceTextModule;
    module = new SourceTextModule(readFileSync(path, "utf8"), { context, identifier: path });
    modules.set(path, module);
  }
  return module;
}

/** @param {string} specifier @param {{ identifier: string }} from */
function link(specifier, from) {
  if (specifier.startsWith(".")) return load(resolve(dirname(from.identifier), specifier));
  const path = packages[specifier];
  if (path === undefined) throw new Error(`${from.identifier} imports ${specifier}, which is not there`);
  return load(path);
}

const main = load(resolve(scenario));
await main.link(link);
await main.evaluate();
process.stdout.write(JSON.stringify({ modules: modules.size, result: main.namespace.run() }));
