import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { afterAll, describe, expect, it } from "vitest";
import { createViteServer } from "vitest/node";

// The core runs where there is nothing but the language: no Node, no browser, no clock, no chance. A context without any
// of these loads it and drives a session.

const root = fileURLToPath(new URL("..", import.meta.url));

const vite = await createViteServer({
  root,
  configFile: false,
  logLevel: "error",
  appType: "custom",
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  ssr: { noExternal: true, resolve: { conditions: ["@zk/source", "import", "module", "default"] } },
});

afterAll(() => vite.close());

type Exports = Record<string, unknown>;

/** Loads modules into a context of its own that has only what ECMAScript defines. */
class BareContext {
  readonly #context = createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
  readonly #modules = new Map<string, Promise<Exports>>();
  /** Every module that was loaded. */
  readonly loaded: string[] = [];

  constructor() {
    // What the language itself has of time and chance goes too.
    this.run(
      `delete globalThis.Date; delete Math.random; delete globalThis.Promise; delete globalThis.console;
       delete globalThis.WebAssembly; delete globalThis.Atomics;`,
    );
  }

  run(code: string): unknown {
    return runInContext(code, this.#context);
  }

  load(url: string): Promise<Exports> {
    const known = this.#modules.get(url);
    if (known !== undefined) return known;
    const loading = this.#evaluate(url);
    this.#modules.set(url, loading);
    return loading;
  }

  async #evaluate(url: string): Promise<Exports> {
    this.loaded.push(url);
    const transformed = await vite.environments.ssr.transformRequest(url);
    if (transformed === null) throw new Error(`${url} cannot be loaded`);
    const exports: Exports = {};
    const names = [
      "__vite_ssr_exports__",
      "__vite_ssr_import__",
      "__vite_ssr_exportName__",
      "__vite_ssr_exportAll__",
    ];
    const body = this.run(`(async (${names.join(", ")}) => { "use strict"; ${transformed.code}\n})`) as (
      ...args: unknown[]
    ) => Promise<void>;
    await body(
      exports,
      (dependency: string) => this.load(dependency),
      (name: string, get: () => unknown) => Object.defineProperty(exports, name, { enumerable: true, get }),
      (other: Exports) => Object.assign(exports, other),
    );
    return exports;
  }
}

describe("the core", () => {
  it("is enough for a session from connect to close in a context with nothing but the language", async () => {
    const bare = new BareContext();
    expect(
      bare.run("typeof Date + typeof process + typeof setTimeout + typeof TextEncoder + typeof Buffer"),
    ).toBe("undefined".repeat(5));
    const session = await bare.load("/tests/bare-context/session.ts");
    expect(bare.loaded.length).toBeGreaterThan(30);
    expect(bare.loaded.filter((url) => url.startsWith("node:") || url.includes("/io/"))).toEqual([]);
    expect((session["run"] as () => unknown)()).toEqual({
      seen: [
        "state connecting",
        "state connected",
        "settled connect",
        "settled /a",
        "state closed",
        "settled close",
      ],
      values: ["1,2,3 version 5"],
      state: "connected",
      lastZxid: String(0x1_0000_0007n),
      pingIsAhead: true,
      end: "closed",
    });
  });

  it("would be found out: a module that names a clock does not load there", async () => {
    const bare = new BareContext();
    await expect((async () => bare.run("Date.now()"))()).rejects.toThrow(/Date is not defined/);
    expect(() => bare.run("Math.random()")).toThrow(/not a function/);
    expect(() => bare.run("new Promise(() => {})")).toThrow(/Promise is not defined/);
    expect(() => bare.run("setTimeout(() => {}, 1)")).toThrow(/setTimeout is not defined/);
  });
});
