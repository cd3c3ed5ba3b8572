export type {
  Environment,
  Java,
  ProvisionOptions,
  Release,
  ReleaseAttempt,
  ReleaseStep,
} from "./types.js";
export { releaseSteps } from "./types.js";
