/**
 * A znode that holders write to, each with its token, through a guard. What the servers made of it shows whether the guard
 * guards, and whether two held the same thing: the znode of the writer stands at that moment, and in the order of the
 * transactions no token is followed by a smaller one.
 */
import type { Hold } from "@zk/recipes";
import type { Ledger } from "../checks/ledger.js";
import { textOf } from "./manners.js";

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
    await hold.guard((tx) => tx.setData(this.path, `${hold.token} ${hold.path}`));
  }

  /** @returns what is wrong with the writes that became final since the last look; undefined when nothing is */
  look(): string | undefined {
    for (const { zxid, kind } of this.#ledger.changesAfter(this.path, this.#seen)) {
      this.#seen = zxid;
      if (kind !== "data") continue;
      const [text = "", writer = ""] = textOf(this.#ledger.at(this.path, zxid)?.data).split(" ");
      const token = BigInt(text);
      if (this.#ledger.at(writer, zxid)?.czxid !== token)
        return `${token} wrote to ${this.path} when ${writer} was gone`;
      if (token < this.#newest) return `${token} wrote to ${this.path} after ${this.#newest} had`;
      this.#newest = token;
    }
    return undefined;
  }
}
