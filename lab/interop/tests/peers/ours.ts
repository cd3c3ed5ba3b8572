// All suites of ours beside a Curator and kazoo, for the servers that a file has started.
import type { PeerKind } from "../../src/peers/peer.js";
import { describeBarriers } from "./barriers.js";
import type { Ground } from "./ground.js";
import type { Effort } from "./mutexes.js";
import { describeOurDiscovery } from "./our-discovery.js";
import { describeOurElections } from "./our-elections.js";
import { describeOurGroups } from "./our-groups.js";
import { describeOurLayouts } from "./our-layouts.js";
import { describeOurLocks } from "./our-locks.js";
import { describeLosses } from "./our-losses.js";
import { describeOurPartitions } from "./our-partitions.js";
import { describeOurRecipes } from "./our-recipes.js";
import { describeOurValues } from "./our-values.js";

export function describeOurs(ground: Ground, curatorKind: Exclude<PeerKind, "kazoo">, effort: Effort): void {
  describeOurLocks(ground, curatorKind, effort);
  describeBarriers(ground, ["ours", curatorKind]);
  describeOurRecipes(ground, curatorKind);
  describeOurElections(ground, curatorKind);
  describeOurValues(ground, curatorKind);
  describeOurGroups(ground, curatorKind);
  describeOurDiscovery(ground, curatorKind);
  describeLosses(ground, curatorKind);
  describeOurLayouts(ground, curatorKind);
  // kazoo is the same on all servers.
  if (curatorKind !== "curator-4") return;
  describeBarriers(ground, ["ours", "kazoo"]);
  describeOurPartitions(ground);
  describeOurLayouts(ground, "kazoo");
}
