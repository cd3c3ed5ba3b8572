// Two peers on one path, each of them first.
import type { Peer, PeerKind } from "../../src/peers/peer.js";

export interface Pair {
  /** `A then B`. */
  readonly name: string;
  readonly first: () => Peer;
  readonly second: () => Peer;
}

/** Ours and another, and the other way round. */
export function bothWays(ours: () => Peer, theirs: () => Peer, kind: PeerKind): readonly Pair[] {
  return [
    { name: `ours then ${kind}`, first: ours, second: theirs },
    { name: `${kind} then ours`, first: theirs, second: ours },
  ];
}
