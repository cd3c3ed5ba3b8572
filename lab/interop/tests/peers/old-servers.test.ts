// Curator 4 and kazoo on servers of 3.4.6: the first column of the table of who can share a path with whom.

import { useGround } from "./ground.js";
import { describeLocks } from "./locks.js";

const ground = useGround("3.4.6", ["curator-4", "kazoo"]);

describeLocks(ground, "curator-4");
