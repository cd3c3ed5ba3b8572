import { describe } from "vitest";
import { describeElection, describeElectionInDetail } from "./suites/elect.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory");

describe("zk elect", () => {
  describeElection(stage);
  describeElectionInDetail(stage);
});
