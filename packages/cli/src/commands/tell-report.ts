/** Says what a walk could not do; a list that is not whole must not look so. */

import { plural } from "../output/figures.js";
import { visible } from "../output/visible.js";
import { ExitCode } from "../program/exit-codes.js";
import type { WalkReport } from "../session/walk.js";

interface Told {
  warn(line: string): void;
  endWith(exitCode: number): void;
}

/** Denied paths that are named one by one. */
const NAMED_MAX = 3;

export function tellReport(report: WalkReport, run: Told): void {
  if (report.isTruncated) {
    run.warn(`stopped after ${plural(report.visited, "znode")}; --max-nodes takes more`);
    run.endWith(ExitCode.PARTLY_DONE);
  }
  if (report.denied.length > 0) {
    const named = report.denied.slice(0, NAMED_MAX).map(visible).join(", ");
    const more = report.denied.length > NAMED_MAX ? ", …" : "";
    run.warn(`${plural(report.denied.length, "znode")} may not be read: ${named}${more}`);
    run.endWith(ExitCode.PARTLY_DONE);
  }
}
