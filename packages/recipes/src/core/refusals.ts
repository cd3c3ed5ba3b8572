/** What a server said of a transaction before which an operation of ours was put. */
import { ZkError } from "@zk/client";

/** The error as it is for the caller, who does not know of the first operation. Undefined when that is the one that failed. */
export function withoutFirst(error: ZkError): ZkError | undefined {
  const index = error.operationIndex;
  if (index === undefined) return error;
  if (index === 0) return undefined;
  return new ZkError({
    code: error.code,
    message: `operation ${index - 1} of the transaction failed, so nothing was applied`,
    operation: error.operation,
    path: error.path,
    server: error.server,
    serverCode: error.serverCode,
    operationIndex: index - 1,
    results: error.results?.slice(1),
    cause: error,
  });
}
