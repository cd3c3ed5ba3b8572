/** Keeps a session until it is wanted no more; its ephemeral znodes live as long. */
import { type Client, ZkError } from "@zk/client";

interface Holder {
  readonly signal: AbortSignal;
  note(line: string): void;
}

/**
 * Resolves when the time is over or the run is ended by Ctrl-C, which is the usual end of it.
 * @throws ZkError SESSION_EXPIRED
 */
export function holdSession(client: Client, run: Holder, limitMs: number | undefined): Promise<void> {
  run.note(limitMs === undefined ? "held until Ctrl-C" : `held for ${limitMs / 1000} s, or until Ctrl-C`);
  return new Promise((resolve, reject) => {
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      clearInterval(keepAlive);
      client.off("state", onState);
      run.signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onState = (state: string): void => {
      if (state !== "expired" && state !== "authFailed") return;
      end(() =>
        reject(
          new ZkError({
            code: "SESSION_EXPIRED",
            message: "the session is over, and its ephemeral znodes with it",
          }),
        ),
      );
    };
    const onAbort = (): void => end(() => reject(run.signal.reason));
    const timer = limitMs === undefined ? undefined : setTimeout(() => end(resolve), limitMs);
    // A suspended client may have nothing else that keeps the process here.
    const keepAlive = setInterval(() => {}, 60_000);
    client.on("state", onState);
    if (run.signal.aborted) onAbort();
    else run.signal.addEventListener("abort", onAbort, { once: true });
  });
}
