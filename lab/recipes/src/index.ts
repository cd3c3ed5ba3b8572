export { type Stage, stage } from "./stage.js";
export { until, within } from "./wait.js";
