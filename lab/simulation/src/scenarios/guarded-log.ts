/**
 * A znode that holders write to, each with its token, through a guard. What the servers made of it shows whether two held the
 * same thing: in the order of the transactions no token may be followed by a smaller one.
 */
import type { Hold } from "@zk/recipes";
import type { Ledger } from "../checks/ledger.js";

/** See the head of this file. */
export class GuardedLog {
  readonly path: string;
  readonly #ledger: Ledger;
  #seen = 0n;
  #newest = 0n;

  constructor(ledger: Ledger, path: string) {
    this.#ledger = ledger;
    this.path = path;
  }

  /** Writes the hold's token, if it still stands. The znode has to be there. */
  async write(hold: Hold): Promise<void> {
    await hold.guard((tx) => tx.setData(this.path, String(hold.token)));
  }

  /** @returns what is wrong with the writes that became final since the last look; undefined when nothing is */
  look(): string | undefined {
    for (const { zxid, kind } of this.#ledger.changesAfter(this.path, this.#seen)) {
      this.#seen = zxid;
      if (kind !== "data") continue;
      const data = this.#ledger.at(this.path, zxid)?.data;
      const token = BigInt(new TextDecoder().decode(data ?? new Uint8Array(0)));
      if (token < this.#newest) return `${token} wrote to ${this.path} after ${this.#newest} had`;
      this.#newest = token;
    }
    return undefined;
  }
}
