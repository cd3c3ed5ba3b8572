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
      "delete globalThis.Date; delete Math.random; delete globalThis.WebAssembly; delete globalThis.Atomics;",
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
  it("loads and connects in a context with nothing but the language", async () => {
    const bare = new BareContext();
    expect(
      bare.run("typeof Date + typeof process + typeof setTimeout + typeof TextEncoder + typeof Buffer"),
    ).toBe("undefined".repeat(5));
    const core = await bare.load("/src/core/index.ts");
    expect(bare.loaded.length).toBeGreaterThan(30);
    expect(bare.loaded.filter((url) => url.startsWith("node:") || url.includes("/io/"))).toEqual([]);
    const drive =
      bare.run(`(({ SessionMachine, DEFAULT_LIMITS, DEFAULT_RECONNECT, Call, Secret, isZkError }) => {
      const machine = new SessionMachine({
        servers: [{ host: "a", port: 1 }], seed: 1, sessionTimeoutMs: 9000, readOnly: false, limits: DEFAULT_LIMITS,
        reconnect: DEFAULT_RECONNECT, recordHistory: true,
        credentials: [{ scheme: "digest", auth: new Secret(new Uint8Array([1, 2])) }],
      });
      const ticket = { ticket: "connect", deadlineMs: Infinity };
      const outputs = [];
      const step = (input) => { machine.step(input); outputs.push(...machine.drain()); };
      step({ kind: "connect", nowMs: 0, ticket });
      step({ kind: "resolved", nowMs: 1, epoch: machine.epoch, addresses: ["10.0.0.1"] });
      step({ kind: "opened", nowMs: 2, epoch: machine.epoch });
      const grant = [0,0,0,37, 0,0,0,0, 0,0,0x20,0, 0,0,0,0,0,0,0,9, 0,0,0,16, ...new Array(16).fill(7), 0];
      step({ kind: "received", nowMs: 3, epoch: machine.epoch, bytes: new Uint8Array(grant) });
      step({ kind: "time", nowMs: 4 });
      return { state: machine.state, id: String(machine.session.id), kinds: outputs.map(({ kind }) => kind).join(" ") };
    })`) as (core: Exports) => unknown;
    expect(drive(core)).toEqual({
      state: "connected",
      id: "9",
      kinds: "state resolve open write state settled write",
    });
  });

  it("would be found out: a module that names a clock does not load there", async () => {
    const bare = new BareContext();
    await expect((async () => bare.run("Date.now()"))()).rejects.toThrow(/Date is not defined/);
    expect(() => bare.run("Math.random()")).toThrow(/not a function/);
    expect(() => bare.run("setTimeout(() => {}, 1)")).toThrow(/setTimeout is not defined/);
  });
});
