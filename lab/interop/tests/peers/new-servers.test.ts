// Curator 5, with its own client of ZooKeeper, and kazoo on servers of 3.9.3.

import { useGround } from "./ground.js";
import { describeLocks } from "./locks.js";

const ground = useGround("3.9.3", ["curator-5", "kazoo"]);

describeLocks(ground, "curator-5");
