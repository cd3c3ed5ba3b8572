/** What happens to znodes that are kept, transaction by transaction, and whether whoever did it was to do that. */
import type { PersistentTtlNode } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Change, Ledger } from "../checks/ledger.js";
import { textOf } from "./manners.js";

/** Who acts as somebody else writes here in the same transaction, and is known by it. */
export const MARK = "/mark";
/** Within it a request follows the answer that it goes by, unless a connection is lost in between: virtual milliseconds. */
const ROUND_TRIP_MS = 200;

/** A keeper, and what is known of it. */
export interface Keeper {
  readonly node: PersistentTtlNode;
  readonly leaves: boolean;
  readonly waits: boolean;
  /** The czxids that it was told of. */
  readonly tokens: Set<bigint>;
  /** It may remove the znode: it is closed, or still starting, which ends so when it is given up. */
  mayRemove: boolean;
  /** What it is to say, as a place in the book; -1 for what it finds. */
  last: number;
}

/** What a player has done, with one keeper after the other. */
export interface Book {
  readonly sessions: Set<bigint>;
  readonly keepers: Keeper[];
  /** All that was ever to be said, in order. */
  readonly said: string[];
  /** Which of these the servers had last from it. */
  written: number;
  /** A keeper without data says what it finds. */
  mayEcho: boolean;
}

/** See the head of this file. */
export class TtlChanges {
  /** Where znodes are kept. */
  readonly paths: Set<string> = new Set();
  /** All that was ever there. */
  readonly seen: Set<string> = new Set();
  readonly #ledger: Ledger;
  readonly #books = new Map<Player, Book>();
  #checked = 0n;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  bookOf(player: Player): Book {
    const known = this.#books.get(player);
    if (known !== undefined) return known;
    const book: Book = { sessions: new Set(), keepers: [], said: [], written: -1, mayEcho: false };
    this.#books.set(player, book);
    return book;
  }

  /** What is wrong with the changes since the last look. */
  look(): string | undefined {
    const ledger = this.#ledger;
    const from = this.#checked;
    this.#checked = ledger.lastZxid;
    for (const path of this.paths) {
      for (const change of ledger.changesAfter(path, from)) {
        const { zxid, kind } = change;
        if (kind === "children") continue;
        const wrong = ledger.at(MARK, zxid)?.mzxid === zxid ? undefined : this.#wrong(change);
        this.seen.add(textOf(ledger.at(path, zxid)?.data));
        if (wrong !== undefined && !this.#isMistaken(change)) return `${zxid} ${kind} ${path}: ${wrong}`;
      }
    }
    return undefined;
  }

  #wrong({ path, kind, zxid }: Change): string | undefined {
    const ledger = this.#ledger;
    const session = ledger.sessionOf(zxid) ?? 0n;
    const was = ledger.at(path, zxid - 1n);
    const is = ledger.at(path, zxid);
    // An ephemeral znode goes with its session.
    if (was !== null && was.owner !== 0n) return was.owner === session ? undefined : "it was another's";
    const book = [...this.#books.values()].find(({ sessions }) => sessions.has(session));
    if (book === undefined) return "by nobody";
    if (kind === "deleted") return this.#wrongRemoval(book, was?.czxid ?? 0n);
    const text = textOf(is?.data);
    if (kind === "data" && text === textOf(was?.data)) return undefined;
    const place = book.said.indexOf(text);
    if (place < 0) {
      const isEcho = kind === "created" && book.mayEcho && (text === "" || this.seen.has(text));
      return isEcho ? undefined : `${text} was never to be said`;
    }
    if (place < book.written) return `${text} was said before ${book.said[book.written]}`;
    book.written = place;
    return undefined;
  }

  #wrongRemoval({ keepers, sessions }: Book, czxid: bigint): string | undefined {
    const ending = keepers.filter(({ mayRemove, leaves }) => mayRemove && !leaves);
    if (ending.length === 0) return "nobody is to remove it";
    const isOwn = sessions.has(this.#ledger.sessionOf(czxid) ?? 0n);
    const isKept = ending.some(({ tokens }) => tokens.has(czxid));
    return isOwn || isKept ? undefined : `${czxid} is another's`;
  }

  /** Servers compare versions alone: what took the place of another within a round trip, and has the same, is taken for it. */
  #isMistaken({ path, zxid, timeMs }: Change): boolean {
    const ledger = this.#ledger;
    const earlier = ledger.changesAfter(path, 0n).filter((change) => change.zxid < zxid);
    const replaced = earlier.findLast(({ kind }) => kind === "deleted");
    if (replaced === undefined || timeMs - replaced.timeMs > ROUND_TRIP_MS) return false;
    return ledger.at(path, replaced.zxid - 1n)?.version === ledger.at(path, zxid - 1n)?.version;
  }
}
