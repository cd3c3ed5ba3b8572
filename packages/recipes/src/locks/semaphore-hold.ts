/** Permits of a semaphore that are held. */
import { Hold, type HoldDetails } from "../core/hold.js";
import { JointHold } from "../core/joint-hold.js";

/** One permit that is held. */
export class Lease extends Hold {
  /** With the option `slots`: a number from 0 that no other permit of ours has now. */
  readonly slot: number | undefined;

  /** Made by {@link Semaphore}. */
  constructor(details: HoldDetails, slot: number | undefined) {
    super(details);
    this.slot = slot;
  }
}

/** Permits that are held together. */
export class SemaphoreHold extends JointHold<Lease> {
  /** The permits one by one; each can be released by itself. */
  get leases(): readonly Lease[] {
    return this.members;
  }

  /** The fencing token, the same for all of them: see the head of the file of {@link Semaphore}. */
  get token(): bigint {
    return (this.members[0] as Lease).token;
  }

  /** The slot numbers, with the option `slots`. */
  get slots(): readonly number[] {
    return this.members.flatMap(({ slot }) => slot ?? []);
  }
}
