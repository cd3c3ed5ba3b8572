/** What all locks of this folder are held by. */
import { Hold, type HoldDetails } from "../core/hold.js";
import { isRevocation } from "./revocation.js";

/** A lock that is held. */
export class LockHold extends Hold {
  /** The number that the server gave our contender. For people; the order across time is the token's. */
  readonly serial: number;
  /** Aborts when somebody asks for the lock to be given back: see {@link revoke}. It is a request, and the lock is held on. */
  readonly revocation: AbortSignal;

  /** Made by the recipes. */
  constructor(details: HoldDetails, serial: number) {
    const revocation = new AbortController();
    const onData = (data: Uint8Array | null): void => {
      if (isRevocation(data)) revocation.abort(new Error("somebody asks for the lock"));
    };
    super({ ...details, onData });
    this.serial = serial;
    this.revocation = revocation.signal;
  }
}

/** Whether it is held, or may be: code that runs inside of it need not take it again. */
export function isAlive(hold: Hold): boolean {
  const { state } = hold;
  return state === "held" || state === "suspect";
}
