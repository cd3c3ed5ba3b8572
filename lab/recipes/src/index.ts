export { Cable, type Losable } from "./cable.js";
export { type Cutter, cutter } from "./faults.js";
export { type Stage, stage } from "./stage.js";
export { until, within } from "./wait.js";
export { type Actor, World, type WorldOptions } from "./world.js";
