/** What all servers of one ensemble share: time, chance, the network between them, and the way out. */
import type { Message } from "./messages.js";
import { Prng } from "./prng.js";
import type { Entry } from "./request.js";
import { Schedule } from "./schedule.js";
import type { Settings } from "./settings.js";
import type { ModelOutput, Range } from "./types.js";

/** A server, as the others know it. */
export interface Peer {
  readonly id: number;
  readonly isRunning: boolean;
  /** Counts the lives of the process. */
  readonly incarnation: number;
  /** The leadership that it belongs to; 0 for none. */
  readonly reign: number;
  hear(from: number, message: Message): void;
}

/** Messages of one server to another, in their order. */
interface Link {
  lastArrivalMs: number;
  /** What could not be heard when it arrived: it is sent again, as TCP does, when the link is whole. */
  stalled: (() => void)[];
}

/** See the head of this file. */
export class World {
  nowMs = 0;
  readonly settings: Settings;
  readonly prng: Prng;
  readonly schedule: Schedule = new Schedule();
  /** All servers, by their number. */
  readonly peers: readonly Peer[];
  outputs: ModelOutput[] = [];
  /** Where transactions that became final are kept, if anybody wants them. */
  committed: Entry[] | undefined;
  #lastCommitted = 0n;
  /** Whether somebody began to look for a leader, or could find one now. */
  electionIsDue = false;
  readonly #links = new Map<number, Link>();
  #groupOf = new Map<number, number>();
  #reigns = 0;

  /** @param peers may be filled in later */
  constructor(settings: Settings, peers: readonly Peer[]) {
    this.settings = settings;
    this.peers = peers;
    this.prng = new Prng(settings.seed);
  }

  get wallMs(): number {
    return this.wallAt(this.nowMs);
  }

  /** What a clock on the wall shows at a monotonic time. */
  wallAt(monotonicMs: number): number {
    return Math.floor(monotonicMs + this.settings.wallOffsetMs);
  }

  get quorum(): number {
    return Math.floor(this.settings.servers / 2) + 1;
  }

  /** A server has applied a transaction that a quorum has logged. The first to do so makes it known. */
  becameFinal(entry: Entry): void {
    if (this.committed === undefined || entry.header.zxid <= this.#lastCommitted) return;
    this.#lastCommitted = entry.header.zxid;
    this.committed.push(entry);
  }

  peer(id: number): Peer | undefined {
    return this.peers[id - 1];
  }

  /** A number for a leadership, or for whatever else must not be taken for an earlier one of its kind. */
  nextReign(): number {
    this.#reigns += 1;
    return this.#reigns;
  }

  log(server: number, line: string): void {
    this.outputs.push({ kind: "log", server, line });
  }

  /** Whether two servers hear each other. */
  canHear(a: number, b: number): boolean {
    return this.#groupOf.size === 0 || this.#groupOf.get(a) === this.#groupOf.get(b);
  }

  /** A server that no group names hears nobody. */
  partition(groups: readonly (readonly number[])[]): void {
    this.#groupOf = new Map();
    groups.forEach((group, index) => {
      for (const id of group) this.#groupOf.set(id, index);
    });
    if (groups.length > 0) {
      let alone = groups.length;
      for (const { id } of this.peers) {
        if (!this.#groupOf.has(id)) this.#groupOf.set(id, alone++);
      }
    }
    for (const [key, link] of this.#links) {
      if (!this.canHear(Math.floor(key / 16), key % 16)) continue;
      for (const deliver of link.stalled.splice(0)) deliver();
    }
    this.electionIsDue = true;
  }

  /** Sends a message between servers. It arrives after those sent before it, unless the receiver dies first. */
  send(from: number, to: number, message: Message): void {
    const receiver = this.peer(to);
    if (receiver === undefined) return;
    const link = this.#link(from, to);
    const { incarnation } = receiver;
    const deliver = (): void => {
      if (receiver.isRunning && receiver.incarnation === incarnation) receiver.hear(from, message);
    };
    const atMs = Math.max(this.nowMs + this.draw(this.settings.linkMs), link.lastArrivalMs);
    link.lastArrivalMs = atMs;
    this.schedule.add(atMs, () => {
      if (this.canHear(from, to) && link.stalled.length === 0) deliver();
      else link.stalled.push(deliver);
    });
  }

  draw(range: Range): number {
    return this.prng.within(range);
  }

  #link(from: number, to: number): Link {
    const key = from * 16 + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { lastArrivalMs: 0, stalled: [] };
      this.#links.set(key, link);
    }
    return link;
  }
}
