/** One connection to one server, as a run needs it; over TCP, or into the model without any network. */

/** What a run is made against. */
export interface Target extends AsyncDisposable {
  /** For people: `ZooKeeper 3.4.6`. */
  readonly name: string;
  readonly servers: number;
  /** A connection to a server, by its place from 0, which is the leader's where it is known. Refusals show as a wire that has ended. */
  open(server: number): Promise<Wire>;
}

/** Frames in, frames out. */
export interface Wire {
  /** Payloads that came and that nobody has taken yet, oldest first. */
  readonly frames: Uint8Array[];
  /** The other side has ended it, and all it said before is in {@link Wire.frames}. */
  readonly isEnded: boolean;
  /** Sends bytes that are whole frames already. */
  send(bytes: Uint8Array): void;
  /** Resolves true as soon as `condition` holds; false when it does not within `limitMs`. */
  until(condition: () => boolean, limitMs: number): Promise<boolean>;
  /** Our side goes away. */
  end(how: "fin" | "reset"): void;
}
