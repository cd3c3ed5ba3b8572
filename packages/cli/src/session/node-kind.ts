/**
 * What a stat says about the kind of a znode. Of a container or a znode with a time to live it says nothing: servers give their
 * owner as 0. The owner itself comes from a server where times to live were switched off again.
 *
 * Source: ZooKeeper 3.9.3, DataNode.java (getClientEphemeralOwner)
 */
import type { Stat } from "@zk/client";

/** Owners with the highest byte set to this are containers or TTL znodes of 3.5 and newer. Source: ZooKeeper 3.5, EphemeralType.java */
const CONTAINER_OWNER = -0x8000000000000000n;
const EXTENDED = 0xffn;

export type NodeKind = "persistent" | "ephemeral" | "container" | "ttl";

export function nodeKind(stat: Pick<Stat, "ephemeralOwner">): NodeKind {
  const owner = stat.ephemeralOwner;
  if (owner === 0n) return "persistent";
  if (owner === CONTAINER_OWNER) return "container";
  return BigInt.asUintN(64, owner) >> 56n === EXTENDED ? "ttl" : "ephemeral";
}

/** Whether a znode goes away with a session. */
export function isEphemeral(stat: Pick<Stat, "ephemeralOwner">): boolean {
  return nodeKind(stat) === "ephemeral";
}
