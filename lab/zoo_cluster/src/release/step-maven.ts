import { rm } from "node:fs/promises";
import { commitEntry, createWorkDirectory, entryName } from "./cache.js";
import { assembleWithMaven } from "./maven.js";
import { explainNoMaven, findMaven } from "./maven-jars.js";
import { isOffline, offlineReason, type StepContext, type StepForecast, type StepResult } from "./step.js";

/** Assembles the release from Maven coordinates and puts it into the cache. */
export async function tryMaven(context: StepContext): Promise<StepResult> {
  const { version, env, cacheRoot, onProgress, signal } = context;
  if (isOffline(env)) return { miss: offlineReason };
  const mvn = await findMaven(env);
  if (mvn === null) return { miss: explainNoMaven(env) };
  const workDir = await createWorkDirectory(cacheRoot);
  try {
    const staged = await assembleWithMaven({ version, mvn, workDir, env, onProgress, signal });
    const madeFrom = `Maven coordinates org.apache.zookeeper:zookeeper:${version}`;
    const facts = { version, origin: "maven", ownScripts: false, madeFrom } as const;
    const { dir } = await commitEntry(cacheRoot, entryName(version, "maven"), staged, facts, signal);
    return { release: { version, source: "maven", origin: "maven", dir, ownScripts: false } };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Says whether {@link tryMaven} could be tried. */
export async function forecastMaven(context: StepContext): Promise<StepForecast> {
  if (isOffline(context.env)) return { outcome: "miss", reason: offlineReason };
  const mvn = await findMaven(context.env);
  if (mvn === null) return { outcome: "miss", reason: explainNoMaven(context.env) };
  return {
    outcome: "possible",
    reason: `${mvn} would be asked for org.apache.zookeeper:zookeeper:${context.version}`,
  };
}
