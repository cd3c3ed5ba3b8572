/** Lost answers, on demand. */
import type { ClientOptions, FailpointName } from "@zk/client";

/** Cuts the connection of the client that has it among its options, at places that the test names. */
export interface Cutter {
  /** For `createClient`. */
  readonly options: Pick<ClientOptions, "failpoint">;
  /** From now on the connection is cut so many times at this place; by default once. */
  cut(at: FailpointName, times?: number): void;
  /** Cuts that are still to come. */
  readonly left: number;
}

/**
 * Makes a {@link Cutter}.
 *
 * `replyDecoded` loses the answer to something that was applied; `afterWrite` the answer to something that may or may not be;
 * `beforeWrite` cuts before anything was sent.
 */
export function cutter(): Cutter {
  let place: FailpointName | undefined;
  let left = 0;
  return {
    options: {
      failpoint: (name) => {
        if (name !== place || left === 0) return "continue";
        left -= 1;
        return "drop";
      },
    },
    cut(at, times = 1) {
      place = at;
      left = times;
    },
    get left() {
      return left;
    },
  };
}
