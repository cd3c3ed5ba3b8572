// Our recipes on one path with those of Curator 4 and kazoo, on servers of 3.4.6; new-servers.test.ts has them with Curator 5.
// INTEROP_ROUNDS says how often each contender of a mutex enters at least (40): 700 make more than 2000 among three.
import { useGround } from "./ground.js";
import { describeOurs } from "./ours.js";

const ground = useGround("3.4.6", ["curator-4", "kazoo"]);

describeOurs(ground, "curator-4", { tries: 5, rounds: Number(process.env["INTEROP_ROUNDS"] ?? 40) });
