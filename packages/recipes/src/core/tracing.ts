/**
 * Spans of what the recipes wait for and hold, in a tracer of the user's. It is described by what is called on it, so that a tracer of
 * OpenTelemetry fits, and this package needs none.
 */
import type { Client } from "@zk/client";
import { checkClient, invalid } from "./checks.js";
import { type HoldTrace, type Tracing, telemetryOf, type WaitOutcome } from "./telemetry.js";

/** What is called on a span; one of OpenTelemetry has it. What it throws is ignored. */
export interface RecipeSpan {
  setAttribute(key: string, value: string): unknown;
  addEvent?(name: string): unknown;
  recordException(error: Error): unknown;
  /** `code` 2 is that of an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  end(): unknown;
}

/** What is called on a tracer; one of OpenTelemetry has it. What it throws is ignored. */
export interface RecipeTracer {
  startSpan(name: string, options?: { attributes?: Record<string, string> }): RecipeSpan;
}

/**
 * Makes a span of every wait and of every hold that the recipes on this client begin from now on.
 *
 * - `<recipe> wait`, with the attributes `zk.recipe`, `zk.path` and in the end `zk.outcome`: `acquired`, `unavailable` (it was only
 *   tried), `timeout`, `aborted` or `failed`. It is a child of the span that is active where the wait is begun.
 * - `<recipe> hold`, with `zk.recipe`, `zk.path` of its znode, `zk.token`, `zk.session` and in the end `zk.outcome`: `released` or `lost`.
 *   Events `suspect` and `verified` say when its connection was in doubt.
 *
 * A wait that timed out or failed and a hold that was lost have the status of an error; the latter two with the exception.
 *
 * @param tracer such as `trace.getTracer("app")` of `@opentelemetry/api`
 * @throws RecipeError INVALID_ARGUMENT
 * @returns what ends it; spans that are open then are ended when what they are of ends
 * @example
 * ```ts
 * const stop = traceRecipes(client, trace.getTracer("app"));
 * ```
 */
export function traceRecipes(client: Client, tracer: RecipeTracer): () => void {
  const about = { recipe: "traceRecipes", path: "/" };
  checkClient(client, about.recipe);
  if (typeof tracer?.startSpan !== "function") throw invalid(about, "tracer", "one with startSpan()", tracer);
  const { tracings } = telemetryOf(client);
  const tracing: Tracing = {
    wait: ({ recipe, path }) => {
      const span = new QuietSpan(tracer, `${recipe} wait`, { "zk.recipe": recipe, "zk.path": path });
      return (outcome, error) => span.ended(outcome, WAITS_GONE_WRONG.has(outcome), error);
    },
    hold: ({ recipe, path, token, sessionId }): HoldTrace => {
      const span = new QuietSpan(tracer, `${recipe} hold`, {
        "zk.recipe": recipe,
        "zk.path": path,
        "zk.token": `${token}`,
        "zk.session": `0x${BigInt.asUintN(64, sessionId).toString(16)}`,
      });
      return {
        happened: (what) => span.happened(what),
        ended: (outcome, error) => span.ended(outcome, outcome === "lost", error),
      };
    },
  };
  tracings.add(tracing);
  return () => tracings.delete(tracing);
}

const WAITS_GONE_WRONG: ReadonlySet<WaitOutcome> = new Set(["timeout", "failed"]);
/** Source: OpenTelemetry, SpanStatusCode */
const STATUS_ERROR = 2;

/** A span that cannot come between a recipe and its work: there is nobody to tell of what it throws. */
class QuietSpan {
  #span: RecipeSpan | undefined;

  constructor(tracer: RecipeTracer, name: string, attributes: Record<string, string>) {
    quietly(() => {
      this.#span = tracer.startSpan(name, { attributes });
    });
  }

  happened(what: string): void {
    quietly(() => this.#span?.addEvent?.(what));
  }

  ended(outcome: WaitOutcome | "released" | "lost", isWrong: boolean, error: unknown): void {
    quietly(() => this.#span?.setAttribute("zk.outcome", outcome));
    if (isWrong) {
      const exception = error instanceof Error ? error : new Error(String(error));
      if (outcome !== "timeout") quietly(() => this.#span?.recordException(exception));
      quietly(() => this.#span?.setStatus({ code: STATUS_ERROR, message: exception.message }));
    }
    quietly(() => this.#span?.end());
  }
}

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // See QuietSpan.
  }
}
