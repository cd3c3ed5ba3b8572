import { describe } from "vitest";
import { describeLock, describeLockInDetail, describeSuspension } from "./suites/lock.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory", { servers: 1 });

describe("zk lock", () => {
  describeLock(stage);
  describeLockInDetail(stage);
  describeSuspension(stage);
});
