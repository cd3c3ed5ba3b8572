// What matters most, on servers of 3.4.6 as they are: locks, elections, what a command says, figures, moved trees.
import { describe } from "vitest";
import { describeApply } from "./suites/apply.js";
import { describeElection } from "./suites/elect.js";
import { describeKilledImport } from "./suites/import.js";
import { describeLock, describeLossOfLeader } from "./suites/lock.js";
import { describeOperating } from "./suites/operating.js";
import { describeWhatIsSaid } from "./suites/said.js";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("process");

describe("on real servers", () => {
  describe("zk lock", () => {
    describeLock(stage);
    describeLossOfLeader(stage);
  });
  describe("zk elect", () => describeElection(stage));
  describeWhatIsSaid(stage, ["get", "set", "txn", "quota"]);
  describe("an import", () => describeKilledImport(stage, { families: 15, kills: 2 }));
  describe("zk apply", () => describeApply(stage));
  describe("three servers", () => describeOperating(stage));
});
