/** Keeps the operations of one client together with what its history says of them. */
import type { HistoryRecord } from "@zk/client";
import { checkAttempt, checkFate, describe } from "../checks/fates.js";
import type { Findings } from "../checks/findings.js";
import type { Ledger } from "../checks/ledger.js";
import type { Wire } from "../checks/wire.js";
import type { Operation } from "./operation.js";

const READS: ReadonlySet<string> = new Set(["exists", "getData", "getChildren", "getACL", "sync"]);

/** See the head of this file. */
export class Books {
  /** Called, and not settled. */
  readonly open: Set<Operation> = new Set();
  /** Writes that were sent, to be looked at again when everything is over. */
  readonly writes: Operation[] = [];
  readonly #wire: Wire;
  readonly #ledger: Ledger;
  readonly #findings: Findings;
  readonly #nextNumber: () => number;
  readonly #byId = new Map<number, Operation>();
  /** Called, and not in the history yet. */
  #expected: Operation[] = [];

  constructor(wire: Wire, ledger: Ledger, findings: Findings, nextNumber: () => number) {
    this.#wire = wire;
    this.#ledger = ledger;
    this.#findings = findings;
    this.#nextNumber = nextNumber;
  }

  /** Somebody calls; the history will speak of it next. */
  called(operation: Operation): void {
    this.open.add(operation);
    this.#expected.push(operation);
  }

  /** Its promise is settled: exactly once, and not before the history says how. */
  settled(operation: Operation, how: "ok" | "failed"): void {
    this.#findings.demand(
      "settling",
      operation.settled === "open",
      () => `${describe(operation)} settled twice`,
    );
    operation.settled = how;
    this.open.delete(operation);
    this.#expected = this.#expected.filter((expected) => expected !== operation);
  }

  /** What the client wrote down. */
  record(record: HistoryRecord): void {
    const operation = this.#operationOf(record);
    if (operation === undefined) return;
    if (record.level === "attempt") return this.#attempt(operation, record);
    if (record.outcome === "invoked") return;
    if (operation.recorded !== undefined) {
      return this.#findings.report("settling", `${describe(operation)} ended twice in the history`);
    }
    operation.recorded = record.outcome as "ok" | "failed" | "ambiguous";
    checkFate(operation, this.#ledger, this.#findings);
    this.#byId.delete(record.operationId);
    if (operation.isWrite && operation.attempts.length > 0) this.writes.push(operation);
  }

  #operationOf(record: HistoryRecord): Operation | undefined {
    const known = this.#byId.get(record.operationId);
    if (known !== undefined || record.level === "attempt") return known;
    if (record.outcome !== "invoked") {
      this.#findings.report("settling", `operation ${record.operationId} ended twice, or was never begun`);
      return undefined;
    }
    const place = this.#expected.findIndex(
      ({ name, path }) => name === record.operation && path === record.path,
    );
    const operation = place >= 0 ? (this.#expected.splice(place, 1)[0] as Operation) : this.#step(record);
    this.#byId.set(record.operationId, operation);
    return operation;
  }

  #attempt(operation: Operation, record: HistoryRecord): void {
    if (record.outcome === "sent") {
      operation.attempts.push({ sessionId: record.sessionId, xid: record.xid });
      return checkAttempt(operation, this.#wire, this.#findings);
    }
    if (record.outcome === "ambiguous") return;
    operation.replyZxid = this.#wire.takeReply(record.xid);
    this.#findings.demand(
      "reads",
      operation.replyZxid === record.zxid,
      () => `${describe(operation)} took the reply of another: ${record.zxid} is not ${operation.replyZxid}`,
    );
  }

  /** A step of an operation that is made of several: nobody holds its promise. */
  #step(record: HistoryRecord): Operation {
    return {
      number: this.#nextNumber(),
      name: record.operation,
      path: record.path,
      serverPath: record.path,
      isWrite: !READS.has(record.operation),
      retry: undefined,
      deadlineMs: Number.POSITIVE_INFINITY,
      isCalled: false,
      attempts: [],
      recorded: undefined,
      replyZxid: undefined,
      settled: "open",
      code: undefined,
      watch: undefined,
      data: undefined,
    };
  }
}
