/** Everything that goes out to users and observers: endings of wishes, states, diagnostics, history. */
import type { Call } from "./call.js";
import type { DiagnosticFact } from "./diagnostics.js";
import type { ZkError } from "./errors.js";
import { digestOf, type HistoryRecord } from "./history.js";
import type { Ticket } from "./inputs.js";
import type { Machinery } from "./machinery.js";
import { isLegalMove, type SessionState } from "./session-state.js";
import type { Watcher } from "./watch-table.js";

/** Goes to another state and tells of it. @throws Error for a move that must not be: a fault of ours */
export function moveTo(machine: Machinery, state: SessionState, reason: string): void {
  if (state === machine.state) return;
  if (!isLegalMove(machine.state, state)) throw new Error(`no move from ${machine.state} to ${state}`);
  machine.state = state;
  machine.outputs.push({ kind: "state", state, reason });
  tell(machine, { type: "state", state, reason });
}

/** A wish came true. */
export function settle(machine: Machinery, target: Call | Ticket, value: unknown): void {
  machine.outputs.push({ kind: "settled", target, value });
}

/** A wish did not come true. */
export function fail(machine: Machinery, target: Call | Ticket, error: ZkError): void {
  machine.outputs.push({ kind: "failed", target, error });
}

/** A call is answered. `reply` is what the server sent, `value` what the caller gets. */
export function succeed(machine: Machinery, call: Call, value: unknown, zxid: bigint, reply: unknown): void {
  call.phase = "settled";
  if (call.watch !== undefined) machine.pendingWatches.remove(call);
  if (machine.options.recordHistory)
    record(machine, call, { level: "operation", outcome: "ok", zxid, reply });
  if (machine.diagnosing) tellOperation(machine, call, undefined);
  machine.outputs.push({ kind: "settled", target: call, value });
}

/** A call failed. `zxid` is that of the reply, when there was one. */
export function failCall(machine: Machinery, call: Call, error: ZkError, zxid = 0n): void {
  if (call.phase === "settled") throw new Error(`${call.spec.name} ${call.path} was settled twice`);
  call.phase = "settled";
  if (call.watch !== undefined) machine.pendingWatches.remove(call);
  if (machine.options.recordHistory) {
    const outcome = error.applied === "maybe" ? "ambiguous" : "failed";
    record(machine, call, { level: "operation", outcome, zxid, code: error.code });
  }
  if (machine.diagnosing) tellOperation(machine, call, error.code);
  fail(machine, call, error);
}

/** Persistent watches stand no longer, and nothing sets them again. */
export function endPersistent(machine: Machinery, watchers: readonly Watcher[], reason: string): void {
  for (const watcher of watchers) machine.outputs.push({ kind: "watchEnded", watcher, reason });
}

/** Tells a fact to those who look inside, if anybody does. */
export function tell(machine: Machinery, fact: DiagnosticFact): void {
  if (!machine.diagnosing) return;
  machine.outputs.push({ kind: "diagnostic", event: { ...fact, epoch: machine.epoch, atMs: machine.nowMs } });
}

/** Tells how much is under way. */
export function tellQueue(machine: Machinery): void {
  const { queuedSize: queued, inFlightSize: inFlight, bytes } = machine.book;
  tell(machine, { type: "queue", queued, inFlight, bytes });
}

/** Whatever made room, those who wait for it hear of it. */
export function tellRoom(machine: Machinery): void {
  const { hasRoom } = machine.book;
  if (hasRoom && !machine.hadRoom) {
    machine.book.forgetRefusals();
    machine.outputs.push({ kind: "room" });
  }
  machine.hadRoom = hasRoom;
}

/** Writes history. To be called only when history is kept. */
export function record(
  machine: Machinery,
  call: Call,
  what: Pick<HistoryRecord, "level" | "outcome"> & {
    readonly zxid?: bigint;
    readonly code?: string | undefined;
    readonly reply?: unknown;
  },
): void {
  const sent = (call.record ?? {}) as { readonly version?: number; readonly data?: Uint8Array | null };
  const { stat } = (what.reply ?? {}) as {
    readonly stat?: { readonly version: number; readonly mzxid: bigint };
  };
  const entry: HistoryRecord = {
    level: what.level,
    operationId: operationId(machine, call),
    outcome: what.outcome,
    operation: call.spec.name,
    opCode: call.spec.opCode,
    path: call.path,
    sessionId: machine.session?.id ?? 0n,
    epoch: machine.epoch,
    xid: call.xid,
    server: machine.server,
    version: sent.version,
    dataDigest: sent.data instanceof Uint8Array ? digestOf(sent.data) : undefined,
    zxid: what.zxid ?? 0n,
    resultVersion: stat?.version,
    resultMzxid: stat?.mzxid,
    code: what.code,
    startedAtMs: what.level === "attempt" ? call.sentAtMs : call.startedAtMs,
    atMs: machine.nowMs,
  };
  machine.outputs.push({ kind: "history", record: entry });
}

/** Notes that tries went out and were never answered. */
export function recordLostAttempts(machine: Machinery, calls: readonly Call[], code: string): void {
  if (!machine.options.recordHistory) return;
  for (const call of calls) record(machine, call, { level: "attempt", outcome: "ambiguous", code });
}

function operationId(machine: Machinery, call: Call): number {
  let id = machine.operationIds.get(call);
  if (id === undefined) {
    machine.operationsSeen += 1;
    id = machine.operationsSeen;
    machine.operationIds.set(call, id);
  }
  return id;
}

function tellOperation(machine: Machinery, call: Call, code: string | undefined): void {
  const { xid, path } = call;
  const durationMs = machine.nowMs - call.startedAtMs;
  tell(machine, { type: "operation", operation: call.spec.name, path, xid, durationMs, code });
}
