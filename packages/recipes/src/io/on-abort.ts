/**
 * Listening to signals. Node warns of a leak when more than ten listen to one, but the signal that ends a program is handed to
 * as many waits as there are under way.
 */
import { setMaxListeners } from "node:events";

/** Calls the listener when the signal aborts, once. @returns what takes the listener away */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  // Some signals are not Node's own.
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
