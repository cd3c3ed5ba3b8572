/** Answers that were lost. */
import { isZkError } from "@zk/client";

/** Whether the error says that no answer came, and that the call may be made again as soon as there is a connection. */
export function isLost(error: unknown): boolean {
  return isZkError(error, "CONNECTION_LOSS") || isZkError(error, "SESSION_MOVED");
}
