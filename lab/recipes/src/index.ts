export { Cable, type Losable } from "./cable.js";
export { Chance } from "./chance.js";
export { buildPrograms, Child, type ChildRecord } from "./children.js";
export { type Cutter, cutter } from "./faults.js";
export { childrenOf, isSettled } from "./look.js";
export { aborted, gate, told } from "./promises.js";
export { type Stage, stage } from "./stage.js";
export { until, waitMs, within } from "./wait.js";
export { type Actor, World, type WorldOptions } from "./world.js";
