/** How a command ended. */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

export interface ChildEnd {
  /** As a shell has it: the code, or 128 and the number of the signal. */
  readonly exitCode: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Resolves once a process of ours has ended. */
export function whenEnded(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      const number = signal === null ? 0 : constants.signals[signal];
      resolve({ exitCode: code ?? 128 + number, code, signal });
    });
  });
}

/** What a shell says of it. A command that ends with a code above 128 by itself looks like one that a signal has ended. */
export function endOfStatus(status: number): ChildEnd {
  const name = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return {
    exitCode: status,
    code: name === undefined ? status : null,
    signal: (name as NodeJS.Signals | undefined) ?? null,
  };
}
