/**
 * What the servers made of a queue, transaction by transaction: whoever looks at it knows of each value where it is, and that
 * - none is there twice, none comes that was refused, and none that is gone comes again;
 * - an item goes only together with the claim on it, or by its id while nobody has one, and a claim comes only to an item that is there;
 * - what an acknowledgement records goes together with its item.
 */
import type { Ledger } from "../checks/ledger.js";
import { DirectoryLog, type Turnover } from "./directory-log.js";
import { textOf } from "./manners.js";

/** Where things are. */
export interface QueuePlaces {
  readonly entries: string;
  readonly claims: string;
  readonly dead: string;
  readonly records: string;
}

/** See the head of this file. */
export class QueueBooks {
  /** Values that must not come: their put was refused. */
  readonly refused: Set<number> = new Set();
  /** Acknowledgements that must not be found in the records: they were refused. */
  readonly refusedAcks: Set<string> = new Set();
  /** Whether a value may be removed by its id: without a claim then, and only while nobody has one. */
  isRemovable: (value: number) => boolean = () => false;
  /** How many were. */
  removed = 0;
  /** Values that were recorded, each with the acknowledgement that did. */
  readonly recorded: Map<number, string> = new Map();
  /** Since when each item that nobody has may be taken, by its name: virtual milliseconds. */
  readonly freeSince: Map<string, number> = new Map();
  readonly #places: QueuePlaces;
  readonly #ledger: Ledger;
  readonly #logs: Readonly<Record<keyof QueuePlaces, DirectoryLog>>;
  /** Where each value is: a path, or null when it has gone for good. */
  readonly #whereabouts = new Map<number, string | null>();

  constructor(ledger: Ledger, places: QueuePlaces) {
    this.#ledger = ledger;
    this.#places = places;
    const { entries, claims, dead, records } = places;
    this.#logs = {
      entries: new DirectoryLog(ledger, entries),
      claims: new DirectoryLog(ledger, claims),
      dead: new DirectoryLog(ledger, dead),
      records: new DirectoryLog(ledger, records),
    };
  }

  /** Where a value is: a path, null when it has gone for good, undefined when it never came. */
  whereabouts(value: number): string | null | undefined {
    return this.#whereabouts.get(value);
  }

  /** @returns what is wrong with what happened since the last look; undefined when nothing is */
  look(nowMs: number): string | undefined {
    const byZxid = new Map<bigint, Partial<Record<keyof QueuePlaces, Turnover>>>();
    for (const [place, log] of Object.entries(this.#logs) as [keyof QueuePlaces, DirectoryLog][]) {
      for (const turnover of log.look()) {
        byZxid.set(turnover.zxid, { ...byZxid.get(turnover.zxid), [place]: turnover });
      }
    }
    for (const [zxid, turnovers] of [...byZxid].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const wrong = this.#take(zxid, turnovers, nowMs);
      if (wrong !== undefined) return `${wrong} (transaction ${zxid})`;
    }
    return undefined;
  }

  #take(
    zxid: bigint,
    { entries, claims, dead, records }: Partial<Record<keyof QueuePlaces, Turnover>>,
    nowMs: number,
  ): string | undefined {
    for (const name of entries?.came ?? []) this.freeSince.set(name, nowMs);
    for (const name of claims?.went ?? []) this.freeSince.set(name, nowMs);
    for (const name of [...(entries?.went ?? []), ...(claims?.came ?? [])]) this.freeSince.delete(name);
    const gone = new Set<number>();
    for (const name of entries?.went ?? []) {
      const value = this.#valueAt(`${this.#places.entries}/${name}`, zxid - 1n);
      gone.add(value);
      this.#whereabouts.set(value, null);
      if (claims?.went.includes(name) === true) continue;
      const isClaimed = this.#ledger.at(`${this.#places.claims}/${name}`, zxid - 1n) !== null;
      if (isClaimed || !this.isRemovable(value)) return `${name} was taken out without the claim on it`;
      this.removed += 1;
    }
    const came = [
      ...(entries?.came ?? []).map((name) => `${this.#places.entries}/${name}`),
      ...(dead?.came ?? []).map((name) => `${this.#places.dead}/${name}`),
    ];
    for (const path of came) {
      const value = this.#valueAt(path, zxid);
      if (this.refused.has(value)) return `${value} was put, and its putter told that it was not`;
      if (this.#whereabouts.has(value) && !gone.delete(value))
        return `${value} came a second time, to ${path}`;
      this.#whereabouts.set(value, path);
    }
    for (const name of claims?.came ?? []) {
      if (this.#ledger.at(`${this.#places.entries}/${name}`, zxid) === null)
        return `${name} was claimed and is gone`;
    }
    for (const name of records?.came ?? []) {
      const text = textOf(this.#ledger.at(`${this.#places.records}/${name}`, zxid)?.data);
      const [value = "", ack = ""] = text.split(" ");
      if (!gone.has(Number(value))) return `${value} was recorded without being taken out`;
      if (this.recorded.has(Number(value))) return `${value} was recorded twice`;
      if (this.refusedAcks.has(ack)) return `${ack} was applied, and told that it was not`;
      this.recorded.set(Number(value), ack);
    }
    return undefined;
  }

  /** What a znode of any layout holds: the number stands between a `v` and a semicolon. */
  #valueAt(path: string, zxid: bigint): number {
    return Number(/v(\d+);/.exec(textOf(this.#ledger.at(path, zxid)?.data))?.[1] ?? Number.NaN);
  }
}
