// The whole simulation as a function of a seed.
export { CHECKS, type CheckName, type Finding } from "./checks/findings.js";
export type { Play, Scenario, Stage } from "./scenarios/scenario.js";
export { type SimulationOptions, type SimulationResult, simulate } from "./simulate.js";
