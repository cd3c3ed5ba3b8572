// Curator 4 and kazoo on servers of 3.4.6: the first column of the table of who can share a path with whom.
import { describeBarriers } from "./barriers.js";
import { describeElections } from "./elections.js";
import { useGround } from "./ground.js";
import { describeGroups } from "./groups.js";
import { describeLayouts } from "./layouts.js";
import { describeLocks } from "./locks.js";
import { describeQueues } from "./queues.js";
import { describeReadWriteLocks } from "./read-write.js";
import { describeSemaphores } from "./semaphores.js";
import { describeValues } from "./values.js";

const ground = useGround("3.4.6", ["curator-4", "kazoo"]);

describeLocks(ground, "curator-4", { tries: 10, rounds: 40 });
describeReadWriteLocks(ground, "curator-4");
describeSemaphores(ground, "curator-4");
describeElections(ground, "curator-4");
describeBarriers(ground, ["curator-4", "kazoo"]);
describeValues(ground, "curator-4");
describeQueues(ground, "curator-4");
describeGroups(ground, "curator-4");
describeLayouts(ground, "curator-4");
describeLayouts(ground, "kazoo");
