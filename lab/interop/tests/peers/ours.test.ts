// Our recipes on one path with those of Curator 4 and kazoo, on servers of 3.4.6. INTEROP_ROUNDS says how often each contender of
// a mutex enters at least (40): 700 make more than 2000 among three.
import { describeBarriers } from "./barriers.js";
import { useGround } from "./ground.js";
import { describeOurDiscovery } from "./our-discovery.js";
import { describeOurElections } from "./our-elections.js";
import { describeOurGroups } from "./our-groups.js";
import { describeOurLayouts } from "./our-layouts.js";
import { describeOurLocks } from "./our-locks.js";
import { describeLosses } from "./our-losses.js";
import { describeOurRecipes } from "./our-recipes.js";
import { describeOurValues } from "./our-values.js";

const ground = useGround("3.4.6", ["curator-4", "kazoo"]);
const rounds = Number(process.env["INTEROP_ROUNDS"] ?? 40);

describeOurLocks(ground, "curator-4", { tries: 5, rounds });
describeBarriers(ground, ["ours", "curator-4"]);
describeBarriers(ground, ["ours", "kazoo"]);
describeOurRecipes(ground, "curator-4");
describeOurElections(ground, "curator-4");
describeOurValues(ground, "curator-4");
describeOurGroups(ground, "curator-4");
describeOurDiscovery(ground, "curator-4");
describeLosses(ground, "curator-4");
describeOurLayouts(ground, "curator-4");
describeOurLayouts(ground, "kazoo");
