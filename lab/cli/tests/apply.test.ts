import { describe } from "vitest";
import { describeApply, describeRefusedFiles } from "./suites/apply.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory");

describe("zk apply", () => {
  describeApply(stage);
  describeRefusedFiles(stage);
});
