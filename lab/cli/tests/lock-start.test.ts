import { describe } from "vitest";
import { describeStart } from "./suites/lock-start.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory", { servers: 1 });

describe("zk lock", () => describeStart(stage));
