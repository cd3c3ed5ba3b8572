/** One item of a partitioned set, held. */
import type { HoldDetails } from "../core/hold.js";
import { StoppableHold } from "../core/stoppable-hold.js";

/** What a {@link PartitionHold} is made from besides its hold. */
export interface PartitionDetails {
  readonly item: string;
  /** Tells us to give the item up. */
  readonly stop: AbortSignal;
}

/**
 * An item that is ours: a {@link Hold} whose signal also aborts when the item is to be given up, because another member is to have
 * it. It is given up when the function that uses it has ended, or the loop's body.
 */
export class PartitionHold extends StoppableHold {
  readonly item: string;

  /** Made by {@link SetPartitioner}. */
  constructor(details: HoldDetails, { item, stop }: PartitionDetails) {
    super(details, { stop, message: "the item is to be given up" });
    this.item = item;
  }
}
