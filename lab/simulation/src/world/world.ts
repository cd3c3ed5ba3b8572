/** Everything that one run consists of. */
import { getEventListeners } from "node:events";
import type { Findings } from "../checks/findings.js";
import type { Ledger } from "../checks/ledger.js";
import type { WatchBook } from "../checks/watch-book.js";
import type { Chance } from "./chance.js";
import type { Ensemble } from "./ensemble.js";
import type { Inhabitant } from "./inhabitant.js";
import { Network } from "./network.js";
import type { Timeline } from "./timeline.js";
import type { Trace } from "./trace.js";

/** What the clocks on the servers' walls are ahead of virtual time. */
export const WALL_OFFSET_MS = 1_400_000_000_000;

/** See the head of this file. */
export class World {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly findings: Findings;
  readonly ensemble: Ensemble;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly watches: WatchBook;
  /** Clients that are not closed. */
  readonly actors: Set<Inhabitant> = new Set();
  /** Clients whose program ran in this turn. */
  readonly touched: Set<Inhabitant> = new Set();
  /** How often calls failed, by code. */
  readonly codes: Map<string, number> = new Map();
  expirations = 0;
  /** Nothing goes wrong in this run, so nothing may be lost. */
  readonly isCalm: boolean;
  /** Connections are lost all the time, and little else happens: failovers by the thousand. */
  readonly isStorm: boolean;
  #numbered = 0;

  constructor(
    parts: Pick<
      World,
      "timeline" | "chance" | "trace" | "findings" | "ensemble" | "ledger" | "watches" | "isCalm" | "isStorm"
    >,
  ) {
    this.timeline = parts.timeline;
    this.chance = parts.chance;
    this.trace = parts.trace;
    this.findings = parts.findings;
    this.ensemble = parts.ensemble;
    this.ledger = parts.ledger;
    this.watches = parts.watches;
    this.isCalm = parts.isCalm;
    this.isStorm = parts.isStorm;
    this.network = new Network(this.timeline, this.chance.fork("network"), this.ensemble, CALM);
    this.ensemble.committed = () => this.ledger.advance(this.ensemble.model.committed);
    this.ledger.orphaned = (path, zxid) =>
      this.findings.cutRunShort(
        `${zxid.toString(16)} deleted ${path}, which has children: the servers differ now`,
      );
    this.ensemble.join(this.network);
    this.timeline.afterTurn = () => this.#afterTurn();
  }

  /** What the clocks on the servers' walls show; all of them the same. */
  get serverMs(): number {
    return Math.floor(this.timeline.nowMs + WALL_OFFSET_MS);
  }

  /** `zk1:2181,zk2:2181,…` */
  get connectionString(): string {
    return this.servers.map((server) => `zk${server}:2181`).join(",");
  }

  /** The numbers of the servers. */
  get servers(): readonly number[] {
    return Array.from({ length: this.ensemble.model.size }, (_, index) => index + 1);
  }

  /** Numbers operations and watches. */
  nextNumber(): number {
    this.#numbered += 1;
    return this.#numbered;
  }

  countCode(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  /** A client was told that its session is over. */
  expired(name: string): void {
    this.expirations += 1;
    if (this.isCalm) this.findings.report("liveness", `${name}: expired although nothing was wrong`);
  }

  /** Listeners that somebody left on a signal. */
  abortListeners(signal: AbortSignal): number {
    return getEventListeners(signal, "abort").length;
  }

  #afterTurn(): void {
    for (const actor of this.touched) actor.checkStep();
    this.touched.clear();
  }
}

const CALM = { delayMs: 0.2, jitterMs: 0.2, tearing: 0 };
