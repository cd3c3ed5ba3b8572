/** Schedules on one target, one after another. */
import { Admin } from "./admin.js";
import type { Schedule } from "./operations.js";
import { Run, type RunOptions } from "./run-schedule.js";
import { ordered, type Trace } from "./trace.js";
import type { Target } from "./wire.js";

/** Gives each schedule a root of its own, and clears up behind it. */
export class Runner {
  readonly target: Target;
  readonly #admin: Admin;

  constructor(target: Target) {
    this.target = target;
    this.#admin = new Admin(target);
  }

  /** @throws TargetError when the target cannot even make a znode; the signal's reason */
  async run(schedule: Schedule, options: RunOptions = {}): Promise<Trace> {
    const form = await this.#admin.begin();
    const run = new Run({ target: this.target, admin: this.#admin, form, options });
    try {
      await run.play(schedule);
    } finally {
      await run.leave(schedule.operations.length);
    }
    return ordered([...run.entries, ...(await this.#admin.finish(form, schedule.operations.length))]);
  }

  /** Ends the runner's own session; the target stays. */
  async close(): Promise<void> {
    await this.#admin.close();
  }
}
