/** What became of writes: what was acknowledged is final, what was refused never happened, nothing happened twice. */
import type { Operation } from "../actors/operation.js";
import type { Findings } from "./findings.js";
import type { Deed, Ledger } from "./ledger.js";
import type { Wire } from "./wire.js";

/** What came of an operation, but for what was refused. */
export function deedsOf(operation: Operation, ledger: Ledger): Deed[] {
  return operation.attempts.flatMap(({ sessionId, xid }) =>
    ledger.ofRequest(sessionId, xid).filter(({ result }) => result !== "refused"),
  );
}

/** An operation is sent: a write that is not to be repeated must not have left before. */
export function checkAttempt(operation: Operation, wire: Wire, findings: Findings): void {
  if (!operation.isWrite || operation.retry === undefined || operation.retry === "always") return;
  const before = operation.attempts.slice(0, -1).find(({ xid }) => wire.wasSent(xid));
  if (before === undefined) return;
  findings.report("applied", `${describe(operation)} was sent again after ${before.xid} had left`);
}

/** An operation has ended, or the run has: looks at its fate. */
export function checkFate(operation: Operation, ledger: Ledger, findings: Findings): void {
  if (!operation.isWrite) return;
  const deeds = deedsOf(operation, ledger);
  const applied = deeds.filter(({ result }) => result === "applied");
  if (operation.recorded === "ok" && deeds.length === 0) {
    findings.report("acknowledged writes", `${describe(operation)} was acknowledged and did not happen`);
  }
  if (operation.recorded === "failed" && applied.length > 0) {
    findings.report("applied", `${describe(operation)} was said not to be applied, and was`);
  }
  if (applied.length > 1 && operation.retry !== undefined && operation.retry !== "always") {
    findings.report("applied", `${describe(operation)} was applied ${applied.length} times`);
  }
}

/** For people. */
export function describe(operation: Operation): string {
  const tries = operation.attempts.map(({ sessionId, xid }) => `${sessionId.toString(16)}/${xid}`).join(" ");
  return `#${operation.number} ${operation.name} ${operation.path} [${tries}]`;
}
