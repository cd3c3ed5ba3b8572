/** One measured interval of one load. */
import { setTimeout as pause } from "node:timers/promises";
import type { Load, Measurement } from "./types.js";

/** Between the warm-up and the interval, for the replies to a wider window to come in. */
const SETTLE_MS = 100;

/**
 * Lets a load run until it is warm, then measures it for the interval.
 *
 * @throws whatever the load fails with; an interval without a single reply is an Error too
 */
export async function measure(
  load: Load,
  job: { readonly window: number; readonly warmUpSeconds: number; readonly seconds: number },
): Promise<Measurement> {
  const running = load.run();
  const measured = (async () => {
    await pause(job.warmUpSeconds * 1000);
    load.narrow(job.window);
    await pause(SETTLE_MS);
    const start = sample(load);
    await pause(job.seconds * 1000);
    const end = sample(load);
    load.stop();
    return {
      operations: end.completed - start.completed,
      seconds: (end.atMs - start.atMs) / 1000,
      cpuMicros: end.cpuMicros - start.cpuMicros,
    };
  })();
  // A load that fails ends the race; one that works ends only after its measurement.
  await Promise.race([measured, running]);
  await running;
  const measurement = await measured;
  if (measurement.operations === 0)
    throw new Error(`no reply came within ${job.seconds} s; measure for longer`);
  return measurement;
}

function sample(load: Load): {
  readonly completed: number;
  readonly atMs: number;
  readonly cpuMicros: number;
} {
  const { user, system } = process.cpuUsage();
  return { completed: load.completed, atMs: performance.now(), cpuMicros: user + system };
}
