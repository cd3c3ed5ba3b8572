/** The process of one run: takes its job from its first argument, tells its report to its parent, and ends. */
import { openBareLoad } from "./bare-load.js";
import { measure } from "./measure.js";
import { type Job, type RunReport, WARM_UP_WINDOW_MIN } from "./types.js";
import { openZkLoad } from "./zk-load.js";

const job = JSON.parse(process.argv[2] ?? "null") as Job;
// Whoever started us may be killed; a load that nobody reads must not go on.
process.once("disconnect", () => process.exit(1));

let report: RunReport;
try {
  const wide = { ...job, window: Math.max(job.window, WARM_UP_WINDOW_MIN) };
  const load = job.client === "bare" ? await openBareLoad(wide) : await openZkLoad(wide);
  report = { measurement: await measure(load, job) };
} catch (error) {
  report = { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
process.send?.(report, () => process.exit());
