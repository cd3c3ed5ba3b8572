export { type Cutter, cutter } from "./faults.js";
export { type Stage, stage } from "./stage.js";
export { until, within } from "./wait.js";
