// Curator 5, with its own client of ZooKeeper, and kazoo on servers of 3.9.3, and ours with them: the same tests, so that what
// differs is seen.
import { describeBarriers } from "./barriers.js";
import { describeElections } from "./elections.js";
import { useGround } from "./ground.js";
import { describeGroups } from "./groups.js";
import { describeLayouts } from "./layouts.js";
import { describeLocks } from "./locks.js";
import { describeOurs } from "./ours.js";
import { describeQueues } from "./queues.js";
import { describeReadWriteLocks } from "./read-write.js";
import { describeSemaphores } from "./semaphores.js";
import { describeValues } from "./values.js";

const ground = useGround("3.9.3", ["curator-5", "kazoo"]);

describeLocks(ground, "curator-5", { tries: 4, rounds: 20 });
describeReadWriteLocks(ground, "curator-5");
describeSemaphores(ground, "curator-5");
describeElections(ground, "curator-5");
describeBarriers(ground, ["curator-5", "kazoo"]);
describeValues(ground, "curator-5");
describeQueues(ground, "curator-5");
describeGroups(ground, "curator-5");
describeLayouts(ground, "curator-5");
describeLayouts(ground, "kazoo");
describeOurs(ground, "curator-5", { tries: 2, rounds: 5 });
