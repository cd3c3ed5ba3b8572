/** Which znodes came into a directory and went out of it, transaction by transaction, as the servers had it. */
import type { Ledger } from "../checks/ledger.js";

/** What one transaction did to a directory. */
export interface Turnover {
  readonly zxid: bigint;
  /** What the leader's clock on the wall showed. */
  readonly timeMs: number;
  readonly came: readonly string[];
  readonly went: readonly string[];
}

/** See the head of this file. */
export class DirectoryLog {
  readonly path: string;
  readonly #ledger: Ledger;
  #seen = 0n;
  #names: ReadonlySet<string> = new Set();

  constructor(ledger: Ledger, path: string) {
    this.path = path;
    this.#ledger = ledger;
  }

  /** What happened since the last look, oldest first. */
  look(): readonly Turnover[] {
    const turnovers: Turnover[] = [];
    for (const { zxid, kind, timeMs } of this.#ledger.changesAfter(this.path, this.#seen)) {
      // A transaction that makes several children is told of as often.
      if (kind === "data" || zxid === this.#seen) continue;
      this.#seen = zxid;
      const names = new Set(this.#ledger.at(this.path, zxid)?.children);
      const came = [...names].filter((name) => !this.#names.has(name));
      const went = [...this.#names].filter((name) => !names.has(name));
      this.#names = names;
      if (came.length + went.length > 0) turnovers.push({ zxid, timeMs, came, went });
    }
    return turnovers;
  }
}
