/** An ensemble for the tests of one file, whatever runs them: vitest, Jest, `node:test`, or anything with a before and an after. */
import type { MemoryEnsemble } from "./ensemble-types.js";
import { MemoryServerError } from "./errors.js";
import type { MemoryEnsembleOptions } from "./options.js";
import { startMemoryEnsemble } from "./start-memory-ensemble.js";

/** Registers something to be done before or after tests. */
export type TestHook = (work: () => Promise<void>) => unknown;

/**
 * The hooks of a test runner:
 * - `beforeAll`, `afterAll` of vitest and Jest, or `before`, `after` of `node:test`: one ensemble for all tests
 * - `beforeEach`, `afterEach` of any of them: an ensemble of its own for each test
 */
export type TestHooks =
  | { readonly beforeAll: TestHook; readonly afterAll: TestHook }
  | { readonly before: TestHook; readonly after: TestHook }
  | { readonly beforeEach: TestHook; readonly afterEach: TestHook };

/** What tests get. */
export interface EnsembleFixture {
  /** @throws MemoryServerError `WRONG_STATE` outside of a test */
  readonly ensemble: MemoryEnsemble;
  /** For `createClient`, or any other client. @throws MemoryServerError `WRONG_STATE` outside of a test */
  readonly connectionString: string;
}

/**
 * Starts an ensemble before the tests and stops it after them.
 *
 * @example
 * import { afterAll, beforeAll } from "vitest";
 * const zk = useEnsemble({ beforeAll, afterAll });
 * it("…", async () => {
 *   await using client = createClient(zk.connectionString);
 * });
 */
export function useEnsemble(hooks: TestHooks, options: MemoryEnsembleOptions = {}): EnsembleFixture {
  let running: MemoryEnsemble | null = null;
  const { begin, end } = hooksOf(hooks);
  begin(async () => {
    running = await startMemoryEnsemble(options);
  });
  end(async () => {
    const ensemble = running;
    running = null;
    await ensemble?.stop();
  });
  const current = (): MemoryEnsemble => {
    if (running !== null) return running;
    throw new MemoryServerError(
      "WRONG_STATE",
      "There is an ensemble only while tests run: use it inside of a test, not while tests are declared.",
    );
  };
  return {
    get ensemble() {
      return current();
    },
    get connectionString() {
      return current().connectionString;
    },
  };
}

function hooksOf(hooks: TestHooks): { readonly begin: TestHook; readonly end: TestHook } {
  if ("beforeAll" in hooks) return { begin: hooks.beforeAll, end: hooks.afterAll };
  if ("beforeEach" in hooks) return { begin: hooks.beforeEach, end: hooks.afterEach };
  return { begin: hooks.before, end: hooks.after };
}
