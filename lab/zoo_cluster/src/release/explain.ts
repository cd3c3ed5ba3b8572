import { describeError } from "./files.js";
import { stepContext } from "./provision.js";
import type { StepContext, StepForecast } from "./step.js";
import { forecastArchive } from "./step-archive.js";
import { forecastAsfArchive } from "./step-asf-archive.js";
import { cacheScope, forecastCache } from "./step-cache.js";
import { forecastHome } from "./step-home.js";
import { forecastMaven } from "./step-maven.js";
import { type ProvisionOptions, type ReleaseAttempt, type ReleaseStep, releaseSteps } from "./types.js";

/**
 * Tells for every step of the release chain whether it has the release, could be tried, or why not; nothing is
 * downloaded, made or changed. Steps after the first complete one are `not-reached`.
 *
 * @throws LabError `BAD_OPTION` for a version that is none
 */
export async function explainRelease(
  options: Pick<ProvisionOptions, "version" | "env" | "signal"> = {},
): Promise<ReleaseAttempt[]> {
  const context = stepContext(options);
  const scope = cacheScope(context);
  const archive = await orMiss(context, () => forecastArchive(context));
  const forecasts: Readonly<Record<ReleaseStep, () => Promise<StepForecast>>> = {
    home: () => forecastHome(context),
    // An archive that cannot be used does not keep the rest of the cache from being used.
    cache: () => forecastCache(context, archive.outcome === "miss" ? "any" : scope),
    archive: async () => archive,
    maven: () => forecastMaven(context),
    "asf-archive": () => forecastAsfArchive(context),
  };
  const chain: ReleaseAttempt[] = [];
  let complete = false;
  for (const step of releaseSteps) {
    context.signal?.throwIfAborted();
    const forecast = await orMiss(context, forecasts[step]);
    chain.push(
      complete
        ? { step, outcome: "not-reached", reason: `an earlier step is complete (else: ${forecast.reason})` }
        : { step, ...forecast },
    );
    complete ||= forecast.outcome === "available";
  }
  return chain;
}

/** A step that cannot even be looked at is a miss like any other, so that the rest of the chain is still told. */
async function orMiss(context: StepContext, look: () => Promise<StepForecast>): Promise<StepForecast> {
  try {
    return await look();
  } catch (error) {
    context.signal?.throwIfAborted();
    return { outcome: "miss", reason: describeError(error) };
  }
}
