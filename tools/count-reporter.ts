import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** What a run came to. `skipped` tests count as neither. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts a run in words that scripts can read without knowing vitest.
 *
 * Under `pnpm test` the counts go to the file named by `ZK_TEST_COUNTS`, and `tools/test.mjs` adds its own checks to them.
 * When vitest is run by hand the last line on stdout is `N passed, N failed`.
 */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const counts = countTests(modules, unhandledErrors.length);
    const file = process.env["ZK_TEST_COUNTS"];
    if (file) writeFileSync(file, JSON.stringify(counts));
    // After vitest's own summary, which the default reporter prints in the same tick.
    process.once("exit", () => {
      if (counts.skipped > 0) process.stdout.write(`\n${counts.skipped} skipped\n`);
      if (!file) process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
    });
  }
}

/** Adds up all modules. A file that does not load, a hook that throws and an unhandled error are failures like any other. */
export function countTests(modules: ReadonlyArray<CountedModule>, unhandledErrors: number): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") counts.passed += 1;
      else if (state === "failed") failedHere += 1;
      // A test that never came to a result in a run that was cut short has not passed.
      else if (state === "pending") failedHere += 1;
      else counts.skipped += 1;
    }
    if (module.state() === "failed" && failedHere === 0) failedHere = 1;
    counts.failed += failedHere;
  }
  return counts;
}

/** The part of vitest's module that counting needs, so that a test can make one up. */
export interface CountedModule {
  state(): string;
  children: { allTests(): Iterable<{ result(): { state: string } }> };
}
