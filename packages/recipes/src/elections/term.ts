/** The time for which one candidate leads. */
import type { HoldDetails } from "../core/hold.js";
import { StoppableHold } from "../core/stoppable-hold.js";

/** What a {@link Term} is made from besides its hold. */
export interface TermDetails {
  /** Who leads, as our znode says. */
  readonly id: string;
  /** The number of our znode. */
  readonly serial: number;
  /** Tells the leader to stop, without taking the term from it. */
  readonly stop?: AbortSignal;
}

/** A term of leadership: a {@link Hold} whose signal also aborts when the leader is told to stop. */
export class Term extends StoppableHold {
  /** Who leads, as our znode says: the election's `identity`. */
  readonly id: string;
  /** The number that the server gave our znode. For people; the order across time is the token's. */
  readonly serial: number;

  /** Made by elections, when it is our turn. */
  constructor(details: HoldDetails, { id, serial, stop }: TermDetails) {
    super(details, { stop, message: "the leader was told to stop" });
    this.id = id;
    this.serial = serial;
  }
}
