/**
 * What the servers have of the instances of a service, and had: whoever is shown one can ask whether it was ever registered so, and
 * when it was last. Times are those of the looks, so never earlier than what they are of.
 */
import type { Ledger } from "../checks/ledger.js";
import { DirectoryLog } from "./directory-log.js";
import { textOf } from "./manners.js";

/** What an instance says of itself in this scenario. */
export interface Said {
  /** No two writes say the same; a znode that is kept says it again in its next session. */
  readonly word: string;
  readonly weight: number;
  readonly zone: string;
}

/** What was registered under an id, from one transaction to another. */
export interface Registered {
  readonly id: string;
  /** The transaction that made the znode. */
  readonly czxid: bigint;
  /** The transaction that wrote it. */
  readonly mzxid: bigint;
  /** Undefined for bytes that are no instance. */
  readonly said: (Said & { readonly enabled: boolean }) | undefined;
  /** The transaction that ended it, and when that was seen: infinity as long as it is so. */
  untilZxid: bigint | undefined;
  untilMs: number;
}

/** See the head of this file. */
export class ServiceBook {
  readonly #ledger: Ledger;
  readonly #directory: DirectoryLog;
  readonly #histories = new Map<string, Registered[]>();
  readonly #byWord = new Map<string, Registered[]>();
  #seen = 0n;

  constructor(ledger: Ledger, path: string) {
    this.#ledger = ledger;
    this.#directory = new DirectoryLog(ledger, path);
  }

  /** Takes in what is new. */
  look(nowMs: number): void {
    if (this.#seen === this.#ledger.lastZxid) return;
    for (const { came } of this.#directory.look())
      for (const id of came) if (!this.#histories.has(id)) this.#histories.set(id, []);
    for (const [id, history] of this.#histories) {
      for (const { zxid, kind } of this.#ledger.changesAfter(this.pathOf(id), this.#seen)) {
        if (kind === "children") continue;
        const last = history.at(-1);
        if (last?.untilZxid === undefined && last !== undefined) {
          last.untilZxid = zxid;
          last.untilMs = nowMs;
        }
        const is = this.#ledger.at(this.pathOf(id), zxid);
        if (is === null) continue;
        const registration = registered(id, is);
        history.push(registration);
        const key = `${id} ${registration.said?.word}`;
        this.#byWord.set(key, [registration, ...(this.#byWord.get(key) ?? [])]);
      }
    }
    this.#seen = this.#ledger.lastZxid;
  }

  pathOf(id: string): string {
    return `${this.#directory.path}/${id}`;
  }

  /** What is registered now. */
  get now(): readonly Registered[] {
    return [...this.#histories.values()]
      .map((history) => history.at(-1))
      .filter((last) => last !== undefined && last.untilZxid === undefined) as Registered[];
  }

  /** What was registered under this id with these words, the newest first: the same words may have come again. */
  of(id: string, word: string): readonly Registered[] {
    return this.#byWord.get(`${id} ${word}`) ?? [];
  }
}

function registered(
  id: string,
  {
    czxid,
    mzxid,
    data,
  }: { readonly czxid: bigint; readonly mzxid: bigint; readonly data: Uint8Array | null },
): Registered {
  return {
    id,
    czxid,
    mzxid,
    said: read(textOf(data)),
    untilZxid: undefined,
    untilMs: Number.POSITIVE_INFINITY,
  };
}

/** The layout of Curator, read by nobody's code but this. */
function read(text: string): Registered["said"] {
  try {
    const { payload, enabled } = JSON.parse(text) as { payload: Said; enabled?: boolean };
    return { ...payload, enabled: enabled !== false };
  } catch {
    return undefined;
  }
}
