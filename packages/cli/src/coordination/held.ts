/** What a command runs under: a lock, a permit or a leadership, whichever recipe it comes from. */
import type { HoldState } from "@zk/recipes";

export interface Held {
  /** Our znode. */
  readonly path: string;
  /** The fencing token: the czxid of our znode. */
  readonly token: bigint;
  readonly sessionId: bigint;
  readonly state: HoldState;
  /** Hears of every change of {@link state}. @returns what ends it */
  onState(listener: () => void): () => void;
  /** Gives it back. */
  release(): Promise<unknown>;
}

/** What `ZK_LOCK_…` tells the command. */
export function heldEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  path: string,
  held: Pick<Held, "path" | "sessionId" | "token">,
): Record<string, string | undefined> {
  return {
    ...env,
    ZK_LOCK_HELD: "1",
    ZK_LOCK_PATH: path,
    ZK_LOCK_NODE: held.path,
    ZK_LOCK_SESSION: `0x${BigInt.asUintN(64, held.sessionId).toString(16)}`,
    ZK_LOCK_FENCE: held.token.toString(),
  };
}
