/**
 * Operations that servers have from 3.5 on. A server that does not know one closes the connection over it, which is a high price
 * for a question; {@link CONFIG_NODE} says without one whether a server is of 3.5.0 or newer.
 *
 * What was learned holds for a connection. The session machine sends such an operation on no other: one that was asked for on
 * the last connection and not sent any more comes back here, and the next server is asked first.
 */
import { CreateMode, type MultiOperation, OpCode, type Stat } from "@zk/protocol";
import { CONFIG_NODE, DEFAULT_LIMITS, isZkError, type OperationSpec, ZkError } from "./core/index.js";
import { NEWER_SPECS, SPECS } from "./operations.js";
import type { CallOptions } from "./options.js";
import type { Requests } from "./requests.js";

/** What is asked of a server, for errors. */
export interface NewerCall {
  readonly operation: string;
  readonly path: string;
  /** Such as `containers came with 3.5.1`. */
  readonly needs: string;
  /** The place in a transaction. */
  readonly operationIndex?: number;
}

/** How a kind of znode that a 3.4 server does not know is created. */
export interface NewerKind {
  readonly spec: OperationSpec;
  readonly needs: string;
}

/** How containers are made. */
export const CONTAINERS: NewerKind = {
  spec: NEWER_SPECS.createContainer,
  needs: "containers came with 3.5.1",
};
const TTL_ZNODES: NewerKind = {
  spec: NEWER_SPECS.createTTL,
  needs: "znodes with a time to live came with 3.5.3",
};

/** How a kind of znode is created that a 3.4 server does not know; undefined for the others. */
export function newerKind(flags: number): NewerKind | undefined {
  if (flags < CreateMode.CONTAINER) return undefined;
  return flags === CreateMode.CONTAINER ? CONTAINERS : TTL_ZNODES;
}

/** The first part of a transaction that a 3.4 server does not know. */
export function newerPart(
  operations: readonly MultiOperation[],
  paths: readonly string[],
): NewerCall | undefined {
  for (const [operationIndex, { type }] of operations.entries()) {
    if (type !== OpCode.CREATE_CONTAINER && type !== OpCode.CREATE_TTL) continue;
    const { needs } = type === OpCode.CREATE_TTL ? TTL_ZNODES : CONTAINERS;
    return { operation: "transaction.create", path: paths[operationIndex] ?? "", needs, operationIndex };
  }
  return undefined;
}

/** How often one that may be sent again is, after losses. As the machine's own `resendsMax`. */
const RESENDS_MAX = DEFAULT_LIMITS.resendsMax;

/**
 * Sends a write, to a server that was seen to be of 3.5 or newer.
 *
 * @throws ZkError UNIMPLEMENTED for an older one, which was not asked; whatever `send` or the question throws
 */
export async function sendToNewer<Value>(
  requests: Requests,
  about: NewerCall,
  options: CallOptions,
  send: (step: CallOptions) => Promise<Value>,
): Promise<Value> {
  const budget = requests.budget(about.operation, about.path, options);
  const retry = requests.retryOf(options);
  let resends = 0;
  const fate = (error: unknown): unknown =>
    // A refusal of the second try says nothing of the first, which was never answered.
    resends > 0 && isZkError(error) ? error.withApplied("maybe") : error;
  for (;;) {
    try {
      if (requests.isServerFrom35 !== true) await refuseOldServer(requests, about, budget.step());
    } catch (error) {
      throw fate(error);
    }
    try {
      return await send({ ...budget.step(), retry });
    } catch (error) {
      if (!isZkError(error, "CONNECTION_LOSS")) throw fate(error);
      // It went nowhere: another server took over between the question and the sending.
      if (error.applied === "no") continue;
      if (retry !== "always" || resends >= RESENDS_MAX) throw error;
      resends += 1;
    }
  }
}

/** Whether the server that serves us is of 3.5.0 or newer, by a question to it. @throws ZkError of the operation that it is for */
export async function askWhetherFrom35(
  requests: Requests,
  about: { readonly operation: string; readonly path: string },
  step: CallOptions,
): Promise<boolean> {
  try {
    const finish = (reply: { readonly stat: Stat }): Stat => reply.stat;
    const record = { path: CONFIG_NODE, watch: false };
    return (await requests.send(SPECS.exists, about.path, record, step, { finish })) !== null;
  } catch (error) {
    // Only a newer server says so of a read like this, and only if it is there.
    if (isZkError(error, "NO_AUTH")) return true;
    if (!isZkError(error)) throw error;
    throw new ZkError({
      code: error.code,
      message: `the server could not be asked whether it is of 3.5: ${error.message}`,
      operation: about.operation,
      path: about.path,
      server: error.server,
      serverCode: error.serverCode,
      cause: error.code === "ABORTED" ? error.cause : error,
    });
  }
}

async function refuseOldServer(requests: Requests, about: NewerCall, step: CallOptions): Promise<void> {
  if (await askWhetherFrom35(requests, about, step)) return;
  const { operation, path, needs, operationIndex } = about;
  const message = `the server is older than 3.5.0; ${needs}`;
  throw new ZkError({ code: "UNIMPLEMENTED", message, operation, path, operationIndex });
}
