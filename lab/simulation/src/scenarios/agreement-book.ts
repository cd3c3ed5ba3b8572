/** What the servers have made of votes, decisions and values, held against what was asked for and what was told of it. */
import type { Ledger, NodeVersion } from "../checks/ledger.js";
import { textOf } from "./manners.js";

/** Something that is asked for: its outcome is looked at when it is over, and ever after. */
export interface Asked {
  readonly who: string;
  /** What would be written, as {@link AgreementBook} calls it. */
  readonly what: readonly string[];
  told: "open" | "done" | "no" | "maybe";
}

interface Transaction {
  readonly path: string;
  readonly sites: readonly string[];
  seen: bigint;
  decision: string | undefined;
  decidedBy: bigint;
}

/** See the head of this file. */
export class AgreementBook {
  /** Whether somebody may decide against it without a vote against it: asked to, or because of the time. */
  mayAbort: (who: string, path: string) => boolean = () => true;
  readonly #ledger: Ledger;
  readonly #sessions = new Map<bigint, string>();
  readonly #asked = new Map<string, Asked[]>();
  readonly #written = new Set<string>();
  readonly #open = new Map<string, Transaction>();
  readonly #removed = new Map<string, Transaction>();
  readonly #places = new Map<string, bigint>();
  readonly #report: (message: string) => void;

  constructor(ledger: Ledger, report: (message: string) => void) {
    this.#ledger = ledger;
    this.#report = report;
  }

  /** A path that transactions may stand at. */
  watchTransaction(path: string, sites: readonly string[]): void {
    this.#open.set(path, { path, sites, seen: 0n, decision: undefined, decidedBy: 0n });
  }

  /** A path that may be filled. */
  watchPlace(path: string): void {
    this.#places.set(path, 0n);
  }

  /** Paths of transactions that nobody has removed. */
  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  sitesOf(path: string): readonly string[] {
    return this.#transaction(path)?.sites ?? [];
  }

  /** What was decided, whether or not it is still there. */
  decisionOf(path: string): string | undefined {
    return this.#transaction(path)?.decision;
  }

  wasRemoved(path: string): boolean {
    return this.#removed.has(path);
  }

  /** A session is somebody's. */
  meet(who: string, sessionId: bigint): void {
    if (sessionId !== 0n) this.#sessions.set(sessionId, who);
  }

  /** Begins to ask. Nobody asks for two things at once. */
  ask(who: string, ...what: string[]): Asked {
    const asked: Asked = { who, what, told: "open" };
    for (const each of what) {
      const key = `${who} ${each}`;
      this.#asked.set(key, [...(this.#asked.get(key) ?? []), asked]);
    }
    return asked;
  }

  /** What was asked for is over. */
  settle(asked: Asked, told: Exclude<Asked["told"], "open">): void {
    asked.told = told;
    this.take();
    for (const each of asked.what) {
      const key = `${asked.who} ${each}`;
      if (this.#written.has(key)) this.#checkTold(key);
    }
  }

  /** Whether somebody has asked for it of whom nobody knows that it is over. */
  isAsked(what: string): boolean {
    return [...this.#asked].some(
      ([key, all]) => key.endsWith(` ${what}`) && all.some(({ told }) => told === "open" || told === "maybe"),
    );
  }

  /** Whether somebody has done it: by a transaction of the servers. */
  hasDone(who: string, what: string): boolean {
    this.take();
    return this.#written.has(`${who} ${what}`);
  }

  /** Takes in what the servers have done since. */
  take(): void {
    for (const transaction of [...this.#open.values()]) this.#takeTransaction(transaction);
    for (const [path, seen] of this.#places) this.#places.set(path, this.#takePlace(path, seen));
  }

  /** All is over: what was removed has stayed so. */
  finish(): void {
    this.take();
    for (const { path, seen } of this.#removed.values())
      if (this.#ledger.changesAfter(path, seen).length > 0) this.#report(`${path} is there again`);
  }

  #transaction(path: string): Transaction | undefined {
    return this.#open.get(path) ?? this.#removed.get(path);
  }

  #takeTransaction(transaction: Transaction): void {
    const { path, sites } = transaction;
    const places = [path, ...sites.map((site) => `${path}/${site}`)];
    const changes = places
      .flatMap((place) => this.#ledger.changesAfter(place, transaction.seen))
      .sort((one, other) => Number(one.zxid - other.zxid));
    for (const { path: place, kind, zxid } of changes) {
      transaction.seen = zxid;
      if (kind === "children") continue;
      if (place !== path) this.#takeVote(transaction, place.slice(path.length + 1), kind, zxid);
      else if (kind === "created") this.#checkAsked(zxid, `begin ${path}`);
      else if (kind === "data") this.#takeDecision(transaction, zxid);
      else {
        if (transaction.decision === undefined) this.#report(`${path} goes undecided`);
        this.#checkAsked(zxid, `remove ${path}`);
        this.#open.delete(path);
        this.#removed.set(path, transaction);
      }
    }
  }

  #takeVote({ path, decision }: Transaction, site: string, kind: string, zxid: bigint): void {
    if (kind !== "data") return;
    const place = `${path}/${site}`;
    const [was, is] = [this.#ledger.at(place, zxid - 1n), this.#ledger.at(place, zxid)];
    if (isFilled(was)) this.#report(`${place} has voted ${textOf(was?.data)}, and votes ${textOf(is?.data)}`);
    if (decision !== undefined) this.#report(`${place} votes when it is ${decision}`);
    this.#checkAsked(zxid, `vote ${place} ${textOf(is?.data)}`);
  }

  #takeDecision(transaction: Transaction, zxid: bigint): void {
    const { path, sites, decision } = transaction;
    const { state } = JSON.parse(textOf(this.#ledger.at(path, zxid)?.data)) as { state: string };
    if (decision !== undefined) this.#report(`${path} was ${decision}, and becomes ${state}`);
    transaction.decision = state;
    transaction.decidedBy = zxid;
    const votes = sites.map((site) => textOf(this.#ledger.at(`${path}/${site}`, zxid - 1n)?.data));
    if (state === "committed" && votes.some((vote) => vote !== "commit"))
      this.#report(`${path} is committed, of the votes ${votes.join(", ")}`);
    const who = this.#checkAsked(zxid, `decide ${path}`);
    if (state === "aborted" && !votes.includes("abort") && who !== undefined && !this.mayAbort(who, path))
      this.#report(`${path} is aborted by ${who}, which nobody voted for and no time was over`);
  }

  #takePlace(path: string, since: bigint): bigint {
    let seen = since;
    for (const { kind, zxid } of this.#ledger.changesAfter(path, since)) {
      seen = zxid;
      if (kind !== "created" && kind !== "data") continue;
      const [was, is] = [this.#ledger.at(path, zxid - 1n), this.#ledger.at(path, zxid)];
      if (isFilled(was)) this.#report(`${path} was filled with ${textOf(was?.data)}, and is again`);
      if (isFilled(is)) this.#checkAsked(zxid, `fill ${path} ${textOf(is?.data)}`);
    }
    return seen;
  }

  /** @returns who wrote it */
  #checkAsked(zxid: bigint, what: string): string | undefined {
    const who = this.#sessions.get(this.#ledger.sessionOf(zxid) ?? 0n);
    if (who === undefined) {
      this.#report(`nobody that is known wrote ${zxid}: ${what}`);
      return undefined;
    }
    const key = `${who} ${what}`;
    this.#written.add(key);
    this.#checkTold(key);
    return who;
  }

  #checkTold(key: string): void {
    const asked = this.#asked.get(key) ?? [];
    if (asked.length === 0) this.#report(`${key}: was not asked for`);
    else if (asked.every(({ told }) => told === "no")) this.#report(`${key}: is done, and told not to be`);
  }
}

/** Whether something was left there. */
export function isFilled(node: NodeVersion | null): boolean {
  return (node?.data?.length ?? 0) > 0;
}
