export { cacheDirectory } from "./cache-directory.js";
export { explainRelease } from "./explain.js";
export { controlScripts, installRecordName, installRelease } from "./install.js";
export type { FindJavaOptions } from "./java.js";
export { findJava, javaMajorMin, parseJavaVersion } from "./java.js";
export { type FetchJarsOptions, fetchJars, type JarDependency } from "./maven-jars.js";
export { provisionRelease } from "./provision.js";
export type {
  Environment,
  Java,
  ProvisionOptions,
  Release,
  ReleaseAttempt,
  ReleaseStep,
} from "./types.js";
export { releaseSteps } from "./types.js";
export { checkVersion, defaultVersion, isAtLeast } from "./version.js";
