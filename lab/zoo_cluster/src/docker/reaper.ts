/** The reaper of testcontainers: a container that removes ours when this process is gone, wherever its image can be had. */
import type { Environment } from "../release/types.js";
import { timeScale } from "../wait.js";
import type { Engine } from "./engine.js";
import { wordsOf } from "./engine-errors.js";

/** Limit in milliseconds for its image to come and for it to start. */
export const reaperTimeoutMs = 15_000;

let asked: Promise<Readonly<Record<string, string>>> | null = null;

/**
 * The label that puts things under the reaper's care; none where there is no reaper. Asked once in a process.
 *
 * It is the third to clean up, after the ensemble itself and its watchdog, and ahead of the sweep at the next start.
 */
export function reaperLabels(
  engine: Engine,
  { env, onProgress }: { readonly env: Environment; readonly onProgress: (line: string) => void },
): Promise<Readonly<Record<string, string>>> {
  if (env["TESTCONTAINERS_RYUK_DISABLED"] === "true") return Promise.resolve({});
  asked ??= startReaper(engine).catch((error: unknown) => {
    onProgress(
      `testcontainers' reaper cannot be had (${wordsOf(error)}); what a killed run leaves is removed at the next start`,
    );
    return {};
  });
  return asked;
}

async function startReaper({ client }: Engine): Promise<Readonly<Record<string, string>>> {
  const { getReaper, LABEL_TESTCONTAINERS_SESSION_ID } = await import("testcontainers");
  let limit: NodeJS.Timeout | undefined;
  try {
    const reaper = await Promise.race([
      getReaper(client),
      new Promise<never>((_, reject) => {
        limit = setTimeout(() => reject(new Error("it did not come in time")), reaperTimeoutMs * timeScale());
      }),
    ]);
    return { [LABEL_TESTCONTAINERS_SESSION_ID]: reaper.sessionId };
  } finally {
    clearTimeout(limit);
  }
}
