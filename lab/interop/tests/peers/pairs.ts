// Two peers on one path, each of them first.
import type { Peer, PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";

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

/**
 * Ours and kazoo, and the other way round; beside Curator 4 alone, whose servers are those of 3.4.6: kazoo is the same on both.
 * @param dialect of ours
 */
export function bothWaysWithKazoo(
  ground: Ground,
  beside: Exclude<PeerKind, "kazoo">,
  dialect: "curator" | "kazoo",
): readonly Pair[] {
  if (beside !== "curator-4") return [];
  return bothWays(
    () => ground.ours(dialect),
    () => ground.peer("kazoo"),
    "kazoo",
  );
}
